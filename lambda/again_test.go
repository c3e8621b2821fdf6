package lambda_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// What a redrive or a replay of a poisoned key runs: the records before the one
// that was set aside, that one, and, once it has succeeded, those behind it.
func TestPoisonedKeysInAReplay(t *testing.T) {
	h, d := &tape{fail: map[string]error{"a2": lambda.Poison(errBoom)}}, &letters{}
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
	e := event(lettered(t, 1, "a1", "a2", "a3"), lettered(t, 2, "a4", "b1"))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a1 a2 b1")
	check(t, "letters", d.take(), "a2/1 a3/0 a4/0")
	check(t, "still poison", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a1 a2 b1")
	check(t, "letters", d.take(), "a2/1 a3/0 a4/0")
	h.fail = nil
	check(t, "mended", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a1 a2 a3 a4 b1")
	check(t, "letters", d.take(), "")
}

// The same for handlers of a key's records.
func TestPoisonedKeysByKeyInAReplay(t *testing.T) {
	bad, d := true, &letters{}
	h := &hands{do: func(_ context.Context, rs []*lambda.Record) error {
		if bad && string(rs[0].Data) == "a1" {
			return lambda.FailedAt(0, len(rs), lambda.Poison(errBoom))
		}
		return nil
	}}
	c := newByKey(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
	e := event(lettered(t, 1, "a1", "a2"))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "letters", d.take(), "a1/1 a2/0")
	bad = false
	h.take()
	check(t, "mended", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a1|a2")
	check(t, "letters", d.take(), "")
}

// What can't be deleted is remembered over a Load that fails, and asked for again,
// but not all of it at a time.
func TestDeletesThatFailAreTriedAgain(t *testing.T) {
	p, h := newShelf(), &tape{}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	p.remove = func(context.Context) error { return errBoom }
	for n := range 40 { // each leaves an item
		name := fmt.Sprint("x", n)
		h.once = map[string]error{name: errBoom}
		r := event(packed(t, n, "y", name))
		check(t, "answer", invoke(t, c, r), sequence(n))
		check(t, "answer", invoke(t, c, r), "")
	}
	p.load = func(context.Context) error { return errBoom }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Kinesis(ctx, event(plain(100))); err != nil { // nothing runs
		t.Fatal(err)
	}
	p.load, p.remove = nil, nil
	for n := range 3 {
		check(t, "answer", invoke(t, c, event(plain(101+n))), "")
	}
	h.take()
	p.calls = nil
	check(t, "replay", invoke(t, c, event(packed(t, 0, "y", "x0"), packed(t, 39, "y", "x39"))), "")
	check(t, "calls", h.take(), "y x0 y x39")
	check(t, "nothing is left to delete", len(p.calls), 1) // a Load
}

// A record that is twice in an event, as Lambda never sends it: the first one counts.
func TestExpandWithARecordTwice(t *testing.T) {
	fails, calls := true, ""
	f := lambda.Expand(func(_ context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
		for _, o := range e.Records {
			calls += string(o.Kinesis.Data)
			if fails && string(o.Kinesis.Data) == "b" {
				r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: o.Kinesis.SequenceNumber})
				break
			}
		}
		return r, nil
	}, quiet())
	one := packed(t, 1, "a", "b", "c")
	r, err := f(t.Context(), event(one, one))
	if err != nil || len(r.BatchItemFailures) != 1 {
		t.Fatal(r, err)
	}
	fails, calls = false, ""
	if r, err := f(t.Context(), event(one)); err != nil || len(r.BatchItemFailures) != 0 {
		t.Fatal(r, err)
	}
	check(t, "calls", calls, "bc")
}

// The time is up while the 9,990th of 10,000 records is folded: the state that goes
// back holds the progress of that one, and nothing of the others.
func TestWindowStateIsSmallAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		fold := func(ctx context.Context, _ lambda.Window, s int, r *lambda.Record) (int, error) {
			if n++; n == 9990 {
				<-ctx.Done()
			}
			return s + 1, ctx.Err()
		}
		c, err := lambda.NewWindow(fold, func(context.Context, lambda.Window, int) error { return nil }, quiet())
		if err != nil {
			t.Fatal(err)
		}
		var rs []events.KinesisEventRecord
		for i := range 10000 {
			rs = append(rs, plain(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r, err := c.Kinesis(ctx, events.KinesisTimeWindowEvent{KinesisEvent: event(rs...)})
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for k, v := range r.State {
			size += len(k) + len(v)
		}
		check(t, "small", size < 1000, true)
	})
}

// A window's progress must be readable again, or its records would be folded twice.
func TestWindowWithOddSequenceNumbers(t *testing.T) {
	fold := func(context.Context, lambda.Window, int, *lambda.Record) (int, error) { return 0, errBoom }
	c, err := lambda.NewWindow(fold, func(context.Context, lambda.Window, int) error { return nil }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	r := plain(1)
	r.Kinesis.SequenceNumber = "one"
	_, err = c.Kinesis(t.Context(), events.KinesisTimeWindowEvent{KinesisEvent: event(r)})
	check(t, "an error", err != nil, true)
}

// A handler that stops without an error has not done the record.
func TestFailedAtWithoutAnError(t *testing.T) {
	h := &hands{do: func(_ context.Context, rs []*lambda.Record) error { return lambda.FailedAt(0, len(rs), nil) }}
	c := newBatch(t, h.handle)
	check(t, "answer", invoke(t, c, event(plain(1), plain(2), plain(3))), sequence(1))
	check(t, "calls", h.take(), "1 2 3")
}

// The memory of a sandbox, whose Save failed and which has since seen what another
// one saved of the same handling, does not outlive the handling either.
func TestReplayAfterASaveThatFailedOfWhatWasLoaded(t *testing.T) {
	p := newShelf()
	h := &tape{once: map[string]error{"b": errBoom}}
	here, there := newConsumer(t, h.handle, lambda.WithCheckpoint(p)), newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c", "d"))
	check(t, "there", invoke(t, there, e), sequence(1)) // a is done, and saved
	p.save = func(context.Context) error { return errBoom }
	h.once = map[string]error{"c": errBoom}
	check(t, "here", invoke(t, here, e), sequence(1)) // b is done, and not saved
	p.save = nil
	h.once = map[string]error{"c": errBoom}
	check(t, "here again", invoke(t, here, e), sequence(1))
	check(t, "there", invoke(t, there, e), "")
	h.take()
	check(t, "replay here", invoke(t, here, e), "")
	check(t, "calls", h.take(), "a b c d")
}

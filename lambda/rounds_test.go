package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// Three sandboxes: what the first remembers is of a handling that the second has
// finished, and not of the replay that the third has begun.
func TestReplayIsNotTheHandlingBefore(t *testing.T) {
	p := newShelf()
	h1 := &tape{fail: map[string]error{"c": errBoom}}
	h2 := &tape{}
	h3 := &tape{fail: map[string]error{"a": errBoom}}
	c1 := newConsumer(t, h1.handle, lambda.WithCheckpoint(p))
	c2 := newConsumer(t, h2.handle, lambda.WithCheckpoint(p))
	c3 := newConsumer(t, h3.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c", "d"))
	invoke(t, c1, e) // a b done, c failed
	invoke(t, c2, e) // c d: all done, item deleted
	// deliberate replay
	invoke(t, c3, e) // a fails
	h1.fail, h1.calls = nil, nil
	invoke(t, c1, e)
	check(t, "replay's second invocation", h1.take(), "a b c d")
}

// A Save fails after one that worked; another sandbox finds what that one saved,
// finishes and deletes. The memory must not outlive it.
func TestReplayAfterASecondSaveThatFailed(t *testing.T) {
	p := newShelf()
	h1 := &tape{fail: map[string]error{"b": errBoom}}
	h2 := &tape{}
	c1 := newConsumer(t, h1.handle, lambda.WithCheckpoint(p))
	c2 := newConsumer(t, h2.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c", "d"))
	invoke(t, c1, e) // a done
	p.save = func(context.Context) error { return errBoom }
	h1.fail = map[string]error{"c": errBoom}
	invoke(t, c1, e) // b done, c failed, not saved
	p.save = nil
	invoke(t, c2, e) // finishes, deletes
	h1.fail = nil
	h1.take()
	invoke(t, c1, e) // replay
	check(t, "replay", h1.take(), "a b c d")
}

// A Delete that fails is tried again with the shard's next batch.
func TestReplayAfterADeleteThatFailed(t *testing.T) {
	p := newShelf()
	h := &tape{once: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b"))
	invoke(t, c, e)
	p.remove = func(context.Context) error { return errBoom }
	invoke(t, c, e)
	p.remove = nil
	invoke(t, c, event(plain(7))) // later
	h.take()
	invoke(t, c, e)
	check(t, "replay", h.take(), "a b")
}

// The time was up at once: the Checkpoint could not be read and nothing ran. What
// is saved stays.
func TestNothingRanNothingIsDeleted(t *testing.T) {
	p := newShelf()
	h1 := &tape{once: map[string]error{"c": errBoom}}
	c1 := newConsumer(t, h1.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c", "d"))
	invoke(t, c1, e)
	h2 := &tape{}
	p.load = func(ctx context.Context) error { return ctx.Err() }
	c2 := newConsumer(t, h2.handle, lambda.WithCheckpoint(p))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c2.Kinesis(ctx, e); err != nil {
		t.Fatal(err)
	}
	check(t, "calls", h2.take(), "")
	p.load = nil
	h3 := &tape{}
	c3 := newConsumer(t, h3.handle, lambda.WithCheckpoint(p))
	invoke(t, c3, e)
	check(t, "after", h3.take(), "c d")
}

// Of more than 1,024 poisoned keys the oldest goes, and no other.
func TestPoisonedKeysFull(t *testing.T) {
	d := &letters{}
	bad := true
	h := &tape{do: func(_ context.Context, r *lambda.Record) error {
		if bad {
			return lambda.Poison(errBoom)
		}
		return nil
	}}
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
	for i := range 1024 {
		invoke(t, c, event(plain(i)))
	}
	bad = false
	h.take()
	again := func(n, key int) events.KinesisEventRecord {
		return record(n, fmt.Sprintf("key-%d", key), fmt.Appendf(nil, "%d", n))
	}
	invoke(t, c, event(again(2000, 0), again(2001, 1)))
	check(t, "handled after 1,024 keys", h.take(), "")
}

// User code that ends its goroutine does not end the invocation.
func TestGoexitOutsideOfHandlers(t *testing.T) {
	ok := (&tape{}).handle
	bad := func(context.Context, *lambda.Record) error { return lambda.Poison(errBoom) }
	hooks := lambda.Hooks{
		Batch:           func(context.Context, lambda.Batch) { runtime.Goexit() },
		CheckpointError: func(context.Context, lambda.CheckpointError) { runtime.Goexit() },
		DeadLetter:      func(context.Context, lambda.Letter) { runtime.Goexit() },
	}
	exit := func(context.Context) error { runtime.Goexit(); return nil }
	load, save := newShelf(), newShelf()
	load.load, save.save = exit, exit
	leave := lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error { runtime.Goexit(); return nil })
	for name, test := range map[string]struct {
		h      lambda.Handler
		opts   []lambda.Option
		answer string
		logged string
	}{
		"hook":        {ok, []lambda.Option{lambda.WithHooks(hooks)}, "", "a hook failed"},
		"letter hook": {bad, []lambda.Option{lambda.WithHooks(hooks), lambda.WithDeadLetter(&letters{})}, "", "a hook failed"},
		"Load":        {ok, []lambda.Option{lambda.WithCheckpoint(load), lambda.WithHooks(hooks)}, "", "checkpoint failed"},
		"Save":        {bad, []lambda.Option{lambda.WithCheckpoint(save)}, sequence(1), "checkpoint failed"},
		"dead letter": {bad, []lambda.Option{lambda.WithDeadLetter(leave)}, sequence(1), "dead letter not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &log{}
			c := newConsumer(t, test.h, append(test.opts, l.option())...)
			answer := make(chan string, 1)
			go func() {
				defer close(answer)
				answer <- invoke(t, c, event(plain(1), plain(2)))
			}()
			got, returned := <-answer
			check(t, "Kinesis returns", returned, true)
			check(t, "answer", got, test.answer)
			check(t, "said in the log", l.count(test.logged) > 0, true)
		})
	}
}

// At the deadline there is one line a call, not one a record.
func TestLinesAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		c, err := lambda.NewBatch(func(context.Context, []*lambda.Record) error { time.Sleep(time.Minute); return nil }, l.option())
		if err != nil {
			t.Fatal(err)
		}
		var rs []events.KinesisEventRecord
		for i := range 1000 {
			rs = append(rs, plain(i))
		}
		check(t, "answer", invokeFor(t, c, 10*time.Second, event(rs...)), sequence(0))
		check(t, "lines", l.count("has not returned in time"), 1)
		check(t, "records", l.count("records=1000"), 1)
		time.Sleep(time.Minute)
		check(t, "the late success counts", invokeFor(t, c, 10*time.Second, event(rs...)), "")
	})
}

// Failures joined with another error are not all that failed.
func TestFailuresJoined(t *testing.T) {
	first := true
	h := &hands{do: func(context.Context, []*lambda.Record) error {
		if first {
			first = false
			return errors.Join(lambda.Failures{0: errBoom}, errors.New("nothing was written"))
		}
		return fmt.Errorf("wrapped: %w", lambda.Failures{})
	}}
	c := newBatch(t, h.handle)
	e := event(plain(1), plain(2))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "1 2|1/2 2/2")
}

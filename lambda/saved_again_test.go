package lambda_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// A later Save keeps less than the one before: what was left out is remembered here.
func TestProgressThatFindsNoRoomLater(t *testing.T) {
	p := newShelf()
	h := &tape{fail: map[string]error{"1": errBoom, "b": errBoom, "2": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithProgressNamespace("n"), lambda.WithConcurrency(4))
	e := event(plain(1), plain(2), packed(t, 3, "a", "b", "c"))
	invoke(t, c, e) // all three saved: a, c done
	p.room = 2
	invoke(t, c, e) // only the first two find room
	h.take()
	h.fail = nil
	invoke(t, c, e)
	got := map[string]int{}
	for _, x := range []byte(h.take()) {
		got[string(x)]++
	}
	if got["a"] > 0 || got["c"] > 0 {
		t.Errorf("a, c ran again in the same process: %v", got)
	}
}

// a window's invocation waits for a fold that still runs
func TestWindowWaitsForStraggler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running := 0
		c, _ := lambda.NewWindow(func(ctx context.Context, _ lambda.Window, s int, r *lambda.Record) (int, error) {
			if running++; running > 1 {
				t.Error("two folds at once")
			}
			time.Sleep(8 * time.Second)
			running--
			return s + 1, nil
		}, func(context.Context, lambda.Window, int) error { return nil }, quiet())
		for range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			r, err := c.Kinesis(ctx, events.KinesisTimeWindowEvent{KinesisEvent: event(plain(1))})
			t.Log(r.BatchItemFailures, err)
			cancel()
		}
		time.Sleep(time.Minute)
	})
}

// the handler ends between stop and memory.keep
func TestLateBetweenStopAndKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newShelf()
		p.save = func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
		h := &tape{}
		h.do = func(ctx context.Context, r *lambda.Record) error {
			if string(r.Data) == "1" {
				<-ctx.Done()
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		}
		c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithProgressNamespace("n"))
		invokeFor(t, c, 3*time.Second, event(plain(1), plain(2)))
		time.Sleep(time.Second)
		h.do = nil
		invokeFor(t, c, 3*time.Second, event(plain(1), plain(2)))
		check(t, "calls", h.take(), "1 2")
	})
}

// by key: a record that must follow into a dead letter that fails holds up the later ones
func TestFollowerWhoseLetterFails(t *testing.T) {
	d := &letters{}
	var calls []string
	c, _ := lambda.NewByKey(func(_ context.Context, rs []*lambda.Record) error {
		for _, r := range rs {
			calls = append(calls, string(r.Data))
		}
		if len(calls) == 1 {
			return lambda.Failures{0: lambda.Poison(errBoom)}
		}
		return nil
	}, quiet(), lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
	k := func(n int) []byte { return []byte{byte('0' + n)} }
	invoke(t, c, event(record(1, "k", k(1))))
	d.fail = func() error { return errBoom }
	check(t, "answer", invoke(t, c, event(record(2, "k", k(2)), record(3, "k", k(3)))), sequence(2))
	check(t, "calls", len(calls), 1)
}

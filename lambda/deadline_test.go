package lambda_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

func TestMargin(t *testing.T) {
	for _, test := range []struct{ left, want time.Duration }{
		{15 * time.Minute, 15*time.Minute - 45*time.Second},
		{20 * time.Second, 19 * time.Second},
		{10 * time.Second, 9500 * time.Millisecond},
		{3 * time.Second, 2500 * time.Millisecond},
		{time.Second, 500 * time.Millisecond},
		{400 * time.Millisecond, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
				<-ctx.Done()
				return ctx.Err()
			})
			check(t, "answer", invokeFor(t, c, test.left, event(plain(1))), sequence(1))
			check(t, fmt.Sprintf("time used of %v", test.left), time.Since(start), test.want)
		})
	}
}

func TestNoTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, lookUps := &tape{}, 0
		c := newConsumer(t, h.handle, lambda.WithShardRange(lowerHalf(&lookUps)))
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		response, err := c.Kinesis(ctx, event(packed(t, 1, "a", "b"), plain(2)))
		synctest.Wait()
		check(t, "answer", fmt.Sprint(response, err), fmt.Sprintf("{[{%s}]} <nil>", sequence(1)))
		check(t, "calls", h.take(), "")
		check(t, "look-ups", lookUps, 0)
		h.do = func(_ context.Context, r *lambda.Record) error {
			check(t, "attempt", r.Attempt, 1)
			return nil
		}
		invoke(t, c, event(plain(2)))
		check(t, "calls", h.take(), "2")
	})
}

// slow is a handler whose record "b" takes that long and ignores its context.
func slow(h *tape, d time.Duration, err error) {
	h.do = func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "b" && r.Attempt == 1 {
			time.Sleep(d)
			return err
		}
		return nil
	}
}

func TestOvertaken(t *testing.T) {
	for name, test := range map[string]struct {
		took     time.Duration // by the handler; the invocation has 5 s less 500 ms
		err      error
		attempts int // of b in the second invocation
		calls    string
	}{
		"late success":         {5 * time.Second, nil, 0, "c d"},
		"late failure":         {5 * time.Second, errBoom, 2, "b c d"},
		"success after a wait": {8 * time.Second, nil, 0, "c d"},
		"failure after a wait": {8 * time.Second, errBoom, 2, "b c d"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, l := &tape{}, &log{}
				slow(h, test.took, test.err)
				attempts := 0
				c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
					if string(r.Data) == "b" {
						attempts = r.Attempt
					}
					return h.handle(ctx, r)
				}, l.option())
				e := event(packed(t, 1, "a", "b", "c"), packed(t, 2, "d"))
				start := time.Now()
				check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
				check(t, "answered after", time.Since(start), 4500*time.Millisecond)
				check(t, "calls", h.take(), "a b")
				check(t, "log lines", l.count("the handler has not returned in time"), 1)

				attempts = 0
				check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
				check(t, "answered after", time.Since(start), test.took) // the wait, and no more
				check(t, "calls", h.take(), test.calls)
				check(t, "attempt", attempts, test.attempts)
			})
		})
	}
}

// Also a plain record, and the last of all, whose success decides the batch.
func TestLateSuccessOfAPlainRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &tape{}
		slow(h, 4*time.Second, nil)
		c := newConsumer(t, h.handle)
		e := event(plain(1), record(2, "b", []byte("b")))
		check(t, "answer", invokeFor(t, c, 3*time.Second, e), sequence(2))
		check(t, "answer", invokeFor(t, c, 3*time.Second, event(e.Records[1])), "")
		check(t, "calls", h.take(), "1 b")
		h.do = nil
		check(t, "replay", invokeFor(t, c, 3*time.Second, e), "")
		check(t, "calls", h.take(), "1 b")
	})
}

// Records after the one that was running use no attempt.
func TestOvertakenCountsOneRecordOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
			got = append(got, fmt.Sprintf("%s%d", r.Data, r.Attempt))
			if string(r.Data) == "b" && r.Attempt < 3 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		e := event(packed(t, 1, "a", "b", "c"), plain(2))
		for _, want := range []string{sequence(1), sequence(1), ""} {
			check(t, "answer", invokeFor(t, c, 5*time.Second, e), want)
		}
		check(t, "calls and attempts", fmt.Sprint(got), "[a1 b1 b2 b3 c1 21]")
	})
}

func TestHandlerThatRunsThroughTheNextInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l, d := &tape{}, &log{}, &letters{}
		slow(h, 12*time.Second, nil)
		c := newConsumer(t, h.handle, l.option(), lambda.WithMaxAttempts(2), lambda.WithDeadLetter(d))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "calls", h.take(), "a b")

		start := time.Now()
		check(t, "answer while it runs", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "answered after", time.Since(start), 4500*time.Millisecond)
		check(t, "calls", h.take(), "")
		check(t, "log lines", l.count("still runs"), 1)

		other := packed(t, 1, "elsewhere")
		other.EventID = shardB + ":" + sequence(1)
		start = time.Now()
		check(t, "another shard's answer", invokeFor(t, c, 5*time.Second, event(other)), "")
		check(t, "another shard waits", time.Since(start), 0)
		h.take()

		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "c")
		check(t, "letters", d.take(), "")
	})
}

// A dead letter that is overtaken and succeeds after all has decided its record.
func TestLateDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"b": lambda.Poison(errBoom)}}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(ctx context.Context, l lambda.Letter) error {
			time.Sleep(6 * time.Second)
			return d.Send(ctx, l)
		})))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "a b c")
		check(t, "letters", d.take(), "b/1")
	})
}

func TestCancelledContextEndsTheInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &tape{}
		slow(h, time.Hour, nil)
		c := newConsumer(t, h.handle)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		response, err := c.Kinesis(ctx, event(packed(t, 1, "a", "b", "c")))
		check(t, "answer", fmt.Sprint(response, err), fmt.Sprintf("{[{%s}]} <nil>", sequence(1)))
		check(t, "answered after", time.Since(start), time.Minute)
		time.Sleep(time.Hour)
	})
}

// Nothing is begun once the time is up, no matter who sees that first, and what
// was done by then stays done.
func TestNothingIsBegunAfterTheEnd(t *testing.T) {
	for range 300 {
		var ctx context.Context
		var cancel context.CancelFunc
		h, d := &tape{fail: map[string]error{}}, &letters{}
		h.do = func(_ context.Context, r *lambda.Record) error {
			switch string(r.Data) {
			case "b", "2":
				cancel()
			case "x":
				cancel()
				return lambda.Poison(errBoom)
			}
			return nil
		}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(d))
		send := func(e events.KinesisEvent) (first string) {
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			response, err := c.Kinesis(ctx, e)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range response.BatchItemFailures {
				first = f.ItemIdentifier
			}
			return first
		}
		e := event(packed(t, 1, "a", "b", "c"), plain(2), packed(t, 3, "x"), plain(4))
		check(t, "answer", send(e), sequence(1))
		check(t, "calls", h.take(), "a b")
		if got := send(e); got != sequence(2) && got != sequence(3) { // overtaken in 2, or after it
			t.Fatalf("answer %s", got)
		}
		check(t, "calls", h.take(), "c 2")
		check(t, "answer", send(event(e.Records[2:]...)), sequence(3))
		check(t, "calls", h.take(), "x")
		check(t, "letters", d.take(), "")
	}
}

// Each of them ends the runner's goroutine; none hangs the invocation or the next.
func TestGoexit(t *testing.T) {
	for name, test := range map[string]struct {
		handler func()
		letter  func()
		lines   int
	}{
		"in the handler":     {runtime.Goexit, func() {}, 1},
		"in the dead letter": {func() {}, runtime.Goexit, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, l, first := &tape{}, &log{}, true
			h.do = func(_ context.Context, r *lambda.Record) error {
				if string(r.Data) == "b" && first {
					test.handler()
					return lambda.Poison(errBoom)
				}
				return nil
			}
			c := newConsumer(t, h.handle, l.option(), lambda.WithDeadLetter(lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error {
				test.letter()
				return nil
			})))
			e := event(packed(t, 1, "a", "b", "c"))
			check(t, "answer", invoke(t, c, e), sequence(1))
			check(t, "log lines of the handler's end", l.count("the handler ended its goroutine"), test.lines)
			check(t, "log lines of being late", l.count("has not returned in time"), 0)
			first = false
			h.take()
			check(t, "answer", invoke(t, c, e), "")
			check(t, "calls", h.take(), "b c")
		})
	}
}

// With nothing left to do when the time is up, the answer is success.
func TestDoneAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
			time.Sleep(4499 * time.Millisecond)
			return nil
		})
		check(t, "answer", invokeFor(t, c, 5*time.Second, event(plain(1))), "")
	})
}

// No goroutine a record, and none left behind.
func TestGoroutines(t *testing.T) {
	before, most := runtime.NumGoroutine(), 0
	c := newConsumer(t, func(context.Context, *lambda.Record) error {
		most = max(most, runtime.NumGoroutine())
		return nil
	})
	var records []events.KinesisEventRecord
	for n := range 100 {
		records = append(records, packed(t, n, "a", "b", "c"))
	}
	invoke(t, c, event(records...))
	check(t, "goroutines more while it runs, at most one", most-before <= 1, true)
}

// A letter that holds an outer record whole, and took longer than the invocation.
func TestLateDeadLetterOfAWholeRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, sent := &tape{}, 0
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error {
			time.Sleep(6 * time.Second)
			sent++
			return nil
		})))
		e := event(record(1, "a", malformed()), plain(2))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "letters", sent, 1)
		check(t, "calls", h.take(), "2")
	})
}

package lambda_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// malformed is an aggregate by magic and digest whose message can't be read.
func malformed() []byte {
	message := []byte{0x0a, 0x7f}
	digest := md5.Sum(message)
	return append(append([]byte("\xf3\x89\x9a\xc2"), message...), digest[:]...)
}

// AWS's example: 300 records in batches of 200, the 83rd is poison. The usual
// way its 82 neighbours run again with every retry.
func TestAWSScenario(t *testing.T) {
	const poison = "83"
	var plains, aggregates []events.KinesisEventRecord
	for n := 1; n <= 300; n++ {
		plains = append(plains, plain(n))
	}
	for n := 0; n < 300; n += 10 {
		var users []string
		for i := n + 1; i <= n+10; i++ {
			users = append(users, fmt.Sprint(i))
		}
		aggregates = append(aggregates, packed(t, n, users...))
	}
	for name, test := range map[string]struct {
		records     []events.KinesisEventRecord
		batch       int
		left        time.Duration // of each invocation
		slow        time.Duration // the poison record's call
		invocations int
	}{
		"plain":                              {plains, 200, time.Minute, 0, 2},
		"aggregates":                         {aggregates, 20, time.Minute, 0, 2},
		"plain, attempts in two invocations": {plains, 200, 3 * time.Second, 2400 * time.Millisecond, 3},
		"aggregates, in two invocations":     {aggregates, 20, 3 * time.Second, 2400 * time.Millisecond, 3},
		"plain, handler overtaken":           {plains, 200, 3 * time.Second, 2700 * time.Millisecond, 4},
		"aggregates, handler overtaken":      {aggregates, 20, 3 * time.Second, 2700 * time.Millisecond, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				succeeded, calls, d := map[string]int{}, 0, &letters{}
				c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
					if string(r.Data) == poison {
						calls++
						time.Sleep(test.slow)
						return errBoom
					}
					succeeded[string(r.Data)]++
					return nil
				}, lambda.WithMaxAttempts(2), lambda.WithDeadLetter(d))
				got := mapping(t, test.records, test.batch, 10, func(e events.KinesisEvent) (events.KinesisEventResponse, error) {
					ctx, cancel := context.WithTimeout(context.Background(), test.left)
					defer cancel()
					return c.Kinesis(ctx, e)
				})
				check(t, "invocations", got, test.invocations)
				check(t, "calls of the poison record", calls, 2)
				check(t, "dead letters", d.take(), poison+"/2")
				for n := 1; n <= 300; n++ {
					want := 1
					if fmt.Sprint(n) == poison {
						want = 0
					}
					check(t, fmt.Sprintf("successes of %d", n), succeeded[fmt.Sprint(n)], want)
				}
			})
		})
	}
}

func TestFivePoisonsInOneAggregate(t *testing.T) {
	h, d := &tape{fail: map[string]error{}}, &letters{}
	for _, p := range []string{"b", "c", "e", "g", "h"} {
		h.fail[p] = lambda.Poison(errBoom)
	}
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(d))
	check(t, "answer", invoke(t, c, event(packed(t, 1, "a", "b", "c", "d", "e", "f", "g", "h"))), "")
	check(t, "calls", h.take(), "a b c d e f g h")
	check(t, "letters", d.take(), "b/1 c/1 e/1 g/1 h/1")
}

func TestBackoff(t *testing.T) {
	const n = 12
	worst, best := make([]time.Duration, n-1), make([]time.Duration, n-1)
	for range 40 {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
				at = append(at, time.Now())
				check(t, "Attempt", r.Attempt, len(at))
				return errBoom
			}, lambda.WithMaxAttempts(n), lambda.WithDeadLetter(&letters{}))
			check(t, "answer", invoke(t, c, event(plain(1))), "")
			if len(at) != n {
				t.Fatalf("%d calls, want %d", len(at), n)
			}
			limit := 50 * time.Millisecond
			for i := range n - 1 {
				p := at[i+1].Sub(at[i])
				if p >= limit {
					t.Errorf("pause %d is %v, want less than %v", i, p, limit)
				}
				worst[i], best[i] = max(worst[i], p), max(best[i], limit-p)
				limit = min(2*limit, 5*time.Second)
			}
		})
	}
	limit := 50 * time.Millisecond
	for i, w := range worst {
		if w < limit/2 || best[i] < limit*2/3 {
			t.Errorf("pause %d is between %v and %v in 40 runs, want it spread from 0 to %v", i, limit-best[i], w, limit)
		}
		limit = min(2*limit, 5*time.Second)
	}
}

func TestBackoffEndsWithTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"b": errBoom}}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithMaxAttempts(1000), lambda.WithDeadLetter(d))
		start := time.Now()
		check(t, "answer", invokeFor(t, c, 20*time.Second, event(packed(t, 1, "a", "b", "c"))), sequence(1))
		if took := time.Since(start); took >= 19*time.Second {
			t.Errorf("took %v: waited for the guard, or beyond it", took)
		}
		check(t, "letters", d.take(), "")

		ctx, cancel := context.WithCancel(t.Context()) // no deadline, but an end
		h.take()
		time.AfterFunc(7*time.Second, cancel)
		start = time.Now()
		response, err := c.Kinesis(ctx, event(packed(t, 1, "a", "b", "c")))
		if err != nil || len(response.BatchItemFailures) != 1 {
			t.Errorf("got %v, %v", response, err)
		}
		check(t, "time", time.Since(start), 7*time.Second)
	})
}

func TestMaxAttemptsAcrossInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts []int
		d := &letters{}
		c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
			if string(r.Data) != "b" {
				return nil
			}
			attempts = append(attempts, r.Attempt)
			time.Sleep(1400 * time.Millisecond) // one fits in 2 s, the second is overtaken
			return errBoom
		}, lambda.WithMaxAttempts(4), lambda.WithDeadLetter(d))
		e := event(packed(t, 1, "a", "b", "c"))
		for i := range 5 {
			check(t, "letters", d.take(), "")
			if invokeFor(t, c, 2*time.Second, e) == "" {
				break
			}
			check(t, "no more than 4 invocations", i < 4, true)
		}
		check(t, "attempts", fmt.Sprint(attempts), "[1 2 3 4]")
		check(t, "letters", d.take(), "b/4")
	})
}

// The attempts are used up by a handler that is overtaken, so that there is no
// time for the dead letter: the next invocation sends it without another call.
func TestDeadLetterAfterTheLastAttemptWasOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := &tape{}, &letters{}
		var text string
		h.do = func(ctx context.Context, r *lambda.Record) error {
			if string(r.Data) == "b" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		c := newConsumer(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(lambda.DeadLetterFunc(func(ctx context.Context, l lambda.Letter) error {
			text = l.Error
			return d.Send(ctx, l)
		})))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "letters", d.take(), "")
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "letters", d.take(), "b/1")
		check(t, "calls", h.take(), "a b c")
		if text == "" {
			t.Error("the letter has no error text")
		}
	})
}

func TestMaxAttemptsWithoutDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &tape{fail: map[string]error{"b": errBoom}}
		c := newConsumer(t, h.handle, lambda.WithMaxAttempts(3))
		e := event(packed(t, 1, "a", "b", "c"))
		for _, calls := range []string{"a b b b", "b", "b"} {
			check(t, "answer", invoke(t, c, e), sequence(1))
			check(t, "calls", h.take(), calls)
		}
		h.fail = nil
		check(t, "answer", invoke(t, c, e), "")
		check(t, "calls", h.take(), "b c")
	})
}

func TestDeadLetterFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errBoom },
		"panic": func() error { panic("queue") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, d, l := &tape{fail: map[string]error{"b": errBoom}}, &letters{fail: fail}, &log{}
				c := newConsumer(t, h.handle, l.option(), lambda.WithMaxAttempts(2), lambda.WithDeadLetter(d))
				e := event(packed(t, 1, "a", "b", "c"))
				check(t, "answer", invoke(t, c, e), sequence(1))
				check(t, "calls", h.take(), "a b b")
				check(t, "answer", invoke(t, c, e), sequence(1))
				check(t, "one more chance", h.take(), "b")
				check(t, "log lines", l.count("dead letter not sent"), 2)
				d.fail = nil
				check(t, "answer", invoke(t, c, e), "")
				check(t, "calls", h.take(), "c")
				check(t, "letters", d.take(), "b/3")
			})
		})
	}
	t.Run("then the handler succeeds", func(t *testing.T) {
		h, d := &tape{once: map[string]error{"b": errBoom}}, &letters{fail: func() error { return errBoom }}
		c := newConsumer(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(d))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invoke(t, c, e), sequence(1))
		check(t, "answer", invoke(t, c, e), "")
		check(t, "calls", h.take(), "a b b c")
	})
}

func TestMalformed(t *testing.T) {
	h := &tape{}
	e := event(plain(1), record(2, "outer", malformed()), plain(3))
	check(t, "without dead letter", invoke(t, newConsumer(t, h.handle), e), sequence(2))
	check(t, "calls", h.take(), "1")

	var got []lambda.Letter
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(ctx context.Context, l lambda.Letter) error {
		if got = append(got, l); len(got) == 1 {
			return errBoom
		}
		return nil
	})))
	check(t, "dead letter fails", invoke(t, c, e), sequence(2))
	check(t, "answer", invoke(t, c, event(e.Records[1:]...)), "")
	check(t, "calls", h.take(), "1 3")
	l := got[1]
	check(t, "ID", l.ID, streamARN+"/"+shardA+"/"+sequence(2)+"/-1")
	check(t, "sub-sequence number", l.SubSequenceNumber, lambda.WholeRecord)
	check(t, "data", string(l.Data), string(malformed()))
	check(t, "keys", l.PartitionKey+" "+l.OuterPartitionKey, "outer outer")
	check(t, "error text is there", l.Error != "", true)
}

func TestLetter(t *testing.T) {
	var got lambda.Letter
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		if r.SubSequenceNumber == 1 {
			return fmt.Errorf("wrapped: %w", lambda.Poison(errBoom))
		}
		return nil
	}, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		got = l
		return nil
	})))
	data := pack(t, aggregate.Record{PartitionKey: "p", Data: []byte("one")}, aggregate.Record{PartitionKey: "q", ExplicitHashKey: "42", Data: []byte("two")})
	check(t, "answer", invoke(t, c, event(record(7, "outer", data))), "")
	want := lambda.Letter{
		ID:        streamARN + "/" + shardA + "/" + sequence(7) + "/1",
		StreamARN: streamARN, ShardID: shardA, SequenceNumber: sequence(7), SubSequenceNumber: 1,
		OuterPartitionKey: "outer", ApproximateArrivalTimestamp: arrival,
		PartitionKey: "q", ExplicitHashKey: "42", HasExplicitHashKey: true, Data: []byte("two"), Aggregated: true,
		Attempts: 1, Error: "wrapped: boom",
	}
	check(t, "letter", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
}

func TestLongErrorIsCut(t *testing.T) {
	for _, h := range []lambda.Handler{
		func(context.Context, *lambda.Record) error {
			return lambda.Poison(errors.New(strings.Repeat("x", 1<<20)))
		},
		func(context.Context, *lambda.Record) error { panic("why" + strings.Repeat("x", 1<<20)) },
	} {
		var got lambda.Letter
		c := newConsumer(t, h, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
			got = l
			return nil
		})))
		check(t, "answer", invoke(t, c, event(plain(1))), "")
		check(t, "bytes of the text", len(got.Error), 8<<10)
	}
}

func TestPoison(t *testing.T) {
	if lambda.Poison(nil) != nil {
		t.Error("Poison(nil) is an error")
	}
	cause := &typedError{42}
	for _, err := range []error{lambda.Poison(cause), fmt.Errorf("more: %w", lambda.Poison(fmt.Errorf("why: %w", cause)))} {
		var typed *typedError
		if !errors.Is(err, lambda.ErrPoison) || !errors.Is(err, cause) || !errors.As(err, &typed) {
			t.Errorf("%v: something is not found in it", err)
		}
	}
	check(t, "text", lambda.Poison(errBoom).Error(), "boom")
	check(t, "not poison", errors.Is(errBoom, lambda.ErrPoison), false)
}

type typedError struct{ code int }

func (e *typedError) Error() string { return fmt.Sprint("code ", e.code) }

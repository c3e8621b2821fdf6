package lambda_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// lettered is an aggregate of user records whose key is the first letter of
// their data.
func lettered(t testing.TB, n int, data ...string) events.KinesisEventRecord {
	t.Helper()
	var users []aggregate.Record
	for _, d := range data {
		users = append(users, aggregate.Record{PartitionKey: d[:1], Data: []byte(d)})
	}
	return record(n, "outer", pack(t, users...))
}

// hands records a batch handler's calls, by the records' data with their attempt
// where it is not the first, and answers as told.
type hands struct {
	mu    sync.Mutex
	calls []string
	do    func(ctx context.Context, rs []*lambda.Record) error
}

func (h *hands) handle(ctx context.Context, rs []*lambda.Record) error {
	h.mu.Lock()
	h.calls = append(h.calls, dataOf(rs))
	h.mu.Unlock()
	if h.do == nil {
		return nil
	}
	return h.do(ctx, rs)
}

// take returns the calls since the last time.
func (h *hands) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.calls = nil }()
	return strings.Join(h.calls, "|")
}

func dataOf(rs []*lambda.Record) string {
	var all []string
	for _, r := range rs {
		d := string(r.Data)
		if r.Attempt != 1 {
			d += fmt.Sprint("/", r.Attempt)
		}
		all = append(all, d)
	}
	return strings.Join(all, " ")
}

// holds says whether one of the records has that data.
func holds(rs []*lambda.Record, data string) bool {
	for _, r := range rs {
		if string(r.Data) == data {
			return true
		}
	}
	return false
}

func newBatch(t testing.TB, h lambda.BatchHandler, opts ...lambda.Option) *lambda.Consumer {
	t.Helper()
	c, err := lambda.NewBatch(h, append([]lambda.Option{quiet(), lambda.WithProgressNamespace("test")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newByKey(t testing.TB, h lambda.BatchHandler, opts ...lambda.Option) *lambda.Consumer {
	t.Helper()
	c, err := lambda.NewByKey(h, append([]lambda.Option{quiet(), lambda.WithProgressNamespace("test")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatTogetherHandlersAreGiven(t *testing.T) {
	e := event(lettered(t, 1, "b1", "a1", "b2"), record(2, "a", []byte("a2")), lettered(t, 3, "c1", "b3"))
	for name, test := range map[string]struct {
		make  func(testing.TB, lambda.BatchHandler, ...lambda.Option) *lambda.Consumer
		calls string
	}{
		"by key": {newByKey, "b1 b2 b3|a1 a2|c1"},
		"batch":  {newBatch, "b1 a1 b2 a2 c1 b3"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hands{}
			seen := map[string]lambda.Record{}
			h.do = func(_ context.Context, rs []*lambda.Record) error {
				for _, r := range rs {
					seen[string(r.Data)] = *r
				}
				return nil
			}
			c := test.make(t, h.handle)
			check(t, "answer", invoke(t, c, e), "")
			check(t, "calls", h.take(), test.calls)
			want := lambda.Record{
				PartitionKey: "b", Data: []byte("b3"), Aggregated: true, StreamARN: streamARN, ShardID: shardA, SequenceNumber: sequence(3),
				SubSequenceNumber: 1, OuterPartitionKey: "outer", ApproximateArrivalTimestamp: arrival, Attempt: 1,
			}
			check(t, "a record of an aggregate", fmt.Sprintf("%+v", seen["b3"]), fmt.Sprintf("%+v", want))
			want = lambda.Record{
				PartitionKey: "a", Data: []byte("a2"), StreamARN: streamARN, ShardID: shardA, SequenceNumber: sequence(2),
				OuterPartitionKey: "a", ApproximateArrivalTimestamp: arrival, Attempt: 1,
			}
			check(t, "a plain record", fmt.Sprintf("%+v", seen["a2"]), fmt.Sprintf("%+v", want))
			check(t, "no records", invoke(t, c, event()), "")
			check(t, "calls without records", h.take(), "")
			check(t, "replay", invoke(t, c, e), "")
			check(t, "calls of a replay", h.take(), test.calls)
		})
	}
}

// A key that fails holds up its own records only.
func TestByKeyFailureHoldsUpItsKey(t *testing.T) {
	h := &hands{}
	down := true
	h.do = func(_ context.Context, rs []*lambda.Record) error {
		for i, r := range rs {
			if down && string(r.Data) == "a2" {
				return lambda.FailedAt(i, len(rs), errBoom)
			}
		}
		return nil
	}
	c := newByKey(t, h.handle)
	e := event(lettered(t, 1, "b1"), lettered(t, 2, "a1", "b2", "a2"), lettered(t, 3, "c1", "a3"), lettered(t, 4, "d1"))
	check(t, "answer", invoke(t, c, e), sequence(2))
	check(t, "calls", h.take(), "b1 b2|a1 a2 a3|c1|d1")
	check(t, "answer", invoke(t, c, event(e.Records[1:]...)), sequence(2))
	check(t, "what comes again", h.take(), "a2/2 a3")
	down = false
	check(t, "answer", invoke(t, c, event(e.Records[1:]...)), "")
	check(t, "what comes again", h.take(), "a2/3 a3")
}

// Behind a record that is called by itself and left, the later ones of its key
// wait, also when the attempts of some are used up and of others not.
func TestByKeyWaitsBehindARecordByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hands{}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if holds(rs, "a1") {
				return errBoom
			}
			return nil
		}
		c := newByKey(t, h.handle, lambda.WithMaxAttempts(1))
		old := lettered(t, 1, "a1", "a2", "b1")
		check(t, "answer", invoke(t, c, event(old)), sequence(1))
		check(t, "calls", h.take(), "a1 a2|a1/2|b1") // both used theirs up; a1 fails again, a2 waits
		check(t, "answer", invoke(t, c, event(old, lettered(t, 2, "a3", "c1"))), sequence(1))
		check(t, "calls", h.take(), "a1/3|c1")
		h.do = nil
		check(t, "answer", invoke(t, c, event(old, lettered(t, 2, "a3", "c1"))), "")
		check(t, "calls", h.take(), "a1/4|a2/2|a3")
	})
}

// Of a whole batch what can go together still does, around those that can't.
func TestBatchGoesOnAroundARecordByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := &hands{}, &letters{fail: func() error { return errBoom }}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			f := lambda.Failures{}
			for i, r := range rs {
				if string(r.Data) == "b" {
					f[i] = errBoom
				}
			}
			if len(f) == 0 {
				return nil
			}
			return f
		}
		c := newBatch(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(d))
		old := packed(t, 1, "a", "b", "c")
		check(t, "answer", invoke(t, c, event(old)), sequence(1))
		check(t, "calls", h.take(), "a b c")
		check(t, "answer", invoke(t, c, event(packed(t, 0, "x"), old, packed(t, 2, "d"))), sequence(1))
		check(t, "calls", h.take(), "x|b/2|d")
		d.fail = nil
		check(t, "answer", invoke(t, c, event(packed(t, 0, "x"), old, packed(t, 2, "d"))), "")
		check(t, "calls", h.take(), "x")
		check(t, "letters", d.take(), "b/2")
	})
}

func TestTogetherWithMalformed(t *testing.T) {
	e := event(lettered(t, 1, "a1"), record(2, "x", malformed()), lettered(t, 3, "a2", "b1"), record(4, "x", malformed()))
	for name, test := range map[string]struct {
		make  func(testing.TB, lambda.BatchHandler, ...lambda.Option) *lambda.Consumer
		calls string
	}{"by key": {newByKey, "a1 a2|b1"}, "batch": {newBatch, "a1 a2 b1"}} {
		t.Run(name, func(t *testing.T) {
			h, d := &hands{}, &letters{}
			check(t, "without a dead letter", invoke(t, test.make(t, h.handle), e), sequence(2))
			check(t, "calls", h.take(), test.calls)
			fails := 1
			d.fail = func() error { fails--; return map[bool]error{true: errBoom}[fails >= 0] }
			c := test.make(t, h.handle, lambda.WithDeadLetter(d))
			check(t, "a letter fails", invoke(t, c, e), sequence(2))
			check(t, "calls", h.take(), test.calls)
			check(t, "letters", len(d.got), 1)
			check(t, "answer", invoke(t, c, event(e.Records[1:]...)), "")
			check(t, "calls", h.take(), "")
			check(t, "letters", fmt.Sprint(len(d.got), d.got[0].SequenceNumber == sequence(4), d.got[1].SequenceNumber == sequence(2), d.got[1].SubSequenceNumber), "2 true true -1")
		})
	}
}

// By key, and with several keys at a time.
func TestByKeyAtATime(t *testing.T) {
	for _, n := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			h := &hands{}
			var mu sync.Mutex
			now, most := 0, 0
			h.do = func(context.Context, []*lambda.Record) error {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			}
			c := newByKey(t, h.handle, lambda.WithConcurrency(n))
			start := time.Now()
			check(t, "answer", invoke(t, c, event(lettered(t, 1, "a1", "b1", "c1", "a2", "d1"), lettered(t, 2, "e1", "f1"))), "")
			check(t, "at a time", most, n)
			check(t, "time", time.Since(start), time.Duration(6/n)*time.Second)
		})
	}
}

package lambda_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// crowd is a handler that several workers call: it notes each key's calls in
// their order, and how many there are at a time.
type crowd struct {
	mu        sync.Mutex
	calls     map[string][]string // by partition key
	now, most int
	do        func(ctx context.Context, r *lambda.Record) error
}

func (h *crowd) handle(ctx context.Context, r *lambda.Record) error {
	h.mu.Lock()
	if h.calls == nil {
		h.calls = map[string][]string{}
	}
	d := string(r.Data)
	if r.Attempt != 1 {
		d += fmt.Sprint("/", r.Attempt)
	}
	h.calls[r.PartitionKey] = append(h.calls[r.PartitionKey], d)
	h.now++
	h.most = max(h.most, h.now)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.now--
	}()
	if h.do == nil {
		return nil
	}
	return h.do(ctx, r)
}

// take returns the calls since the last time, key by key.
func (h *crowd) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, calls := range h.calls {
		all = append(all, strings.Join(calls, " "))
	}
	h.calls = nil
	slices.Sort(all)
	return strings.Join(all, "|")
}

func TestConcurrencyIsByKey(t *testing.T) {
	for n, took := range map[int]int{1: 9, 2: 5, 3: 4, 100: 4} { // four of key a, three of b, two of c
		synctest.Test(t, func(t *testing.T) {
			h := &crowd{do: func(context.Context, *lambda.Record) error { time.Sleep(time.Second); return nil }}
			c := newConsumer(t, h.handle, lambda.WithConcurrency(n))
			start := time.Now()
			check(t, "answer", invoke(t, c, event(lettered(t, 1, "a1", "b1", "a2"), lettered(t, 2, "a3", "c1", "b2"), lettered(t, 3, "b3", "c2", "a4"))), "")
			check(t, "calls", h.take(), "a1 a2 a3 a4|b1 b2 b3|c1 c2")
			check(t, "at a time", h.most, min(n, 3))
			check(t, fmt.Sprint("seconds with ", n), time.Since(start), time.Duration(took)*time.Second)
		})
	}
}

// A key that fails holds up itself only; what the others have done is not done
// again; the answer is the lowest record that is left.
func TestConcurrencyFailure(t *testing.T) {
	for name, test := range map[string]struct {
		fail   []string
		answer string
		calls  string
		again  string
	}{
		"the last":      {[]string{"c2"}, sequence(3), "a1 a2 a3 a4|b1 b2 b3|c1 c2", "c2/2"},
		"in the middle": {[]string{"a3"}, sequence(2), "a1 a2 a3|b1 b2 b3|c1 c2", "a3/2 a4"},
		"the first":     {[]string{"a1"}, sequence(1), "a1|b1 b2 b3|c1 c2", "a1/2 a2 a3 a4"},
		"two keys":      {[]string{"a4", "b2"}, sequence(2), "a1 a2 a3 a4|b1 b2|c1 c2", "a4/2|b2/2 b3"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
				if r.Attempt == 1 && slices.Contains(test.fail, string(r.Data)) {
					return errBoom
				}
				return nil
			}}
			c := newConsumer(t, h.handle, lambda.WithConcurrency(4))
			records := []events.KinesisEventRecord{lettered(t, 1, "a1", "b1", "a2"), lettered(t, 2, "a3", "c1", "b2"), lettered(t, 3, "b3", "c2", "a4")}
			check(t, "answer", invoke(t, c, event(records...)), test.answer)
			check(t, "calls", h.take(), test.calls)
			from := slices.IndexFunc(records, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == test.answer })
			check(t, "answer", invoke(t, c, event(records[from:]...)), "")
			check(t, "calls when it comes again", h.take(), test.again)
		})
	}
}

// A plain record and one out of an aggregate may have the same key.
func TestConcurrencyKeyIsTheUserRecords(t *testing.T) {
	h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "a1" {
			return errBoom
		}
		return nil
	}}
	c := newConsumer(t, h.handle, lambda.WithConcurrency(8))
	check(t, "answer", invoke(t, c, event(record(1, "a", []byte("a1")), lettered(t, 2, "a2", "b1"), record(3, "outer", []byte("o1")))), sequence(1))
	check(t, "calls", h.take(), "a1|b1|o1")
}

// The pauses of one key do not hold up the others.
func TestConcurrencyRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &letters{}
		var others time.Duration
		start := time.Now()
		h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
			switch r.PartitionKey {
			case "a":
				return errBoom
			case "b":
				others = time.Since(start)
			}
			return nil
		}}
		c := newConsumer(t, h.handle, lambda.WithConcurrency(2), lambda.WithMaxAttempts(12), lambda.WithDeadLetter(d))
		check(t, "answer", invoke(t, c, event(lettered(t, 1, "a1", "b1", "b2", "b3"))), "")
		check(t, "letters", d.take(), "a1/12")
		check(t, "the others waited for", others, 0)
		if time.Since(start) == 0 {
			t.Error("no pause")
		}
	})
}

// The time is up while three handlers run: an attempt for each, none for those
// behind them, and what they bring about after all counts.
func TestConcurrencyTimeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		h := &crowd{do: func(ctx context.Context, r *lambda.Record) error {
			switch d := string(r.Data); {
			case r.Attempt > 1:
			case d == "a1": // fails in time for the next invocation
				time.Sleep(6 * time.Second)
				return errBoom
			case d == "b1": // succeeds after all
				time.Sleep(6 * time.Second)
			case d == "c1":
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		c := newConsumer(t, h.handle, lambda.WithConcurrency(4), l.option())
		e := event(lettered(t, 1, "d1", "a1", "b1", "c1"), lettered(t, 2, "a2", "b2", "c2", "d2"))
		start := time.Now()
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "answered after", time.Since(start), 4500*time.Millisecond)
		check(t, "calls", h.take(), "a1|b1|c1|d1 d2")
		if n := l.count("the handler has not returned in time"); n < 2 || n > 3 { // c1 returns at that very moment
			t.Errorf("%d lines on handlers that have not returned", n)
		}
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "a1/2 a2|b2|c1/2 c2")
		check(t, "the second waited", time.Since(start), 6*time.Second)
	})
}

// A straggler of several keeps the shard waiting until the last one is back.
func TestConcurrencyStragglers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
			switch string(r.Data) {
			case "a1":
				time.Sleep(5 * time.Second)
			case "b1":
				time.Sleep(12 * time.Second)
			}
			return nil
		}}
		c := newConsumer(t, h.handle, lambda.WithConcurrency(2))
		e := event(lettered(t, 1, "a1", "b1", "c1"))
		check(t, "answer", invokeFor(t, c, 4*time.Second, e), sequence(1)) // at 3.5 s
		check(t, "answer", invokeFor(t, c, 4*time.Second, e), sequence(1)) // at 7 s
		check(t, "calls", h.take(), "a1|b1")
		start := time.Now()
		check(t, "answer", invokeFor(t, c, 10*time.Second, e), "")
		check(t, "waited", time.Since(start), 5*time.Second)
		check(t, "calls", h.take(), "c1")
	})
}

// Nothing ends but the goroutine's own key.
func TestConcurrencyGoexit(t *testing.T) {
	h, l := &crowd{}, &log{}
	h.do = func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "a2" && r.Attempt == 1 {
			runtime.Goexit()
		}
		return nil
	}
	c := newConsumer(t, h.handle, lambda.WithConcurrency(2), l.option())
	e := event(lettered(t, 1, "a1", "b1"), lettered(t, 2, "c1", "a2", "d1", "a3"))
	check(t, "answer", invoke(t, c, e), sequence(2))
	check(t, "calls", h.take(), "a1 a2|b1|c1|d1")
	check(t, "log lines", l.count("the handler ended its goroutine"), 1)
	check(t, "answer", invoke(t, c, event(e.Records[1])), "")
	check(t, "calls", h.take(), "a2/2 a3")
}

// If all workers end so, what is left waits for the next invocation.
func TestConcurrencyGoexitOfAll(t *testing.T) {
	h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
		if r.Attempt == 1 {
			runtime.Goexit()
		}
		return nil
	}}
	c := newConsumer(t, h.handle, lambda.WithConcurrency(2), lambda.WithMaxAttempts(3))
	e := event(lettered(t, 1, "a1", "b1", "c1"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "a1|b1")
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "a1/2|b1/2|c1")
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "c1/2")
}

// A thousand keys, spread over aggregates, with failures among them.
func TestConcurrencyOfManyKeys(t *testing.T) {
	const keys, rounds = 1000, 4
	var records []events.KinesisEventRecord
	for i := range rounds {
		var users []aggregate.Record
		for k := range keys {
			users = append(users, aggregate.Record{PartitionKey: fmt.Sprint("key-", k), Data: fmt.Append(nil, i)})
		}
		records = append(records, record(i, "outer", pack(t, users...)))
	}
	h := &crowd{do: func(_ context.Context, r *lambda.Record) error {
		if r.Attempt == 1 && strings.HasSuffix(r.PartitionKey, "7") && string(r.Data) == "2" {
			return errBoom
		}
		return nil
	}}
	c := newConsumer(t, h.handle, lambda.WithConcurrency(50))
	check(t, "answer", invoke(t, c, event(records...)), sequence(2))
	check(t, "keys", len(h.calls), keys)
	for k, calls := range h.calls {
		want := "[0 1 2 3]"
		if strings.HasSuffix(k, "7") {
			want = "[0 1 2]"
		}
		check(t, k, fmt.Sprint(calls), want)
	}
	h.take()
	check(t, "answer", invoke(t, c, event(records[2:]...)), "")
	check(t, "keys", len(h.calls), keys/10)
	for k, calls := range h.calls {
		check(t, k, fmt.Sprint(calls), "[2/2 3]")
	}
}

// What can't be read is a matter of its own among the keys.
func TestConcurrencyAndMalformed(t *testing.T) {
	h := &crowd{}
	c := newConsumer(t, h.handle, lambda.WithConcurrency(4))
	e := event(lettered(t, 1, "a1"), record(2, "a", malformed()), lettered(t, 3, "a2"))
	check(t, "answer", invoke(t, c, e), sequence(2))
	check(t, "calls", h.take(), "a1 a2")
	check(t, "answer", invoke(t, c, event(e.Records[1:]...)), sequence(2))
	check(t, "calls", h.take(), "")
}

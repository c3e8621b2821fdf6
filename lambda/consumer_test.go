package lambda_test

import (
	"context"
	"errors"
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

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	_, err := lambda.New(nil, nil, lambda.WithMaxAttempts(-1), lambda.WithDeadLetter(nil), lambda.WithShardRange(nil), lambda.WithLogger(nil))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"handler is nil", "option is nil", "WithMaxAttempts(-1)", "WithDeadLetter(nil)", "WithShardRange(nil)", "WithLogger(nil)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
	h := (&tape{}).handle
	if _, err := lambda.New(h, lambda.WithDeadLetter(lambda.DeadLetterFunc(nil))); err == nil {
		t.Error("a nil DeadLetterFunc was taken")
	}
	if _, err := lambda.New(h, lambda.WithShardRange(lambda.ShardRangesFunc(nil))); err == nil {
		t.Error("a nil ShardRangesFunc was taken")
	}
	if _, err := lambda.New(h, lambda.WithMaxAttempts(0)); err != nil {
		t.Error(err)
	}
}

func TestRecordFields(t *testing.T) {
	var got []lambda.Record
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		got = append(got, *r)
		*r = lambda.Record{} // does no harm
		return nil
	})
	aggregated := record(7, "outer", pack(t,
		aggregate.Record{PartitionKey: "p", ExplicitHashKey: "42", Data: []byte("one")},
		aggregate.Record{PartitionKey: "q", Data: []byte("two")}))
	check(t, "answer", invoke(t, c, event(record(6, "lone", []byte("zero")), aggregated)), "")
	want := []lambda.Record{
		{PartitionKey: "lone", SequenceNumber: sequence(6), OuterPartitionKey: "lone", Data: []byte("zero")},
		{PartitionKey: "p", ExplicitHashKey: "42", HasExplicitHashKey: true, Aggregated: true, SequenceNumber: sequence(7), OuterPartitionKey: "outer", Data: []byte("one")},
		{PartitionKey: "q", Aggregated: true, SequenceNumber: sequence(7), SubSequenceNumber: 1, OuterPartitionKey: "outer", Data: []byte("two")},
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		w.StreamARN, w.ShardID, w.ApproximateArrivalTimestamp, w.Attempt = streamARN, shardA, arrival, 1
		check(t, "record", fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", w))
	}
}

// What one event leads to, and the same batch sent again from the reported record.
func TestInOrder(t *testing.T) {
	type step struct {
		from   int // index of the first record that is sent
		calls  string
		answer int // n of the reported record, 0 for success
	}
	all := []events.KinesisEventRecord{plain(1), packed(t, 2, "2a", "2b", "2c"), plain(3)}
	for name, test := range map[string]struct {
		fail, once map[string]error
		steps      []step
	}{
		"success":                    {nil, nil, []step{{0, "1 2a 2b 2c 3", 0}}},
		"plain fails":                {nil, map[string]error{"1": errBoom}, []step{{0, "1", 1}, {0, "1 2a 2b 2c 3", 0}}},
		"in an aggregate":            {nil, map[string]error{"2b": errBoom}, []step{{0, "1 2a 2b", 2}, {1, "2b 2c 3", 0}}},
		"first of an aggregate":      {nil, map[string]error{"2a": errBoom}, []step{{0, "1 2a", 2}, {1, "2a 2b 2c 3", 0}}},
		"last of an aggregate":       {nil, map[string]error{"2c": errBoom}, []step{{0, "1 2a 2b 2c", 2}, {1, "2c 3", 0}}},
		"two of one aggregate":       {nil, map[string]error{"2a": errBoom, "2c": errBoom}, []step{{0, "1 2a", 2}, {1, "2a 2b 2c", 2}, {1, "2c 3", 0}}},
		"after the aggregate":        {nil, map[string]error{"3": errBoom}, []step{{0, "1 2a 2b 2c 3", 3}, {2, "3", 0}}},
		"failing for good":           {map[string]error{"2b": errBoom}, nil, []step{{0, "1 2a 2b", 2}, {1, "2b", 2}, {1, "2b", 2}}},
		"poison without dead letter": {map[string]error{"2b": lambda.Poison(errBoom)}, nil, []step{{0, "1 2a 2b", 2}, {1, "2b", 2}}},
		"replay after success":       {nil, map[string]error{"2b": errBoom}, []step{{0, "1 2a 2b", 2}, {1, "2b 2c 3", 0}, {0, "1 2a 2b 2c 3", 0}}},
		"batch from further back":    {nil, map[string]error{"2b": errBoom}, []step{{0, "1 2a 2b", 2}, {0, "1 2b 2c 3", 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &tape{fail: test.fail, once: test.once}
			c := newConsumer(t, h.handle)
			for _, s := range test.steps {
				want := ""
				if s.answer > 0 {
					want = sequence(s.answer)
				}
				check(t, "answer", invoke(t, c, event(all[s.from:]...)), want)
				check(t, "calls", h.take(), s.calls)
			}
		})
	}
}

func TestProgressIsForgotten(t *testing.T) {
	aggregated := packed(t, 5, "5a", "5b")
	half := func(t *testing.T) (*tape, *lambda.Consumer, *log) {
		h, l := &tape{once: map[string]error{"5b": errBoom}}, &log{}
		c := newConsumer(t, h.handle, l.option())
		check(t, "answer", invoke(t, c, event(aggregated)), sequence(5))
		check(t, "calls", h.take(), "5a 5b")
		return h, c, l
	}
	t.Run("when a batch starts past it", func(t *testing.T) {
		h, c, l := half(t)
		invoke(t, c, event(packed(t, 6, "6a")))
		check(t, "log lines", l.count("Lambda went past a reported failure"), 1)
		check(t, "line names the record", l.count(shardA+":"+sequence(5)+"\n"), 1)
		h.take()
		check(t, "answer", invoke(t, c, event(aggregated)), "")
		check(t, "calls", h.take(), "5a 5b")
	})
	t.Run("not by another of the shard's concurrent batches", func(t *testing.T) {
		h, c, _ := half(t)
		invoke(t, c, event(record(6, "another outer key", []byte("6"))))
		h.take()
		invoke(t, c, event(aggregated))
		check(t, "calls", h.take(), "5b")
	})
	t.Run("not by a batch that starts before it", func(t *testing.T) {
		h, c, _ := half(t)
		invoke(t, c, event(packed(t, 4, "4")))
		h.take()
		invoke(t, c, event(aggregated))
		check(t, "calls", h.take(), "5b")
	})
	t.Run("not by another shard or stream", func(t *testing.T) {
		h, c, _ := half(t)
		other := aggregated
		other.EventID = shardB + ":" + sequence(5)
		invoke(t, c, event(other))
		check(t, "another shard's record of that number", h.take(), "5a 5b")
		other = aggregated
		other.EventSourceArn += "2"
		invoke(t, c, event(other))
		check(t, "another stream's", h.take(), "5a 5b")
		invoke(t, c, event(aggregated))
		check(t, "its own", h.take(), "5b")
	})
	t.Run("when the record of that number is another one", func(t *testing.T) {
		h, c, _ := half(t)
		invoke(t, c, event(packed(t, 5, "x", "y", "z")))
		check(t, "calls", h.take(), "x y z")
	})
	t.Run("after an hour", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, c, _ := half(t)
			time.Sleep(time.Hour)
			check(t, "just in time", invoke(t, c, event(packed(t, 4, "4"))), "")
			h.take()
			time.Sleep(time.Second)
			invoke(t, c, event(aggregated))
			check(t, "calls", h.take(), "5a 5b")
		})
	})
	t.Run("not by another record that fails again and again", func(t *testing.T) {
		h, c, _ := half(t)
		h.fail = map[string]error{"o2": errBoom}
		other := packed(t, 9, "o1", "o2")
		other.EventID = shardB + ":" + sequence(9)
		for range 1100 {
			invoke(t, c, event(other))
		}
		h.take()
		invoke(t, c, event(aggregated))
		check(t, "calls", h.take(), "5b")
	})
	t.Run("when there is too much of it", func(t *testing.T) {
		h, c, _ := half(t)
		h.do = func(_ context.Context, r *lambda.Record) error {
			if r.SubSequenceNumber == 1 {
				return errBoom
			}
			return nil
		}
		for i := range 1024 {
			other := packed(t, i+10, "o1", "o2")
			other.EventID = fmt.Sprintf("shardId-%012d:%s", i+1, sequence(i+10))
			invoke(t, c, event(other))
		}
		h.take()
		h.do = nil
		invoke(t, c, event(aggregated))
		check(t, "the oldest", h.take(), "5a 5b")
		last := packed(t, 1033, "o1", "o2")
		last.EventID = fmt.Sprintf("shardId-%012d:%s", 1024, sequence(1033))
		invoke(t, c, event(last))
		check(t, "the latest", h.take(), "o2")
	})
}

func TestLogNamesRecordsAndHoldsNoData(t *testing.T) {
	const secret = "SECRET"
	h, d, l := &tape{fail: map[string]error{secret: lambda.Poison(errBoom)}}, &letters{}, &log{}
	c := newConsumer(t, h.handle, l.option(), lambda.WithDeadLetter(d))
	e := event(packed(t, 1, "a", secret), record(2, secret, malformed()), packed(t, 3, "c"))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "lines about the user record", l.count(shardA+":"+sequence(1)+":1"), 2)
	check(t, "lines about the whole record", l.count(shardA+":"+sequence(2)+" "), 2)
	check(t, "secrets", l.count(secret), 0)
}

// Progress in memory is said once, and only when it matters.
func TestLogSaysOnceThatProgressIsInMemory(t *testing.T) {
	h, l := &tape{fail: map[string]error{"2": errBoom}}, &log{}
	c := newConsumer(t, h.handle, l.option())
	invoke(t, c, event(plain(1)))
	check(t, "lines after success", l.count("memory only"), 0)
	invoke(t, c, event(plain(2)))
	invoke(t, c, event(plain(2)))
	check(t, "lines after failures", l.count("memory only"), 1)
}

// One Consumer, many invocations at once: each keeps its own progress.
func TestConcurrentInvocations(t *testing.T) {
	const workers = 16
	var mu sync.Mutex
	runs := map[string]int{}
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		mu.Lock()
		defer mu.Unlock()
		name := string(r.Data)
		if runs[name+"!"]++; strings.HasSuffix(name, "b") && runs[name+"!"] < 3 {
			return errBoom
		}
		runs[name]++
		return nil
	})
	var wg sync.WaitGroup
	for w := range workers {
		var records []events.KinesisEventRecord
		for i := range 20 {
			n := i*workers + w // the shard's batches interleave
			r := packed(t, n, fmt.Sprint(n, "a"), fmt.Sprint(n, "b"), fmt.Sprint(n, "c"))
			r.Kinesis.PartitionKey = fmt.Sprint("lane", w)
			records = append(records, r)
		}
		wg.Go(func() {
			mapping(t, records, 7, 1000, func(e events.KinesisEvent) (events.KinesisEventResponse, error) {
				return c.Kinesis(context.Background(), e)
			})
		})
	}
	wg.Wait()
	for n := range workers * 20 {
		for _, s := range []string{"a", "b", "c"} {
			check(t, fmt.Sprint(n, s), runs[fmt.Sprint(n, s)], 1)
		}
	}
}

func TestTyped(t *testing.T) {
	errDecode := errors.New("not a number")
	decode := func(b []byte) (int, error) {
		if string(b) == "x" {
			return 0, errDecode
		}
		return len(b), nil
	}
	var seen int
	h := lambda.Typed(decode, func(_ context.Context, n int, r *lambda.Record) error {
		seen = n + r.Attempt
		return errBoom
	})
	err := h(t.Context(), &lambda.Record{Data: []byte("x")})
	if !errors.Is(err, lambda.ErrPoison) || !errors.Is(err, errDecode) {
		t.Errorf("a decode error gave %v, want poison", err)
	}
	err = h(t.Context(), &lambda.Record{Data: []byte("abc"), Attempt: 2})
	if !errors.Is(err, errBoom) || errors.Is(err, lambda.ErrPoison) || seen != 5 {
		t.Errorf("got %v with %d", err, seen)
	}
	if lambda.Typed(decode, nil) != nil || lambda.Typed[int](nil, func(context.Context, int, *lambda.Record) error { return nil }) != nil {
		t.Error("a nil function gave a handler")
	}
}

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

	"github.com/kinpack/kinpack/lambda"
)

// What one batch leaves is bounded, too: of 10,000 Kinesis records whose user
// records have all failed the lowest are remembered.
func TestMemoryOfOneBatchIsBounded(t *testing.T) {
	const n = 10_000
	text := errors.New(strings.Repeat("x", 1000))
	var mu sync.Mutex
	var attempts [n]int
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		mu.Lock()
		defer mu.Unlock()
		if r.SubSequenceNumber == 0 {
			var i int
			fmt.Sscan(string(r.Data[1:]), &i)
			attempts[i] = r.Attempt
		}
		return text
	}, lambda.WithConcurrency(1000))
	var e events.KinesisEvent
	for i := range n {
		e.Records = append(e.Records, packed(t, i, fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)))
	}
	for range 2 {
		check(t, "answer", invoke(t, c, e), sequence(0))
	}
	remembered := 0
	for remembered < n && attempts[remembered] == 2 {
		remembered++
	}
	for i := remembered; i < n; i++ {
		if attempts[i] != 1 {
			t.Fatalf("attempt %d of record %d; of those below the last one known is %d", attempts[i], i, remembered-1)
		}
	}
	if remembered < n/3 || remembered > n*9/10 {
		t.Errorf("%d of %d records are remembered", remembered, n)
	}
}

// A handler that was late has done its record in its own shard only.
func TestLateSuccessIsOfItsShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &tape{}
		h.do = func(_ context.Context, r *lambda.Record) error {
			switch {
			case r.ShardID == shardB && r.Attempt == 1 && string(r.Data) == "b":
				return errBoom
			case r.ShardID == shardA && string(r.Data) == "b":
				time.Sleep(4 * time.Second)
			}
			return nil
		}
		c := newConsumer(t, h.handle)
		here, there := packed(t, 1, "a", "b"), packed(t, 1, "a", "b")
		there.EventID = shardB + ":" + sequence(1)
		check(t, "answer", invokeFor(t, c, 3*time.Second, event(there)), sequence(1))
		check(t, "answer", invokeFor(t, c, 3*time.Second, event(here)), sequence(1))
		h.take()
		check(t, "answer", invokeFor(t, c, 3*time.Second, event(here)), "")
		check(t, "calls", h.take(), "")
		check(t, "answer", invokeFor(t, c, 3*time.Second, event(there)), "")
		check(t, "calls of the other shard", h.take(), "b")
	})
}

// It may come while the progress is being saved, too.
func TestLateSuccessDuringSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := newShelf(), &tape{}
		slow(h, 5200*time.Millisecond, nil)
		p.save = func(context.Context) error { time.Sleep(300 * time.Millisecond); return nil }
		c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invokeFor(t, c, 5600*time.Millisecond, e), sequence(1)) // the guard is at 5.1 s
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "a b c")
	})
}

// After a batch that was cut, what is left of its report is about the second half.
func TestMemoryOfABatchThatIsCut(t *testing.T) {
	h, seen := &tape{fail: map[string]error{"a1": errBoom, "c1": errBoom}}, ""
	c := newConsumer(t, h.handle, lambda.WithConcurrency(2), alarm(&seen))
	r := []events.KinesisEventRecord{lettered(t, 1, "a1", "b1"), lettered(t, 2, "b2", "a2"), lettered(t, 3, "b3", "c1"), lettered(t, 4, "c2", "b4")}
	check(t, "answer", invoke(t, c, event(r...)), sequence(1))
	h.take()
	h.fail = nil
	check(t, "answer", invoke(t, c, event(r[:2]...)), "")
	check(t, "calls", h.take(), "a1 a2")
	check(t, "replay of the first half", invoke(t, c, event(r[0])), "")
	check(t, "calls", len(strings.Fields(h.take())), 2)
	check(t, "alarm", seen, "")
	check(t, "answer", invoke(t, c, event(r[2:]...)), "")
	check(t, "calls", h.take(), "c1 c2")
	check(t, "past it all", invoke(t, c, event(lettered(t, 9, "d1"))), "")
	check(t, "alarm", seen, "")
}

// The same, if Lambda never sends the second half again.
func TestAlarmAfterABatchThatIsCut(t *testing.T) {
	h, seen := &tape{fail: map[string]error{"a1": errBoom, "c1": errBoom}}, ""
	c := newConsumer(t, h.handle, lambda.WithConcurrency(2), alarm(&seen))
	check(t, "answer", invoke(t, c, event(lettered(t, 1, "a1"), lettered(t, 2, "b1"), lettered(t, 3, "c1"))), sequence(1))
	h.fail = nil
	check(t, "answer", invoke(t, c, event(lettered(t, 1, "a1"), lettered(t, 2, "b1"))), "")
	check(t, "alarm", seen, "")
	check(t, "answer", invoke(t, c, event(lettered(t, 9, "d1"))), "")
	check(t, "alarm", seen, shardA+":3 ")
}

// Records whose arrival the event does not tell are saved, too.
func TestCheckpointWithoutArrivals(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	r := packed(t, 1, "a", "b")
	r.Kinesis.ApproximateArrivalTimestamp.Time = time.Time{}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(r)), sequence(1))
	for _, items := range p.items {
		check(t, "last arrival", items[sequence(1)].LastArrival, time.Time{})
	}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(r)), "")
	check(t, "calls", h.take(), "a b b")
}

// A Save that says both: something was kept, and it failed.
func TestSaveFailsWithACount(t *testing.T) {
	h := &tape{once: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(halfKept{newShelf()}))
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a b b c")
}

type halfKept struct{ *shelf }

func (h halfKept) Save(ctx context.Context, shard lambda.Shard, p lambda.SavedProgress, _ []string) (int, error) {
	kept, _ := h.shelf.Save(ctx, shard, p, nil)
	return kept, errBoom
}

// The time is up while a shard's range is looked up: nothing is begun, nothing is
// changed any more, and the next invocation waits for the look-up.
func TestShardRangeThatIsLate(t *testing.T) {
	for name, outer := range map[string][]string{"inside": {"a1", "b1"}, "outside": {"c1", "d1"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, b, first := &tape{}, &batches{}, true
				c := newConsumer(t, h.handle, b.option(), lambda.WithShardRange(lambda.ShardRangesFunc(func(context.Context, string, string) (string, string, error) {
					if first {
						first = false
						time.Sleep(6 * time.Second)
					}
					if name == "inside" {
						return "0", last, nil
					}
					return "0", "0", nil
				})))
				e := event(lettered(t, 1, outer...), plain(2))
				check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
				check(t, "user records", b.take(t).UserRecords, 0)
				start := time.Now()
				check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
				check(t, "waited", time.Since(start), 1500*time.Millisecond)
				check(t, "calls", h.take(), map[string]string{"inside": "a1 b1 2", "outside": "2"}[name])
				check(t, "user records", b.take(t).UserRecords, map[string]int{"inside": 3, "outside": 1}[name])
			})
		})
	}
}

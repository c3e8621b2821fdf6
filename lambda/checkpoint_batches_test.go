package lambda_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// Lambda may cut a batch in two. What is known of the second half outlasts the
// first, whether that is answered whole or in part.
func TestCheckpointOfABatchThatIsCut(t *testing.T) {
	for name, test := range map[string]struct {
		first string // the answer for the first half
		calls []string
		saves []string
	}{
		"the first half whole": {"", []string{"a1 a2", "c1 c2"}, []string{"load 1-2; save 3:3,4 stale 1", "load 3-4; delete 3"}},
		"in part":              {sequence(2), []string{"a1 a2", "a2", "c1 c2"}, []string{"load 1-2; save 2:2,3,4 stale 1", "load 2-2; save 3:3,4 stale 2", "load 3-4; delete 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, h := newShelf(), &tape{fail: map[string]error{"a1": errBoom, "c1": errBoom}}
			sandbox := func() *lambda.Consumer {
				return newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(2))
			}
			r := []events.KinesisEventRecord{
				lettered(t, 1, "a1", "b1"), lettered(t, 2, "b2", "a2"), lettered(t, 3, "b3", "c1"), lettered(t, 4, "c2", "b4"),
			}
			check(t, "answer", invoke(t, sandbox(), event(r...)), sequence(1))
			check(t, "checkpoint", p.take(), "load 1-4; save 1:1,2,3,4")
			h.take()
			h.fail = nil
			if test.first != "" {
				h.once = map[string]error{"a2": errBoom}
			}
			halves := [][]events.KinesisEventRecord{r[:2], r[2:]}
			if test.first != "" {
				halves = [][]events.KinesisEventRecord{r[:2], r[1:2], r[2:]}
			}
			for i, half := range halves {
				want := ""
				if i == 0 {
					want = test.first
				}
				check(t, "answer", invoke(t, sandbox(), event(half...)), want)
				check(t, "calls", h.take(), test.calls[i])
				check(t, "checkpoint", p.take(), test.saves[i])
			}
			check(t, "items", p.left(), "")
		})
	}
}

// Two lanes of one shard, as with a ParallelizationFactor: neither touches the
// other's item, nor believes it.
func TestCheckpointOfTwoLanes(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"1b": errBoom, "2b": errBoom}}
	lane := func(name string, numbers ...int) events.KinesisEvent {
		var e events.KinesisEvent
		for _, n := range numbers {
			r := packed(t, n, short(sequence(n))+"a", short(sequence(n))+"b")
			r.Kinesis.PartitionKey = name
			e.Records = append(e.Records, r)
		}
		return e
	}
	odd, even := lane("odd", 1, 3), lane("even", 2, 4)
	sandbox := func() *lambda.Consumer { return newConsumer(t, h.handle, lambda.WithCheckpoint(p)) }
	check(t, "answer", invoke(t, sandbox(), odd), sequence(1))
	check(t, "answer", invoke(t, sandbox(), even), sequence(2))
	check(t, "checkpoint", p.take(), "load 1-3; save 1:1; load 2-4; save 2:2")
	h.take()
	h.fail = nil
	check(t, "answer", invoke(t, sandbox(), odd), "")
	check(t, "calls", h.take(), "1b 3a 3b")
	check(t, "checkpoint", p.take(), "load 1-3; delete 1")
	check(t, "items", p.left(), "2")
	check(t, "answer", invoke(t, sandbox(), even), "")
	check(t, "calls", h.take(), "2b 4a 4b")
	check(t, "items", p.left(), "")
}

// Without ReportBatchItemFailures the answer is an error, and what is done in the
// whole batch is kept.
func TestWholeBatchErrorWithCheckpoint(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"2b": errBoom}}
	e := event(plain(1), packed(t, 2, "2a", "2b"), plain(3))
	for _, calls := range []string{"1 2a 2b", "2b"} {
		c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithWholeBatchError())
		response, err := c.Kinesis(t.Context(), e)
		if !errors.Is(err, lambda.ErrUndecided) || !strings.Contains(err.Error(), sequence(2)) || len(response.BatchItemFailures) > 0 {
			t.Errorf("got %v, %v", response, err)
		}
		check(t, "calls", h.take(), calls)
		check(t, "checkpoint", p.take(), "load 1-3; save 1:1,2")
	}
	h.fail = nil
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithWholeBatchError()), e), "")
	check(t, "calls", h.take(), "2b 3")
	check(t, "items", p.left(), "")
}

func TestWholeBatchErrorInMemory(t *testing.T) {
	h := &tape{once: map[string]error{"2b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithWholeBatchError())
	e := event(plain(1), packed(t, 2, "2a", "2b"), plain(3))
	if _, err := c.Kinesis(t.Context(), e); !errors.Is(err, lambda.ErrUndecided) {
		t.Errorf("got %v", err)
	}
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "1 2a 2b 2b 3")
	check(t, "replay", invoke(t, c, e), "")
	check(t, "calls", h.take(), "1 2a 2b 3")
}

// Memory and Checkpoint both know something of one outer record: a handler has
// succeeded here after the answer.
func TestMemoryAddsToTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := newShelf(), &tape{}
		slow(h, 4*time.Second, nil)
		c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
		e := event(packed(t, 1, "a", "b", "c"))
		check(t, "answer", invokeFor(t, c, 3*time.Second, e), sequence(1))
		check(t, "answer", invokeFor(t, c, 3*time.Second, e), "")
		check(t, "calls", h.take(), "a b c")
		check(t, "checkpoint", p.take(), "load 1-1; save 1:1; load 1-1; delete 1")
	})
}

// The Checkpoint knows more than this process, which had the batch before.
func TestCheckpointAddsToTheMemory(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"b": errBoom, "c": errBoom}}
	here, there := newConsumer(t, h.handle, lambda.WithCheckpoint(p)), newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer here", invoke(t, here, e), sequence(1))
	delete(h.fail, "b")
	check(t, "answer there", invoke(t, there, e), sequence(1))
	h.take()
	delete(h.fail, "c")
	check(t, "answer here", invoke(t, here, e), "")
	check(t, "calls", h.take(), "c")
}

// alarm is whether Lambda was said to have gone past a failure.
func alarm(seen *string) lambda.Option {
	return lambda.WithHooks(lambda.Hooks{Passed: func(_ context.Context, p lambda.Passed) {
		*seen += p.Shard.ID + ":" + short(p.SequenceNumber) + " "
	}})
}

func TestAlarm(t *testing.T) {
	for name, test := range map[string]struct {
		checkpoint bool
		between    func(t *testing.T, elsewhere *lambda.Consumer, failed events.KinesisEvent) // before the next batch comes here
		next       events.KinesisEventRecord
		want       string
	}{
		"ReportBatchItemFailures is off":      {false, nil, packed(t, 5, "x"), shardA + ":2 "},
		"off, with a checkpoint":              {true, nil, packed(t, 5, "x"), shardA + ":2 "},
		"another lane":                        {true, nil, plain(5), ""},
		"the same batch again":                {true, nil, packed(t, 2, "2a", "2b"), ""},
		"an earlier one":                      {true, nil, packed(t, 1, "x"), ""},
		"another shard":                       {true, nil, recordOf(shardB, 5, "a", nil), ""},
		"elsewhere, without a checkpoint":     {false, finish, packed(t, 5, "x"), shardA + ":2 "},
		"another sandbox has finished it":     {true, finish, packed(t, 5, "x"), ""},
		"another sandbox has not yet done so": {true, func(t *testing.T, elsewhere *lambda.Consumer, failed events.KinesisEvent) {}, packed(t, 5, "x"), shardA + ":2 "},
	} {
		t.Run(name, func(t *testing.T) {
			p, h, l, seen := newShelf(), &tape{once: map[string]error{"2b": errBoom}}, &log{}, ""
			opts := []lambda.Option{alarm(&seen), l.option()}
			if test.checkpoint {
				opts = append(opts, lambda.WithCheckpoint(p))
			}
			c := newConsumer(t, h.handle, opts...)
			failed := event(packed(t, 1, "1"), packed(t, 2, "2a", "2b"))
			check(t, "answer", invoke(t, c, failed), sequence(2))
			if test.between != nil {
				test.between(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(failed.Records[1]))
			}
			check(t, "answer", invoke(t, c, event(test.next)), "")
			check(t, "alarm", seen, test.want)
			check(t, "log lines", l.count("Lambda went past a reported failure"), strings.Count(seen, ":"))
			seen = ""
			invoke(t, c, event(packed(t, 9, "y")))
			if test.want != "" {
				check(t, "it is said once", seen, "")
			}
		})
	}
}

func finish(t *testing.T, elsewhere *lambda.Consumer, failed events.KinesisEvent) {
	check(t, "answer elsewhere", invoke(t, elsewhere, failed), "")
}

// A Checkpoint that can't be asked leaves the alarm as it is without one.
func TestAlarmWhileLoadFails(t *testing.T) {
	p, seen := newShelf(), ""
	c := newConsumer(t, (&tape{once: map[string]error{"2": errBoom}}).handle, alarm(&seen), lambda.WithCheckpoint(p))
	check(t, "answer", invoke(t, c, event(packed(t, 2, "2"))), sequence(2))
	p.load = func(context.Context) error { return errBoom }
	check(t, "answer", invoke(t, c, event(packed(t, 5, "x"))), "")
	check(t, "alarm", seen, shardA+":2 ")
}

// Lambda does not send records out of order; the entries are in order all the same.
func TestCheckpointOfABatchOutOfOrder(t *testing.T) {
	p, h, told := newShelf(), &tape{fail: map[string]error{"5": errBoom, "3": errBoom, "7": errBoom}}, &complaints{}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(3), told.option())
	check(t, "answer", invoke(t, c, event(plain(5), plain(7), plain(3))), sequence(3))
	check(t, "checkpoint", p.take(), "load 3-7; save 3:3,5,7")
	check(t, "told", told.take(), "")
}

// Two items tell of two handlings of one record, as after a deliberate replay that
// began behind the first: neither is believed.
func TestCheckpointOfTwoRounds(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"a1": errBoom, "c1": errBoom}}
	sandbox := func() *lambda.Consumer {
		return newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(1))
	}
	byKey := func() *lambda.Consumer {
		return newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(4))
	}
	r := []events.KinesisEventRecord{lettered(t, 1, "a1"), lettered(t, 2, "b1"), lettered(t, 3, "c1", "d1")}
	check(t, "answer", invoke(t, byKey(), event(r...)), sequence(1))
	h.fail = map[string]error{"b1": errBoom, "d1": errBoom}
	check(t, "answer of the replay", invoke(t, byKey(), event(r[1:]...)), sequence(2))
	check(t, "items", p.left(), "1,2")
	h.fail = nil
	h.take()
	check(t, "answer", invoke(t, sandbox(), event(r...)), "")
	check(t, "calls", h.take(), "a1 b1 c1 d1")
	check(t, "items", p.left(), "")
}

package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// The pause starts anew whenever something was decided: a batch of which one more
// record succeeds with each call is done within so many of the shortest pauses.
func TestPauseStartsAnewAfterProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 40
		var rs []events.KinesisEventRecord
		for i := range n {
			rs = append(rs, plain(i))
		}
		c := newBatch(t, func(_ context.Context, rs []*lambda.Record) error {
			f := lambda.Failures{}
			for i := 1; i < len(rs); i++ {
				f[i] = errBoom
			}
			return f
		}, lambda.WithMaxAttempts(n+1))
		start := time.Now()
		check(t, "answer", invoke(t, c, event(rs...)), "")
		if took := time.Since(start); took > n*50*time.Millisecond {
			t.Errorf("%d calls took %v", n, took)
		}
	})
}

// Of a batch whose calls fail as a whole each record has its call alone, also behind
// one that stays undecided.
func TestBatchGoesOnBehindARecordThatIsLeft(t *testing.T) {
	h := &hands{do: func(_ context.Context, rs []*lambda.Record) error {
		for _, r := range rs {
			if string(r.Data) == "1" {
				return errBoom
			}
		}
		return nil
	}}
	c := newBatch(t, h.handle, lambda.WithMaxAttempts(1))
	e := event(plain(1), plain(2), plain(3))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "1 2 3|1/2|2/2|3/2")
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "what is done stays so", h.take(), "1/3")
}

// The memory keeps the last 1,024 batches that were answered in part.
func TestMemoryKeeps1024Batches(t *testing.T) {
	h := &tape{fail: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle)
	of := func(n int) events.KinesisEvent {
		r := packed(t, n, "a", "b")
		r.EventID = fmt.Sprintf("shardId-%012d:%s", n, sequence(n))
		return event(r)
	}
	for n := range 1025 {
		check(t, "answer", invoke(t, c, of(n)), sequence(n))
	}
	h.fail = nil
	h.take()
	for n, calls := range map[int]string{0: "a b", 1: "b", 1024: "b"} {
		check(t, "answer", invoke(t, c, of(n)), "")
		check(t, fmt.Sprint("batch ", n), h.take(), calls)
	}
}

// The texts of failures are kept in full up to 1 MiB an invocation, and then only
// their beginnings.
func TestTextsOfManyFailures(t *testing.T) {
	const n, size = 300, 8 << 10
	var rs []events.KinesisEventRecord
	for i := range n {
		rs = append(rs, plain(i))
	}
	text := strings.Repeat("x", size)
	var lengths []int
	c := newBatch(t, func(_ context.Context, rs []*lambda.Record) error {
		f := lambda.Failures{}
		for i := range rs {
			f[i] = lambda.Poison(errors.New(text))
		}
		return f
	}, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		lengths = append(lengths, len(l.Error))
		return nil
	})))
	check(t, "answer", invoke(t, c, event(rs...)), "")
	check(t, "letters", len(lengths), n)
	check(t, "the first", lengths[0], size)
	check(t, "the last of 1 MiB", lengths[1<<20/size-1], size)
	check(t, "the next", lengths[1<<20/size], 256)
	check(t, "the last", lengths[n-1], 256)
}

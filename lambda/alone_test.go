package lambda_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/lambda"
)

// failTogether fails every call with several records.
func failTogether(_ context.Context, rs []*lambda.Record) error {
	if len(rs) > 1 {
		return errBoom
	}
	return nil
}

func TestRecordsAreTheBatchHandlersToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept [][]*lambda.Record
		c := newBatch(t, func(ctx context.Context, rs []*lambda.Record) error {
			kept = append(kept, rs)
			return failTogether(ctx, rs)
		}, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(&letters{}))
		check(t, "answer", invoke(t, c, event(packed(t, 1, "a", "b", "c"))), "")
		var got []string
		for _, rs := range kept {
			got = append(got, dataOf(rs))
		}
		check(t, "what the handler kept", strings.Join(got, "|"), "a b c|a/2|b/2|c/2")
	})
}

func TestFailuresOfACallWithOneRecord(t *testing.T) {
	for name, test := range map[string]struct {
		alone   error
		answer  string
		letters string
	}{
		"none failed":    {lambda.Failures{}, "", ""},
		"a nil entry":    {lambda.Failures{0: nil}, "", ""},
		"wrapped":        {fmt.Errorf("more: %w", lambda.Failures{}), "", ""},
		"poison":         {lambda.Failures{0: lambda.Poison(errBoom)}, "", "a/2 b/2"},
		"left for later": {lambda.Failures{0: lambda.ErrNotTried}, sequence(1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, d := &hands{}, &letters{}
				h.do = func(ctx context.Context, rs []*lambda.Record) error {
					if len(rs) > 1 {
						return errBoom
					}
					return test.alone
				}
				c := newBatch(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(d))
				check(t, "answer", invokeFor(t, c, time.Minute, event(packed(t, 1, "a", "b"))), test.answer)
				check(t, "letters", d.take(), test.letters)
			})
		})
	}
}

func TestBatchHandlersContextHasNoIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newBatch(t, func(ctx context.Context, rs []*lambda.Record) error {
			if i, ok := lambda.IdentityFrom(ctx); ok {
				t.Errorf("the context of a call with %d records says %v", len(rs), i)
			}
			return failTogether(ctx, rs)
		}, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(&letters{}))
		check(t, "answer", invoke(t, c, event(packed(t, 1, "a", "b"))), "")
	})
}

// The log names the records that failed, one by one or, if it was the whole call,
// the first of them.
func TestLogOfCallsOfSeveral(t *testing.T) {
	l := &log{}
	h := &hands{do: func(context.Context, []*lambda.Record) error {
		return lambda.Failures{1: errBoom, 2: lambda.ErrNotTried}
	}}
	c := newBatch(t, h.handle, l.option())
	check(t, "answer", invoke(t, c, event(packed(t, 1, "a", "b", "c"))), sequence(1))
	check(t, "lines of records", l.count(`level=WARN msg="record failed" record=`+shardA+":"+sequence(1)+":1 error=boom attempt=1"), 1)
	check(t, "lines", l.count("failed"), 2) // with the count of failed attempts
	h.do = func(context.Context, []*lambda.Record) error { return errBoom }
	check(t, "answer", invoke(t, c, event(packed(t, 2, "d", "e"))), sequence(2))
	check(t, "lines of calls", l.count(`level=WARN msg="records failed" record=`+shardA+":"+sequence(2)+":0 error=boom attempt=1"), 1)
}

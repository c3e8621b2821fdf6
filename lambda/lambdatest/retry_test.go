package lambdatest_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// The sequence that was recorded on AWS (BatchSize 3, 3 retries, records 0
// to 5, of which 5 always fails).
func TestRecordedSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := drained(t, lambdatest.Records(numbered(6)), reports("5"), lambdatest.WithBatchSize(3),
			lambdatest.WithMaximumRetryAttempts(3), lambdatest.WithReportBatchItemFailures())
		check(t, "story", story(m), lines(
			"0 1 2: succeeded",
			"3 4 5: partial 2",
			"5: partial 0",
			"5: partial 0, attempt 2",
			"5: partial 0, attempt 3",
			"5: partial 0, attempt 4",
		))
		seen := m.Seen()
		for i := range 6 {
			want := 1
			if i == 5 {
				want = 5
			}
			check(t, fmt.Sprint("seen ", i), seen["shardId-000000000000:"+sequence(i)], want)
		}
		failures := m.OnFailures()
		check(t, "given up", len(failures), 1)
		check(t, "invoke count", failures[0].RequestContext.ApproximateInvokeCount, 4)
		check(t, "condition", failures[0].RequestContext.Condition, "RetryAttemptsExhausted")
	})
}

func TestRetries(t *testing.T) {
	report, bisect := lambdatest.WithReportBatchItemFailures(), lambdatest.WithBisectBatchOnFunctionError()
	retries := lambdatest.WithMaximumRetryAttempts
	for _, c := range []struct {
		name    string
		f       lambdatest.Factory
		opts    []lambdatest.Option
		want    string
		givenUp string // first to last record and invoke count of each
	}{
		{"an error fails the whole batch, N retries are N+1 invocations", throws("1"), []lambdatest.Option{retries(2)},
			lines("0 1 2 3: function error", "0 1 2 3: function error, attempt 2", "0 1 2 3: function error, attempt 3"), "0-3/3"},
		{"no retries", throws("1"), []lambdatest.Option{retries(0)}, "0 1 2 3: function error", "0-3/1"},
		{"a failure at the first record does not move the checkpoint", reports("0"), []lambdatest.Option{report, retries(1)},
			lines("0 1 2 3: partial 0", "0 1 2 3: partial 0, attempt 2"), "0-3/2"},
		{"the lowest failure counts", reports("3", "1"), []lambdatest.Option{report, retries(0)},
			lines("0 1 2 3: partial 1", "1 2 3: partial 0"), "1-3/1"},
		{"without the response type any answer is success", reports("1"), []lambdatest.Option{retries(0)}, "0 1 2 3: succeeded", ""},
		{"bisect does not use up retries", throws("2"), []lambdatest.Option{bisect, retries(1)},
			lines("0 1 2 3: function error", "0 1: succeeded, attempt 2", "2 3: function error, attempt 2",
				"2: function error, attempt 3", "2: function error, attempt 4", "3: succeeded, attempt 3"), "2-2/4"},
		{"bisect without retries still cuts", throws("2"), []lambdatest.Option{bisect, retries(0)},
			lines("0 1 2 3: function error", "0 1: succeeded, attempt 2", "2 3: function error, attempt 2",
				"2: function error, attempt 3", "3: succeeded, attempt 3"), "2-2/3"},
		{"bisect that restarts the counts", throws("2"), []lambdatest.Option{bisect, retries(0), lambdatest.WithRetriesRestartedByBisect()},
			lines("0 1 2 3: function error", "0 1: succeeded", "2 3: function error", "2: function error", "3: succeeded"), "2-2/1"},
		{"a partial answer is cut at the number, bisect or not", reports("2"), []lambdatest.Option{bisect, report, retries(1)},
			lines("0 1 2 3: partial 2", "2 3: partial 0", "2 3: partial 0, attempt 2"), "2-3/2"},
		{"an answer that fails the batch is cut, too", answers(`{"batchItemFailures":[{"itemIdentifier":""}]}`), []lambdatest.Option{bisect, report, retries(0), lambdatest.WithBatchSize(2)},
			lines("0 1: bad answer", "0: bad answer, attempt 2", "1: bad answer, attempt 2", "2 3: bad answer", "2: bad answer, attempt 2", "3: bad answer, attempt 2"), "0-0/2 1-1/2 2-2/2 3-3/2"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			var docs []string
			opts := append(c.opts, lambdatest.WithOnFailure(func(f lambdatest.OnFailure) {
				i := f.KinesisBatchInfo
				first, last := strings.TrimLeft(i.StartSequenceNumber[7:], "0"), strings.TrimLeft(i.EndSequenceNumber[7:], "0")
				docs = append(docs, fmt.Sprintf("%d-%d/%d", first[0]-'1', last[0]-'1', f.RequestContext.ApproximateInvokeCount))
				check(t, "batch size", i.BatchSize, int(last[0]-first[0])+1)
			}))
			m := drained(t, lambdatest.Records(numbered(4)), c.f, opts...)
			check(t, "story", story(m), c.want)
			check(t, "given up", strings.Join(docs, " "), c.givenUp)
			check(t, "documents in the log", len(m.OnFailures()), len(docs))
		})
	}
}

// Halves go on with the retries that were used up, or start anew.
func TestBisectAfterARetry(t *testing.T) {
	for _, c := range []struct {
		opts []lambdatest.Option
		want string
	}{
		{nil, lines("0 1: partial 0", "0 1: function error, attempt 2", "0: function error, attempt 3", "1: function error, attempt 3")},
		{[]lambdatest.Option{lambdatest.WithRetriesRestartedByBisect()},
			lines("0 1: partial 0", "0 1: function error, attempt 2", "0: function error", "0: function error, attempt 2", "1: function error", "1: function error, attempt 2")},
	} {
		bubble(t, "", func(t *testing.T) {
			n := 0
			f := always(func(context.Context, []byte) ([]byte, error) {
				if n++; n == 1 {
					return []byte(`{"batchItemFailures":[{"itemIdentifier":"` + sequence(0) + `"}]}`), nil
				}
				return nil, errBoom
			})
			m := drained(t, lambdatest.Records(numbered(2)), f, append(c.opts, lambdatest.WithReportBatchItemFailures(),
				lambdatest.WithBisectBatchOnFunctionError(), lambdatest.WithMaximumRetryAttempts(1))...)
			check(t, "story", story(m), c.want)
		})
	}
}

// For ever is for ever: only the end of ctx, or success, ends it.
func TestRetriesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var heal atomic.Bool
		f := always(func(context.Context, []byte) ([]byte, error) {
			if heal.Load() {
				return nil, nil
			}
			return nil, errBoom
		})
		m := newMapping(t, lambdatest.Records(numbered(2)), f)
		defer m.Close()
		check(t, "error", m.Drain(ctx), context.DeadlineExceeded)
		n := len(m.Invocations())
		if n < 500 {
			t.Errorf("%d invocations within an hour", n)
		}
		heal.Store(true)
		drain(t, m) // goes on where it was
		all := m.Invocations()
		check(t, "more invocations", len(all), n+1)
		check(t, "attempt", all[n].Attempt, n+1)
		check(t, "records", names(all[n].Records), "0 1")
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := drained(t, lambdatest.Records(numbered(1)), throws("0"), lambdatest.WithMaximumRetryAttempts(9))
		var waits []string
		all := m.Invocations()
		for i := range all[1:] {
			waits = append(waits, all[i+1].Start.Sub(all[i].End).String())
		}
		check(t, "waits", strings.Join(waits, " "), "100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 6.4s 6.4s")

		var asked []int
		drained(t, lambdatest.Records(numbered(3)), reports("1"), lambdatest.WithMaximumRetryAttempts(2), lambdatest.WithReportBatchItemFailures(),
			lambdatest.WithBackoff(func(n int) time.Duration { asked = append(asked, n); return 0 }))
		check(t, "asked", fmt.Sprint(asked), "[1 2 3]") // moved, not, not

		asked = nil
		drained(t, lambdatest.Records(numbered(2)), throws("0", "1"), lambdatest.WithMaximumRetryAttempts(1), lambdatest.WithBisectBatchOnFunctionError(),
			lambdatest.WithBackoff(func(n int) time.Duration { asked = append(asked, n); return 0 }))
		check(t, "asked", fmt.Sprint(asked), "[1 2 1]") // whole, first half; the second goes at once
	})
	check(t, "the first", lambdatest.Backoff(-1), 100*time.Millisecond)
}

// An invocation that is refused does not count.
func TestThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := drained(t, lambdatest.Records(numbered(40)), throws("7"), lambdatest.WithBatchSize(1),
			lambdatest.WithMaximumRetryAttempts(2), lambdatest.WithTrouble(lambdatest.Trouble{Throttle: 0.5}))
		refused := 0
		for _, inv := range m.Invocations() {
			refused += inv.Refused
		}
		check(t, "invocations", len(m.Invocations()), 42)
		check(t, "invoke count", m.OnFailures()[0].RequestContext.ApproximateInvokeCount, 3)
		if refused < 20 || refused > 80 {
			t.Errorf("%d refusals for 42 invocations with a chance of 0.5", refused)
		}
	})
}

// Only the head of the batch that is too old is dropped, before an invocation.
func TestMaximumRecordAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := numbered(4)
		start := time.Now()
		for i, age := range []time.Duration{90, 61, 60, 30} {
			records[i].ApproximateArrivalTimestamp = start.Add(-age * time.Second)
		}
		var asked []int
		m := drained(t, lambdatest.Records(records), throws("3"), lambdatest.WithMaximumRecordAge(time.Minute),
			lambdatest.WithBackoff(func(n int) time.Duration { asked = append(asked, n); return 10 * time.Second }))
		check(t, "failures in a row", fmt.Sprint(asked), "[1 1 2 3]") // the head that is dropped gets it further
		check(t, "story", story(m), lines(
			"2 3: function error", // 60 s old is not over 60 s
			"3: function error, attempt 2", "3: function error, attempt 3", "3: function error, attempt 4",
		))
		var docs []string
		for _, d := range m.OnFailures() {
			docs = append(docs, fmt.Sprintf("%s %s %d", d.RequestContext.Condition, d.KinesisBatchInfo.EndSequenceNumber[54:], d.KinesisBatchInfo.BatchSize))
			check(t, "response context", d.ResponseContext, nil)
			check(t, "request id", d.RequestContext.RequestID == "", false)
		}
		check(t, "documents", strings.Join(docs, "\n"), lines("RecordAgeExceeded 02 2", "RecordAgeExceeded 03 1", "RecordAgeExceeded 04 1"))
	})
}

package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

type (
	windowEvent  = events.KinesisTimeWindowEvent
	windowAnswer = events.KinesisTimeWindowEventResponse
)

// counter counts the records of a window in the state, and tells each window's end.
type counter struct {
	mu    sync.Mutex
	told  []string
	fail  func(n int, e windowEvent) (windowAnswer, bool) // in the place of the n-th answer
	calls int
}

func (c *counter) handle(_ context.Context, e windowEvent) (windowAnswer, error) {
	if e.State == nil {
		return windowAnswer{}, errors.New("no state")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.fail != nil {
		if a, ok := c.fail(c.calls, e); ok {
			return a, nil
		}
	}
	n, _ := strconv.Atoi(e.State["n"])
	n += len(e.Records)
	if e.IsFinalInvokeForWindow || e.IsWindowTerminatedEarly {
		early := ""
		if e.IsWindowTerminatedEarly {
			early = " early"
		}
		c.told = append(c.told, fmt.Sprintf("%s %s %d%s", e.ShardID[19:], e.Window.Start.Format("04:05"), n, early))
	}
	var a windowAnswer
	a.State = map[string]string{"n": strconv.Itoa(n)}
	return a, nil
}

// at is records that arrived so many seconds after the start of a minute long ago.
func at(seconds ...int) []lambdatest.Record {
	all := numbered(len(seconds))
	for i, s := range seconds {
		all[i].ApproximateArrivalTimestamp = time.Date(1999, 12, 31, 20, 0, s, 0, time.UTC)
	}
	return all
}

func TestTumblingWindows(t *testing.T) {
	var c counter
	m := drained(t, lambdatest.Records(at(0, 5, 59, 60, 61, 200)), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithBatchSize(2))
	check(t, "windows", strings.Join(c.told, ", "), "0 00:00 3, 0 01:00 2, 0 03:00 1")
	check(t, "story", story(m), lines("0 1: succeeded", "2: succeeded", ": succeeded", "3 4: succeeded", ": succeeded", "5: succeeded", ": succeeded"))
	for i, inv := range m.Invocations() {
		check(t, "final", inv.Final, len(inv.Records) == 0)
		check(t, "window", inv.Window.End.Sub(inv.Window.Start), time.Minute)
		check(t, "in it", i > 1 || inv.Window.Start.Equal(at(0)[0].ApproximateArrivalTimestamp), true)
	}
}

// A record that comes late belongs to the window that is open.
func TestLateRecord(t *testing.T) {
	var c counter
	drained(t, lambdatest.Records(at(61, 5, 62)), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(time.Minute))
	check(t, "windows", strings.Join(c.told, ", "), "0 01:00 3")
}

// Windows before 1970 start before their records, too.
func TestWindowsBefore1970(t *testing.T) {
	var c counter
	records := numbered(4)
	for i, ms := range []int64{-61_000, -60_000, -1, 0} {
		records[i].ApproximateArrivalTimestamp = time.UnixMilli(ms)
	}
	drained(t, lambdatest.Records(records), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithMaximumRetryAttempts(0))
	check(t, "windows", strings.Join(c.told, ", "), "0 58:00 1, 0 59:00 2, 0 00:00 1")
}

// A window ends by the clock when the stream has been read up to its end.
func TestWindowEndsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		var c counter
		m := newMapping(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(10*time.Second))
		defer m.Close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		for range 4 {
			put(t, client, 0, 5, 1)
			time.Sleep(7 * time.Second)
		}
		<-done
		check(t, "windows", strings.Join(c.told, ", "), "0 00:00 10, 0 00:10 5, 0 00:20 5")
		for _, inv := range m.Invocations() {
			if inv.Final {
				late := inv.Start.Sub(inv.Window.End)
				if late < 0 || late > time.Second {
					t.Errorf("the window that ends at %v was ended %v late", inv.Window.End.Sub(start), late)
				}
			}
		}
	})
}

// What could not be read before a window's end still belongs to it.
func TestWindowWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		var c counter
		m := newMapping(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(10*time.Second))
		defer m.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		done := make(chan error)
		put(t, client, 0, 5, 1)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(7500 * time.Millisecond)
		client.Server().SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
			if r.Operation == "GetRecords" {
				f.Failure = kinesistest.APIError(500, "InternalFailure")
			}
			return f
		})
		put(t, client, 5, 3, 1)
		time.Sleep(6 * time.Second)
		client.Server().SetFaults()
		<-done
		check(t, "windows", strings.Join(c.told, ", "), "0 00:00 8")
	})
}

// A drain waits for the end of windows; the state lives on between runs.
func TestDrainEndsWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		var c counter
		m := newMapping(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(15*time.Minute))
		defer m.Close()
		put(t, client, 0, 3, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		check(t, "error", m.Drain(ctx), context.DeadlineExceeded)
		put(t, client, 3, 4, 1)
		start := time.Now()
		drain(t, m)
		check(t, "windows", strings.Join(c.told, ", "), "0 00:00 7")
		check(t, "wait", time.Since(start), 14*time.Minute)
	})
}

// A shard that ends ends its window; its children start with a fresh state.
func TestWindowOfAClosedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		var c counter
		m := newMapping(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(10*time.Second))
		defer m.Close()
		put(t, client, 0, 10, 10)
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		put(t, client, 10, 10, 10)
		drain(t, m)
		check(t, "windows", len(c.told), 3)
		check(t, "the parent's", c.told[0], "0 00:00 10")
		total := 0
		for _, told := range c.told[1:] {
			n, _ := strconv.Atoi(strings.Fields(told)[2])
			total += n
		}
		check(t, "the children's", total, 10)
	})
}

// Without a state in the answer the invocation has failed.
func TestStateIsRequired(t *testing.T) {
	for _, answer := range []string{``, `null`, `{}`, `{"state":null}`, `{"state":"x"}`, `{"state":{}`, `{"State":{}}`} {
		bubble(t, answer, func(t *testing.T) {
			m := drained(t, lambdatest.Records(at(1)), answers(answer), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithMaximumRetryAttempts(1))
			check(t, "story", story(m), lines("0: bad answer", "0: bad answer, attempt 2", ": bad answer", ": bad answer, attempt 2"))
			docs := m.OnFailures()
			check(t, "documents", len(docs), 2)
			check(t, "records in the second", docs[1].KinesisBatchInfo.BatchSize, 0)
		})
	}
}

// A state over 1 MB ends the window early; it goes on with a fresh one.
func TestLargeState(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for size, want := range map[int]string{
		1<<20 - len(`{"n":"1","x":""}`):     "0 00:00 3",
		1<<20 - len(`{"n":"1","x":""}`) + 1: "0 00:00 1 early, 0 00:00 2",
	} {
		c := counter{fail: func(n int, e windowEvent) (a windowAnswer, ok bool) {
			a.State = map[string]string{"n": "1", "x": big[:size]}
			return a, n == 1
		}}
		m := drained(t, lambdatest.Records(at(0, 1, 2)), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithBatchSize(1))
		check(t, "windows", strings.Join(c.told, ", "), want)
		check(t, "early", m.Invocations()[1].Early, strings.Contains(want, "early"))
	}
}

// What fitted into an event no longer does when the state has grown: its tail is
// sent by itself, with the counts of the batch that it was part of. The last record
// fails for ever.
func TestStateThatGrows(t *testing.T) {
	const limit = 6 << 20
	for _, c := range []struct {
		failed int // the record that the first answer reports
		want   string
		asked  string
	}{
		{1, "7 partial 1, 5 succeeded 1, 1 partial 1, 1 partial 2, 0 succeeded 1", "[1 1]"},
		{0, "7 partial 1, 6 succeeded 2, 1 partial 2, 0 succeeded 1", "[1]"},
	} {
		bubble(t, fmt.Sprint("failed=", c.failed), func(t *testing.T) {
			records := at(0, 1, 2, 3, 4, 5, 6)
			for i := range records[1:] {
				records[i+1].Data = make([]byte, 770_000)
			}
			first, longest := true, 0
			f := always(func(_ context.Context, p []byte) ([]byte, error) {
				longest = max(longest, len(p))
				failures := ""
				switch {
				case first:
					first, failures = false, `{"itemIdentifier":"`+sequence(c.failed)+`"}`
				case strings.Contains(string(p), sequence(6)):
					failures = `{"itemIdentifier":"` + sequence(6) + `"}`
				}
				return []byte(`{"state":{"s":"` + strings.Repeat("x", 1_000_000) + `"},"batchItemFailures":[` + failures + `]}`), nil
			})
			var asked []int
			m := drained(t, lambdatest.Records(records), f, lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithReportBatchItemFailures(),
				lambdatest.WithMaximumRetryAttempts(1), lambdatest.WithBackoff(func(n int) time.Duration { asked = append(asked, n); return 0 }))
			var got []string
			for _, inv := range m.Invocations() {
				got = append(got, fmt.Sprintf("%d %s %d", len(inv.Records), inv.Outcome, inv.Attempt))
			}
			check(t, "records, outcomes, attempts", strings.Join(got, ", "), c.want)
			check(t, "backoffs", fmt.Sprint(asked), c.asked)
			check(t, "given up", m.OnFailures()[0].KinesisBatchInfo.StartSequenceNumber, sequence(6))
			if longest > limit {
				t.Errorf("an event of %d bytes", longest)
			}
		})
	}
}

// The state of a partial answer goes on or not, as an option says; that of a failed
// invocation never does.
func TestStateOfAPartialAnswer(t *testing.T) {
	for _, drop := range []bool{false, true} {
		bubble(t, fmt.Sprint(drop), func(t *testing.T) {
			c := counter{fail: func(n int, e windowEvent) (a windowAnswer, ok bool) {
				if n > 1 {
					return a, false
				}
				a.State = map[string]string{"n": "100"}
				a.BatchItemFailures = []events.KinesisBatchItemFailure{{ItemIdentifier: e.Records[2].Kinesis.SequenceNumber}}
				return a, true
			}}
			opts := []lambdatest.Option{lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithReportBatchItemFailures()}
			want := "0 00:00 101"
			if drop {
				opts, want = append(opts, lambdatest.WithStateOfPartialAnswersDropped()), "0 00:00 1"
			}
			drained(t, lambdatest.Records(at(0, 1, 2)), lambdatest.Handler(c.handle), opts...)
			check(t, "windows", strings.Join(c.told, ", "), want)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := counter{fail: func(n int, e windowEvent) (a windowAnswer, ok bool) {
			a.State = map[string]string{"n": "100"}
			a.BatchItemFailures = []events.KinesisBatchItemFailure{{ItemIdentifier: ""}}
			return a, n == 1
		}}
		drained(t, lambdatest.Records(at(0, 1, 2)), lambdatest.Handler(c.handle), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithReportBatchItemFailures())
		check(t, "windows", strings.Join(c.told, ", "), "0 00:00 3")
	})
}

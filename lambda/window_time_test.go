package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// inPlace folds into one map, as Go programs do; a fold takes 60 ms, and the
// first one of the record late takes that much longer, whatever its context says.
type inPlace struct {
	h    tape
	late string
	by   time.Duration
}

func (f *inPlace) fold(ctx context.Context, _ lambda.Window, s tally, r *lambda.Record) (tally, error) {
	if s == nil {
		s = tally{}
	}
	if err := f.h.handle(ctx, r); err != nil {
		return s, err
	}
	name := string(r.Data)
	s[name]++
	time.Sleep(60 * time.Millisecond)
	if name == f.late && r.Attempt == 1 {
		time.Sleep(f.by)
		s["late "+name]++
	}
	return s, nil
}

func (f *inPlace) finish(context.Context, lambda.Window, tally) error { return nil }

// The time is up in the middle of a fold that is at the state: what goes out is
// the state of a moment before, and what was folded since then comes again.
func TestWindowTimeUp(t *testing.T) {
	for name, test := range map[string]struct {
		elsewhere bool
		late      string
		state     string // after the first turn
		again     string
	}{
		"same process":           {false, "d", "[a:1 b:1]", "c d e 2"},
		"another one":            {true, "d", "[a:1 b:1]", "c d e 2"},
		"the first":              {false, "a", "[]", "a b c d e 2"},
		"right after a snapshot": {false, "c", "[a:1 b:1]", "c d e 2"},
		"in the second record":   {true, "2", "[a:1 b:1 c:1 d:1]", "e 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &inPlace{late: test.late, by: 4 * time.Second}
				var attempts []int
				fold := func(ctx context.Context, w lambda.Window, s tally, r *lambda.Record) (tally, error) {
					if string(r.Data) == test.late {
						attempts = append(attempts, r.Attempt)
					}
					return f.fold(ctx, w, s, r)
				}
				c := newWindow(t, fold, f.finish)
				e := inWindow(nil, packed(t, 1, "a", "b", "c", "d", "e"), plain(2))
				start := time.Now()
				state, id := turnFor(t, c, 3*time.Second, e)
				check(t, "answer", id, sequence(1))
				check(t, "answered after", time.Since(start), 2500*time.Millisecond)
				check(t, "state", stateOf(t, state), test.state)
				f.h.take()
				if test.elsewhere {
					time.Sleep(time.Minute)
					c = newWindow(t, fold, f.finish)
				}
				state, id = turnFor(t, c, 5*time.Second, inWindow(state, e.Records...))
				check(t, "answer", id, "")
				check(t, "state", stateOf(t, state), "[2:1 a:1 b:1 c:1 d:1 e:1]")
				check(t, "calls", f.h.take(), test.again)
				check(t, "attempts", fmt.Sprint(attempts), "[1 2]")
			})
		})
	}
}

// Lambda sends a part of the batch only: what is known of the rest stays in the
// state.
func TestWindowOfABatchThatIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &inPlace{late: "d", by: 4 * time.Second}
		attempt := 0
		fold := func(ctx context.Context, w lambda.Window, s tally, r *lambda.Record) (tally, error) {
			if string(r.Data) == "d" {
				attempt = r.Attempt
			}
			return f.fold(ctx, w, s, r)
		}
		one, two := packed(t, 1, "a"), packed(t, 2, "d")
		state, id := turnFor(t, newWindow(t, fold, f.finish), 3*time.Second, inWindow(nil, one, two))
		check(t, "answer", id, sequence(1))
		check(t, "state", stateOf(t, state), "[]") // a was folded after the snapshot
		time.Sleep(time.Minute)
		state, id = turn(t, newWindow(t, fold, f.finish), inWindow(state, one))
		check(t, "answer", id, "")
		check(t, "state", stateOf(t, state), "[a:1]")
		state, id = turn(t, newWindow(t, fold, f.finish), inWindow(state, two))
		check(t, "answer", id, "")
		check(t, "state", stateOf(t, state), "[a:1 d:1]")
		check(t, "keys", len(state), 1)
		check(t, "attempt", attempt, 2)
	})
}

// A fold that runs through the next invocation, too: that answers with what it
// was given.
func TestWindowWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &inPlace{late: "d", by: 8 * time.Second}
		c := newWindow(t, f.fold, f.finish)
		e := inWindow(nil, packed(t, 1, "a", "b", "c", "d"))
		first, id := turnFor(t, c, 3*time.Second, e)
		check(t, "answer", id, sequence(1))
		second, id := turnFor(t, c, 3*time.Second, inWindow(first, e.Records...))
		check(t, "answer", id, sequence(1))
		check(t, "state", maps.Equal(first, second), true)
		third, id := turnFor(t, c, 10*time.Second, inWindow(second, e.Records...))
		check(t, "answer", id, "")
		check(t, "state", stateOf(t, third), "[a:1 b:1 c:1 d:1]")
		check(t, "calls", f.h.take(), "a b c d c d")
	})
}

// Nothing was folded when the time was up: the state is the one that came.
func TestWindowTimeUpBeforeTheFirstFold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &inPlace{}
		slow := lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error { time.Sleep(4 * time.Second); return nil })
		c := newWindow(t, f.fold, f.finish, lambda.WithDeadLetter(slow))
		came := map[string]string{"state": `{"before":1}`}
		state, id := turnFor(t, c, 3*time.Second, inWindow(came, record(1, "x", malformed()), plain(2)))
		check(t, "answer", id, sequence(1))
		check(t, "state", stateOf(t, state), "[before:1]")
		state, id = turnFor(t, c, 9*time.Second, inWindow(state, record(1, "x", malformed()), plain(2)))
		check(t, "answer", id, "")
		check(t, "state", stateOf(t, state), "[2:1 before:1]")
	})
}

func TestWindowSnapshotThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWindow(t, func(_ context.Context, _ lambda.Window, s float64, r *lambda.Record) (float64, error) {
			time.Sleep(time.Second)
			return math.Inf(1), nil
		}, func(context.Context, lambda.Window, float64) error { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		response, err := c.Kinesis(ctx, inWindow(nil, packed(t, 1, "a", "b", "c", "d")))
		if err == nil || response.State != nil {
			t.Errorf("got %v, %v", response, err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
	})
}

// ledger is a fold and a finish for the test below. What it is told outlasts the
// sandboxes; what a dead one says does not count.
type ledger struct {
	mu     sync.Mutex
	random *rand.Rand
	sums   map[string]map[string]int // by window, then by key
}

func (l *ledger) roll(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

func (l *ledger) fold(ctx context.Context, _ lambda.Window, s map[string]int, r *lambda.Record) (map[string]int, error) {
	if s == nil {
		s = map[string]int{}
	}
	switch l.roll(40) {
	case 0, 1:
		return s, errBoom
	case 2:
		panic("boom")
	case 3:
		<-ctx.Done()
		return s, ctx.Err()
	}
	n, err := strconv.Atoi(string(r.Data))
	s[r.PartitionKey] += n
	switch l.roll(60) {
	case 0:
		time.Sleep(5 * time.Second) // with a state that is changed already
	case 1:
		time.Sleep(700 * time.Millisecond)
	}
	return s, err
}

// Under kills, time-outs and failures of all kinds each window has the sum of
// what was put into it, to the last record. If Lambda dropped the state of an
// answer in part, though it went on behind it, only whole batches would do.
func TestWindowSumsAreExact(t *testing.T) {
	outcomes := map[lambdatest.Outcome]int{}
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			l := &ledger{random: rand.New(rand.NewPCG(seed, 2)), sums: map[string]map[string]int{}}
			want := map[string]map[string]int{}
			var records []lambdatest.Record
			for at := time.Now().UTC().Add(-time.Hour).Truncate(20 * time.Second); len(records) < 30; at = at.Add(time.Duration(random.IntN(9000)) * time.Millisecond) {
				window := at.Truncate(20 * time.Second).Format("04:05")
				if want[window] == nil {
					want[window] = map[string]int{}
				}
				var users []aggregate.Record
				for range 1 + random.IntN(5) {
					n, key := random.IntN(100), fmt.Sprint("key-", random.IntN(3))
					want[window][key] += n
					users = append(users, aggregate.Record{PartitionKey: key, Data: fmt.Append(nil, n)})
				}
				records = append(records, lambdatest.Record{PartitionKey: "a", Data: pack(t, users...), ApproximateArrivalTimestamp: at})
			}
			var whole []lambda.Option
			if seed%3 == 2 {
				whole = append(whole, lambda.WithWholeBatchError())
			}
			factory := func(sb *lambdatest.Sandbox) lambdatest.Function {
				c := newWindow(t, l.fold, func(ctx context.Context, w lambda.Window, s map[string]int) error {
					if l.roll(5) == 0 {
						return errBoom
					}
					if err := sb.Point(ctx, "finish"); err != nil {
						return err
					}
					l.mu.Lock()
					defer l.mu.Unlock()
					l.sums[w.Start.UTC().Format("04:05")] = maps.Clone(s)
					return nil
				}, whole...)
				return lambdatest.HandlerFunc[events.KinesisTimeWindowEvent, events.KinesisTimeWindowEventResponse](c.Kinesis)
			}
			opts := []lambdatest.Option{
				lambdatest.WithTumblingWindow(20 * time.Second), lambdatest.WithBatchSize(1 + random.IntN(6)), lambdatest.WithSeed(seed),
				lambdatest.WithReportBatchItemFailures(), lambdatest.WithSandboxes(2, lambdatest.Random),
				lambdatest.WithTrouble(lambdatest.Trouble{Kill: 0.05, KillAtPoint: 0.05, ColdStart: 0.1, Throttle: 0.05}),
			}
			if whole != nil {
				opts = append(opts, lambdatest.WithStateOfPartialAnswersDropped())
			}
			m, err := lambdatest.New(lambdatest.Records(records), factory, opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer time.Sleep(time.Minute) // for folds that are late
			defer m.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			if err := m.Drain(ctx); err != nil {
				all := m.Invocations()
				t.Fatalf("seed %d: %v after %d invocations, the last one: %+v", seed, err, len(all), all[len(all)-1])
			}
			for _, i := range m.Invocations() {
				outcomes[i.Outcome]++
			}
			got, _ := json.Marshal(l.sums)
			expected, _ := json.Marshal(want)
			if string(got) != string(expected) {
				t.Errorf("seed %d, %d invocations: sums\n%s, want\n%s", seed, len(m.Invocations()), got, expected)
			}
		})
	}
	for _, o := range []lambdatest.Outcome{lambdatest.Succeeded, lambdatest.Partial, lambdatest.FunctionError, lambdatest.Killed} {
		if outcomes[o] < 20 {
			t.Errorf("%d invocations %s: this tests little", outcomes[o], o)
		}
	}
}

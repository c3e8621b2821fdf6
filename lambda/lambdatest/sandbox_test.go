package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// visits tells the sandbox of each invocation, with a star at a cold start.
func visits(m *lambdatest.Mapping) string {
	var all []string
	for _, inv := range m.Invocations() {
		star := ""
		if inv.ColdStart {
			star = "*"
		}
		all = append(all, fmt.Sprintf("%d%s", inv.Sandbox, star))
	}
	return strings.Join(all, " ")
}

func TestPlacement(t *testing.T) {
	run := func(opts ...lambdatest.Option) string {
		return visits(drained(t, lambdatest.Records(numbered(6)), answers(""), append(opts, lambdatest.WithBatchSize(1))...))
	}
	check(t, "default", run(), "1* 1 1 1 1 1")
	check(t, "sticky of three", run(lambdatest.WithSandboxes(3, lambdatest.Sticky)), "1* 1 1 1 1 1")
	check(t, "round robin", run(lambdatest.WithSandboxes(3, lambdatest.RoundRobin)), "1* 2* 3* 1 2 3")
	check(t, "always cold", run(lambdatest.WithSandboxes(3, lambdatest.AlwaysCold)), "1* 2* 3* 4* 5* 6*")
	check(t, "cold by chance", run(lambdatest.WithTrouble(lambdatest.Trouble{ColdStart: 1})), "1* 2* 3* 4* 5* 6*")
	random := map[string]bool{}
	for seed := range uint64(20) {
		opts := []lambdatest.Option{lambdatest.WithSandboxes(2, lambdatest.Random), lambdatest.WithSeed(seed)}
		check(t, "the same by seed", run(opts...), run(opts...))
		random[run(opts...)] = true
	}
	if len(random) < 5 {
		t.Errorf("20 seeds gave %d ways", len(random))
	}
}

// A cold start makes a new function: what the old one knew is gone.
func TestMemoryOfASandbox(t *testing.T) {
	var numbers []string
	factory := func(s *lambdatest.Sandbox) lambdatest.Function {
		calls := 0
		return raw(func(context.Context, []byte) ([]byte, error) {
			calls++
			numbers = append(numbers, fmt.Sprintf("%d.%d", s.Number(), calls))
			if calls == 2 {
				s.Kill() // it still answers, but nobody waits for it
			}
			return nil, nil
		})
	}
	synctest.Test(t, func(t *testing.T) {
		m := drained(t, lambdatest.Records(numbered(3)), factory, lambdatest.WithBatchSize(1))
		check(t, "calls", strings.Join(numbers, " "), "1.1 1.2 2.1 2.2 3.1")
		check(t, "story", story(m), lines("0: succeeded", "1: killed", "1: succeeded, attempt 2", "2: killed", "2: succeeded, attempt 2"))
	})
}

// An invocation waits for a sandbox when all are taken.
func TestMaximumOfSandboxes(t *testing.T) {
	for sandboxes, per := range map[int]int{2: 1, 1: 3, 3: 2} {
		bubble(t, fmt.Sprint(sandboxes, "x", per), func(t *testing.T) {
			records := make([][]lambdatest.Record, 8)
			for i := range records {
				records[i] = numbered(5)
			}
			var mu sync.Mutex
			running := map[int]int{}
			most, total, mostTotal := 0, 0, 0
			factory := func(s *lambdatest.Sandbox) lambdatest.Function {
				time.Sleep(time.Second) // a cold start
				return raw(func(context.Context, []byte) ([]byte, error) {
					mu.Lock()
					running[s.Number()]++
					total++
					most, mostTotal = max(most, running[s.Number()]), max(mostTotal, total)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					running[s.Number()]--
					total--
					mu.Unlock()
					return nil, nil
				})
			}
			m := drained(t, lambdatest.Records(records...), factory, lambdatest.WithBatchSize(1),
				lambdatest.WithSandboxes(sandboxes, lambdatest.Sticky), lambdatest.WithConcurrencyPerSandbox(per))
			check(t, "invocations", len(m.Invocations()), 40)
			check(t, "at once in one", most, per)
			check(t, "at once", mostTotal, sandboxes*per)
			check(t, "sandboxes", len(running), sandboxes)
		})
	}
}

// A sandbox that is at work is never replaced, even if each start is to be cold.
func TestBusyIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := always(func(context.Context, []byte) ([]byte, error) { time.Sleep(time.Second); return nil, nil })
		m := drained(t, lambdatest.Records(numbered(5), numbered(5)), f, lambdatest.WithBatchSize(1),
			lambdatest.WithSandboxes(1, lambdatest.AlwaysCold), lambdatest.WithConcurrencyPerSandbox(2))
		for _, inv := range m.Invocations() {
			check(t, "outcome", inv.Outcome, lambdatest.Succeeded)
		}
	})
}

// The log keeps answers though the function uses its buffer again, as
// aws-lambda-go's handlers do.
func TestAnswersAreCopied(t *testing.T) {
	buffer := make([]byte, 1)
	f := always(func(context.Context, []byte) ([]byte, error) { buffer[0]++; return buffer, nil })
	m := drained(t, lambdatest.Records(numbered(3)), f, lambdatest.WithBatchSize(1))
	for i, inv := range m.Invocations() {
		check(t, "answer", inv.Answer[0], byte(i+1))
	}
}

// Without a limit there are as many as there are invocations at once.
func TestAsManyAsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := [][]lambdatest.Record{numbered(3), numbered(3), numbered(3)}
		f := always(func(context.Context, []byte) ([]byte, error) { time.Sleep(time.Second); return nil, nil })
		m := drained(t, lambdatest.Records(records...), f, lambdatest.WithBatchSize(1))
		sandboxes := map[int]bool{}
		for _, inv := range m.Invocations() {
			sandboxes[inv.Sandbox] = true
		}
		check(t, "sandboxes", len(sandboxes), 3)
	})
}

// The end of a run's ctx also ends the wait for a sandbox.
func TestWaitForASandboxEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := always(func(context.Context, []byte) ([]byte, error) { time.Sleep(2 * time.Second); return nil, nil })
		m := newMapping(t, lambdatest.Records(numbered(1), numbered(1)), f, lambdatest.WithSandboxes(1, lambdatest.Sticky))
		defer m.Close()
		check(t, "error", m.Drain(ctx), context.DeadlineExceeded)
		check(t, "story", story(m), "0: succeeded") // what had started was seen to its end
		drain(t, m)
		check(t, "story", story(m), lines("0: succeeded", "0: succeeded"))
	})
}

// The ways in which an invocation ends badly, and which of them cost the sandbox.
func TestBadEnds(t *testing.T) {
	cause := make(chan error, 1)
	defer func() { check(t, "cause of the end of ctx", <-cause, lambdatest.ErrKilled) }()
	for _, c := range []struct {
		name string
		f    func(ctx context.Context, s *lambdatest.Sandbox) ([]byte, error)
		want lambdatest.Outcome
		took time.Duration
		lost bool
		err  string
	}{
		{"error", func(context.Context, *lambdatest.Sandbox) ([]byte, error) { return []byte("x"), errBoom }, lambdatest.FunctionError, 0, false, "boom"},
		{"panic", func(context.Context, *lambdatest.Sandbox) ([]byte, error) { panic("oh no") }, lambdatest.FunctionError, 0, true, "oh no"},
		{"exit", func(context.Context, *lambdatest.Sandbox) ([]byte, error) { runtime.Goexit(); return nil, nil }, lambdatest.FunctionError, 0, true, "ended its goroutine"},
		{"large answer", func(context.Context, *lambdatest.Sandbox) ([]byte, error) { return make([]byte, 6<<20+1), nil }, lambdatest.FunctionError, 0, false, "6291457 bytes"},
		{"heeds its deadline too late", func(ctx context.Context, _ *lambdatest.Sandbox) ([]byte, error) { <-ctx.Done(); return nil, nil }, lambdatest.TimedOut, 3 * time.Second, true, "3s"},
		{"never heeds it", func(context.Context, *lambdatest.Sandbox) ([]byte, error) { time.Sleep(time.Hour); return nil, nil }, lambdatest.TimedOut, 3 * time.Second, true, "3s"},
		{"killed", func(ctx context.Context, s *lambdatest.Sandbox) ([]byte, error) {
			time.Sleep(time.Second)
			s.Kill()
			<-ctx.Done()
			cause <- context.Cause(ctx)
			<-s.Done()
			return nil, s.Alive()
		}, lambdatest.Killed, time.Second, true, "killed"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			var calls atomic.Int32
			factory := func(s *lambdatest.Sandbox) lambdatest.Function {
				return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
					if calls.Add(1) > 1 {
						return nil, nil
					}
					return c.f(ctx, s)
				})
			}
			m := drained(t, lambdatest.Records(numbered(2)), factory)
			all := m.Invocations()
			check(t, "story", story(m), lines("0 1: "+string(c.want), "0 1: succeeded, attempt 2"))
			check(t, "took", all[0].End.Sub(all[0].Start), c.took)
			check(t, "lost", all[1].ColdStart, c.lost)
			check(t, "no answer", all[0].Answer == nil, true)
			if all[0].Err == nil || !strings.Contains(all[0].Err.Error(), c.err) {
				t.Errorf("error %v, want %q in it", all[0].Err, c.err)
			}
		})
	}
}

// Close joins the goroutines of invocations that nobody waits for any more.
func TestCloseJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int32
		f := always(func(context.Context, []byte) ([]byte, error) {
			time.Sleep(time.Hour)
			ended.Add(1)
			return nil, nil
		})
		m := newMapping(t, lambdatest.Records(numbered(1)), f, lambdatest.WithMaximumRetryAttempts(2))
		drain(t, m)
		check(t, "ended", ended.Load(), 0)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		check(t, "ended after Close", ended.Load(), 3)
		check(t, "Close again", m.Close(), nil)
	})
}

// closing is a function that wants to know the end of its sandbox.
type closing struct {
	raw
	closed *atomic.Int32
	err    error
}

func (c closing) Close() error { c.closed.Add(1); return c.err }

func TestFunctionsAreClosed(t *testing.T) {
	var made, closed atomic.Int32
	factory := func(*lambdatest.Sandbox) lambdatest.Function {
		made.Add(1)
		return closing{raw: func(context.Context, []byte) ([]byte, error) { return nil, nil }, closed: &closed, err: errBoom}
	}
	m := newMapping(t, lambdatest.Records(numbered(5)), factory, lambdatest.WithBatchSize(1), lambdatest.WithSandboxes(2, lambdatest.AlwaysCold))
	drain(t, m)
	if err := m.Close(); !errors.Is(err, errBoom) {
		t.Errorf("Close: %v", err)
	}
	check(t, "made", made.Load(), 5)
	check(t, "closed", closed.Load(), 5)
}

// A sandbox may die while it starts; its function is closed all the same.
func TestKilledWhileItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Int32
		calls := 0
		factory := func(s *lambdatest.Sandbox) lambdatest.Function {
			if s.Number() == 1 {
				s.Kill()
				s.Kill()
			}
			return closing{raw: func(context.Context, []byte) ([]byte, error) { calls++; return nil, nil }, closed: &closed}
		}
		m := drained(t, lambdatest.Records(numbered(1)), factory)
		check(t, "story", story(m), lines("0: killed", "0: succeeded, attempt 2"))
		check(t, "calls", calls, 1)
		check(t, "closed", closed.Load(), 2)
	})
}

func TestOneRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMapping(t, lambdatest.Records(numbered(1)), answers(""))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		synctest.Wait()
		for what, err := range map[string]error{"Drain": m.Drain(ctx), "Run": m.Run(ctx), "Close": m.Close()} {
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s during a run: %v", what, err)
			}
		}
		check(t, "Run", <-done, context.DeadlineExceeded)
		check(t, "Close", m.Close(), nil)
		check(t, "with a context that is done", m.Drain(ctx), context.DeadlineExceeded)
	})
}

func TestHandlerFunc(t *testing.T) {
	f := lambdatest.HandlerFunc[map[string]int, []int](func(_ context.Context, m map[string]int) ([]int, error) {
		if m["a"] == 0 {
			return nil, errBoom
		}
		return []int{m["a"]}, nil
	})
	for payload, want := range map[string]string{`{"a":7}`: "[7] <nil>", `{}`: " boom", `x`: " invalid character 'x' looking for beginning of value"} {
		got, err := f.Invoke(t.Context(), []byte(payload))
		check(t, payload, fmt.Sprintf("%s %v", got, err), want)
	}
}

// What happened is the same in every run with the same seed.
func TestSameSeedSameStory(t *testing.T) {
	tell := func(t *testing.T, seed uint64) []lambdatest.Invocation {
		factory := func(s *lambdatest.Sandbox) lambdatest.Function {
			return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
				time.Sleep(100 * time.Millisecond)
				if err := s.Point(ctx, "middle"); err != nil {
					return nil, err
				}
				return nil, nil
			})
		}
		m := drained(t, lambdatest.Records(numbered(200)), factory, lambdatest.WithBatchSize(5), lambdatest.WithSeed(seed),
			lambdatest.WithSandboxes(3, lambdatest.Random), lambdatest.WithBisectBatchOnFunctionError(),
			lambdatest.WithTrouble(lambdatest.Trouble{Throttle: 0.2, ColdStart: 0.1, Kill: 0.3, KillWithin: 300 * time.Millisecond, KillAtPoint: 0.1}))
		for _, n := range m.Seen() {
			if n == 0 {
				t.Error("a record was not seen")
			}
		}
		check(t, "seen", len(m.Seen()), 200)
		return m.Invocations()
	}
	var all [][]lambdatest.Invocation
	for i := range uint64(6) {
		bubble(t, "", func(t *testing.T) { all = append(all, tell(t, i/2)) })
	}
	for i := 0; i < 6; i += 2 {
		check(t, "the same", reflect.DeepEqual(all[i], all[i+1]), true)
		check(t, "others", reflect.DeepEqual(all[i], all[(i+2)%6]), false)
	}
}

package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// store is a test double of what outlives sandboxes: a write may die before it, or
// after it before anybody hears of it.
type store struct {
	mu     sync.Mutex
	writes []string
}

func (w *store) write(ctx context.Context, s *lambdatest.Sandbox, what string) error {
	if err := s.Point(ctx, "before "+what); err != nil {
		return err
	}
	w.mu.Lock()
	w.writes = append(w.writes, what)
	w.mu.Unlock()
	return s.Point(ctx, "after "+what)
}

// letterThenCheckpoint is a function that writes two things, one after the other.
func letterThenCheckpoint(w *store) lambdatest.Factory {
	return func(s *lambdatest.Sandbox) lambdatest.Function {
		return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
			if err := w.write(ctx, s, "letter"); err != nil {
				w.write(ctx, s, "letter") // a dead one has no effect
				return nil, err
			}
			return nil, w.write(ctx, s, "checkpoint")
		})
	}
}

func TestKillAtPoints(t *testing.T) {
	for point, want := range map[string]string{
		"start":             "letter checkpoint",
		"before letter":     "letter checkpoint",
		"after letter":      "letter letter checkpoint",
		"before checkpoint": "letter letter checkpoint",
		"after checkpoint":  "letter checkpoint letter checkpoint",
		"answer":            "letter checkpoint letter checkpoint",
	} {
		bubble(t, point, func(t *testing.T) {
			var w store
			var points []string
			m := drained(t, lambdatest.Records(numbered(1)), letterThenCheckpoint(&w), lambdatest.WithKill(func(p lambdatest.Point) bool {
				if p.Sandbox == 1 {
					points = append(points, p.Name)
				}
				check(t, "shard", p.ShardID, "shardId-000000000000")
				check(t, "invocation", p.Invocation, p.Sandbox)
				check(t, "nth", p.Nth, 1)
				return p.Sandbox == 1 && p.Name == point
			}))
			check(t, "writes", strings.Join(w.writes, " "), want)
			check(t, "story", story(m), lines("0: killed", "0: succeeded, attempt 2"))
			check(t, "cold", visits(m), "1* 2*")
			check(t, "last point", points[len(points)-1], point)
		})
	}
}

// The mapping does not wait for what was killed; when that goes on, it is told.
func TestKilledIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late error
		factory := func(s *lambdatest.Sandbox) lambdatest.Function {
			return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
				if s.Number() > 1 {
					return nil, nil
				}
				check(t, "killed", s.Point(ctx, "here"), lambdatest.ErrKilled)
				time.Sleep(time.Hour) // it does not look at ctx
				late = s.Point(ctx, "there")
				return nil, nil
			})
		}
		start := time.Now()
		m := newMapping(t, lambdatest.Records(numbered(1)), factory, lambdatest.WithKill(func(p lambdatest.Point) bool { return p.Name == "here" }))
		drain(t, m)
		check(t, "time", time.Since(start), lambdatest.Backoff(1))
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		check(t, "late", late, lambdatest.ErrKilled)
	})
}

// Points are counted by name within an invocation; outside one they count nothing.
func TestPointsAreCounted(t *testing.T) {
	var got []string
	factory := func(s *lambdatest.Sandbox) lambdatest.Function {
		if err := s.Point(context.Background(), "outside"); err != nil {
			t.Error(err)
		}
		return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
			return nil, errors.Join(s.Point(ctx, "a"), s.Point(context.WithoutCancel(ctx), "b"), s.Point(ctx, "a"))
		})
	}
	drained(t, lambdatest.Records(numbered(2)), factory, lambdatest.WithBatchSize(1), lambdatest.WithKill(func(p lambdatest.Point) bool {
		got = append(got, fmt.Sprintf("%s %d.%d", p.Name, p.Invocation, p.Nth))
		return false
	}))
	check(t, "points", strings.Join(got, ", "),
		"outside 0.0, start 1.1, a 1.1, b 1.1, a 1.2, answer 1.1, start 2.1, a 2.1, b 2.1, a 2.2, answer 2.1")
}

// The chance at a point does not depend on what other lanes do, or on the order of
// points of other names.
func TestChanceAtPoints(t *testing.T) {
	deaths := func(t *testing.T, delay time.Duration) string {
		factory := func(s *lambdatest.Sandbox) lambdatest.Function {
			return raw(func(ctx context.Context, _ []byte) ([]byte, error) {
				time.Sleep(delay)
				return nil, s.Point(ctx, "p")
			})
		}
		m := drained(t, lambdatest.Records(numbered(30), numbered(30)), factory, lambdatest.WithBatchSize(1), lambdatest.WithSeed(3),
			lambdatest.WithTrouble(lambdatest.Trouble{KillAtPoint: 0.2}))
		byShard := map[string]string{}
		for _, inv := range m.Invocations() {
			byShard[inv.ShardID] += string(inv.Outcome)[:1]
		}
		return byShard["shardId-000000000000"] + " " + byShard["shardId-000000000001"]
	}
	var all []string
	for _, delay := range []time.Duration{0, time.Second} {
		bubble(t, delay.String(), func(t *testing.T) { all = append(all, deaths(t, delay)) })
	}
	check(t, "deaths", all[0], all[1])
	if n := strings.Count(all[0], "k"); n < 20 || n > 150 {
		t.Errorf("%d deaths: %s", n, all[0])
	}
	one, two, _ := strings.Cut(all[0], " ")
	check(t, "the shards differ", one == two, false)
}

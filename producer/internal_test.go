package producer

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
)

// Full jitter: anywhere above 0 up to a limit that doubles from 50 ms to 5 s.
func TestBackoff(t *testing.T) {
	for n, limit := range map[int]time.Duration{
		1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 3: 200 * time.Millisecond, 6: 1600 * time.Millisecond,
		7: 3200 * time.Millisecond, 8: 5 * time.Second, 9: 5 * time.Second, 64: 5 * time.Second, 1 << 30: 5 * time.Second,
	} {
		var low, high bool
		for range 1000 {
			d := backoff(n)
			if d <= 0 || d > limit {
				t.Fatalf("backoff %d is %v, want up to %v", n, d, limit)
			}
			low, high = low || d < limit/4, high || d > limit*3/4
		}
		if !low || !high {
			t.Errorf("backoff %d has no jitter over all of %v", n, limit)
		}
	}
}

// The gate gives exactly back what was taken, whoever leaves in whatever order.
func TestGate(t *testing.T) {
	g := gate{max: 10}
	if !g.tryEnter(10) || g.tryEnter(1) {
		t.Fatal("an empty gate does not take its maximum, or more than it")
	}
	a, b, c := g.enter(4), g.enter(7), g.enter(2)
	in := func(w *waiter) bool {
		select {
		case <-w.answered:
			return true
		default:
			return false
		}
	}
	check := func(when string, used int, want ...bool) {
		t.Helper()
		if got := []bool{in(a), in(b), in(c)}; g.used != used || !slices.Equal(got, want) {
			t.Errorf("%s: %d used, in: %v, want %d, %v", when, g.used, got, used, want)
		}
	}
	check("full", 10, false, false, false)
	g.leave(3)
	check("3 left", 7, false, false, false)
	g.leave(3)
	check("6 left", 8, true, false, false)
	if g.tryEnter(1) {
		t.Error("overtook those who wait")
	}
	g.giveUp(b) // c stood behind it and fits
	check("b gave up", 10, true, false, true)
	g.giveUp(a) // it was let in: its room comes back
	check("a gave up", 6, true, false, true)
	d, e := g.enter(5), g.enter(1)
	g.refuseAll()
	g.giveUp(d) // refused: it has taken nothing
	if !d.refused || !e.refused || !in(d) || g.used != 6 || len(g.waiting) != 0 {
		t.Errorf("refuseAll leaves %+v", g)
	}
	g.leave(6)
	if w := g.enter(10); w != nil || g.used != 10 {
		t.Errorf("an empty gate lets nobody in: %+v", g)
	}
	a, b, c = g.enter(4), g.enter(5), g.enter(2)
	g.leave(10)
	check("10 left", 9, true, true, false)
}

// A Put that was let in just before Close takes its room with it.
func TestCloseBeforeAWaiterRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kinesistest.New()
		if err := srv.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		p, err := New(t.Context(), srv.Client(), "s", WithMaxBufferedBytes(1000))
		if err != nil {
			t.Fatal(err)
		}
		p.gate.enter(1000)
		errc := make(chan error)
		go func() { errc <- p.Put(t.Context(), Record{PartitionKey: "k"}, nil) }()
		synctest.Wait()
		p.mu.Lock()
		p.gate.leave(1000)
		p.closed = true
		p.mu.Unlock()
		if err := <-errc; !errors.Is(err, ErrClosed) {
			t.Errorf("Put: %v", err)
		}
		if p.gate.used != 0 {
			t.Errorf("%d bytes are lost", p.gate.used)
		}
		p.closed = false
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

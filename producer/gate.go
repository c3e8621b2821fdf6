package producer

import "slices"

// gate bounds the bytes in use, first come first served. Guarded by Producer.mu.
type gate struct {
	used, max int
	waiting   []*waiter
	entering  int // let in after a wait, and not back from it yet
}

// waiter is a Put that waits for room. answered is closed when it got it, or was
// refused because the Producer closed.
type waiter struct {
	need     int
	answered chan struct{}
	refused  bool
}

// enter takes need bytes, or returns the waiter to wait with. Nobody overtakes
// one who waits.
func (g *gate) enter(need int) *waiter {
	if g.tryEnter(need) {
		return nil
	}
	w := &waiter{need: need, answered: make(chan struct{})}
	g.waiting = append(g.waiting, w)
	return w
}

func (g *gate) tryEnter(need int) bool {
	if len(g.waiting) > 0 || g.used+need > g.max {
		return false
	}
	g.used += need
	return true
}

// leave gives n bytes back and lets in who fits now.
func (g *gate) leave(n int) {
	g.used -= n
	for len(g.waiting) > 0 && g.used+g.waiting[0].need <= g.max {
		w := g.waiting[0]
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
		g.used += w.need
		g.entering++
		close(w.answered)
	}
}

// giveUp ends the wait of w, which may have been let in meanwhile.
func (g *gate) giveUp(w *waiter) {
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.leave(0) // the next one may be smaller
	} else if !w.refused {
		g.entering--
		g.leave(w.need)
	}
}

// refuseAll turns away everybody who waits.
func (g *gate) refuseAll() {
	for _, w := range g.waiting {
		w.refused = true
		close(w.answered)
	}
	g.waiting = nil
}

package producer

import (
	"runtime"
	"sync/atomic"
)

// goroutine is which goroutine does something, for those who must not wait for
// it: a done that calls Flush would wait for its own end.
type goroutine struct {
	id    atomic.Uint64
	stack [64]byte
}

// enter makes it the current one. Only one may be.
func (g *goroutine) enter() { g.id.Store(goroutineID(g.stack[:])) }

// leave makes it none.
func (g *goroutine) leave() { g.id.Store(0) }

// isCurrent says whether it is the one that asks.
func (g *goroutine) isCurrent() bool {
	id := g.id.Load()
	return id != 0 && id == goroutineID(make([]byte, len(g.stack)))
}

// goroutineID returns the number in the first line of a stack trace, "goroutine
// 12 [running]:", which takes about a microsecond; the runtime tells it nowhere
// else. buf has room for that line.
func goroutineID(buf []byte) (id uint64) {
	const prefix = len("goroutine ")
	for _, d := range buf[prefix:runtime.Stack(buf, false)] {
		if d < '0' || d > '9' {
			break
		}
		id = 10*id + uint64(d-'0')
	}
	return id
}

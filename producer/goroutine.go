package producer

import (
	"bytes"
	"runtime"
	"sync/atomic"
)

// goroutine is which goroutine does something, for those who must not wait for
// it: a done that calls Flush would wait for its own end.
type goroutine struct{ id atomic.Value }

// enter makes it the current one.
func (g *goroutine) enter() { g.id.Store(goroutineID()) }

// leave makes it none.
func (g *goroutine) leave() { g.id.Store("") }

// isCurrent says whether it is the one that asks.
func (g *goroutine) isCurrent() bool {
	id, _ := g.id.Load().(string)
	return id != "" && id == goroutineID()
}

// goroutineID returns the number in the first line of a stack trace, "goroutine
// 12 [running]:", which takes about a microsecond; the runtime tells it nowhere
// else.
func goroutineID() string {
	var buf [64]byte
	head := buf[:runtime.Stack(buf[:], false)]
	head, _, _ = bytes.Cut(head, []byte(" ["))
	return string(head)
}

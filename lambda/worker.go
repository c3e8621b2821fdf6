package lambda

// This file owns how queues are worked off: in order by the invocation's own
// goroutine, or by several workers, each with a queue at a time. All of them are
// at their end when the invocation is.

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// mode is how the user records of an event are laid into handler calls.
type mode struct {
	byKey    bool // a queue for each partition key, and else one for all
	together bool // a queue is handed over whole, and else one by one
}

func (c *Consumer) inOrder() bool { return c.mode == mode{} }

// worker works off a queue at a time.
type worker struct {
	v       *invocation
	running []ref // with the handler now; written under the invocation's mutex
	one     [1]ref
	record  Record // what a handler of single records sees
	seen    [1]*Record

	contexts []recordContext // made in advance; each is used once, since a handler may keep it
}

// context returns a context for a handler of the record in hand.
func (w *worker) context(ctx context.Context) context.Context {
	if len(w.contexts) == 0 {
		w.contexts = make([]recordContext, 64)
	}
	c := &w.contexts[0]
	w.contexts = w.contexts[1:]
	*c = recordContext{ctx, w.record.Identity()}
	return c
}

func (v *invocation) worker(i int) *worker {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.workers) <= i {
		w := &worker{v: v}
		w.seen[0] = &w.record
		v.workers = append(v.workers, w)
	}
	return v.workers[i]
}

// work works the queues off. In order it returns false as soon as a record must
// be left.
func (v *invocation) work(ctx context.Context, queues [][]ref) bool {
	workers := min(v.consumer.config.concurrency, len(queues))
	if workers <= 1 {
		w := v.worker(0)
		for _, q := range queues {
			if !w.run(ctx, q) && v.consumer.inOrder() {
				return false
			}
		}
		return true
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for i := range workers {
		w := v.worker(i)
		all.Go(func() {
			defer w.end() // of a handler that ended this goroutine
			for {
				n := int(next.Add(1)) - 1
				if n >= len(queues) {
					return
				}
				w.run(ctx, queues[n])
			}
		})
	}
	all.Wait()
	return true
}

// run works a queue off. It returns false if a record must be left; one by one,
// those behind it are left, too.
func (w *worker) run(ctx context.Context, q []ref) bool {
	if w.v.consumer.mode.together {
		w.decideTogether(ctx, q)
		return true
	}
	for _, r := range q {
		if !w.decide(ctx, r) {
			return false
		}
	}
	return true
}

// end counts the attempts of a handler that called runtime.Goexit.
func (w *worker) end() {
	rs := w.running // written by this goroutine only, or it is over
	if rs == nil {
		return
	}
	v := w.v
	v.fail(w, rs, len(rs) == 1, "the handler called runtime.Goexit")
	v.consumer.log.LogAttrs(context.Background(), slog.LevelError, "the handler ended its goroutine", slog.String("record", v.name(rs[0])))
}

// name names a user record in the log.
func (v *invocation) name(r ref) string {
	return name(v.record(r), v.subSequence(r))
}

// subSequence is a user record's sub-sequence number.
func (v *invocation) subSequence(r ref) int {
	return v.user(r).SubSequence
}

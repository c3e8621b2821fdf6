package lambda

// This file owns the state of one invocation: where each outer record stands and
// which user records are with a handler. Workers move it and stop reads it, all
// under the mutex. After stop nothing new is begun, and what a handler still
// brings about is noted apart, as late.

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/redriven"
)

// ref is a user record of the event: the index of its outer record, and its own
// within that.
type ref struct{ outer, user int32 }

// outerState is where an outer record stands.
type outerState struct {
	opened bool // taken apart; before, what it holds is not known
	tried  bool // earlier invocations have tried user records in it
	users  int  // how many user records it holds
	base   int  // where they begin in invocation.users
	round  uint32
	saved  bool // the Checkpoint has had its progress
	aside  set  // of a redrive: what went to the dead letter once more
	progress
}

// decided says whether nothing is left to do.
func (o *outerState) decided() bool { return o.opened && o.done.prefix >= o.users }

// late is a user record that was decided after the answer.
type late struct {
	outer string // sequence number
	user  int
}

// ending is the end of an invocation's workers.
type ending struct {
	done chan struct{} // closed at the very end
	late []late        // not written after that
}

type invocation struct {
	consumer *Consumer
	batch    *batch
	known    map[string]entry // what earlier invocations left, by sequence number
	call     func(ctx context.Context, rs []*Record) error
	before   func(ref) // if not nil, called before each handler call, in order
	ending   *ending

	packed deaggregate.Batch    // the event's records, their digests checked
	users  []deaggregate.Record // of the outer records in hand
	queues [][]ref              // of these
	bounds bounds

	mu      sync.Mutex
	outers  []outerState // as the event's records
	workers []*worker
	stopped bool
	texts   int // bytes of failures that are kept
	stats   Batch
}

func newInvocation(c *Consumer, b *batch, known map[string]entry) *invocation {
	v := &invocation{
		consumer: c, batch: b, known: known, call: c.call,
		ending: &ending{done: make(chan struct{})},
		outers: make([]outerState, len(b.records)),
		stats:  Batch{Shard: c.shard(b)},
	}
	if c.expanded != nil {
		b.index("") // made now, not by several goroutines
		v.call = func(ctx context.Context, rs []*Record) error { return c.callExpanded(ctx, b, rs) }
	}
	return v
}

// run decides the event's user records, in order an outer record at a time and
// else all at once, until one must be left (in order) or all had their turn.
func (v *invocation) run(ctx context.Context) {
	defer v.finish()
	if ctx.Err() != nil {
		return
	}
	data := make([][]byte, len(v.batch.records))
	for i := range data {
		data[i] = v.batch.records[i].Kinesis.Data
	}
	v.packed.Load(data)
	step := len(v.outers)
	if v.consumer.inOrder() {
		step = 1
	}
	for from := 0; from < len(v.outers); from += step {
		if ctx.Err() != nil {
			return
		}
		queues := v.load(ctx, from, from+step)
		if !v.work(ctx, queues) {
			return
		}
	}
}

// finish ends the invocation. A handler that called runtime.Goexit brings it
// here in the middle of a call.
func (v *invocation) finish() {
	for _, w := range v.workers {
		w.end()
	}
	close(v.ending.done)
}

// record returns the outer record of a user record.
func (v *invocation) record(r ref) *events.KinesisEventRecord { return &v.batch.records[r.outer] }

// user returns a user record; only while its outer record is in hand.
func (v *invocation) user(r ref) *deaggregate.Record {
	return &v.users[v.outers[r.outer].base+int(r.user)]
}

// begin marks that the handler is called for these records, or returns false if
// the invocation is over.
func (v *invocation) begin(w *worker, rs []ref) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return false
	}
	w.running = rs
	return true
}

// try returns what is known of a user record's attempts.
func (v *invocation) try(r ref) try {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.outers[r.outer].tries[int(r.user)]
}

// succeed counts records as done by their handler, whose call it ends.
func (v *invocation) succeed(w *worker, rs []ref) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.running = nil
	for _, r := range rs {
		v.decide(r, &v.stats.Succeeded)
	}
}

// bury counts a record as done by the dead letter.
func (v *invocation) bury(r ref) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.stopped && redriven.Is(v.record(r).EventName) {
		v.outers[r.outer].aside.add(int(r.user))
	}
	v.decide(r, &v.stats.Poison)
}

func (v *invocation) decide(r ref, count *int) {
	if v.stopped {
		v.ending.late = append(v.ending.late, late{v.record(r).Kinesis.SequenceNumber, int(r.user)})
		return
	}
	*count++
	v.outers[r.outer].decide(int(r.user))
}

// fail counts an attempt at each of the records, whose handler call it ends, and
// returns what is known of the first then. own says that it was for that one
// record, or named it.
func (v *invocation) fail(w *worker, rs []ref, own bool, text string) (first try) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.running = nil
	for i, r := range rs {
		if t := v.count(r, own, text); i == 0 {
			first = t
		}
	}
	return first
}

// settle takes note of everything that a call said at once, so that nothing of it
// is lost if what follows takes long.
func (v *invocation) settle(w *worker, verdicts []verdict, own bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.running = nil
	for i := range verdicts {
		switch d := &verdicts[i]; {
		case d.failure == nil:
			v.decide(d.ref, &v.stats.Succeeded)
		case !d.notTried:
			d.try = v.count(d.ref, own, d.failure.text())
		}
	}
}

// count counts a failed attempt. After stop, which has counted those that were
// under way, there are none.
func (v *invocation) count(r ref, own bool, text string) try {
	if v.stopped {
		return try{}
	}
	if v.texts += len(text); v.texts > maxTexts && len(text) > cutText {
		text = strings.Clone(text[:cutText])
	}
	v.stats.FailedAttempts++
	return v.outers[r.outer].fail(int(r.user), own, text)
}

// Failures are kept in full as long as all of them take less than maxTexts
// bytes, and then only their beginnings.
const (
	maxTexts = 1 << 20
	cutText  = 256
)

// stop ends the invocation and counts what stands. cut has the records of each
// handler call that is running; an attempt was counted for each.
func (v *invocation) stop() (cut [][]ref) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stopped = true
	for _, w := range v.workers {
		for _, r := range w.running {
			v.stats.FailedAttempts++
			v.outers[r.outer].fail(int(r.user), len(w.running) == 1, "the handler had not returned when the invocation's time was up")
		}
		if len(w.running) > 0 {
			cut = append(cut, slices.Clone(w.running))
		}
	}
	for i := range v.outers {
		if o := &v.outers[i]; o.opened {
			v.stats.UserRecords += o.users
			v.stats.Undecided += o.users - o.done.count()
		}
	}
	return cut
}

// firstLeft returns the index of the first outer record that is not decided: the
// number of records if there is none.
func firstLeft(outers []outerState) int {
	for i := range outers {
		if !outers[i].decided() {
			return i
		}
	}
	return len(outers)
}

package lambda

// This file owns the life of one user record within an invocation: attempts,
// pauses and the dead letter. Handlers, dead letters and the errors that they
// return are called through protect only, so that none of them can end the
// process, or pass for a success without one.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/kinpack/kinpack/deaggregate"
)

// maxErrorText bounds the text of an error in the memory, in the log and in dead
// letters, in bytes: enough for a stack, and far below what any queue takes.
const maxErrorText = 8 << 10

// decide runs a user record by itself until it is decided, or returns false if it
// has to be left: it failed for this invocation, or the time is up.
func (w *worker) decide(ctx context.Context, r ref) bool {
	v := w.v
	u, o := v.user(r), v.record(r)
	if ctx.Err() != nil {
		return false
	}
	if decided, ok := v.withoutCall(ctx, r); ok {
		return decided
	}
	var t try
	if v.outers[r.outer].tried {
		t = v.try(r)
	}
	// An earlier call used up the attempts, but the time was up, or the dead
	// letter failed. If that fails again, the handler gets another chance.
	tried := v.spent(t) && t.own && v.consumer.config.deadLetter != nil
	if tried && v.setAside(ctx, r, t) {
		return true
	}
	if v.before != nil {
		v.before(r)
	}
	w.one[0] = r
	for wait := firstPause; ; wait = min(2*wait, maxPause) {
		if ctx.Err() != nil || !v.begin(w, w.one[:]) {
			return false
		}
		w.record.fill(o, u, t.attempts+1)
		f := protect(func() error { return v.call(w.context(ctx), w.seen[:]) })
		if f == nil {
			v.succeed(w, w.one[:])
			v.heal(r)
			return true
		}
		t = v.fail(w, w.one[:], true, f.text())
		f.log(ctx, v.consumer.log, "record failed", v.name(r), t.attempts)
		switch {
		case f.poison || v.spent(t):
			return !tried && v.setAside(ctx, r, t)
		case v.consumer.config.maxAttempts == 0 || !pause(ctx, wait):
			return false
		}
	}
}

// follows says whether a user record has to follow one of its key into the dead
// letter.
func (v *invocation) follows(r ref) bool {
	c := v.consumer
	return c.config.followPoison && c.config.deadLetter != nil && c.memory.poisoned(shardOf(v.record(r)), v.user(r).PartitionKey, v.place(r))
}

// heal is called for a user record that has succeeded.
func (v *invocation) heal(r ref) {
	if c := v.consumer; c.config.followPoison {
		c.memory.heal(shardOf(v.record(r)), v.user(r).PartitionKey, v.place(r))
	}
}

// place is where a user record stands in its shard.
func (v *invocation) place(r ref) place {
	return place{v.record(r).Kinesis.SequenceNumber, v.subSequence(r)}
}

// spent says whether the attempts are used up.
func (v *invocation) spent(t try) bool {
	limit := v.consumer.config.maxAttempts
	return limit > 0 && t.attempts >= limit
}

// withoutCall sets those records aside that no handler is to see. ok says that
// it is one of these.
func (v *invocation) withoutCall(ctx context.Context, r ref) (decided, ok bool) {
	switch {
	case v.user(r).SubSequence == WholeRecord:
		return v.setAsideWhole(ctx, r), true
	case v.follows(r):
		return v.setAside(ctx, r, try{failure: "follows a record of its partition key that is in the dead letter"}), true
	}
	return false, false
}

// setAsideWhole sends an outer record that can't be read to the dead letter.
func (v *invocation) setAsideWhole(ctx context.Context, r ref) bool {
	o := v.record(r)
	_, malformed := deaggregate.Append(nil, o.Kinesis.PartitionKey, o.Kinesis.Data)
	f := failure{message: cut(fmt.Sprint(malformed))}
	f.log(ctx, v.consumer.log, "malformed aggregate", name(o, WholeRecord), 0)
	return v.setAside(ctx, r, try{failure: f.message})
}

// setAside sends a user record to the dead letter. If that works, it is decided.
func (v *invocation) setAside(ctx context.Context, r ref, t try) bool {
	c := v.consumer
	d := c.config.deadLetter
	if d == nil || ctx.Err() != nil {
		return false
	}
	o, u := v.record(r), v.user(r)
	who := name(o, u.SubSequence)
	l := letter(o, u, t)
	if f := apart(func() error { return d.Send(ctx, l) }); f != nil {
		f.log(ctx, c.log, "dead letter not sent", who, t.attempts)
		return false
	}
	v.bury(r)
	if c.config.followPoison && u.SubSequence != WholeRecord {
		c.memory.poison(shardOf(o), u.PartitionKey, v.place(r))
	}
	c.log.LogAttrs(ctx, slog.LevelWarn, "poison sent to the dead letter", slog.String("record", who), slog.Int("attempts", t.attempts))
	for _, h := range c.config.hooks {
		if h.DeadLetter != nil {
			c.tell(ctx, func() { h.DeadLetter(ctx, l) })
		}
	}
	return true
}

// failure is what went wrong in user code.
type failure struct {
	message string
	stack   []byte // of a panic
	poison  bool
}

// Error makes a failure an error for others.
func (f *failure) Error() string { return f.message }

// protect calls user code. A panic becomes a failure. The error's own methods
// are called in here, too: they are user code.
func protect(call func() error) (f *failure) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// After runtime.Goexit there is nothing to recover, and no one to return to: see worker.end.
		f = &failure{message: cut(fmt.Sprintf("panic: %v", recover())), stack: debug.Stack()}
	}()
	if err := call(); err != nil {
		f = failureOf(err)
	}
	returned = true
	return f
}

// apart calls user code that the caller has to outlive even if it calls
// runtime.Goexit: in a goroutine of its own, to whose end it waits.
func apart(call func() error) *failure {
	f := &failure{message: "runtime.Goexit was called"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f = protect(call)
	}()
	<-done
	return f
}

func failureOf(err error) *failure {
	return &failure{message: cut(fmt.Sprint(err)), poison: errors.Is(err, ErrPoison)}
}

// text is the failure in full, within the limit.
func (f *failure) text() string {
	if f.stack == nil {
		return f.message
	}
	return cut(f.message + "\n" + string(f.stack))
}

// cut brings a text within the limit. It copies, so that the rest is not kept.
func cut(s string) string {
	if len(s) > maxErrorText {
		return strings.Clone(s[:maxErrorText])
	}
	return s
}

// log writes a line on a record's failure.
func (f *failure) log(ctx context.Context, l *slog.Logger, message, record string, attempt int) {
	level, attrs := slog.LevelWarn, []slog.Attr{slog.String("record", record), slog.String("error", f.message)}
	if attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", attempt))
	}
	if f.stack != nil {
		level, attrs = slog.LevelError, append(attrs, slog.String("stack", string(f.stack)))
	}
	l.LogAttrs(ctx, level, message, attrs...)
}

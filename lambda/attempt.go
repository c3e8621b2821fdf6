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

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
)

// maxErrorText bounds the text of an error in the memory, in the log and in dead
// letters, in bytes: enough for a stack, and far below what any queue takes.
const maxErrorText = 8 << 10

// decide runs the user record in hand until it is decided, or returns false if
// it has to be left: it failed for this invocation, or the time is up.
func (v *invocation) decide(ctx context.Context, o *events.KinesisEventRecord, u *deaggregate.Record) bool {
	limit := v.consumer.config.maxAttempts
	spent := func() bool { return limit > 0 && v.at.progress.attempts >= limit }
	// An earlier invocation used up the attempts, but its time was up, or its
	// dead letter failed. If that fails again, the handler gets another chance.
	buried := spent() && v.consumer.config.deadLetter != nil
	if buried && v.bury(ctx, o, u, v.at.progress) {
		return true
	}
	for wait := firstPause; ; wait = min(2*wait, maxPause) {
		if ctx.Err() != nil || !v.begin() {
			return false
		}
		v.record.fill(o, v.shard, u, v.at.progress.attempts+1)
		f := protect(func() error { return v.consumer.handler(ctx, &v.record) })
		if f == nil {
			v.decided()
			return true
		}
		v.failed(f.text())
		f.log(ctx, v.consumer.log, "record failed", name(o, u.SubSequence), v.at.progress.attempts)
		switch {
		case f.poison || spent():
			return !buried && v.bury(ctx, o, u, v.at.progress)
		case limit == 0 || !pause(ctx, wait):
			return false
		}
	}
}

// buryWhole sends an outer record that can't be read to the dead letter.
func (v *invocation) buryWhole(ctx context.Context, o *events.KinesisEventRecord, malformed error) bool {
	f := failure{message: malformed.Error()}
	f.log(ctx, v.consumer.log, "malformed aggregate", name(o, WholeRecord), 0)
	whole := deaggregate.Record{PartitionKey: o.Kinesis.PartitionKey, Data: o.Kinesis.Data, SubSequence: WholeRecord}
	return v.bury(ctx, o, &whole, outerProgress{failure: f.text()})
}

// bury sends a record to the dead letter. If that works, it is decided.
func (v *invocation) bury(ctx context.Context, o *events.KinesisEventRecord, u *deaggregate.Record, p outerProgress) bool {
	d := v.consumer.config.deadLetter
	if d == nil || ctx.Err() != nil {
		return false
	}
	who := name(o, u.SubSequence)
	if f := protect(func() error { return d.Send(ctx, letter(o, v.shard, u, p)) }); f != nil {
		f.log(ctx, v.consumer.log, "dead letter not sent", who, p.attempts)
		return false
	}
	v.decided()
	v.consumer.log.LogAttrs(ctx, slog.LevelWarn, "poison sent to the dead letter", slog.String("record", who), slog.Int("attempts", p.attempts))
	return true
}

// failure is what went wrong in user code.
type failure struct {
	message string
	stack   []byte // of a panic
	poison  bool
}

// protect calls user code. A panic becomes a failure. The error's own methods
// are called in here, too: they are user code.
func protect(call func() error) (f *failure) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// After runtime.Goexit there is nothing to recover, and no one to return to: see finish.
		f = &failure{message: cut(fmt.Sprintf("panic: %v", recover())), stack: debug.Stack()}
	}()
	if err := call(); err != nil {
		f = &failure{message: cut(fmt.Sprint(err)), poison: errors.Is(err, ErrPoison)}
	}
	returned = true
	return f
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

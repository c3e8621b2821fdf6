package lambda

// This file owns the life of one user record within an invocation: attempts,
// pauses and the dead letter. User code is called through protect only, so that
// none of it can end the process or leave a record undecided unseen.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
)

// maxErrorText bounds the text of an error in the memory and in dead letters, in
// bytes: enough for a stack, and far below what any queue takes.
const maxErrorText = 8 << 10

// decide runs the user record in hand until it is decided, or returns false if
// it has to be left: it failed for this invocation, or the time is up.
func (v *invocation) decide(ctx context.Context, o *events.KinesisEventRecord, u *deaggregate.Record) bool {
	limit := v.consumer.config.maxAttempts
	spent := func() bool { return limit > 0 && v.at.progress.attempts >= limit }
	// An earlier invocation used up the attempts, but its time was up, or its
	// dead letter failed. If that fails again, the handler gets another chance.
	buried := spent() && v.consumer.config.deadLetter != nil
	if buried && v.bury(ctx, letter(o, v.shard, u, v.at.progress)) {
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
			return !buried && v.bury(ctx, letter(o, v.shard, u, v.at.progress))
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
	return v.bury(ctx, letter(o, v.shard, &whole, outerProgress{failure: f.text()}))
}

// bury sends a letter. If that works, the record is decided.
func (v *invocation) bury(ctx context.Context, l Letter) bool {
	d := v.consumer.config.deadLetter
	if d == nil || ctx.Err() != nil {
		return false
	}
	who := l.ShardID + ":" + l.SequenceNumber
	if l.SubSequenceNumber != WholeRecord {
		who = fmt.Sprintf("%s:%d", who, l.SubSequenceNumber)
	}
	if f := protect(func() error { return d.Send(ctx, l) }); f != nil {
		f.log(ctx, v.consumer.log, "dead letter not sent", who, l.Attempts)
		return false
	}
	v.decided()
	v.consumer.log.LogAttrs(ctx, slog.LevelWarn, "poison sent to the dead letter", slog.String("record", who), slog.Int("attempts", l.Attempts))
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
		if p := recover(); p != nil { // nil: runtime.Goexit, see finish
			f = &failure{message: fmt.Sprintf("panic: %v", p), stack: debug.Stack()}
		}
	}()
	if err := call(); err != nil {
		f = &failure{message: fmt.Sprint(err), poison: errors.Is(err, ErrPoison)}
	}
	returned = true
	return f
}

// text is the failure in full, within the limit.
func (f *failure) text() string {
	s := f.message
	if f.stack != nil {
		s += "\n" + string(f.stack)
	}
	if len(s) > maxErrorText {
		s = s[:maxErrorText]
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

package lambda

// This file owns what others are told while a Consumer works.

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Hooks are functions that a [Consumer] calls as things happen, for metrics and
// alarms; each may be nil. See [WithHooks].
//
// They are called with the invocation's context and no lock held, and
// concurrently: by concurrent invocations, and with [WithConcurrency] within
// one. One that is slow takes the invocation's time: the answer waits for it. One
// that panics is logged.
type Hooks struct {
	// Batch is called at the end of each invocation, before the answer goes out.
	Batch func(ctx context.Context, b Batch)
	// DeadLetter is called when a record is in the dead letter.
	DeadLetter func(ctx context.Context, l Letter)
	// OutOfRange is called when [WithShardRange] drops an aggregate.
	OutOfRange func(ctx context.Context, o OutOfRange)
	// Passed is called when Lambda has gone past a failure that was reported to
	// it: see the package's doc for what that may mean.
	Passed func(ctx context.Context, p Passed)
	// CheckpointError is called when the [Checkpoint] did not do what it was asked.
	CheckpointError func(ctx context.Context, e CheckpointError)
}

// Batch is what an invocation did. For a window whose time was up, records that
// were folded after the state that goes back was written are among Succeeded,
// although they will be folded again.
type Batch struct {
	Shard Shard
	// OuterRecords is the number of Kinesis records in the event.
	OuterRecords int
	// UserRecords is the number of user records in those outer records that the
	// invocation came to; in order it does not come to those behind a record that
	// is left undecided. A malformed aggregate counts as one. UserRecords is
	// Skipped + Succeeded + Poison + Undecided.
	UserRecords int
	// Skipped is the number of user records that were decided before.
	Skipped int
	// Succeeded is the number of user records whose handler succeeded in time.
	Succeeded int
	// Poison is the number of user records that went to the dead letter.
	Poison int
	// Undecided is the number of user records that are left for the next invocation.
	Undecided int
	// FailedAttempts is the number of failed attempts at a user record, those
	// that the end of the time cut off included.
	FailedAttempts int
	// Malformed is the number of aggregates that could not be read.
	Malformed int
	// OutOfRangeAggregates is the number of aggregates that [WithShardRange]
	// dropped; their user records are not counted.
	OutOfRangeAggregates int
	// Age is how long ago the stream took the first record of the batch, at the
	// start of the invocation; 0 if the event does not say.
	Age time.Duration
	// Duration is the time from the start to the answer.
	Duration time.Duration
	// Reported is the sequence number that the answer holds; "" if the batch was
	// answered whole.
	Reported string
	// TimeUp says that the deadline or the end of the context ended the invocation,
	// or that a handler of an earlier one had not returned by then.
	TimeUp bool
	// Err is the error that was returned in the place of an answer.
	Err error
}

// OutOfRange is an aggregate that was dropped.
type OutOfRange struct {
	Shard          Shard
	SequenceNumber string
	UserRecords    int
}

// Passed is a failure that Lambda has gone past.
type Passed struct {
	Shard          Shard
	SequenceNumber string // the outer one that was reported
}

// CheckpointError is a [Checkpoint] call that did not work out.
type CheckpointError struct {
	Shard     Shard
	Operation string // "Load", "Save" or "Delete"
	Err       error
}

// tell calls a hook.
func (c *Consumer) tell(ctx context.Context, hook func()) {
	f := apart(func() error {
		hook()
		return nil
	})
	if f != nil {
		f.log(ctx, c.log, "a hook failed", "", 0)
	}
}

// report tells the log and the hooks what an invocation did, of which err is
// returned in the place of an answer, and else reported is the id in the answer.
func (c *Consumer) report(ctx context.Context, b *batch, s Batch, start time.Time, reported []events.KinesisBatchItemFailure, err error) {
	s.OuterRecords, s.Err = len(b.records), err
	for _, f := range reported {
		s.Reported = f.ItemIdentifier
	}
	record := s.Shard.ID
	if len(b.records) > 0 {
		record = name(&b.records[0], WholeRecord)
		if arrival := b.records[0].Kinesis.ApproximateArrivalTimestamp.Time; !arrival.IsZero() {
			s.Age = max(0, start.Sub(arrival))
		}
	}
	s.Duration = time.Since(start)
	level := slog.LevelDebug
	if err != nil || s.Reported != "" || s.Poison+s.Malformed+s.OutOfRangeAggregates+s.FailedAttempts+s.Skipped > 0 {
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{
		slog.String("record", record),
		slog.Int("outerRecords", s.OuterRecords), slog.Int("userRecords", s.UserRecords), slog.Duration("age", s.Age),
		slog.Int("skipped", s.Skipped), slog.Int("succeeded", s.Succeeded), slog.Int("poison", s.Poison),
		slog.Int("undecided", s.Undecided), slog.Int("failedAttempts", s.FailedAttempts), slog.Int("malformed", s.Malformed),
		slog.Int("outOfRangeAggregates", s.OutOfRangeAggregates), slog.Duration("duration", s.Duration),
		slog.String("reported", s.Reported), slog.Bool("timeUp", s.TimeUp),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	c.log.LogAttrs(ctx, level, "batch", attrs...)
	for _, h := range c.config.hooks {
		if h.Batch != nil {
			c.tell(ctx, func() { h.Batch(ctx, s) })
		}
	}
}

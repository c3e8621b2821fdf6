package lambda

// This file owns the options: every With* function, and one validate that names
// all that is wrong at once.

import (
	"errors"
	"fmt"
	"log/slog"
)

// Option changes a setting of a [Consumer]. Of two that set the same, the last
// one wins.
type Option func(*config)

type config struct {
	maxAttempts   int
	deadLetter    DeadLetter
	hasDeadLetter bool
	shardRanges   ShardRanges
	hasShardRange bool
	logger        *slog.Logger
	nilOption     bool
}

// WithMaxAttempts limits the handler calls of one user record to n, counted
// across invocations; after that it is poison (see [Poison]). Up to the limit it
// is tried again within the invocation, after a pause with full jitter that
// starts at 50 ms at most and doubles up to 5 s, as long as the deadline leaves
// room for the pause.
//
// The default, 0, sets no limit: there is one attempt an invocation, and the
// event source mapping's retry policy decides.
//
// The count is kept with the progress, in memory: it starts anew in another
// sandbox. A call that is still running when the time is up counts, so that 1
// also sets records aside that were only slow, or begun shortly before the end.
// Without a [DeadLetter], or while it fails, a record over the limit is neither
// dropped nor tried more than once an invocation: it counts as failed.
func WithMaxAttempts(n int) Option {
	return func(c *config) { c.maxAttempts = n }
}

// WithDeadLetter sends poison to d, after which it counts as done. The default
// is none: poison counts as failed, and Lambda sends it again.
func WithDeadLetter(d DeadLetter) Option {
	return func(c *config) { c.deadLetter, c.hasDeadLetter = d, true }
}

// WithShardRange drops aggregates by the rule of the Kinesis Client Library: if
// the hash key of one user record in it lies outside the range of the shard that
// the aggregate was read from, the whole aggregate is dropped. The hash key is
// the explicit one; without one, or if it is no number that the service takes,
// the MD5 of the partition key. Leading zeros and a plus sign are read as the
// KCL reads them. Plain records are never dropped.
//
// It is off by default. It is right only for producers that send an aggregate
// again whole when a shard split made it land in the wrong shard (kinpack, and
// the KPL 1.1.1): without it their records are seen twice. It loses the records
// of producers that don't (the KPL 0.15.11 to 1.1.0), of producers that do not
// route by hash key, and of streams whose records the service distributes itself.
//
// Drops are logged and counted in [Stats]. A range that r can't give drops
// nothing; the first time that is logged.
func WithShardRange(r ShardRanges) Option {
	return func(c *config) { c.shardRanges, c.hasShardRange = r, true }
}

// WithLogger sets the logger; the default is slog.Default() at the time of
// [New]. Records are named shard:sequence number:sub-sequence number. Keys and
// data are never logged, but the texts of errors and panics are: keep data out
// of them.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// validate joins every complaint.
func (c *config) validate(h Handler) error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("lambda: "+text))
		}
	}
	d, isFunc := c.deadLetter.(DeadLetterFunc)
	r, isRangeFunc := c.shardRanges.(ShardRangesFunc)
	complain(h == nil, "the handler is nil")
	complain(c.nilOption, "an option is nil")
	complain(c.maxAttempts < 0, fmt.Sprintf("WithMaxAttempts(%d): want 0 for no limit, or more", c.maxAttempts))
	complain(c.hasDeadLetter && (c.deadLetter == nil || isFunc && d == nil), "WithDeadLetter(nil): leave the option out to have none")
	complain(c.hasShardRange && (c.shardRanges == nil || isRangeFunc && r == nil), "WithShardRange(nil): leave the option out to drop nothing")
	complain(c.logger == nil, "WithLogger(nil): use slog.New(slog.DiscardHandler) to log nothing")
	return errors.Join(errs...)
}

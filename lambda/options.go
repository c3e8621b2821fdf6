package lambda

// This file owns the options: every With* function, and one validate that names
// all that is wrong at once.

import (
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf8"
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
	checkpoint    Checkpoint
	hasCheckpoint bool
	concurrency   int
	namespace     string
	hooks         []Hooks
	logger        *slog.Logger
	nilOption     bool
	window        bool // of NewWindow
	expand        bool // of Expand

	wholeBatchError, followPoison, everyFailureListed bool
}

// WithMaxAttempts limits the failed handler calls of one user record to n, counted
// across invocations; after that it is poison (see [Poison]). Up to the limit it
// is tried again within the invocation, after a pause with full jitter that
// starts at 50 ms at most and doubles up to 5 s, as long as the deadline leaves
// room for the pause.
//
// The default, 0, sets no limit: there is one attempt an invocation, and the
// event source mapping's retry policy decides.
//
// The count is kept with the progress: without a [Checkpoint] it starts anew in
// another sandbox. A call that is still running when the time is up counts, so that 1
// also sets records aside that were only slow, or begun shortly before the end.
// Without a [DeadLetter], or while it fails, a record over the limit is neither
// dropped nor tried more than once an invocation: it counts as failed, and the count
// goes on. A [BatchHandler] may be called once more: for a record alone whose calls
// failed as a whole.
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

// WithConcurrency calls the handler for up to n partition keys at a time, from 1
// to 1,000. A key's records are handled in their order, one after the other; if
// one is left undecided, the later ones of its key wait for the next invocation,
// and other keys go on. The default, 1, handles all records in the order of the
// shard and stops at the first one that is left undecided; with [NewByKey] it
// takes one key after the other.
//
// Keys are the user records' partition keys. The whole event is taken apart at
// once then, which takes about 100 bytes a user record.
func WithConcurrency(n int) Option {
	return func(c *config) { c.concurrency = n }
}

// WithCheckpoint keeps what is done inside a batch that was answered in part in
// p, so that it is skipped wherever the batch is sent next. The default is none:
// then it is kept in memory, for the same process only.
//
// Without a failure that costs one Load an invocation, and nothing else.
func WithCheckpoint(p Checkpoint) Option {
	return func(c *config) { c.checkpoint, c.hasCheckpoint = p, true }
}

// WithProgressNamespace sets the namespace of what is kept in the [Checkpoint],
// 1 to 256 bytes of UTF-8. Event source mappings, or programs, that read the same
// stream, each on its own account, need one each if they use the same Checkpoint:
// what one of them has done the others would skip. The default is the function's
// name (AWS_LAMBDA_FUNCTION_NAME), which does where a function has one mapping a
// stream, on one of its aliases. Outside of Lambda there is no default.
func WithProgressNamespace(namespace string) Option {
	return func(c *config) { c.namespace = namespace }
}

// WithWholeBatchError returns an error in the place of an answer in part, for
// event source mappings that can't have ReportBatchItemFailures. Lambda sends the
// whole batch again, and what is done in it is skipped, as far as it is remembered.
func WithWholeBatchError() Option {
	return func(c *config) { c.wholeBatchError = true }
}

// WithPoisonedKeys sends the later records of a partition key, of which a record
// is in the dead letter, there too, without a call of the handler: for handlers
// that must not see a key's record without the ones before it. Later are those
// behind it in the shard; once it succeeds itself, in a replay, the key is free
// again. The keys are kept in this process's memory, at most 1,024 of them, each for
// an hour after its last letter. A [BatchHandler] that names a record has seen the
// later ones of its call already.
func WithPoisonedKeys() Option {
	return func(c *config) { c.followPoison = true }
}

// WithHooks adds hooks to those of earlier WithHooks.
func WithHooks(h Hooks) Option {
	return func(c *config) { c.hooks = append(c.hooks, h) }
}

// WithLogger sets the logger; the default is slog.Default() at the time of
// [New]. Records are named shard:sequence number:sub-sequence number. Keys and
// data are never logged, but the texts of errors and panics are: keep data out
// of them.
//
// The line "batch" tells what an invocation did, at level info if anything in it
// was out of the ordinary, and else at level debug.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

const (
	maxConcurrency = 1000
	maxNamespace   = 256
)

// validate joins every complaint.
func (c *config) validate(m mode, nilHandler bool) error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("lambda: "+text))
		}
	}
	d, isFunc := c.deadLetter.(DeadLetterFunc)
	r, isRangeFunc := c.shardRanges.(ShardRangesFunc)
	complain(nilHandler, "the handler is nil")
	complain(c.nilOption, "an option is nil")
	complain(c.maxAttempts < 0, fmt.Sprintf("WithMaxAttempts(%d): want 0 for no limit, or more", c.maxAttempts))
	complain(c.hasDeadLetter && (c.deadLetter == nil || isFunc && d == nil), "WithDeadLetter(nil): leave the option out to have none")
	complain(c.followPoison && c.deadLetter == nil, "WithPoisonedKeys: without WithDeadLetter there is nothing to follow")
	complain(c.everyFailureListed && !c.expand, "WithEveryFailureListed: is for Expand")
	complain(c.hasShardRange && (c.shardRanges == nil || isRangeFunc && r == nil), "WithShardRange(nil): leave the option out to drop nothing")
	complain(c.hasCheckpoint && c.checkpoint == nil, "WithCheckpoint(nil): leave the option out to have none")
	complain(c.window && c.hasCheckpoint, "NewWindow: WithCheckpoint: a window's progress travels in its state")
	complain(c.window && c.concurrency > 1, "NewWindow: WithConcurrency: a window's records are folded one by one")
	complain(!c.window && c.checkpoint != nil && c.namespace == "", "WithCheckpoint: this is no Lambda function, so that WithProgressNamespace is needed, too")
	complain(c.concurrency < 1 || c.concurrency > maxConcurrency, fmt.Sprintf("WithConcurrency(%d): want 1 to %d", c.concurrency, maxConcurrency))
	complain(c.concurrency > 1 && m == mode{together: true}, "WithConcurrency: a handler of whole batches is called once at a time")
	complain(len(c.namespace) > maxNamespace || !utf8.ValidString(c.namespace),
		fmt.Sprintf("WithProgressNamespace(%.40q): want at most %d bytes of UTF-8", c.namespace, maxNamespace))
	complain(c.logger == nil, "WithLogger(nil): use slog.New(slog.DiscardHandler) to log nothing")
	return errors.Join(errs...)
}

package lambda

// This file owns the face of what keeps progress outside of the process.

import (
	"context"
	"time"
)

// Shard names the shard that progress is of.
type Shard struct {
	// Namespace is that of [WithProgressNamespace]: it separates the progress of
	// several event source mappings on one stream.
	Namespace string
	// StreamARN is the event's eventSourceARN.
	StreamARN string
	// ID is the shard's, such as shardId-000000000000.
	ID string
}

// Checkpoint keeps what is done inside a batch that was answered in part, so
// that the next invocation finds it in whichever process it runs. The package
// lambda/dynamocheckpoint has one for DynamoDB.
//
// An invocation calls Load once, before the first handler; Save once when a
// partial answer was worked out; Delete when the batch is answered whole, if Load
// returned something or failed, or something was left to delete. If there is still
// something saved for records past the end of a batch that is answered whole, that is
// a Save instead; and a report that Lambda has gone past is looked for by one more
// Load. An error is logged and goes to [Hooks.CheckpointError]; the invocation goes
// on without. ctx ends early enough to answer in time, and a method must return then:
// the answer waits for it.
//
// Concurrent invocations call it concurrently, also for one shard with a
// ParallelizationFactor, but never for the same sequence number at a time.
// What Load returned, the caller owns; what Save is given, it may not keep.
type Checkpoint interface {
	// Load returns all that is saved for the shard under a sequence number from
	// first to last, both included. Sequence numbers are decimal numbers of up to
	// 129 digits without leading zeros, and compare as numbers. A read must see
	// the writes that ended before it. What is older than the stream's retention
	// is best left out.
	Load(ctx context.Context, shard Shard, first, last string) ([]SavedProgress, error)
	// Save saves p in place of what is saved under its sequence number, and deletes
	// what is saved under those in stale: in one step if it can, since what is left
	// of these would be skipped in a deliberate replay. If not all of p's entries
	// find room it keeps the first ones. It returns how many it has kept, with an
	// error, too.
	Save(ctx context.Context, shard Shard, p SavedProgress, stale []string) (kept int, err error)
	// Delete deletes what is saved under those sequence numbers; what is not
	// there is no error. If it fails, it is asked again with the shard's next batch
	// in this process.
	Delete(ctx context.Context, shard Shard, sequenceNumbers []string) error
}

// SavedProgress is what an invocation leaves to the next one when it answers in
// part.
type SavedProgress struct {
	// SequenceNumber is the outer sequence number from which Lambda was told to
	// send the batch again.
	SequenceNumber string
	// LastArrival is the latest approximate arrival among the outer records that
	// the entries are of: after that and the stream's retention they are of no
	// use. It may be zero, if the event gave none.
	LastArrival time.Time
	// Entries has one entry for each outer record that something is known of, in
	// ascending order of their sequence numbers. Their bytes are the package's own.
	Entries [][]byte
}

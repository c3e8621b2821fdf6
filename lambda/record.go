package lambda

// This file owns the Record that handlers see, and Typed.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
)

// Record is one user record, and where it comes from. It is valid during the
// handler's call only: the next record is put into the same struct. Data and the
// strings alias the event and stay valid for as long as they are referenced;
// whoever keeps one of them keeps the whole outer record in memory. Data must
// not be modified: the next attempt and the dead letter see the same bytes.
type Record struct {
	// PartitionKey is the user record's own. Out of an aggregate it may be any
	// bytes, also empty or invalid UTF-8.
	PartitionKey string
	// ExplicitHashKey is what the producer wrote, unchecked; see HasExplicitHashKey.
	ExplicitHashKey string
	// HasExplicitHashKey tells an explicit hash key from none. A plain record
	// has none here: Kinesis does not hand it to readers.
	HasExplicitHashKey bool
	// Data is the payload.
	Data []byte
	// Aggregated is true for a record out of an aggregate, false for a plain one.
	Aggregated bool

	// StreamARN is the event's eventSourceARN.
	StreamARN string
	// ShardID is the part of the event's eventID before the colon; empty if there is none.
	ShardID string
	// SequenceNumber is that of the outer record, the one that Lambda knows.
	SequenceNumber string
	// SubSequenceNumber is the place within the aggregate, from 0; 0 for a plain record.
	SubSequenceNumber int
	// OuterPartitionKey is the partition key of the outer record.
	OuterPartitionKey string
	// ApproximateArrivalTimestamp is when the stream took the outer record.
	ApproximateArrivalTimestamp time.Time

	// Attempt counts the calls for this record, this one included, from 1. It
	// goes on across invocations as far as the progress is remembered.
	Attempt int
}

// Typed returns a Handler that decodes the data first. A decode error is
// [Poison]: the same bytes would fail again. A nil function gives a nil
// Handler, which [New] refuses.
func Typed[T any](decode func(data []byte) (T, error), h func(ctx context.Context, value T, r *Record) error) Handler {
	if decode == nil || h == nil {
		return nil
	}
	return func(ctx context.Context, r *Record) error {
		value, err := decode(r.Data)
		if err != nil {
			return Poison(fmt.Errorf("decode: %w", err))
		}
		return h(ctx, value, r)
	}
}

// fill makes r the user record u of the outer record o.
func (r *Record) fill(o *events.KinesisEventRecord, u *deaggregate.Record, attempt int) {
	*r = Record{
		PartitionKey:                u.PartitionKey,
		ExplicitHashKey:             u.ExplicitHashKey,
		HasExplicitHashKey:          u.HasExplicitHashKey,
		Data:                        u.Data,
		Aggregated:                  u.Aggregated,
		StreamARN:                   o.EventSourceArn,
		ShardID:                     shardOf(o).id,
		SequenceNumber:              o.Kinesis.SequenceNumber,
		SubSequenceNumber:           u.SubSequence,
		OuterPartitionKey:           o.Kinesis.PartitionKey,
		ApproximateArrivalTimestamp: o.Kinesis.ApproximateArrivalTimestamp.Time,
		Attempt:                     attempt,
	}
}

// Identity says which user record of which stream it is.
type Identity struct {
	StreamARN      string
	ShardID        string
	SequenceNumber string // that of the outer record
	// SubSequenceNumber is the place within the aggregate, from 0; 0 for a plain
	// record.
	SubSequenceNumber int
}

// String returns stream ARN, shard, sequence number and sub-sequence number with
// slashes between: the ID of the record's [Letter].
func (i Identity) String() string {
	return i.StreamARN + "/" + i.ShardID + "/" + i.SequenceNumber + "/" + strconv.Itoa(i.SubSequenceNumber)
}

// Identity returns which record it is.
func (r *Record) Identity() Identity {
	return Identity{r.StreamARN, r.ShardID, r.SequenceNumber, r.SubSequenceNumber}
}

// IdentityFrom returns which record a [Handler] is called for, from the context
// that it was given or one made of that: for logs and traces far from where the
// record is at hand. A [BatchHandler]'s context has none.
func IdentityFrom(ctx context.Context) (i Identity, ok bool) {
	p, ok := ctx.Value(identityKey{}).(*Identity)
	if !ok {
		return Identity{}, false
	}
	return *p, true
}

type identityKey struct{}

// recordContext is a handler's context.
type recordContext struct {
	context.Context
	identity Identity
}

// Value implements context.Context.
func (c *recordContext) Value(key any) any {
	if key == (identityKey{}) {
		return &c.identity
	}
	return c.Context.Value(key)
}

// name names a record in the log: shard:sequence number:sub-sequence number, the
// last left out for a whole outer record.
func name(o *events.KinesisEventRecord, subSequence int) string {
	s := shardOf(o).id + ":" + o.Kinesis.SequenceNumber
	if subSequence == WholeRecord {
		return s
	}
	return s + ":" + strconv.Itoa(subSequence)
}

// shardOf cuts the shard out of an eventID, "shard:sequence number"; the id is
// empty if there is no colon.
func shardOf(o *events.KinesisEventRecord) shardID {
	id, _, ok := strings.Cut(o.EventID, ":")
	if !ok {
		id = ""
	}
	return shardID{stream: o.EventSourceArn, id: id}
}

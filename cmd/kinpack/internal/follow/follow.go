// Package follow reads the Kinesis records of a stream, of all its shards and
// across splits and merges.
//
// A shard is read only when its parents have been read to their end, so a partition
// key's records come in their order, whatever is resharded meanwhile. One goroutine,
// that of the caller, owns all that is known and hands out the records; others only
// make calls, a few at a time, and end with it:
//
//	due shards -> a turn each: GetShardIterator, GetRecords -> pages -> the caller
//	     ^------------- what comes next, after a pause ------------'
package follow

// This file owns the face of the package: what to read, from where, and how.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/sequence"
)

// Client is what reading calls; [kinesis.Client] has it. It is called by several
// goroutines at once.
type Client interface {
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// Stream is a stream, named by one of Name and ARN, as in requests.
type Stream struct {
	Client    Client
	Name, ARN *string
}

// Shard is a shard of a stream.
type Shard struct {
	ID string
	// Parents are none, one after a split and two after a merge. They may be past
	// the retention period.
	Parents []string
	// HashKeys is the shard's range; all of the hash keys if what the service says
	// is none.
	HashKeys hashkey.Range
	// Open is whether the shard took records when it was found.
	Open bool
}

// Record is a Kinesis record. Its Data is the receiver's own, and never nil.
type Record struct {
	// Shard is the same for all records of a shard. It must not be changed.
	Shard                        *Shard
	PartitionKey, SequenceNumber string
	Data                         []byte
	// Arrival is when the record arrived, as the service says, in milliseconds.
	Arrival time.Time
}

// Position is where in the shards of a stream reading starts. Shards that come up
// later are read from their first record on in any case.
type Position struct {
	kind     types.ShardIteratorType
	at       time.Time
	sequence string
}

// TrimHorizon is the oldest record of each shard.
func TrimHorizon() Position { return Position{kind: types.ShardIteratorTypeTrimHorizon} }

// Latest is what is put from now on: behind the newest record of each shard that is
// open, as of the shard's first turn.
func Latest() Position { return Position{kind: types.ShardIteratorTypeLatest} }

// AtTime is the records that arrived at t or later. A time that has not come yet for
// the service is the time of the start.
func AtTime(t time.Time) Position {
	return Position{kind: types.ShardIteratorTypeAtTimestamp, at: t}
}

// AtSequenceNumber is the record with that sequence number, and what is behind it.
// It is for one shard, that of [WithShard].
func AtSequenceNumber(number string) Position {
	return Position{kind: types.ShardIteratorTypeAtSequenceNumber, sequence: number}
}

// Time returns the time of AtTime, and whether p is one.
func (p Position) Time() (t time.Time, ok bool) {
	return p.at, p.kind == types.ShardIteratorTypeAtTimestamp
}

// Option configures [Stream.Read].
type Option func(*config)

type config struct {
	shard     string
	workers   int
	pageSize  int
	stopAtTip bool
	idle      func()
	tip       func(*Shard, time.Time)
}

const (
	defaultWorkers = 32
	maxWorkers     = 1024
	maxPageSize    = 10_000 // records (API Reference, GetRecords)
)

// WithShard reads one shard only, and ends with it. The default is all shards.
func WithShard(id string) Option { return func(c *config) { c.shard = id } }

// WithWorkers sets how many shards at most are read at the same time, 1 to 1,024,
// default 32. As many pages, of up to 10 MiB, may wait to be handed out.
func WithWorkers(n int) Option { return func(c *config) { c.workers = n } }

// WithPageSize sets how many records at most a call asks for, 1 to 10,000, which is
// the default.
func WithPageSize(n int) Option { return func(c *config) { c.pageSize = n } }

// WithStopAtTip ends reading when all has been read that was in the stream at the
// start. Some records that came later may be read, too. The default is to go on
// for as long as there are open shards.
func WithStopAtTip() Option { return func(c *config) { c.stopAtTip = true } }

// WithIdle has f called whenever no record is at hand, before waiting for some. It
// runs between two records, in the goroutine that takes them.
func WithIdle(f func()) Option { return func(c *config) { c.idle = f } }

// WithTip has f called whenever all records of a shard have been handed out, with
// the time of the service as of which that is so. It runs as that of WithIdle.
func WithTip(f func(*Shard, time.Time)) Option { return func(c *config) { c.tip = f } }

func newConfig(from Position, opts []Option) (config, error) {
	c := config{workers: defaultWorkers, pageSize: maxPageSize, idle: func() {}, tip: func(*Shard, time.Time) {}}
	for _, o := range opts {
		o(&c)
	}
	var errs []error
	check := func(ok bool, format string, a ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("follow: "+format, a...))
		}
	}
	check(c.workers >= 1 && c.workers <= maxWorkers, "WithWorkers: %d, want 1 to %d", c.workers, maxWorkers)
	check(c.pageSize >= 1 && c.pageSize <= maxPageSize, "WithPageSize: %d records, want 1 to %d", c.pageSize, maxPageSize)
	check(from.kind != "", "no position")
	if from.kind == types.ShardIteratorTypeAtSequenceNumber {
		check(sequence.Valid(from.sequence), "AtSequenceNumber: %.60q is no sequence number", from.sequence)
		check(c.shard != "", "AtSequenceNumber: want WithShard with it")
	}
	return c, errors.Join(errs...)
}

// Read returns the stream's records from a position on, each once, one at a time,
// those of a shard in their order. What passes is tried again: throttling for as
// long as it lasts, anything else for five minutes a shard, with full jitter; an
// iterator that expired is made anew. A shard that is past the retention period
// ends. Nothing else is passed over: the last pair has an error if reading could not
// go on, or if ctx ended. Reading ends without one when all shards have ended, when
// it is up to the tip with [WithStopAtTip], or when the caller stops.
//
// A shard is read at most 5 times and 2 MB a second, and once to four times a second
// when all of it has been read (Kinesis Data Streams quotas: others share these). No
// goroutine outlives the loop.
func (s Stream) Read(ctx context.Context, from Position, opts ...Option) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c, err := newConfig(from, opts)
		if err == nil {
			err = newReader(s, from, c).run(ctx, func(r Record) bool { return yield(r, nil) })
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Record{}, err)
		}
	}
}

package lambda

// This file owns the shard filter: the KCL's rule for aggregates, and the cache
// of ranges. A range that is not known drops nothing.

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	maxRanges  = 1024            // cached; more shards than one process reads from
	maxLookUp  = 5 * time.Second // for one look-up, or a quarter of the time left
	lookUpPart = 4
)

// ShardRanges knows which hash keys belong to which shard, for [WithShardRange].
type ShardRanges interface {
	// ShardRange returns the first and the last hash key of a shard as decimal
	// numbers: StartingHashKey and EndingHashKey of the shard's HashKeyRange as
	// ListShards gives it without a filter. Lambda reads closed shards to their
	// end, so these must be found, too.
	//
	// streamARN is the event's eventSourceARN. ctx ends after 5 seconds, or a
	// quarter of the invocation's time. A shard's range never changes, so an
	// answer is kept; an error is not, and the next batch asks again. Concurrent
	// invocations call it concurrently.
	ShardRange(ctx context.Context, streamARN, shardID string) (first, last string, err error)
}

// ShardRangesFunc is a function as [ShardRanges].
type ShardRangesFunc func(ctx context.Context, streamARN, shardID string) (first, last string, err error)

// ShardRange calls f.
func (f ShardRangesFunc) ShardRange(ctx context.Context, streamARN, shardID string) (first, last string, err error) {
	return f(ctx, streamARN, shardID)
}

// rangeCache keeps the ranges that were found. It is safe for concurrent use.
type rangeCache struct {
	source ShardRanges
	mu     sync.Mutex
	ranges map[shardID]hashkey.Range
}

// find returns a shard's range.
func (c *rangeCache) find(ctx context.Context, shard shardID) (hashkey.Range, *failure) {
	c.mu.Lock()
	r, ok := c.ranges[shard]
	c.mu.Unlock()
	if ok {
		return r, nil
	}
	limit := maxLookUp
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/lookUpPart)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := protect(func() error {
		if shard.id == "" {
			return errors.New("the record's eventID names no shard")
		}
		first, last, err := c.source.ShardRange(ctx, shard.stream, shard.id)
		if err != nil {
			return err
		}
		r, err = hashkey.ParseRange(first, last)
		return err
	})
	if f != nil {
		return r, f
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ranges == nil || len(c.ranges) >= maxRanges {
		c.ranges = make(map[shardID]hashkey.Range)
	}
	c.ranges[shard.clone()] = r
	return r, nil
}

// bounds is the range that an invocation goes by. It is looked up once, with the
// first aggregate, whether that works or not.
type bounds struct {
	shard         shardID
	looked, known bool
	hashkey.Range
}

// outOfRange says whether an aggregate of these user records is to be dropped.
func (v *invocation) outOfRange(ctx context.Context, o *events.KinesisEventRecord, users []deaggregate.Record) bool {
	c := v.consumer
	if c.config.shardRanges == nil || len(users) == 0 || !users[0].Aggregated {
		return false
	}
	if shard := shardOf(o); !v.bounds.looked || v.bounds.shard != shard {
		r, f := c.ranges.find(ctx, shard)
		v.bounds = bounds{shard: shard, looked: true, known: f == nil, Range: r}
		if f != nil && !c.saidRange.Swap(true) {
			f.log(ctx, c.log, "the shard's range is not known, so nothing is dropped; this is not said again", name(o, WholeRecord), 0)
		}
	}
	if !v.bounds.known {
		return false
	}
	for i := range users {
		if !v.bounds.Contains(hashKeyOf(&users[i])) {
			return true
		}
	}
	return false
}

// drop tells of an aggregate that lies outside its shard's range.
func (v *invocation) drop(ctx context.Context, o *events.KinesisEventRecord, users int) {
	c := v.consumer
	c.droppedAggregates.Add(1)
	c.droppedRecords.Add(uint64(users))
	c.log.LogAttrs(ctx, slog.LevelWarn, "aggregate dropped: a hash key in it lies outside the shard's range",
		slog.String("record", name(o, WholeRecord)), slog.Int("userRecords", users))
	for _, h := range c.config.hooks {
		if h.OutOfRange != nil {
			c.tell(ctx, func() { h.OutOfRange(ctx, OutOfRange{v.stats.Shard, o.Kinesis.SequenceNumber, users}) })
		}
	}
}

// hashKeyOf is the hash key that a record was routed by. The KCL reads an
// explicit one as a big integer, which may have a plus sign or leading zeros. A
// negative one, or one over 2^128-1, it finds outside of every range, and it
// throws on what is no number; here all of these fall back to the partition key,
// because the service takes no such key, so that no one can have routed by it.
func hashKeyOf(u *deaggregate.Record) hashkey.Key {
	if u.HasExplicitHashKey {
		if k, err := hashkey.Parse(hashkey.Normalize(u.ExplicitHashKey)); err == nil {
			return k
		}
	}
	return hashkey.Of(u.PartitionKey)
}

package kinesistest

// This file owns changes of the shards: SplitShard, MergeShards and
// UpdateShardCount. A change is checked now and done when the stream leaves
// UPDATING; nothing else can change the shards in between.

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

func (s *Server) splitShard(now time.Time, in *kinesis.SplitShardInput) (*kinesis.SplitShardOutput, error) {
	var c constraints
	c.requiredName("shardToSplit", in.ShardToSplit)
	if c.present("newStartingHashKey", in.NewStartingHashKey != nil) {
		c.match(*in.NewStartingHashKey, "newStartingHashKey", hashKeyPattern,
			isDecimal(*in.NewStartingHashKey, hashkey.MaxDigits))
	}
	c.stream(in.StreamName, in.StreamARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findProvisioned(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	sh, err := st.reshardable(*in.ShardToSplit)
	if err != nil {
		return nil, err
	}
	key, err := hashkey.Parse(*in.NewStartingHashKey)
	if err != nil || !sh.splitsAt(key) {
		return nil, invalidArgument("NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s "+
			"is not both greater than one plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
			*in.NewStartingHashKey, sh.id, st.name, accountID, sh.keys.First, sh.keys.Last)
	}
	if open := s.openShards(); open+1 > s.config.shardLimit {
		return nil, overShardLimit(open, s.config.shardLimit, 1)
	}
	st.reshard = func(at time.Time) { st.split(sh, key, at) }
	s.begin(st, types.StreamStatusUpdating, now)
	return &kinesis.SplitShardOutput{}, nil
}

// splitsAt says whether the upper child of sh may start at key. One more than
// the start is refused too (API Reference does not say so; the service's
// message does).
func (sh *shard) splitsAt(key hashkey.Key) bool {
	first := sh.keys.First
	return key.Compare(first) > 0 && key.Prev().Compare(first) > 0 && key.Compare(sh.keys.Last) < 0
}

func (s *Server) mergeShards(now time.Time, in *kinesis.MergeShardsInput) (*kinesis.MergeShardsOutput, error) {
	var c constraints
	c.requiredName("shardToMerge", in.ShardToMerge)
	c.requiredName("adjacentShardToMerge", in.AdjacentShardToMerge)
	c.stream(in.StreamName, in.StreamARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findProvisioned(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	low, err := st.reshardable(*in.ShardToMerge)
	if err != nil {
		return nil, err
	}
	high, err := st.reshardable(*in.AdjacentShardToMerge)
	if err != nil {
		return nil, err
	}
	// The order matters: the adjacent shard is the upper one. Max has no
	// next, so the last and the first shard are not adjacent.
	if low.keys.Last == hashkey.Max() || low.keys.Last.Next() != high.keys.First {
		return nil, invalidArgument("Shards %s and %s in stream %s under account %s are not an adjacent pair of shards "+
			"eligible for merging", low.id, high.id, st.name, accountID)
	}
	st.reshard = func(at time.Time) { st.merge(low, high, at) }
	s.begin(st, types.StreamStatusUpdating, now)
	return &kinesis.MergeShardsOutput{}, nil
}

func (s *Server) updateShardCount(now time.Time, in *kinesis.UpdateShardCountInput) (*kinesis.UpdateShardCountOutput, error) {
	var c constraints
	c.enum("scalingType", string(in.ScalingType), names(in.ScalingType.Values()))
	c.stream(in.StreamName, in.StreamARN)
	if c.present("targetShardCount", in.TargetShardCount != nil) {
		c.integer("targetShardCount", in.TargetShardCount, 1, maxShardCount)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findProvisioned(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	open, target := len(st.open), int(*in.TargetShardCount)
	counts := "Current open shard count: %d, Target shard count: %d"
	switch {
	case target > 2*open:
		return nil, limitExceeded("UpdateShardCount cannot scale up over double your current open shard count. "+counts, open, target)
	case 2*target < open:
		return nil, limitExceeded("UpdateShardCount cannot scale down below half your current open shard count. "+counts, open, target)
	}
	if all := s.openShards(); all-open+target > s.config.shardLimit {
		return nil, overShardLimit(all, s.config.shardLimit, target-open)
	}
	st.reshard = func(at time.Time) { st.rescale(target, at) }
	s.begin(st, types.StreamStatusUpdating, now)
	return &kinesis.UpdateShardCountOutput{
		CurrentShardCount: aws.Int32(int32(open)),
		StreamARN:         aws.String(st.arn),
		StreamName:        aws.String(st.name),
		TargetShardCount:  aws.Int32(int32(target)),
	}, nil
}

// findProvisioned is findActive for a stream whose shards are the caller's.
func (s *Server) findProvisioned(name, arn *string) (*stream, error) {
	st, err := s.findActive(name, arn)
	if err == nil && st.mode == types.StreamModeOnDemand {
		return nil, invalid("Request is invalid. Stream %s under account %s is in On-Demand mode.", st.name, accountID)
	}
	return st, err
}

// reshardable returns the open shard of that id.
func (st *stream) reshardable(id string) (*shard, error) {
	index, ok := resolveShard(id)
	if !ok {
		return nil, noSuchShard(st, id)
	}
	if index >= len(st.shards) {
		return nil, noSuchShard(st, shardID(index))
	}
	sh := st.shards[index]
	if !sh.isOpen() {
		return nil, invalidArgument("Shard %s in stream %s under account %s has already been merged or split, "+
			"and thus is not eligible for merging or splitting.", sh.id, st.name, accountID)
	}
	return sh, nil
}

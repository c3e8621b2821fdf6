package kinesistest

// This file owns reading: GetShardIterator and GetRecords.

import (
	"bytes"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	// The limits of one GetRecords call (API Reference, GetRecords).
	maxRead      = 10_000
	maxReadBytes = 10 << 20
	maxIterator  = 512 // length of a shard iterator
)

func (s *Server) getShardIterator(now time.Time, in *kinesis.GetShardIteratorInput) (*kinesis.GetShardIteratorOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	c.requiredName("shardId", in.ShardId)
	c.enum("shardIteratorType", string(in.ShardIteratorType), names(in.ShardIteratorType.Values()))
	c.sequence("startingSequenceNumber", in.StartingSequenceNumber)
	if err := c.err(); err != nil {
		return nil, err
	}
	index, ok := resolveShard(*in.ShardId)
	st, err := s.findReadable(in.StreamName, in.StreamARN)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, noSuchShard(st, *in.ShardId)
	case index >= len(st.shards) || st.shards[index].expired(now):
		return nil, shardGone(st.name, index)
	}
	sh := st.shards[index]
	sh.trim(now)
	pos, err := st.position(sh, in, now)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.DryRun) {
		return nil, dryRun()
	}
	it := iterator{st.name, st.ordinal, index, pos}
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String(it.String(now))}, nil
}

// position returns the sequence from which on an iterator of in reads.
func (st *stream) position(sh *shard, in *kinesis.GetShardIteratorInput, now time.Time) (uint64, error) {
	typ := in.ShardIteratorType
	bySequence := typ == types.ShardIteratorTypeAtSequenceNumber || typ == types.ShardIteratorTypeAfterSequenceNumber
	if given := in.StartingSequenceNumber != nil; given != bySequence {
		word := "no"
		if given {
			word = "also a"
		}
		return 0, invalidArgument("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "+
			"StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "+
			"Request specified %s and %s StartingSequenceNumber.", typ, word)
	}
	switch typ {
	case types.ShardIteratorTypeLatest:
		return st.seq + 1, nil
	case types.ShardIteratorTypeAtTimestamp:
		return st.positionAt(sh, in.Timestamp, now)
	case types.ShardIteratorTypeTrimHorizon:
		return 0, nil
	}
	seq, err := st.checkSeq(sh, *in.StartingSequenceNumber)
	if typ == types.ShardIteratorTypeAfterSequenceNumber {
		seq++
	}
	return seq, err
}

func (st *stream) positionAt(sh *shard, t *time.Time, now time.Time) (uint64, error) {
	if t == nil {
		return 0, invalidArgument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
			"Current request has no timestamp parameter.")
	}
	if t.After(now) {
		return 0, futureTimestamp(*t, now)
	}
	at := t.Truncate(time.Millisecond)
	for _, rec := range sh.records { // not by halves: a clock may step back
		if !rec.arrival.Before(at) {
			return rec.seq, nil
		}
	}
	return st.seq + 1, nil
}

func (st *stream) checkSeq(sh *shard, s string) (uint64, error) {
	n, index, ofStream, ok := st.parseSeq(s)
	used := "StartingSequenceNumber " + s + " used in GetShardIterator on shard " + sh.id +
		" in stream " + st.name + " under account " + accountID + " is invalid"
	switch {
	case !ok:
		return 0, invalidArgument("%s.", used)
	case !ofStream:
		return 0, invalidArgument("%s because it did not come from this stream.", used)
	case index != sh.index:
		return 0, invalidArgument("Invalid StartingSequenceNumber. It encodes %s, "+
			"while it was used in a call to a shard with %s", shardID(index), sh.id)
	}
	return n, nil
}

func (s *Server) getRecords(now time.Time, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
	var c constraints
	if c.present("shardIterator", in.ShardIterator != nil) {
		c.token("shardIterator", in.ShardIterator, maxIterator)
	}
	c.integer("limit", in.Limit, 1, maxRead)
	c.stream(nil, in.StreamARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	it, issued, ok := parseIterator(*in.ShardIterator)
	if !ok {
		return nil, invalidArgument("Invalid ShardIterator.")
	}
	if now.Sub(issued) > tolerance {
		return nil, &types.ExpiredIteratorException{Message: aws.String(
			"Iterator expired. The iterator was created at time " + utcString(issued) + " while right now it is " +
				utcString(now) + " which is further in the future than the tolerated delay of 300000 milliseconds.")}
	}
	st := s.streams[it.stream]
	if st == nil || st.ordinal != it.ordinal || it.shard < 0 || it.shard >= len(st.shards) || st.shards[it.shard].expired(now) {
		return nil, shardGone(it.stream, it.shard)
	}
	if in.StreamARN != nil && *in.StreamARN != st.arn {
		return nil, invalidArgument("StreamARN %s does not match the stream of the ShardIterator.", *in.StreamARN)
	}
	if aws.ToBool(in.DryRun) {
		return nil, dryRun()
	}
	return st.read(it, pageSize(in.Limit, maxRead), now), nil
}

// read returns up to limit records from it on, and where to go on.
func (st *stream) read(it iterator, limit int, now time.Time) *kinesis.GetRecordsOutput {
	sh := st.shards[it.shard]
	sh.trim(now)
	from, _ := slices.BinarySearchFunc(sh.records, it.pos, func(r record, pos uint64) int {
		if r.seq < pos {
			return -1
		}
		return 1
	})
	rest := sh.records[from:]
	n := batch(rest, limit)
	out := &kinesis.GetRecordsOutput{Records: make([]types.Record, n), MillisBehindLatest: aws.Int64(0)}
	for i, rec := range rest[:n] {
		out.Records[i] = types.Record{
			ApproximateArrivalTimestamp: aws.Time(rec.arrival),
			Data:                        bytes.Clone(rec.data),
			PartitionKey:                aws.String(rec.partitionKey),
			SequenceNumber:              aws.String(st.seqNumber(sh, rec.seq)),
		}
	}
	if n > 0 {
		it.pos = rest[n-1].seq + 1
	}
	if n < len(rest) {
		out.MillisBehindLatest = aws.Int64(max(0, now.Sub(rest[n-1].arrival).Milliseconds()))
	} else if !sh.isOpen() {
		out.ChildShards = st.children(sh)
		return out
	}
	out.NextShardIterator = aws.String(it.String(now))
	return out
}

// batch returns how many of records go into one answer: at least one, even
// if it is larger than an answer may be.
func batch(records []record, limit int) int {
	size := 0
	for i, rec := range records {
		size += len(rec.data)
		if i == limit || i > 0 && size > maxReadBytes {
			return i
		}
	}
	return len(records)
}

func (st *stream) children(parent *shard) []types.ChildShard {
	out := []types.ChildShard{}
	for _, sh := range st.shards[parent.index+1:] {
		if !slices.Contains(sh.parents, parent) {
			continue
		}
		child := types.ChildShard{ShardId: aws.String(sh.id), HashKeyRange: hashKeyRange(sh.keys)}
		for _, p := range sh.parents {
			child.ParentShards = append(child.ParentShards, p.id)
		}
		out = append(out, child)
	}
	return out
}

func noSuchShard(st *stream, id string) error {
	return notFound("Could not find shard %s in stream %s under account %s.", id, st.name, accountID)
}

func shardGone(stream string, index int) error {
	return notFound("Shard %s in stream %s under account %s does not exist", shardID(index), stream, accountID)
}

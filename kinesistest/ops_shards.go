package kinesistest

// This file owns what is told about shards: ListShards with its filters and
// pages, and the form of a shard on the wire.

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// shardPage is what ListShards lists: a stream, a filter, and where to go on.
type shardPage struct {
	st     *stream
	start  *string // exclusive
	filter types.ShardFilterType
	at     time.Time // of the filters by timestamp
	asOf   time.Time // what is younger is not shown
}

func (s *Server) listShards(now time.Time, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
	if err := checkListShards(in); err != nil {
		return nil, err
	}
	var page shardPage
	var err error
	if in.NextToken != nil {
		page, err = s.nextShardPage(now, in)
	} else {
		page, err = s.firstShardPage(now, in)
	}
	if err != nil {
		return nil, err
	}
	if page.st.status == types.StreamStatusCreating || page.st.status == types.StreamStatusDeleting {
		return nil, streamInUse(page.st)
	}
	page.asOf = endOfTime()
	if lag := s.config.listLag; lag > 0 {
		page.asOf = now.Add(-lag)
	}
	shards := after(page.shards(now), page.start)
	n := min(len(shards), pageSize(in.MaxResults, listedPage))
	out := &kinesis.ListShardsOutput{Shards: page.st.describe(shards[:n], page.asOf)}
	if n < len(shards) {
		out.NextToken = aws.String(page.token(now, shards[n-1]))
	}
	return out, nil
}

func checkListShards(in *kinesis.ListShardsInput) error {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	c.name("exclusiveStartShardId", in.ExclusiveStartShardId)
	c.integer("maxResults", in.MaxResults, 1, maxAsked)
	c.token("nextToken", in.NextToken, longestToken)
	if f := in.ShardFilter; f != nil {
		c.enum("shardFilter.type", string(f.Type), names(f.Type.Values()))
		c.name("shardFilter.shardId", f.ShardId)
	}
	return c.err()
}

func (s *Server) firstShardPage(now time.Time, in *kinesis.ListShardsInput) (shardPage, error) {
	if in.StreamName == nil && in.StreamARN == nil {
		return shardPage{}, invalidArgument("Either NextToken or StreamName should be provided.")
	}
	st, err := s.find(in.StreamName, in.StreamARN)
	if err != nil {
		return shardPage{}, err
	}
	if t := in.StreamCreationTimestamp; t != nil && t.Unix() != st.created.Unix() {
		return shardPage{}, streamNotFound(st.name)
	}
	page := shardPage{st: st, start: in.ExclusiveStartShardId}
	f := in.ShardFilter
	if f == nil {
		return page, nil
	}
	page.filter = f.Type
	switch f.Type {
	case types.ShardFilterTypeAfterShardId:
		if f.ShardId == nil {
			return page, invalidArgument("ShardId must be provided in the ShardFilter of type %s.", f.Type)
		}
		if page.start == nil || *page.start < *f.ShardId {
			page.start = aws.String(*f.ShardId)
		}
	case types.ShardFilterTypeAtTimestamp, types.ShardFilterTypeFromTimestamp:
		if f.Timestamp == nil {
			return page, invalidArgument("Timestamp must be provided in the ShardFilter of type %s.", f.Type)
		}
		if f.Timestamp.After(now) {
			return page, futureTimestamp(*f.Timestamp, now)
		}
		page.at = f.Timestamp.UTC().Truncate(time.Millisecond)
	}
	return page, nil
}

func (s *Server) nextShardPage(now time.Time, in *kinesis.ListShardsInput) (shardPage, error) {
	for _, other := range []struct {
		name  string
		given bool
	}{
		{"StreamName", in.StreamName != nil},
		{"StreamARN", in.StreamARN != nil},
		{"StreamCreationTimestamp", in.StreamCreationTimestamp != nil},
		{"ExclusiveStartShardId", in.ExclusiveStartShardId != nil},
		{"ShardFilter", in.ShardFilter != nil},
	} {
		if other.given {
			return shardPage{}, invalidArgument("NextToken and %s cannot be provided together.", other.name)
		}
	}
	fields, err := pageToken(now, *in.NextToken, shardTokenFields)
	if err != nil {
		return shardPage{}, err
	}
	ms, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return shardPage{}, invalidArgument("NextToken is invalid.")
	}
	st := s.streams[fields[0]]
	if st == nil || strconv.FormatUint(st.ordinal, 10) != fields[1] {
		return shardPage{}, streamNotFound(fields[0])
	}
	return shardPage{st: st, start: &fields[2], filter: types.ShardFilterType(fields[3]), at: time.UnixMilli(ms)}, nil
}

func (p shardPage) token(now time.Time, last *shard) string {
	return seal(now, p.st.name, strconv.FormatUint(p.st.ordinal, 10), last.id,
		string(p.filter), strconv.FormatInt(p.at.UnixMilli(), 10))
}

// shards returns those that pass the filter. A time before the trim horizon
// means the horizon (API Reference, ShardFilter).
func (p shardPage) shards(now time.Time) []*shard {
	shards := p.st.listed(now)
	if p.asOf.Before(p.st.created) {
		p.asOf = p.st.created
	}
	filter := p.filter
	horizon := now.Add(-retention)
	if horizon.Before(p.st.created) {
		horizon = p.st.created
	}
	if filter == types.ShardFilterTypeAtTimestamp && p.at.Before(horizon) {
		filter = types.ShardFilterTypeAtTrimHorizon
	}
	open := func(sh *shard) bool { return sh.openAt(p.asOf) }
	keep := func(*shard) bool { return true }
	switch filter {
	case types.ShardFilterTypeAtLatest:
		keep = open
	case types.ShardFilterTypeAtTrimHorizon:
		// What has no parent left was open at the horizon. This holds also
		// for shards that opened and closed within one millisecond.
		keep = func(sh *shard) bool {
			return !slices.ContainsFunc(sh.parents, func(p *shard) bool { return !p.expired(now) })
		}
	case types.ShardFilterTypeAtTimestamp:
		keep = func(sh *shard) bool {
			return !sh.opened.After(p.at) && (open(sh) || !sh.closed.Before(p.at))
		}
	case types.ShardFilterTypeFromTimestamp:
		keep = func(sh *shard) bool { return open(sh) || !sh.closed.Before(p.at) }
	}
	return slices.DeleteFunc(shards, func(sh *shard) bool { return sh.opened.After(p.asOf) || !keep(sh) })
}

// endOfTime is as of when everything is shown: not now, since a clock may step
// back.
func endOfTime() time.Time { return time.Unix(1<<40, 0) }

// after returns the shards whose id is above start; nil is all.
func after(shards []*shard, start *string) []*shard {
	if start == nil {
		return shards
	}
	return slices.DeleteFunc(shards, func(sh *shard) bool { return sh.id <= *start })
}

// describe gives shards their form on the wire, open or not as of a time.
func (st *stream) describe(shards []*shard, asOf time.Time) []types.Shard {
	out := make([]types.Shard, len(shards))
	for i, sh := range shards {
		out[i] = types.Shard{
			ShardId:      aws.String(sh.id),
			HashKeyRange: hashKeyRange(sh.keys),
			SequenceNumberRange: &types.SequenceNumberRange{
				StartingSequenceNumber: aws.String(st.seqNumber(sh, sh.first)),
			},
		}
		if !sh.openAt(asOf) {
			out[i].SequenceNumberRange.EndingSequenceNumber = aws.String(st.seqNumber(sh, sh.last))
		}
		if len(sh.parents) > 0 {
			out[i].ParentShardId = aws.String(sh.parents[0].id)
		}
		if len(sh.parents) > 1 {
			out[i].AdjacentParentShardId = aws.String(sh.parents[1].id)
		}
	}
	return out
}

func hashKeyRange(r hashkey.Range) *types.HashKeyRange {
	return &types.HashKeyRange{
		StartingHashKey: aws.String(r.First.String()),
		EndingHashKey:   aws.String(r.Last.String()),
	}
}

func futureTimestamp(t, now time.Time) error {
	return invalidArgument("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "+
		"timestampInMillis: %d, currentTimestampInMillis: %d", t.UnixMilli(), now.UnixMilli())
}

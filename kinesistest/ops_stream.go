package kinesistest

// This file owns the operations on whole streams: create, delete, describe,
// list, and how a stream distributes its records.

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	// onDemandShards is what an on-demand stream starts with (Kinesis
	// developer guide, on-demand mode: 4 MB/s of writes).
	onDemandShards = 4
	// A stream's record limit, MaxRecordSizeInKiB of CreateStream.
	minRecordKiB = 1024
	maxRecordKiB = 10240
	// Pages. A caller may ask for up to maxAsked, and gets at most these.
	maxAsked       = 10_000
	describedPage  = 100  // DescribeStream
	listedPage     = 1000 // ListShards
	streamsPage    = 100  // ListStreams
	longestToken   = 1 << 20
	retentionHours = int32(retention / time.Hour)
)

func (s *Server) createStream(now time.Time, in *kinesis.CreateStreamInput) (*kinesis.CreateStreamOutput, error) {
	shards, err := checkCreate(in)
	if err != nil {
		return nil, err
	}
	name := *in.StreamName
	if s.streams[name] != nil {
		return nil, &types.ResourceInUseException{Message: aws.String(
			"Stream " + name + " under account " + accountID + " already exists.")}
	}
	if open := s.openShards(); open+shards > s.config.shardLimit {
		return nil, overShardLimit(open, s.config.shardLimit, shards)
	}
	s.created++
	st := &stream{
		name:      name,
		arn:       "arn:aws:kinesis:" + region + ":" + accountID + ":stream/" + name,
		ordinal:   s.created,
		created:   now,
		seqPrefix: seqPrefix(now, s.created),
		mode:      types.StreamModeProvisioned,
		strategy:  types.RecordDistributionStrategyUserPartitionKey,
		maxRecord: minRecordKiB << 10,
	}
	if in.StreamModeDetails != nil {
		st.mode = in.StreamModeDetails.StreamMode
	}
	if in.RecordDistributionStrategy != "" {
		st.strategy = in.RecordDistributionStrategy
	}
	if in.MaxRecordSizeInKiB != nil {
		st.maxRecord = int(*in.MaxRecordSizeInKiB) << 10
	}
	for _, keys := range hashkey.Split(shards) {
		st.openShard(keys, now)
	}
	s.streams[name] = st
	s.begin(st, types.StreamStatusCreating, now)
	return &kinesis.CreateStreamOutput{}, nil
}

// checkCreate validates in and returns the number of shards it asks for.
func checkCreate(in *kinesis.CreateStreamInput) (shards int, err error) {
	var c constraints
	mode, strategy := types.StreamModeProvisioned, in.RecordDistributionStrategy
	c.requiredName("streamName", in.StreamName)
	c.integer("shardCount", in.ShardCount, 1, maxShardCount)
	c.integer("maxRecordSizeInKiB", in.MaxRecordSizeInKiB, minRecordKiB, maxRecordKiB)
	if in.StreamModeDetails != nil {
		mode = in.StreamModeDetails.StreamMode
		c.enum("streamModeDetails.streamMode", string(mode), names(mode.Values()))
	}
	if strategy != "" {
		c.enum("recordDistributionStrategy", string(strategy), names(strategy.Values()))
	}
	if mode == types.StreamModeProvisioned {
		c.present("shardCount", in.ShardCount != nil)
	}
	if err := c.err(); err != nil {
		return 0, err
	}
	switch {
	case mode == types.StreamModeProvisioned && strategy == types.RecordDistributionStrategyAuto:
		return 0, invalid("RecordDistributionStrategy AUTO is only supported for streams in ON_DEMAND mode.")
	case mode == types.StreamModeProvisioned:
		return int(*in.ShardCount), nil
	case in.ShardCount != nil:
		return 0, invalid("ShardCount must not be specified for a stream in ON_DEMAND mode.")
	}
	return onDemandShards, nil
}

func (s *Server) deleteStream(now time.Time, in *kinesis.DeleteStreamInput) (*kinesis.DeleteStreamOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findActive(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	s.begin(st, types.StreamStatusDeleting, now)
	return &kinesis.DeleteStreamOutput{}, nil
}

func (s *Server) describeStream(now time.Time, in *kinesis.DescribeStreamInput) (*kinesis.DescribeStreamOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	c.name("exclusiveStartShardId", in.ExclusiveStartShardId)
	c.integer("limit", in.Limit, 1, maxAsked)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.find(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	shards := after(st.listed(now), in.ExclusiveStartShardId)
	page := shards[:min(len(shards), pageSize(in.Limit, describedPage))]
	return &kinesis.DescribeStreamOutput{StreamDescription: &types.StreamDescription{
		EncryptionType:          types.EncryptionTypeNone,
		EnhancedMonitoring:      monitoring(),
		HasMoreShards:           aws.Bool(len(page) < len(shards)),
		RetentionPeriodHours:    aws.Int32(retentionHours),
		Shards:                  st.describe(page, endOfTime()),
		StreamARN:               aws.String(st.arn),
		StreamCreationTimestamp: aws.Time(st.created),
		StreamModeDetails:       &types.StreamModeDetails{StreamMode: st.mode},
		StreamName:              aws.String(st.name),
		StreamStatus:            st.status,
	}}, nil
}

func (s *Server) describeStreamSummary(in *kinesis.DescribeStreamSummaryInput) (*kinesis.DescribeStreamSummaryOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.find(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	open := len(st.open)
	if st.status == types.StreamStatusCreating {
		open = 0
	}
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{
		ConsumerCount:              aws.Int32(0),
		EncryptionType:             types.EncryptionTypeNone,
		EnhancedMonitoring:         monitoring(),
		MaxRecordSizeInKiB:         aws.Int32(int32(st.maxRecord >> 10)),
		OpenShardCount:             aws.Int32(int32(open)),
		RecordDistributionStrategy: st.strategy,
		RetentionPeriodHours:       aws.Int32(retentionHours),
		StreamARN:                  aws.String(st.arn),
		StreamCreationTimestamp:    aws.Time(st.created),
		StreamModeDetails:          &types.StreamModeDetails{StreamMode: st.mode},
		StreamName:                 aws.String(st.name),
		StreamStatus:               st.status,
	}}, nil
}

func (s *Server) updateStrategy(in *kinesis.UpdateStreamRecordDistributionStrategyInput) (*kinesis.UpdateStreamRecordDistributionStrategyOutput, error) {
	var c constraints
	if c.present("streamARN", in.StreamARN != nil) {
		c.stream(nil, in.StreamARN)
	}
	strategy := in.RecordDistributionStrategy
	c.enum("recordDistributionStrategy", string(strategy), names(strategy.Values()))
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findActive(nil, in.StreamARN)
	if err != nil {
		return nil, err
	}
	if st.mode != types.StreamModeOnDemand {
		return nil, invalidArgument("Stream %s under account %s is not in ON_DEMAND mode, "+
			"which RecordDistributionStrategy requires.", st.name, accountID)
	}
	st.strategy = strategy // at once: the stream stays ACTIVE
	return &kinesis.UpdateStreamRecordDistributionStrategyOutput{}, nil
}

func (s *Server) listStreams(now time.Time, in *kinesis.ListStreamsInput) (*kinesis.ListStreamsOutput, error) {
	var c constraints
	c.name("exclusiveStartStreamName", in.ExclusiveStartStreamName)
	c.integer("limit", in.Limit, 1, maxAsked)
	c.token("nextToken", in.NextToken, longestToken)
	if err := c.err(); err != nil {
		return nil, err
	}
	start := aws.ToString(in.ExclusiveStartStreamName)
	if in.NextToken != nil {
		if in.ExclusiveStartStreamName != nil {
			return nil, invalidArgument("NextToken and ExclusiveStartStreamName cannot be provided together.")
		}
		fields, err := pageToken(now, *in.NextToken, 1)
		if err != nil {
			return nil, err
		}
		start = fields[0]
	}
	all := slices.DeleteFunc(s.streamNames(), func(name string) bool { return name <= start })
	page := all[:min(len(all), pageSize(in.Limit, streamsPage))]
	out := &kinesis.ListStreamsOutput{
		HasMoreStreams:  aws.Bool(len(page) < len(all)),
		StreamNames:     slices.Clone(page),
		StreamSummaries: make([]types.StreamSummary, len(page)),
	}
	for i, name := range page {
		st := s.streams[name]
		out.StreamSummaries[i] = types.StreamSummary{
			StreamARN:               aws.String(st.arn),
			StreamName:              aws.String(st.name),
			StreamStatus:            st.status,
			StreamCreationTimestamp: aws.Time(st.created),
			StreamModeDetails:       &types.StreamModeDetails{StreamMode: st.mode},
		}
	}
	if len(page) < len(all) {
		out.NextToken = aws.String(seal(now, page[len(page)-1]))
	}
	return out, nil
}

func pageSize(asked *int32, most int) int {
	if asked == nil {
		return most
	}
	return min(int(*asked), most)
}

// pageToken opens the token of a page, of n fields.
func pageToken(now time.Time, token string, n int) ([]string, error) {
	fields, issued, ok := unseal(token, n)
	if !ok {
		return nil, invalidArgument("NextToken is invalid.")
	}
	if now.Sub(issued) > tolerance {
		return nil, &types.ExpiredNextTokenException{Message: aws.String(
			"NextToken expired. The token was created at time " + utcString(issued) + " while right now it is " +
				utcString(now) + " which is further in the future than the tolerated delay of 300 seconds.")}
	}
	return fields, nil
}

func monitoring() []types.EnhancedMetrics {
	return []types.EnhancedMetrics{{ShardLevelMetrics: []types.MetricsName{}}}
}

package kinesistest_test

// The three faces answer alike: one script and one table of errors, run over
// each on a server of its own, must read the same.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

// script exercises every operation and returns what was answered.
func script(ctx context.Context, c api) string {
	var w scribe
	var log strings.Builder
	note := func(output any, err error) { log.WriteString(w.outcome(output, err) + "\n") }
	name := aws.String("orders")

	note(c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(3), MaxRecordSizeInKiB: aws.Int32(2048)}))
	note(c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("free"), Tags: map[string]string{"a": "b"},
		RecordDistributionStrategy: types.RecordDistributionStrategyAuto,
		StreamModeDetails:          &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}}))
	note(c.ListStreams(ctx, nil))
	note(c.ListStreams(ctx, &kinesis.ListStreamsInput{Limit: aws.Int32(1)}))
	summary, err := c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: name})
	note(summary, err)
	arn := summary.StreamDescriptionSummary.StreamARN
	created := summary.StreamDescriptionSummary.StreamCreationTimestamp
	note(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("free")}))

	first, err := c.PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: arn, PartitionKey: aws.String("ключ\"<>&\u2028\xff"), Data: []byte{}})
	note(first, err)
	note(c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("free"), Data: []byte("no key")}))
	note(c.UpdateStreamRecordDistributionStrategy(ctx, &kinesis.UpdateStreamRecordDistributionStrategyInput{
		StreamARN: aws.String(arnOf + "free"), RecordDistributionStrategy: types.RecordDistributionStrategyUserPartitionKey}))
	note(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("free")}))
	note(c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamARN: arn, StreamName: name, Records: []types.PutRecordsRequestEntry{
		{PartitionKey: aws.String("k"), ExplicitHashKey: aws.String(last), Data: []byte{0, 255, '"'}},
		{PartitionKey: aws.String("k"), ExplicitHashKey: aws.String("0"), Data: []byte("b")},
		{PartitionKey: aws.String("k"), Data: []byte("c")},
	}}))

	for _, typ := range types.ShardIteratorType("").Values() {
		in := &kinesis.GetShardIteratorInput{StreamName: name, ShardId: first.ShardId, ShardIteratorType: typ}
		switch typ {
		case types.ShardIteratorTypeAtTimestamp:
			in.Timestamp = created
		case types.ShardIteratorTypeAtSequenceNumber, types.ShardIteratorTypeAfterSequenceNumber:
			in.StartingSequenceNumber = first.SequenceNumber
		}
		it, err := c.GetShardIterator(ctx, in)
		note(it, err)
		records, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, StreamARN: arn, Limit: aws.Int32(7)})
		note(records, err)
	}

	note(c.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: name, ShardToSplit: aws.String(shard0), NewStartingHashKey: aws.String("1000")}))
	note(c.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: name, ShardToMerge: aws.String(shard1), AdjacentShardToMerge: aws.String(shard2)}))
	note(c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamARN: arn, ScalingType: types.ScalingTypeUniformScaling, TargetShardCount: aws.Int32(2)}))
	for _, typ := range types.ShardFilterType("").Values() {
		note(c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: name, StreamCreationTimestamp: created, MaxResults: aws.Int32(2),
			ShardFilter: &types.ShardFilter{Type: typ, ShardId: aws.String(shard1), Timestamp: created}}))
	}
	page, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamARN: arn, ExclusiveStartShardId: aws.String(shard0), MaxResults: aws.Int32(3)})
	note(page, err)
	note(c.ListShards(ctx, &kinesis.ListShardsInput{NextToken: page.NextToken}))
	note(c.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: name, Limit: aws.Int32(3)}))
	it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: name, ShardId: aws.String(shard2), ShardIteratorType: "TRIM_HORIZON"})
	note(it, err)
	note(c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator}))
	note(c.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: name, EnforceConsumerDeletion: aws.Bool(true)}))
	note(c.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: name}))
	return log.String()
}

func TestFacesAnswerAlike(t *testing.T) {
	want := ""
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			got := script(t.Context(), f.client(t, kinesistest.New()))
			if want == "" {
				want = got
				if n := strings.Count(got, "status 400"); n != 1 {
					t.Errorf("%d calls failed, want only the last one:\n%s", n, got)
				}
			}
			for i, line := range strings.Split(got, "\n") {
				if w := strings.Split(want, "\n")[i]; line != w {
					t.Errorf("call %d:\n got %s\nwant %s", i, line, w)
				}
			}
		})
	}
}

func TestCancelledContext(t *testing.T) {
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			s := kinesistest.New()
			c := f.client(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want one that is context.Canceled", err)
			}
			if want := "operation error Kinesis: CreateStream, context canceled"; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			if _, err = c.ListStreams(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want one that is context.DeadlineExceeded", err)
			}
			if names := must(c.ListStreams(t.Context(), nil)).StreamNames; len(names) != 0 {
				t.Errorf("streams %v, want none", names)
			}
		})
	}
}

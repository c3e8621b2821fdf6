package kinesistest_test

// Helpers of all tests: the three faces, HTTP in both its forms, as one
// interface, and a log in which what differs by nature (times, tokens, sequence
// numbers) looks the same.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/kinesistest"
)

type api interface {
	CreateStream(context.Context, *kinesis.CreateStreamInput, ...func(*kinesis.Options)) (*kinesis.CreateStreamOutput, error)
	DeleteStream(context.Context, *kinesis.DeleteStreamInput, ...func(*kinesis.Options)) (*kinesis.DeleteStreamOutput, error)
	DescribeStream(context.Context, *kinesis.DescribeStreamInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamOutput, error)
	DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error)
	ListStreams(context.Context, *kinesis.ListStreamsInput, ...func(*kinesis.Options)) (*kinesis.ListStreamsOutput, error)
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	PutRecord(context.Context, *kinesis.PutRecordInput, ...func(*kinesis.Options)) (*kinesis.PutRecordOutput, error)
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
	SplitShard(context.Context, *kinesis.SplitShardInput, ...func(*kinesis.Options)) (*kinesis.SplitShardOutput, error)
	MergeShards(context.Context, *kinesis.MergeShardsInput, ...func(*kinesis.Options)) (*kinesis.MergeShardsOutput, error)
	UpdateShardCount(context.Context, *kinesis.UpdateShardCountInput, ...func(*kinesis.Options)) (*kinesis.UpdateShardCountOutput, error)
	UpdateStreamRecordDistributionStrategy(context.Context, *kinesis.UpdateStreamRecordDistributionStrategyInput, ...func(*kinesis.Options)) (*kinesis.UpdateStreamRecordDistributionStrategyOutput, error)
}

var (
	_ api                             = (*kinesis.Client)(nil)
	_ api                             = (*kinesistest.Client)(nil)
	_ kinesis.ListStreamsAPIClient    = (*kinesistest.Client)(nil)
	_ kinesis.DescribeStreamAPIClient = (*kinesistest.Client)(nil)
	_ http.Handler                    = (*kinesistest.Server)(nil)
)

type face struct {
	name   string
	client func(*testing.T, *kinesistest.Server) api // that does not retry
}

func faces() []face {
	return []face{
		{"direct", func(_ *testing.T, s *kinesistest.Server) api { return s.Client() }},
		{"transport", func(_ *testing.T, s *kinesistest.Server) api { return s.SDKClient(noRetry) }},
		{"http", func(t *testing.T, s *kinesistest.Server) api {
			return kinesistest.NewSDKClient(listen(t, s), noRetry)
		}},
		{"cbor", func(t *testing.T, s *kinesistest.Server) api {
			return kinesistest.NewSDKClient(listen(t, s), noRetry, inCBOR(t, false))
		}},
		{"open cbor", func(t *testing.T, s *kinesistest.Server) api {
			return kinesistest.NewSDKClient(listen(t, s), noRetry, inCBOR(t, true))
		}},
	}
}

// listen has s on a socket for the time of the test.
func listen(t *testing.T, s *kinesistest.Server) (endpoint string) {
	endpoint, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return endpoint
}

func noRetry(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} }

var (
	sequences = regexp.MustCompile(`\b\d{56}\b`)
	tokens    = regexp.MustCompile(`"(NextToken|ShardIterator|NextShardIterator)":"[^"]+"`)
	times     = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]+Z"|\b\d{13}\b`)
)

// scribe writes down calls. Sequence numbers become their order of
// appearance, so that two servers that behave the same give the same text.
type scribe struct{ seen map[string]string }

func (s *scribe) clean(text string) string {
	if s.seen == nil {
		s.seen = map[string]string{}
	}
	text = sequences.ReplaceAllStringFunc(text, func(seq string) string {
		if s.seen[seq] == "" {
			s.seen[seq] = fmt.Sprintf("seq%d", len(s.seen))
		}
		return s.seen[seq]
	})
	text = tokens.ReplaceAllString(text, `"$1":"token"`)
	return times.ReplaceAllString(text, "time")
}

// outcome is a call's output as JSON, or all that errors.As finds in its error.
func (s *scribe) outcome(output any, err error) string {
	if err == nil {
		b, err := json.Marshal(output)
		if err != nil {
			return err.Error()
		}
		return s.clean(regexp.MustCompile(`,?"ResultMetadata":\{\}`).ReplaceAllString(string(b), ""))
	}
	return s.clean(describe(err))
}

func describe(err error) string {
	text := ""
	if e, ok := errors.AsType[*smithy.OperationError](err); ok {
		text += fmt.Sprintf("%s.%s ", e.Service(), e.Operation())
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		text += fmt.Sprintf("status %d, id %t ", e.HTTPStatusCode(), e.ServiceRequestID() != "")
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		text += fmt.Sprintf("%T %s: %s", e, e.ErrorCode(), e.ErrorMessage())
	}
	if e, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		text += e.Error()
	}
	return text
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// must is for calls that cannot fail in the test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newServer(t *testing.T, shards int, opts ...kinesistest.Option) (*kinesistest.Server, *kinesistest.Client) {
	t.Helper()
	s := kinesistest.New(opts...)
	if err := s.AddStream("s", shards); err != nil {
		t.Fatal(err)
	}
	return s, s.Client()
}

func put(t *testing.T, c api, hashKey, data string) *kinesis.PutRecordOutput {
	t.Helper()
	out, err := c.PutRecord(t.Context(), &kinesis.PutRecordInput{
		StreamName: aws.String("s"), PartitionKey: aws.String("k"), ExplicitHashKey: aws.String(hashKey), Data: []byte(data)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func iterate(t *testing.T, c api, shard string, typ types.ShardIteratorType, seq *string) *string {
	t.Helper()
	out, err := c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: aws.String("s"), ShardId: aws.String(shard), ShardIteratorType: typ, StartingSequenceNumber: seq})
	if err != nil {
		t.Fatal(err)
	}
	return out.ShardIterator
}

func get(t *testing.T, c api, iterator *string, limit *int32) *kinesis.GetRecordsOutput {
	t.Helper()
	out, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: iterator, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func datas(records []types.Record) string {
	text := ""
	for _, r := range records {
		text += string(r.Data) + " "
	}
	return text
}

func split(t *testing.T, c api, shard, key string) {
	t.Helper()
	if _, err := c.SplitShard(t.Context(), &kinesis.SplitShardInput{
		StreamName: aws.String("s"), ShardToSplit: aws.String(shard), NewStartingHashKey: aws.String(key)}); err != nil {
		t.Fatal(err)
	}
}

func merge(t *testing.T, c api, low, high string) {
	t.Helper()
	if _, err := c.MergeShards(t.Context(), &kinesis.MergeShardsInput{
		StreamName: aws.String("s"), ShardToMerge: aws.String(low), AdjacentShardToMerge: aws.String(high)}); err != nil {
		t.Fatal(err)
	}
}

const (
	shard0 = "shardId-000000000000"
	shard1 = "shardId-000000000001"
	shard2 = "shardId-000000000002"
	shard3 = "shardId-000000000003"
	shard4 = "shardId-000000000004"
	middle = "170141183460469231731687303715884105728" // 2^127
	last   = "340282366920938463463374607431768211455" // 2^128-1
)

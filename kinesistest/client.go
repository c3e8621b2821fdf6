package kinesistest

// This file owns the direct client: the SDK's methods without the SDK's
// stack, and errors in the SDK's wrapping.

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Client calls a [Server] directly. Its methods have the signatures of
// [kinesis.Client], so it fits the interfaces that code under test takes, and
// the SDK's paginators and waiters. It starts no goroutine, and no timer but
// for the latency of a [Fault], which ends with the call.
//
// It differs from a client of the SDK in this only: the options of a call are
// ignored, nothing is retried, and ResultMetadata is empty. A context that is
// done when the call starts ends it with the context's error; later it is
// looked at only while a [Fault] makes the call wait. Errors are wrapped as
// the SDK's are: [errors.As] finds the types of the package types,
// [smithy.APIError], [smithy.OperationError], and the HTTP status in an
// [awshttp.ResponseError]; a connection that was reset is a
// [smithyhttp.RequestSendError]. A required member that is missing is told as
// the SDK does, with [smithy.InvalidParamsError].
type Client struct{ s *Server }

// Client returns a direct client of s.
func (s *Server) Client() *Client { return &Client{s} }

// Server returns the Server that c calls, to look at what is in it.
func (c *Client) Server() *Server { return c.s }

// invoke runs one operation of the direct client.
func invoke[I, O any](ctx context.Context, c *Client, op string, in *I) (*O, error) {
	if in == nil {
		in = new(I)
	}
	if err := checkRequired(in); err != nil {
		return nil, operationError(op, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, operationError(op, err)
	}
	output, err := c.s.dispatch(ctx, op, in)
	if lost, ok := errors.AsType[*lostError](err); ok {
		var sent error = &smithyhttp.RequestSendError{Err: lost.error}
		if ctx.Err() != nil {
			sent = &smithy.CanceledError{Err: ctx.Err()}
		}
		return nil, operationError(op, responseError("", &http.Response{Header: http.Header{}, Body: http.NoBody}, sent))
	}
	if err != nil {
		api, status := apiError(err)
		id := requestID()
		return nil, operationError(op, responseError(id, &http.Response{
			StatusCode: status,
			Status:     http.StatusText(status),
			Header:     http.Header{"X-Amzn-Requestid": {id}, "Content-Type": {jsonType}},
			Body:       http.NoBody,
		}, api))
	}
	return output.(*O), nil
}

func responseError(id string, r *http.Response, err error) error {
	return &awshttp.ResponseError{
		RequestID:     id,
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: r}, Err: err},
	}
}

func operationError(op string, err error) error {
	return &smithy.OperationError{ServiceID: kinesis.ServiceID, OperationName: op, Err: err}
}

// CreateStream creates a stream: CREATING for the delay of [WithDelay], then ACTIVE.
func (c *Client) CreateStream(ctx context.Context, in *kinesis.CreateStreamInput, _ ...func(*kinesis.Options)) (*kinesis.CreateStreamOutput, error) {
	return invoke[kinesis.CreateStreamInput, kinesis.CreateStreamOutput](ctx, c, "CreateStream", in)
}

// DeleteStream deletes an ACTIVE stream and its records.
func (c *Client) DeleteStream(ctx context.Context, in *kinesis.DeleteStreamInput, _ ...func(*kinesis.Options)) (*kinesis.DeleteStreamOutput, error) {
	return invoke[kinesis.DeleteStreamInput, kinesis.DeleteStreamOutput](ctx, c, "DeleteStream", in)
}

// DescribeStream describes a stream and up to 100 of its shards.
func (c *Client) DescribeStream(ctx context.Context, in *kinesis.DescribeStreamInput, _ ...func(*kinesis.Options)) (*kinesis.DescribeStreamOutput, error) {
	return invoke[kinesis.DescribeStreamInput, kinesis.DescribeStreamOutput](ctx, c, "DescribeStream", in)
}

// DescribeStreamSummary describes a stream without its shards.
func (c *Client) DescribeStreamSummary(ctx context.Context, in *kinesis.DescribeStreamSummaryInput, _ ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return invoke[kinesis.DescribeStreamSummaryInput, kinesis.DescribeStreamSummaryOutput](ctx, c, "DescribeStreamSummary", in)
}

// ListStreams lists up to 100 streams by name.
func (c *Client) ListStreams(ctx context.Context, in *kinesis.ListStreamsInput, _ ...func(*kinesis.Options)) (*kinesis.ListStreamsOutput, error) {
	return invoke[kinesis.ListStreamsInput, kinesis.ListStreamsOutput](ctx, c, "ListStreams", in)
}

// ListShards lists up to 1,000 shards, open and closed, by id.
func (c *Client) ListShards(ctx context.Context, in *kinesis.ListShardsInput, _ ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	return invoke[kinesis.ListShardsInput, kinesis.ListShardsOutput](ctx, c, "ListShards", in)
}

// PutRecord stores one record.
func (c *Client) PutRecord(ctx context.Context, in *kinesis.PutRecordInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordOutput, error) {
	return invoke[kinesis.PutRecordInput, kinesis.PutRecordOutput](ctx, c, "PutRecord", in)
}

// PutRecords stores up to 500 records, in order, or none if one is invalid.
func (c *Client) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	return invoke[kinesis.PutRecordsInput, kinesis.PutRecordsOutput](ctx, c, "PutRecords", in)
}

// GetShardIterator returns a position in a shard, good for 5 minutes.
func (c *Client) GetShardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	return invoke[kinesis.GetShardIteratorInput, kinesis.GetShardIteratorOutput](ctx, c, "GetShardIterator", in)
}

// GetRecords returns up to 10,000 records or 10 MiB of data.
func (c *Client) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	return invoke[kinesis.GetRecordsInput, kinesis.GetRecordsOutput](ctx, c, "GetRecords", in)
}

// SplitShard splits an open shard in two.
func (c *Client) SplitShard(ctx context.Context, in *kinesis.SplitShardInput, _ ...func(*kinesis.Options)) (*kinesis.SplitShardOutput, error) {
	return invoke[kinesis.SplitShardInput, kinesis.SplitShardOutput](ctx, c, "SplitShard", in)
}

// MergeShards merges two adjacent open shards; ShardToMerge is the lower one.
func (c *Client) MergeShards(ctx context.Context, in *kinesis.MergeShardsInput, _ ...func(*kinesis.Options)) (*kinesis.MergeShardsOutput, error) {
	return invoke[kinesis.MergeShardsInput, kinesis.MergeShardsOutput](ctx, c, "MergeShards", in)
}

// UpdateShardCount makes that many even shards, by splits and merges.
func (c *Client) UpdateShardCount(ctx context.Context, in *kinesis.UpdateShardCountInput, _ ...func(*kinesis.Options)) (*kinesis.UpdateShardCountOutput, error) {
	return invoke[kinesis.UpdateShardCountInput, kinesis.UpdateShardCountOutput](ctx, c, "UpdateShardCount", in)
}

// UpdateStreamRecordDistributionStrategy changes, at once, how an on-demand
// stream distributes the records that are put from now on.
func (c *Client) UpdateStreamRecordDistributionStrategy(ctx context.Context, in *kinesis.UpdateStreamRecordDistributionStrategyInput, _ ...func(*kinesis.Options)) (*kinesis.UpdateStreamRecordDistributionStrategyOutput, error) {
	return invoke[kinesis.UpdateStreamRecordDistributionStrategyInput, kinesis.UpdateStreamRecordDistributionStrategyOutput](ctx, c, "UpdateStreamRecordDistributionStrategy", in)
}

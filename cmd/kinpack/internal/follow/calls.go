package follow

// This file owns the calls and what their errors mean. Retrying GetShardIterator and
// GetRecords is not the SDK's: a shard that has to wait must not hold up others.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	// callTimeout is for a turn; a page may be 10 MiB, more in base64.
	callTimeout = time.Minute
	// listTimeout is for a page of a listing, with the SDK's retries.
	listTimeout = 2 * time.Minute
	// dateSlack is how far a service's Date may lie behind what an answer shows: it
	// is cut to seconds, and of when the answer was written.
	dateSlack = 2 * time.Second
)

func noRetries(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} }

// Shards returns all shards of the stream that still hold records or take them, by
// id. It has the SDK's retries only.
func (s Stream) Shards(ctx context.Context) ([]*Shard, error) {
	shards, _, err := s.list(ctx)
	return shards, err
}

// list also returns the time of the service at the first answer, cut to a second.
func (s Stream) list(ctx context.Context) (shards []*Shard, at time.Time, err error) {
	in := &kinesis.ListShardsInput{StreamName: s.Name, StreamARN: s.ARN}
	for {
		page, cancel := context.WithTimeout(ctx, listTimeout)
		out, err := s.Client.ListShards(page, in)
		cancel()
		if err != nil {
			return nil, at, err
		}
		if at.IsZero() {
			at = serviceTime(out.ResultMetadata)
		}
		for i := range out.Shards {
			shards = append(shards, listedShard(&out.Shards[i]))
		}
		if out.NextToken == nil {
			return shards, at, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

func listedShard(s *types.Shard) *Shard {
	shard := &Shard{ID: aws.ToString(s.ShardId), HashKeys: keys(s.HashKeyRange), Open: true}
	for _, p := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
		if p != nil {
			shard.Parents = append(shard.Parents, *p)
		}
	}
	if r := s.SequenceNumberRange; r != nil {
		shard.Open = r.EndingSequenceNumber == nil
	}
	return shard
}

func keys(r *types.HashKeyRange) hashkey.Range {
	if r != nil {
		if keys, err := hashkey.ParseRange(aws.ToString(r.StartingHashKey), aws.ToString(r.EndingHashKey)); err == nil {
			return keys
		}
	}
	return hashkey.Range{Last: hashkey.Max()}
}

// serviceTime is when an answer was made: at most a second later than this.
func serviceTime(m middleware.Metadata) time.Time {
	if t, ok := awsmiddleware.GetServerTime(m); ok {
		return t
	}
	return time.Now()
}

// turn reads a page of a shard.
func (s Stream) turn(ctx context.Context, c *cursor, pageSize int) (*kinesis.GetRecordsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if c.iterator == nil {
		if err := s.locate(ctx, c); err != nil {
			return nil, err
		}
	}
	out, err := s.Client.GetRecords(ctx, &kinesis.GetRecordsInput{
		StreamARN: s.ARN, ShardIterator: c.iterator, Limit: aws.Int32(int32(pageSize)),
	}, noRetries)
	if _, expired := errors.AsType[*types.ExpiredIteratorException](err); expired {
		c.iterator = nil
	}
	if err != nil {
		return nil, err
	}
	c.iterator = out.NextShardIterator
	if n := len(out.Records); n > 0 {
		c.last = aws.ToString(out.Records[n-1].SequenceNumber)
	}
	return out, nil
}

// locate gets an iterator for where c stands. Behind the newest record is another
// place each time, so the second time it is where the first one was: at its time.
func (s Stream) locate(ctx context.Context, c *cursor) error {
	p := c.start
	switch {
	case c.last != "":
		p = Position{kind: types.ShardIteratorTypeAfterSequenceNumber, sequence: c.last}
	case p.kind == types.ShardIteratorTypeLatest && !c.since.IsZero():
		p = AtTime(c.since)
	}
	in := &kinesis.GetShardIteratorInput{StreamName: s.Name, StreamARN: s.ARN, ShardId: &c.shard.ID, ShardIteratorType: p.kind}
	switch p.kind {
	case types.ShardIteratorTypeAtTimestamp:
		in.Timestamp = &p.at
	case types.ShardIteratorTypeAtSequenceNumber, types.ShardIteratorTypeAfterSequenceNumber:
		in.StartingSequenceNumber = &p.sequence
	}
	asked := time.Now().Truncate(time.Millisecond)
	out, err := s.Client.GetShardIterator(ctx, in, noRetries)
	if err != nil {
		return err
	}
	if out.ShardIterator == nil {
		return fmt.Errorf("no iterator for %s", c.shard.ID)
	}
	if c.since.IsZero() {
		c.since = asked
		if t, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok {
			c.since = t.Add(-dateSlack)
		}
	}
	c.iterator, c.known = out.ShardIterator, true
	return nil
}

// notFound says whether the stream or the shard is not there.
func notFound(err error) bool { return code(err) == "ResourceNotFoundException" }

// throttled says whether others read as much, which passes.
func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary || code(err) == "KMSThrottlingException"
}

// passes says whether trying again may help: there was no answer, or a failure of the
// service's own, or a refusal that is known to pass.
func passes(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorFault() == smithy.FaultServer || throttled(err) {
		return true
	}
	if http, ok := errors.AsType[*awshttp.ResponseError](err); ok && http.HTTPStatusCode() >= 500 {
		return true
	}
	switch api.ErrorCode() {
	case "ExpiredIteratorException", "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed",
		"RequestInTheFuture", "ResourceInUseException":
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// code returns the service's error code, or nothing if it gave none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

package lambdatest

// This file owns where records come from: any endpoint that speaks Kinesis, or a
// slice. Both are read through the same three calls.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/sequence"
)

// Client is what a [Mapping] calls of Kinesis. *kinesis.Client of the AWS SDK fits,
// and so does kinesistest's Client. It must be safe for concurrent use: each shard
// is read by a goroutine of its own.
type Client interface {
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// Record is one Kinesis record: an outer record, which may be an aggregate.
type Record struct {
	// PartitionKey is the outer partition key.
	PartitionKey string
	// SequenceNumber is what the shard gave the record: decimal digits.
	SequenceNumber string
	// ApproximateArrivalTimestamp is when the stream took it; an event has it in
	// milliseconds.
	ApproximateArrivalTimestamp time.Time
	// Data is the payload. It is shared with the source and with the log: nobody
	// writes to it.
	Data []byte
}

// Source is the stream that a [Mapping] reads: see [Stream] and [Records].
type Source struct {
	client Client
	arn    string
	err    error // what is wrong with it, for New to tell
}

// ExampleStreamARN is the ARN that events name when the source is [Records].
const ExampleStreamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/example"

// Stream is a stream of a Kinesis endpoint, by its ARN. What is wrong with the
// arguments is told by [New].
func Stream(client Client, streamARN string) Source {
	s := Source{client: client, arn: streamARN}
	if client == nil {
		s.err = fmt.Errorf("lambdatest: Stream: the client is nil")
	} else if part := strings.SplitN(streamARN, ":", 6); len(part) != 6 || part[0] != "arn" || part[2] != "kinesis" {
		s.err = fmt.Errorf("lambdatest: Stream(%q): want the ARN of a stream", streamARN)
	}
	return s
}

// Records is a stream of given records, in one shard for each slice. The shards
// are open, with the ids shardId-000000000000 and so on; nothing is ever added.
//
// An empty PartitionKey becomes "key", a missing sequence number the next in
// order, and a missing arrival time the time of this call. Sequence numbers that
// are given must rise within their shard; they are compared as integers. If they
// don't, [New] tells. The records are copied, their data is not.
func Records(shards ...[]Record) Source {
	m := &memory{}
	now := time.Now()
	for i, records := range shards {
		shard := make([]types.Record, len(records))
		last := ""
		for j, r := range records {
			if r.PartitionKey == "" {
				r.PartitionKey = "key"
			}
			if r.SequenceNumber == "" {
				r.SequenceNumber = fmt.Sprintf("495%04d%049d", i, j+1)
			}
			if r.ApproximateArrivalTimestamp.IsZero() {
				r.ApproximateArrivalTimestamp = now
			}
			if !sequence.Valid(r.SequenceNumber) || j > 0 && sequence.Compare(last, r.SequenceNumber) >= 0 {
				return Source{err: fmt.Errorf("lambdatest: Records: record %d of shard %d has sequence number %q: want digits that rise, without leading zeros", j, i, r.SequenceNumber)}
			}
			last = r.SequenceNumber
			shard[j] = types.Record{
				PartitionKey: &r.PartitionKey, SequenceNumber: &r.SequenceNumber,
				ApproximateArrivalTimestamp: &r.ApproximateArrivalTimestamp, Data: r.Data,
			}
		}
		m.shards = append(m.shards, shard)
	}
	return Source{client: m, arn: ExampleStreamARN}
}

// region returns the region in the stream's ARN.
func (s Source) region() string { return strings.SplitN(s.arn, ":", 6)[3] }

// memory is the three calls over slices. Its iterators are "shard index:position".
type memory struct {
	shards [][]types.Record
}

func shardID(i int) string { return fmt.Sprintf("shardId-%012d", i) }

func (m *memory) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	out := &kinesis.ListShardsOutput{}
	for i := range m.shards {
		out.Shards = append(out.Shards, types.Shard{ShardId: aws.String(shardID(i))})
	}
	return out, nil
}

func (m *memory) GetShardIterator(_ context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(*in.ShardId, "shardId-"))
	if err != nil {
		return nil, err
	}
	position := 0
	for _, r := range m.shards[i] {
		before := false
		switch in.ShardIteratorType {
		case types.ShardIteratorTypeLatest:
			before = true
		case types.ShardIteratorTypeAtTimestamp:
			before = r.ApproximateArrivalTimestamp.Before(*in.Timestamp)
		case types.ShardIteratorTypeAfterSequenceNumber:
			before = sequence.Compare(*r.SequenceNumber, *in.StartingSequenceNumber) <= 0
		}
		if !before {
			break
		}
		position++
	}
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%d:%d", i, position))}, nil
}

func (m *memory) GetRecords(_ context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	var shard, position int
	if _, err := fmt.Sscanf(*in.ShardIterator, "%d:%d", &shard, &position); err != nil {
		return nil, err
	}
	rest := m.shards[shard][position:]
	n := min(len(rest), maxRead)
	behind := int64(0)
	if n < len(rest) {
		behind = 1
	}
	return &kinesis.GetRecordsOutput{
		Records: rest[:n], MillisBehindLatest: &behind,
		NextShardIterator: aws.String(fmt.Sprintf("%d:%d", shard, position+n)),
	}, nil
}

// maxRead is the most records of one GetRecords (API Reference, GetRecords).
const maxRead = 10_000

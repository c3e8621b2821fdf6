package producer_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// instant is a Kinesis that answers at once and keeps nothing.
type instant struct {
	*kinesistest.Client
	ranges  []hashkey.Range
	ids     []*string
	records atomic.Int64
	bytes   atomic.Int64
	units   atomic.Int64
}

func newInstant(t testing.TB, shards int) *instant {
	srv := kinesistest.New()
	if err := srv.AddStream(stream, shards); err != nil {
		t.Fatal(err)
	}
	c := &instant{Client: srv.Client(), ranges: hashkey.Split(shards)}
	for i := range shards {
		c.ids = append(c.ids, aws.String(shardID(i)))
	}
	return c
}

var sequenceNumber = aws.String("49009466848000000000010000000000000000020000000000000002")

func (c *instant) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range in.Records {
		k, err := hashkey.Parse(*in.Records[i].ExplicitHashKey)
		if err != nil {
			return nil, err
		}
		shard := 0
		for !c.ranges[shard].Contains(k) {
			shard++
		}
		n := int64(len(in.Records[i].Data))
		c.records.Add(1)
		c.bytes.Add(n)
		c.units.Add((n + producer.PutUnit - 1) / producer.PutUnit)
		out.Records[i] = types.PutRecordsResultEntry{ShardId: c.ids[shard], SequenceNumber: sequenceNumber}
	}
	return out, nil
}

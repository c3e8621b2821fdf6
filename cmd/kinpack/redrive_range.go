package main

// This file owns reading back what an on-failure document only names: the outer
// records of a shard from one sequence number to another, both included.

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/internal/sequence"
)

// readPause keeps to the 5 reads a second that a shard takes (Kinesis Data
// Streams quotas). Other readers share them; the client waits longer when it is
// throttled.
const readPause = 200 * time.Millisecond

// shardClient is what reading back calls; [kinesis.Client] has it.
type shardClient interface {
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// rangeReader reads ranges, one at a time.
type rangeReader struct {
	connect func(ctx context.Context, stream string) (shardClient, error)
	clients map[string]shardClient
	read    map[string]time.Time // stream and shard -> the last read
}

// records returns the records of a batch as far as the stream has them.
func (r *rangeReader) records(ctx context.Context, b *redrive.Batch) ([]redrive.Record, error) {
	client, err := r.client(ctx, b.StreamARN)
	if err != nil {
		return nil, err
	}
	name, streamARN := byNameOrARN(b.StreamARN)
	it, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: name, StreamARN: streamARN, ShardId: &b.ShardID,
		ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, StartingSequenceNumber: &b.First,
	})
	if err != nil {
		return nil, err
	}
	var records []redrive.Record
	for next := it.ShardIterator; next != nil; {
		if err := r.pause(ctx, b.StreamARN+"/"+b.ShardID); err != nil {
			return nil, err
		}
		out, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{StreamARN: streamARN, ShardIterator: next})
		if err != nil {
			return nil, err
		}
		for _, rec := range out.Records {
			if sequence.Compare(aws.ToString(rec.SequenceNumber), b.Last) > 0 {
				return records, nil
			}
			records = append(records, redrive.Record{
				StreamARN: b.StreamARN, ShardID: b.ShardID, SequenceNumber: aws.ToString(rec.SequenceNumber),
				PartitionKey: aws.ToString(rec.PartitionKey), Arrival: aws.ToTime(rec.ApproximateArrivalTimestamp), Data: rec.Data,
			})
		}
		if n := len(records); n > 0 && records[n-1].SequenceNumber == b.Last {
			break
		}
		if len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
			break
		}
		next = out.NextShardIterator
	}
	return records, nil
}

func (r *rangeReader) client(ctx context.Context, stream string) (shardClient, error) {
	if c := r.clients[stream]; c != nil {
		return c, nil
	}
	c, err := r.connect(ctx, stream)
	if err != nil {
		return nil, err
	}
	if r.clients == nil {
		r.clients = make(map[string]shardClient)
	}
	r.clients[stream] = c
	return c, nil
}

// pause waits until the shard may be read again.
func (r *rangeReader) pause(ctx context.Context, shard string) error {
	if r.read == nil {
		r.read = make(map[string]time.Time)
	}
	if err := wait(ctx, time.Until(r.read[shard].Add(readPause))); err != nil {
		return err
	}
	r.read[shard] = time.Now()
	return nil
}

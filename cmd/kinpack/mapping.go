package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// mapping reads a stream the way Lambda's event source mapping does, with
// ReportBatchItemFailures on: shard by shard, parents before their children, in
// batches, each sent as a JSON event until the answer lets it move on.
type mapping struct {
	client    *kinesis.Client
	streamARN string
	handler   awslambda.Handler
	attempts  int // at a batch that does not move, before its shard counts as blocked
}

const (
	batchSize    = 100             // Lambda's default
	payloadLimit = 6 << 20         // of an invocation
	timeout      = 1 * time.Minute // of the function
)

// waiting is the Kinesis records that are stuck behind one that never succeeds.
type waiting struct {
	shards, records int
}

// run reads all shards to their end.
func (m *mapping) run(ctx context.Context, shards []types.Shard) (waiting, error) {
	var w waiting
	blocked := map[string]bool{}
	for _, s := range shards { // by ID, so that parents come first
		id := aws.ToString(s.ShardId)
		behind := blocked[aws.ToString(s.ParentShardId)] || blocked[aws.ToString(s.AdjacentParentShardId)]
		records, err := m.read(ctx, id)
		if err != nil {
			return w, err
		}
		if !behind {
			if records, err = m.deliver(ctx, id, records); err != nil {
				return w, err
			}
		}
		if len(records) > 0 || behind {
			blocked[id] = true
			w.shards++
			w.records += len(records)
		}
	}
	return w, nil
}

// read returns all records of a shard.
func (m *mapping) read(ctx context.Context, shard string) ([]types.Record, error) {
	it, err := m.client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamARN: &m.streamARN, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		return nil, err
	}
	var all []types.Record
	for next := it.ShardIterator; next != nil; {
		out, err := m.client.GetRecords(ctx, &kinesis.GetRecordsInput{StreamARN: &m.streamARN, ShardIterator: next})
		if err != nil {
			return nil, err
		}
		all = append(all, out.Records...)
		if len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
			break
		}
		next = out.NextShardIterator
	}
	return all, nil
}

// deliver invokes the function with a shard's records, and returns those that it
// never got past.
func (m *mapping) deliver(ctx context.Context, shard string, records []types.Record) ([]types.Record, error) {
	for len(records) > 0 {
		n := batch(records)
		moved := 0
		for attempt := 0; moved == 0; attempt++ {
			if attempt == m.attempts {
				return records, nil
			}
			var err error
			if moved, err = m.invoke(ctx, shard, records[:n]); err != nil {
				return nil, err
			}
		}
		records = records[moved:]
	}
	return nil, nil
}

// batch returns how many of the records go into the next event.
func batch(records []types.Record) int {
	size := 0
	for i, r := range records {
		size += len(r.Data)*4/3 + 600 // base64, and what surrounds it
		if i == batchSize || i > 0 && size > payloadLimit {
			return i
		}
	}
	return len(records)
}

// invoke sends one event and returns how many of its records are done with.
func (m *mapping) invoke(ctx context.Context, shard string, records []types.Record) (int, error) {
	event := events.KinesisEvent{Records: make([]events.KinesisEventRecord, len(records))}
	for i, r := range records {
		event.Records[i] = events.KinesisEventRecord{
			EventID: shard + ":" + aws.ToString(r.SequenceNumber), EventName: "aws:kinesis:record", EventVersion: "1.0",
			EventSource: "aws:kinesis", EventSourceArn: m.streamARN, AwsRegion: "us-east-1",
			Kinesis: events.KinesisRecord{
				PartitionKey: aws.ToString(r.PartitionKey), SequenceNumber: aws.ToString(r.SequenceNumber), Data: r.Data,
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: aws.ToTime(r.ApproximateArrivalTimestamp)}, KinesisSchemaVersion: "1.0",
			},
		}
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return 0, err
	}
	call, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := m.handler.Invoke(call, payload)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err != nil {
		return 0, nil // the whole batch is sent again
	}
	return checkpoint(answer, records)
}

// checkpoint returns how many records come before the lowest that an answer lists.
func checkpoint(answer []byte, records []types.Record) (int, error) {
	var response events.KinesisEventResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return 0, fmt.Errorf("the function's answer: %w", err)
	}
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	if len(failed) == 0 {
		return len(records), nil
	}
	for i, r := range records {
		if failed[aws.ToString(r.SequenceNumber)] {
			return i, nil
		}
	}
	return 0, errors.New("the function's answer lists no record of the batch")
}

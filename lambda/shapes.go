package lambda

// This file owns the other ways in which Kinesis records reach a Consumer:
// EventBridge Pipes, and programs that call GetRecords themselves.

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
)

// PipeRecord is a Kinesis record as EventBridge Pipes hands it to a function: the
// event is an array of these.
type PipeRecord struct {
	KinesisSchemaVersion        string                  `json:"kinesisSchemaVersion"`
	PartitionKey                string                  `json:"partitionKey"`
	SequenceNumber              string                  `json:"sequenceNumber"`
	Data                        []byte                  `json:"data"`
	EncryptionType              string                  `json:"encryptionType,omitempty"`
	ApproximateArrivalTimestamp events.SecondsEpochTime `json:"approximateArrivalTimestamp"`
	EventSource                 string                  `json:"eventSource"`
	EventVersion                string                  `json:"eventVersion"`
	EventID                     string                  `json:"eventID"`
	EventName                   string                  `json:"eventName"`
	InvokeIdentityArn           string                  `json:"invokeIdentityArn"`
	AwsRegion                   string                  `json:"awsRegion"`
	EventSourceArn              string                  `json:"eventSourceARN"`
}

// Pipe handles the records that an EventBridge pipe hands to its target, as
// [Consumer.Kinesis] handles an event, with the same answer. An array with a
// record that has no sequence number is an error, and no record of it is
// handled: it is not the shape of a pipe's Kinesis records, and Lambda's own
// event, which has another shape, decodes to that.
func (c *Consumer) Pipe(ctx context.Context, records []PipeRecord) (events.KinesisEventResponse, error) {
	event := events.KinesisEvent{Records: make([]events.KinesisEventRecord, len(records))}
	for i, r := range records {
		if r.SequenceNumber == "" {
			return events.KinesisEventResponse{}, fmt.Errorf("lambda: record %d of %d of the pipe has no sequenceNumber: want an array of Kinesis records without a kinesis object", i, len(records))
		}
		event.Records[i] = events.KinesisEventRecord{
			AwsRegion: r.AwsRegion, EventID: r.EventID, EventName: r.EventName, EventSource: r.EventSource,
			EventSourceArn: r.EventSourceArn, EventVersion: r.EventVersion, InvokeIdentityArn: r.InvokeIdentityArn,
			Kinesis: events.KinesisRecord{
				ApproximateArrivalTimestamp: r.ApproximateArrivalTimestamp, Data: r.Data, EncryptionType: r.EncryptionType,
				PartitionKey: r.PartitionKey, SequenceNumber: r.SequenceNumber, KinesisSchemaVersion: r.KinesisSchemaVersion,
			},
		}
	}
	return c.Kinesis(ctx, event)
}

// Records handles records of one shard that the caller has read with GetRecords,
// in their order. It returns how many of them, from the first on, are decided;
// the caller goes on with records[done]: it hands that and those behind it over
// again, after a pause, and what is decided among them is skipped. A program that
// starts over from there later, or elsewhere, needs a [Checkpoint] for that.
//
// ctx ends the invocation as a function's deadline does: give it one. An error
// comes with done 0: if streamARN or shardID is empty, by which records are
// recognised, or a record has no sequence number. [WithWholeBatchError] changes
// nothing here.
func (c *Consumer) Records(ctx context.Context, streamARN, shardID string, records []events.KinesisRecord) (done int, err error) {
	if streamARN == "" || shardID == "" {
		return 0, fmt.Errorf("lambda: stream %q, shard %q: want both", streamARN, shardID)
	}
	all := make([]events.KinesisEventRecord, len(records))
	for i, r := range records {
		if r.SequenceNumber == "" {
			return 0, fmt.Errorf("lambda: record %d of %d has no sequence number", i, len(records))
		}
		all[i] = events.KinesisEventRecord{EventID: shardID + ":" + r.SequenceNumber, EventSourceArn: streamARN, Kinesis: r}
	}
	done, _, _ = c.serve(ctx, newBatch(all)) // what is wrong with an answer is nothing here
	return done, nil
}

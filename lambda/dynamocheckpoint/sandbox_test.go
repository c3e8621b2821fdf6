package dynamocheckpoint_test

// This file owns the way through package lambda: what one sandbox has done the
// next one skips, at one read an invocation, and no write while nothing fails.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint"
)

const users = 10 // user records of an event

const nextNumber = realNumber + "0" // follows realNumber

// packedEvent has all of its user records in one aggregate.
func packedEvent(t *testing.T) events.KinesisEvent {
	t.Helper()
	var b aggregate.Builder
	for i := range users {
		if err := b.Add(aggregate.Record{PartitionKey: "key", Data: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	return events.KinesisEvent{Records: []events.KinesisEventRecord{{
		EventID:        orders.ID + ":" + realNumber,
		EventSourceArn: orders.StreamARN,
		Kinesis: events.KinesisRecord{
			PartitionKey:                "a",
			SequenceNumber:              realNumber,
			Data:                        b.Seal(nil).Data,
			ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.Now().Add(-time.Minute).Truncate(time.Millisecond)},
		},
	}}}
}

// invoke handles the event in a sandbox that has just started, and returns what
// ran and what it reported. The record bad fails.
func invoke(t *testing.T, c *dynamocheckpoint.Checkpoint, event events.KinesisEvent, bad string) (ran, reported []string) {
	t.Helper()
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		ran = append(ran, string(r.Data))
		if string(r.Data) == bad {
			return errors.New("not yet")
		}
		return nil
	}, lambda.WithCheckpoint(c), lambda.WithProgressNamespace("billing"), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := consumer.Kinesis(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range answer.BatchItemFailures {
		reported = append(reported, f.ItemIdentifier)
	}
	return ran, reported
}

func TestSandboxes(t *testing.T) {
	c, calls := onTable(t)
	event := packedEvent(t)
	all := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for i, step := range []struct {
		bad           string
		ran, reported []string
		calls         []string
	}{
		{"4", all[:5], []string{realNumber}, []string{"Query", "PutItem"}},
		{"6", all[4:7], []string{realNumber}, []string{"Query", "PutItem"}},
		{"", all[6:], nil, []string{"Query", "DeleteItem"}},
		{"", all, nil, []string{"Query"}}, // a deliberate replay
		{"", all, nil, []string{"Query"}},
	} {
		ran, reported := invoke(t, c, event, step.bad)
		if !slices.Equal(ran, step.ran) || !slices.Equal(reported, step.reported) {
			t.Errorf("sandbox %d ran %q and reported %q, want %q and %q", i, ran, reported, step.ran, step.reported)
		}
		calls.want(t, step.calls...)
	}
}

// When the failure moves to the next outer record, what was saved under the first
// is gone in the same step: a deliberate replay runs all of it again.
func TestSandboxesOfTwoOuterRecords(t *testing.T) {
	c, calls := onTable(t)
	event := packedEvent(t)
	next := event.Records[0]
	next.EventID = orders.ID + ":" + nextNumber
	next.Kinesis.SequenceNumber, next.Kinesis.Data = nextNumber, []byte("plain")
	event.Records = append(event.Records, next)
	all := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "plain"}
	for i, step := range []struct {
		bad           string
		ran, reported []string
		calls         []string
	}{
		{"4", all[:5], []string{realNumber}, []string{"Query", "PutItem"}},
		{"plain", all[4:], []string{nextNumber}, []string{"Query", "TransactWriteItems"}},
		{"4", all[:5], []string{realNumber}, []string{"Query", "TransactWriteItems"}}, // a deliberate replay
		{"", all[4:], nil, []string{"Query", "DeleteItem"}},
	} {
		ran, reported := invoke(t, c, event, step.bad)
		if !slices.Equal(ran, step.ran) || !slices.Equal(reported, step.reported) {
			t.Errorf("sandbox %d ran %q and reported %q, want %q and %q", i, ran, reported, step.ran, step.reported)
		}
		calls.want(t, step.calls...)
	}
}

package lambda

// This file owns Expand: a function for Kinesis events as a handler of user
// records. It is a BatchHandler that makes an event of its records, and takes the
// ids of the answer back to them.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
)

// Function is a Lambda function for Kinesis events, as the runtime's Start takes
// it.
type Function = func(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error)

// Expand makes a function see user records where there were aggregates:
//
//	awslambda.Start(lambda.Expand(handle))
//
// It is called with the same event, in which each user record that is not
// decided stands as a Kinesis record of its own. A plain record stays as it is.
// A record out of an aggregate has its own partition key and data, the sequence
// number OUTER:SUB, such as 4956...:7, and the event ID SHARD:OUTER:SUB.
//
// The ids in its answer are those sequence numbers. Lambda's rule holds: what
// lies below the lowest one is done, and everything from there on comes again,
// whether it was tried or not, except with [WithEveryFailureListed]. An attempt is
// counted for the records that are listed. An id that was not in the event, an
// empty one among them, and an error of the function count as a failure of the
// whole call, which is an attempt at each record in it; see [BatchHandler] for
// what becomes of these. An aggregate that can't be read does not reach the
// function: it is poison, as for a [Handler].
//
// With [WithMaxAttempts] the function is called again within the invocation, with
// what is left. What is wrong with the options is the error of every call of the
// function that Expand returns, so that no record is lost; it is also logged.
// That function is safe for concurrent invocations if next is.
func Expand(next Function, opts ...Option) Function {
	ofExpand := func(c *config) { c.expand = true }
	c, err := newConsumer(mode{together: true}, next == nil, slices.Concat(opts, []Option{ofExpand}))
	if err != nil {
		err = fmt.Errorf("lambda: Expand: %w", err)
		slog.Default().LogAttrs(context.Background(), slog.LevelError, "the function will fail every event", slog.String("error", err.Error()))
		return func(context.Context, events.KinesisEvent) (events.KinesisEventResponse, error) {
			return events.KinesisEventResponse{}, err
		}
	}
	c.expanded = next
	return c.Kinesis
}

// WithEveryFailureListed, for [Expand], says that the function goes on after a
// failure and lists every record that failed: those that it does not list are
// done. By default only those below the lowest one listed are, since a function
// may stop at its first failure, as many do. An outer sequence number in the list
// stands for all of its records.
func WithEveryFailureListed() Option {
	return func(c *config) { c.everyFailureListed = true }
}

// callExpanded calls the function with an event of these records.
func (c *Consumer) callExpanded(ctx context.Context, b *batch, rs []*Record) error {
	event := events.KinesisEvent{Records: make([]events.KinesisEventRecord, len(rs))}
	for i, r := range rs {
		event.Records[i] = expanded(&b.records[b.index(r.SequenceNumber)], r)
	}
	response, err := c.expanded(ctx, event)
	if err != nil {
		return err
	}
	return c.failuresOf(response.BatchItemFailures, rs)
}

// expanded is the Kinesis record o with the user record r in it.
func expanded(o *events.KinesisEventRecord, r *Record) events.KinesisEventRecord {
	e := *o
	e.Kinesis.PartitionKey, e.Kinesis.Data = r.PartitionKey, r.Data
	if r.Aggregated {
		e.Kinesis.SequenceNumber = expandedSequence(r)
		e.EventID = r.ShardID + ":" + e.Kinesis.SequenceNumber
	}
	return e
}

// expandedSequence is the sequence number under which the function sees a record.
func expandedSequence(r *Record) string {
	if !r.Aggregated {
		return r.SequenceNumber
	}
	return r.SequenceNumber + ":" + strconv.Itoa(r.SubSequenceNumber)
}

// failuresOf takes the answer's ids back to the records.
func (c *Consumer) failuresOf(listed []events.KinesisBatchItemFailure, rs []*Record) error {
	if len(listed) == 0 {
		return nil
	}
	places := make(map[string][]int, 2*len(rs))
	for i, r := range rs {
		if id := expandedSequence(r); places[id] == nil { // one that is there twice counts as the first
			places[id] = []int{i}
		}
		if r.Aggregated { // the function may have read the outer sequence number out of the id
			places[r.SequenceNumber] = append(places[r.SequenceNumber], i)
		}
	}
	failures := Failures{}
	lowest := len(rs)
	for _, l := range listed {
		found := places[l.ItemIdentifier]
		if len(found) == 0 {
			return fmt.Errorf("the function reported %.200q, which is not a sequence number of its event", l.ItemIdentifier)
		}
		if !c.config.everyFailureListed {
			found = found[:1]
		}
		for _, i := range found {
			failures[i] = errReported
			lowest = min(lowest, i)
		}
	}
	if !c.config.everyFailureListed {
		for i := lowest + 1; i < len(rs); i++ {
			if failures[i] == nil {
				failures[i] = ErrNotTried
			}
		}
	}
	return failures
}

var errReported = errors.New("the function reported it in batchItemFailures")

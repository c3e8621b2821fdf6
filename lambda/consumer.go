package lambda

// This file owns the Consumer: what is made once for a function, and the way of
// one event from the runtime to the answer. The answer is worked out from where
// the runner stands, whether it has ended or was overtaken by the deadline.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Handler handles one user record. A nil error means that the record is done;
// any other error is one failed attempt, and [Poison] says that another attempt
// is of no use. A panic is a failed attempt, too.
//
// Within one invocation records come one at a time, in the order of the shard; with
// [WithConcurrency] several at a time, each partition key's in order. Where the
// runtime runs several invocations in one process
// (AWS_LAMBDA_MAX_CONCURRENCY) a Handler is called by all of them at once, and
// one that has not returned in time may still run while a batch of another shard
// is handled.
//
// ctx ends shortly before the function's deadline (see [Consumer.Kinesis]). A
// Handler should return then: the next batch of its shard in this process waits
// for it.
type Handler func(ctx context.Context, r *Record) error

// Consumer hands the user records of Lambda's Kinesis events to a [Handler] and
// answers with the one sequence number that Lambda is to go on from. It is safe
// for concurrent invocations; make one for the process, with [New].
type Consumer struct {
	config config
	mode   mode
	call   func(ctx context.Context, rs []*Record) error
	log    *slog.Logger

	expanded Function // in the place of call
	memory   memory
	ranges   rangeCache

	saidMemory atomic.Bool // the log line on progress in memory is out
	saidRange  atomic.Bool // the log line on an unknown shard range is out

	droppedAggregates, droppedRecords atomic.Uint64
}

// New returns a Consumer that calls h for every user record. The error joins
// everything that is wrong with h and the options.
func New(h Handler, opts ...Option) (*Consumer, error) {
	c, err := newConsumer(mode{}, h == nil, opts)
	if err != nil {
		return nil, err
	}
	c.mode.byKey = c.config.concurrency > 1
	c.call = func(ctx context.Context, rs []*Record) error { return h(ctx, rs[0]) }
	return c, nil
}

// NewByKey returns a Consumer that calls h with all user records of one
// partition key in the event, for one key after the other or, with
// [WithConcurrency], for several at a time. What fails is handed over again,
// without what is done. The error joins everything that is wrong with h and the
// options.
func NewByKey(h BatchHandler, opts ...Option) (*Consumer, error) {
	return newTogether(mode{byKey: true, together: true}, h, opts)
}

// NewBatch returns a Consumer that calls h with all user records in the event.
// What fails is handed over again, without what is done. The error joins
// everything that is wrong with h and the options, of which [WithConcurrency] is
// none for it.
func NewBatch(h BatchHandler, opts ...Option) (*Consumer, error) {
	return newTogether(mode{together: true}, h, opts)
}

func newTogether(m mode, h BatchHandler, opts []Option) (*Consumer, error) {
	c, err := newConsumer(m, h == nil, opts)
	if err != nil {
		return nil, err
	}
	c.call = h
	return c, nil
}

func newConsumer(m mode, nilHandler bool, opts []Option) (*Consumer, error) {
	c := config{logger: slog.Default(), concurrency: 1, namespace: lambdacontext.FunctionName}
	for _, o := range opts {
		if o == nil {
			c.nilOption = true
			continue
		}
		o(&c)
	}
	if err := c.validate(m, nilHandler); err != nil {
		return nil, err
	}
	return &Consumer{config: c, mode: m, log: c.logger, ranges: rangeCache{source: c.shardRanges}}, nil
}

// Start is [New] followed by the Lambda runtime's Start with
// [Consumer.Kinesis]; it does not return. A bad configuration ends the process
// with one line on standard error and exit code 1, which Lambda reports as an
// error of the function's init phase. Who needs the runtime's own options calls
// New and hands Kinesis to the runtime.
func Start(h Handler, opts ...Option) {
	c, err := New(h, opts...)
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	awslambda.Start(c.Kinesis)
}

// Kinesis handles one event: it is what the Lambda runtime's Start takes. The
// event source mapping must have ReportBatchItemFailures on.
//
// User records are handled in the order of the shard, up to the first one that is
// not decided (succeeded, or in the dead letter); with [WithConcurrency], [NewByKey]
// and [NewBatch] all of them have their turn. The answer holds at most one id: the
// lowest outer sequence number that is not decided, from which Lambda sends the
// batch again. If all are decided, BatchItemFailures is empty and not nil.
//
// If ctx has a deadline, the handlers' ctx ends earlier by a margin: the larger
// of 500 ms and 5 % of the time left at the start, but never more than half of
// it. At that moment Kinesis answers, whether the handler has returned or not.
// The records that were with a handler have used an attempt; the others have not.
// Without a deadline only the end of ctx itself stops the invocation.
//
// While a handler from an earlier invocation of the same shard still runs,
// Kinesis waits for it; if it runs to the end of that wait, Kinesis reports the
// batch's first record without an attempt. If that handler succeeded after all,
// its record is not run again.
//
// The error is not nil, so that Lambda sends the whole batch again, with
// [WithWholeBatchError], and where no answer would be right: something failed in an
// event that holds records of several shards, or records without a sequence number.
// Lambda sends neither. Of such records, and of those whose event names no stream or
// no shard, nothing is remembered, so that all of them run again.
func (c *Consumer) Kinesis(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	_, response, err := c.serve(ctx, newBatch(event.Records))
	return response, err
}

// answer is the answer when records[at] is the first undecided one.
func (c *Consumer) answer(b *batch, at int) (events.KinesisEventResponse, error) {
	response, err := b.answer(at)
	if err == nil && at < len(b.records) && c.config.wholeBatchError {
		return events.KinesisEventResponse{}, fmt.Errorf("%w: the batch is not done from %s on", ErrUndecided, name(&b.records[at], WholeRecord))
	}
	return response, err
}

// ErrUndecided is the error that [WithWholeBatchError] returns in the place of an
// answer in part.
var ErrUndecided = errors.New("lambda: a record is left undecided")

// serve handles a batch and remembers what is done in it. It returns the index of
// the first record that is not decided, and the answer.
func (c *Consumer) serve(ctx context.Context, b *batch) (at int, response events.KinesisEventResponse, err error) {
	if len(b.records) == 0 {
		response, err = b.answer(0)
		return 0, response, err
	}
	start := time.Now()
	handling, cancel := guard(ctx)
	defer cancel()
	stats := Batch{Shard: c.shard(b), TimeUp: true}
	if c.ready(handling, b) {
		found := c.recall(handling, b)
		v := newInvocation(c, b, found.known)
		at = c.execute(handling, v)
		c.keep(ctx, v, found, at)
		stats = v.stats
		if at < len(b.records) && c.config.checkpoint == nil && !c.saidMemory.Swap(true) {
			c.log.LogAttrs(ctx, slog.LevelInfo, "a batch was answered in part; what is done in it, and attempts, are kept in this process's memory only")
		}
	}
	response, err = c.answer(b, at)
	c.report(ctx, b, stats, start, response.BatchItemFailures, err)
	return at, response, err
}

// ready waits for handlers of earlier invocations of the shard. It returns false
// if the time is up first.
func (c *Consumer) ready(ctx context.Context, b *batch) bool {
	if c.memory.wait(ctx, b.shard) {
		return true
	}
	c.log.LogAttrs(ctx, slog.LevelError, "a handler of an earlier invocation of this shard still runs; no record was started",
		slog.String("record", name(&b.records[0], WholeRecord)))
	return false
}

// execute runs the invocation until it ends or the time is up, and returns the
// index of the first record that is not decided.
func (c *Consumer) execute(ctx context.Context, v *invocation) int {
	go v.run(ctx)
	timeUp := false
	select {
	case <-v.ending.done:
	case <-ctx.Done():
		timeUp = true
	}
	cut := v.stop()
	v.stats.TimeUp = timeUp
	for _, rs := range cut {
		c.log.LogAttrs(ctx, slog.LevelError, "the handler has not returned in time", slog.String("record", v.name(rs[0])),
			slog.Int("attempt", v.outers[rs[0].outer].tries[int(rs[0].user)].attempts), slog.Int("records", len(rs)))
	}
	return firstLeft(v.outers)
}

// shard is the name of a batch's shard towards others.
func (c *Consumer) shard(b *batch) Shard {
	return Shard{Namespace: c.config.namespace, StreamARN: b.shard.stream, ID: b.shard.id}
}

// Stats is what a [Consumer] has counted since it was made.
type Stats struct {
	// OutOfRangeAggregates is how often [WithShardRange] dropped an aggregate,
	// OutOfRangeRecords the number of user records in them. One that Lambda sends
	// again counts again.
	OutOfRangeAggregates, OutOfRangeRecords uint64
}

// Stats returns the counts. It may be called at any time, also by a handler.
func (c *Consumer) Stats() Stats {
	return Stats{OutOfRangeAggregates: c.droppedAggregates.Load(), OutOfRangeRecords: c.droppedRecords.Load()}
}

package lambda

// This file owns one invocation's runner: the goroutine that carries the batch
// from record to record. It alone moves the position, under the mutex; stop
// reads it once and ends the run, after which nothing new is begun. A handler
// or dead letter that runs on is the runner's last act.

import (
	"context"
	"log/slog"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
)

type invocation struct {
	consumer *Consumer
	batch    *batch
	known    map[string]outer
	ending   *ending

	// The runner's own.
	shard  string // of the outer record in hand
	users  []deaggregate.Record
	record Record // what the handler sees
	bounds bounds

	mu      sync.Mutex
	at      position // written by the runner only
	calling bool     // the handler is running
	stopped bool     // the answer is made from at as it was then
}

// run decides one record after the other, until one is left undecided.
func (v *invocation) run(ctx context.Context) {
	defer v.finish()
	for i := range v.batch.records {
		if ctx.Err() != nil || !v.runOuter(ctx, i) {
			return
		}
	}
}

// runOuter decides the user records of one outer record. It returns false if one
// is left undecided or the invocation is over.
func (v *invocation) runOuter(ctx context.Context, i int) bool {
	o := &v.batch.records[i]
	v.shard = shardOf(o).id
	var malformed error
	v.users, malformed = deaggregate.Append(v.users[:0], o.Kinesis.PartitionKey, o.Kinesis.Data)
	switch {
	case malformed != nil:
		v.open(1)
		if v.at.progress.done == 0 && !v.buryWhole(ctx, o, malformed) {
			return false
		}
	case v.outOfRange(ctx, o):
		v.drop(ctx, o)
	default:
		v.open(len(v.users))
		for v.at.progress.done < len(v.users) {
			if !v.decide(ctx, o, &v.users[v.at.progress.done]) {
				return false
			}
		}
	}
	return v.next()
}

// open starts on the user records of the outer record in hand, from where an
// earlier invocation stopped.
func (v *invocation) open(records int) {
	p := outerProgress{records: records}
	o := &v.batch.records[v.at.outer]
	if k, ok := v.known[o.Kinesis.SequenceNumber]; ok && k.content == contentOf(o) {
		p = k.progress
		// Of two equal records, which Lambda does not send, only the first is meant.
		delete(v.known, o.Kinesis.SequenceNumber)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.stopped {
		v.at.opened, v.at.progress = true, p
	}
}

// next moves on to the next outer record, or returns false if the run was stopped.
func (v *invocation) next() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return false
	}
	v.at = position{outer: v.at.outer + 1}
	return true
}

// begin marks that the handler is being called, or returns false if the run was stopped.
func (v *invocation) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calling = !v.stopped
	return v.calling
}

// failed counts an attempt.
func (v *invocation) failed(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calling = false
	v.at.progress.attempts++
	v.at.progress.failure = text
}

// decided counts the user record in hand as done.
func (v *invocation) decided() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calling = false
	p := &v.at.progress
	*p = outerProgress{records: p.records, done: p.done + 1}
	v.ending.decided = v.stopped
}

// stop ends the run and returns where it stands. overtaken says that a handler
// is running; that call is counted.
func (v *invocation) stop() (at position, overtaken bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stopped = true
	at = v.at
	switch {
	case v.calling:
		at.progress.attempts++
		at.progress.failure = "the handler had not returned when the invocation's time was up"
	case at.opened && at.progress.done == at.progress.records:
		at = position{outer: at.outer + 1}
	}
	return at, v.calling
}

// finish ends the runner. A handler that called runtime.Goexit brings it here
// in the middle of a call.
func (v *invocation) finish() {
	if v.calling { // written by this goroutine only
		v.failed("the handler called runtime.Goexit")
		o := &v.batch.records[v.at.outer]
		v.consumer.log.LogAttrs(context.Background(), slog.LevelError, "the handler ended its goroutine",
			slog.String("record", name(o, v.at.progress.done)))
	}
	close(v.ending.done)
}

// drop counts an aggregate that lies outside its shard's range.
func (v *invocation) drop(ctx context.Context, o *events.KinesisEventRecord) {
	c := v.consumer
	c.droppedAggregates.Add(1)
	c.droppedRecords.Add(uint64(len(v.users)))
	c.log.LogAttrs(ctx, slog.LevelWarn, "aggregate dropped: a hash key in it lies outside the shard's range",
		slog.String("record", name(o, WholeRecord)), slog.Int("userRecords", len(v.users)))
}

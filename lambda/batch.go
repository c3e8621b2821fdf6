package lambda

// This file owns what an event is as a whole: which shard it is of, and the
// answer to it. An answer never names a record that is not in the batch, and
// every undecided record lies at or above the one it names.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/internal/redriven"
	"github.com/kinpack/kinpack/internal/sequence"
)

// shardID names a shard of a stream.
type shardID struct{ stream, id string }

type batch struct {
	records []events.KinesisEventRecord
	shard   shardID // that of the first record
	mixed   bool    // there are records of other shards; Lambda does not send that
	redrive bool    // there are parts that kinpack redrive has made: this is not where Lambda is
	indices map[string]int
}

func newBatch(records []events.KinesisEventRecord) *batch {
	b := &batch{records: records}
	for i := range records {
		shard := shardOf(&records[i])
		if i == 0 {
			b.shard = shard
		}
		b.mixed = b.mixed || shard != b.shard
		b.redrive = b.redrive || redriven.Is(records[i].EventName)
	}
	return b
}

// tracked says whether the records can be recognised when they come again.
func (b *batch) tracked() bool {
	return b.shard.stream != "" && b.shard.id != "" && !b.mixed
}

// lowest returns the lowest sequence number from records[from] on. Lambda sends
// them in order, so this is the first; but an answer that is too high loses
// records, and this one can't be.
func (b *batch) lowest(from int) string {
	return slices.MinFunc(b.records[from:], bySequence).Kinesis.SequenceNumber
}

// highest returns the highest sequence number.
func (b *batch) highest() string {
	return slices.MaxFunc(b.records, bySequence).Kinesis.SequenceNumber
}

func bySequence(x, y events.KinesisEventRecord) int {
	return sequence.Compare(x.Kinesis.SequenceNumber, y.Kinesis.SequenceNumber)
}

// keys returns the outer partition keys of the batch.
func (b *batch) keys() map[string]bool {
	keys := make(map[string]bool)
	for i := range b.records {
		keys[b.records[i].Kinesis.PartitionKey] = true
	}
	return keys
}

// someKeys returns up to 16 of the outer partition keys of records[from:].
func (b *batch) someKeys(from int) (keys []string) {
	for i := from; i < len(b.records) && len(keys) < 16; i++ {
		if k := b.records[i].Kinesis.PartitionKey; !slices.Contains(keys, k) {
			keys = append(keys, strings.Clone(k))
		}
	}
	return keys
}

// index returns the place of the record with that sequence number, or -1.
func (b *batch) index(sequence string) int {
	if b.indices == nil {
		b.indices = make(map[string]int, len(b.records))
		for i := len(b.records) - 1; i >= 0; i-- {
			b.indices[b.records[i].Kinesis.SequenceNumber] = i
		}
	}
	if i, ok := b.indices[sequence]; ok {
		return i
	}
	return -1
}

// answer is what Lambda is told when records[at] is the first undecided one.
func (b *batch) answer(at int) (events.KinesisEventResponse, error) {
	failures := []events.KinesisBatchItemFailure{} // not nil: JSON [], not null
	if at < len(b.records) {
		if b.mixed {
			return events.KinesisEventResponse{}, fmt.Errorf("lambda: record %s failed in an event of several shards: only the whole batch can be sent again",
				name(&b.records[at], WholeRecord))
		}
		low := b.lowest(at)
		if low == "" {
			return events.KinesisEventResponse{}, errors.New("lambda: a record failed at or before one without a sequence number: only the whole batch can be sent again")
		}
		failures = append(failures, events.KinesisBatchItemFailure{ItemIdentifier: low})
	}
	return events.KinesisEventResponse{BatchItemFailures: failures}, nil
}

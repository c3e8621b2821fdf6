package lambda

// This file owns what an event is as a whole: which shard it is of, and the
// answer to it. An answer never names a record that is not in the batch, and
// every undecided record lies at or above the one it names.

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// shardID names a shard of a stream.
type shardID struct{ stream, id string }

type batch struct {
	records []events.KinesisEventRecord
	shard   shardID // that of the first record
	mixed   bool    // there are records of other shards; Lambda does not send that
}

func newBatch(records []events.KinesisEventRecord) batch {
	b := batch{records: records}
	for i := range records {
		shard := shardOf(&records[i])
		if i == 0 {
			b.shard = shard
		}
		b.mixed = b.mixed || shard != b.shard
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
	low := b.records[from].Kinesis.SequenceNumber
	for i := from + 1; i < len(b.records); i++ {
		if s := b.records[i].Kinesis.SequenceNumber; compareSequence(s, low) < 0 {
			low = s
		}
	}
	return low
}

// keys returns the outer partition keys of the batch.
func (b *batch) keys() map[string]bool {
	keys := make(map[string]bool)
	for i := range b.records {
		keys[b.records[i].Kinesis.PartitionKey] = true
	}
	return keys
}

// holds says whether one of the first n records has that sequence number.
func (b *batch) holds(sequence string, n int) bool {
	for i := range n {
		if b.records[i].Kinesis.SequenceNumber == sequence {
			return true
		}
	}
	return false
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

// compareSequence compares sequence numbers, which are decimal and, with 56
// digits, too long for an int.
func compareSequence(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

package speed_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/lambda"
)

// eventAggregates of 51 kB are an event of 4.4 MB once they are base64, of the 6 MB
// that one may have.
const eventAggregates = 64

// eventOf is an event of packed records of a shard.
func eventOf(packed [][]byte) (e events.KinesisEvent) {
	for i, data := range packed {
		number := fmt.Sprintf("4956%052d", i)
		e.Records = append(e.Records, events.KinesisEventRecord{
			EventID:        "shardId-000000000000:" + number,
			EventName:      "aws:kinesis:record",
			EventSource:    "aws:kinesis",
			EventSourceArn: "arn:aws:kinesis:us-east-1:123456789012:stream/" + stream,
			Kinesis: events.KinesisRecord{
				PartitionKey: aggregate.PartitionKey, SequenceNumber: number, Data: data, KinesisSchemaVersion: "1.0",
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.Unix(1_794_000_000, 0)},
			},
		})
	}
	return e
}

// BenchmarkLambda handles a decoded event of 64 aggregates with a handler that only
// counts, beside unpacking with the generated message, and beside Append; both go over
// the user records in a plain loop.
func BenchmarkLambda(b *testing.B) {
	ways := []string{"proto", "append", "order", "concurrent", "batch"}
	for _, l := range everyLoad(b) {
		turns(b, "size="+l.name, ways, func(b *testing.B, way string) { handleEvents(b, l, way) })
	}
}

func handleEvents(b *testing.B, l *load, way string) {
	records, packed := l.aggregates(b, eventAggregates)
	e := eventOf(packed)
	var seen tally
	handle := handlerOf(b, way, &seen)
	b.SetBytes(bytesOf(packed))
	loop(b, count(records), func() { handle(e) })
	seen = tally{}
	handle(e)
	var want tally
	for _, r := range slices.Concat(records...) {
		want.add(r.PartitionKey, r.Data)
	}
	if seen.records.Load() != want.records.Load() || seen.bytes.Load() != want.bytes.Load() {
		b.Fatalf("%d user records of %d bytes, want %d of %d", seen.records.Load(), seen.bytes.Load(), want.records.Load(), want.bytes.Load())
	}
}

// tally is what a handler does with user records: it counts them and their bytes.
type tally struct{ records, bytes atomic.Int64 }

func (c *tally) add(partitionKey string, data []byte) {
	c.records.Add(1)
	c.bytes.Add(int64(len(partitionKey) + len(data)))
}

// handlerOf returns what handles an event by a way.
func handlerOf(b *testing.B, way string, seen *tally) func(events.KinesisEvent) {
	one := func(_ context.Context, r *lambda.Record) error { seen.add(r.PartitionKey, r.Data); return nil }
	several := func(_ context.Context, rs []*lambda.Record) error {
		for _, r := range rs {
			seen.add(r.PartitionKey, r.Data)
		}
		return nil
	}
	quiet := lambda.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	var c *lambda.Consumer
	var err error
	switch way {
	case "order":
		c, err = lambda.New(one, quiet)
	case "concurrent":
		c, err = lambda.New(one, quiet, lambda.WithConcurrency(2))
	case "batch":
		c, err = lambda.NewBatch(several, quiet)
	default:
		return plainLoop(b, way, seen)
	}
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	return func(e events.KinesisEvent) {
		if answer, err := c.Kinesis(ctx, e); err != nil || len(answer.BatchItemFailures) > 0 {
			b.Fatalf("answer %+v, error %v", answer, err)
		}
	}
}

// plainLoop is a function without kinpack's lambda.
func plainLoop(b *testing.B, way string, seen *tally) func(events.KinesisEvent) {
	var users []deaggregate.Record
	return func(e events.KinesisEvent) {
		for i := range e.Records {
			k := &e.Records[i].Kinesis
			var err error
			if way == "proto" {
				users, err = naiveAppend(users[:0], k.Data)
			} else {
				users, err = deaggregate.Append(users[:0], k.PartitionKey, k.Data)
			}
			if err != nil {
				b.Fatal(err)
			}
			for j := range users {
				seen.add(users[j].PartitionKey, users[j].Data)
			}
		}
	}
}

package redrive_test

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/wire"
	"github.com/kinpack/kinpack/lambda"
)

const (
	streamARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
	shardA    = "shardId-000000000000"
	shardB    = "shardId-000000000001"
)

var arrival = time.UnixMilli(1545084650987)

// letter is a dead letter of an aggregate's user record.
func letter(sequence string, sub int, partitionKey, data string) lambda.Letter {
	return lambda.Letter{
		ID: fmt.Sprintf("%s/%s/%s/%d", streamARN, shardA, sequence, sub), StreamARN: streamARN, ShardID: shardA,
		SequenceNumber: sequence, SubSequenceNumber: sub, OuterPartitionKey: "a", ApproximateArrivalTimestamp: arrival,
		PartitionKey: partitionKey, Data: []byte(data), Aggregated: true,
	}
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wrap returns a JSON object with a text in one member.
func wrap(t testing.TB, member string, doc []byte) map[string]any {
	t.Helper()
	return map[string]any{member: string(doc)}
}

func read(data []byte) []redrive.Document { return slices.Collect(redrive.Documents(data)) }

// unpacked is what a reader finds in an event.
func unpacked(t testing.TB, e redrive.Event) (out []deaggregate.Record) {
	t.Helper()
	var event events.KinesisEvent
	b := e.JSON()
	if err := json.Unmarshal(b, &event); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	if bytes.ContainsRune(b, '\n') {
		t.Errorf("an event of several lines: %s", b)
	}
	for _, r := range event.Records {
		var err error
		if out, err = deaggregate.Append(out, r.Kinesis.PartitionKey, r.Kinesis.Data); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func makeEvents(t testing.TB, s *redrive.Set, batchSize int) []redrive.Event {
	t.Helper()
	made, err := s.Events(batchSize)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// brokenAggregate has the magic and the right digest, and no message in between.
func brokenAggregate() []byte {
	message := []byte{0xff}
	sum := md5.Sum(message)
	return append(append([]byte(wire.Magic), message...), sum[:]...)
}

package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/lambda"
)

// fuzzEvent builds an event from any bytes: three of them choose a record's
// shard, sequence number and data, most often sensible, sometimes not.
func fuzzEvent(t testing.TB, in []byte) events.KinesisEvent {
	eventIDs := []string{shardA + ":1", shardA + ":2", shardA + ":3", shardB + ":1", "", ":", "nonsense"}
	datas := [][]byte{[]byte("plain"), nil, packed(t, 0, "a", "b", "c").Kinesis.Data, packed(t, 0, "d").Kinesis.Data, malformed(), foreign("", "x")}
	var e events.KinesisEvent
	for len(in) >= 3 && len(e.Records) < 20 {
		r := record(len(e.Records), "key", datas[int(in[2])%len(datas)])
		if in[0] < 64 {
			r.EventID = eventIDs[int(in[0])%len(eventIDs)]
		}
		if in[1] < 64 {
			r.Kinesis.SequenceNumber = []string{"", "1", "10", "9", "x", sequence(3)}[int(in[1])%6]
		}
		if in[1] == 64 {
			r.EventSourceArn = ""
		}
		e.Records = append(e.Records, r)
		in = in[3:]
	}
	return e
}

// Whatever comes in: no panic, no id that is not in the batch, and success only
// when every user record succeeded at least once or is in the dead letter.
func FuzzKinesis(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte{200, 200, 0, 200, 200, 2, 200, 200, 3}, []byte{0, 1, 2, 3})
	f.Add([]byte{200, 200, 2, 0, 200, 2, 3, 3, 4}, []byte{9, 1, 0, 3, 1})
	f.Add([]byte{200, 3, 2, 200, 3, 2, 200, 2, 4, 200, 4, 5}, []byte{1, 0, 2, 1, 4, 3})
	f.Fuzz(func(t *testing.T, in, outcomes []byte) {
		e := fuzzEvent(t, in)
		done := map[string]bool{}
		next := func() byte {
			if len(outcomes) == 0 {
				return 255
			}
			b := outcomes[0]
			outcomes = outcomes[1:]
			return b
		}
		id := func(eventID, arn, sequence string, sub int) string {
			return fmt.Sprint(eventID, arn, sequence, "/", sub)
		}
		shard := func(r *events.KinesisEventRecord) string { return recordShard(r.EventID) }
		c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
			switch next() % 5 {
			case 0:
				return errBoom
			case 1:
				return lambda.Poison(errBoom)
			case 2:
				panic("boom")
			}
			done[id(r.ShardID, r.StreamARN, r.SequenceNumber, r.SubSequenceNumber)] = true
			return nil
		}, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
			if next()%2 == 0 {
				return errBoom
			}
			done[id(l.ShardID, l.StreamARN, l.SequenceNumber, l.SubSequenceNumber)] = true
			return nil
		})))
		whole := false
		for i := 0; !whole && i < 200; i++ {
			response, err := c.Kinesis(t.Context(), e)
			if err != nil {
				continue
			}
			if response.BatchItemFailures == nil || len(response.BatchItemFailures) > 1 {
				t.Fatalf("answer %#v", response)
			}
			if whole = len(response.BatchItemFailures) == 0; whole {
				break
			}
			reported := response.BatchItemFailures[0].ItemIdentifier
			if reported == "" || !slices.ContainsFunc(e.Records, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == reported }) {
				t.Fatalf("answer %q is not in the batch", reported)
			}
		}
		if !whole {
			if len(outcomes) == 0 {
				t.Fatal("not done, although nothing fails any more")
			}
			return
		}
		for i := range e.Records {
			r := &e.Records[i]
			users, err := deaggregate.Append(nil, r.Kinesis.PartitionKey, r.Kinesis.Data)
			if err != nil {
				users = []deaggregate.Record{{SubSequence: lambda.WholeRecord}}
			}
			for _, u := range users {
				if name := id(shard(r), r.EventSourceArn, r.Kinesis.SequenceNumber, u.SubSequence); !done[name] {
					t.Errorf("record %s was passed over", name)
				}
			}
		}
	})
}

func recordShard(eventID string) string {
	for i := range len(eventID) {
		if eventID[i] == ':' {
			return eventID[:i]
		}
	}
	return ""
}

// The same from the runtime's side: any document.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(document("one", "two")))
	f.Add([]byte(document(string(packed(f, 1, "a", "b").Kinesis.Data), string(malformed()))))
	f.Add([]byte(`{"Records":[{"eventID":7}]}`))
	f.Add([]byte(`{"Records":[{}]}`))
	f.Add([]byte(`{"Records":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
			if len(r.Data)%2 == 1 {
				return errBoom
			}
			return nil
		})
		answer, err := awslambda.NewHandler(c.Kinesis).Invoke(t.Context(), doc)
		if err == nil && !json.Valid(answer) {
			t.Errorf("answer %q", answer)
		}
	})
}

package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda"
)

// pipeDocument is what a pipe hands to its target.
func pipeDocument(records ...string) string {
	const one = `{"kinesisSchemaVersion":"1.0","partitionKey":"a","sequenceNumber":"%[1]s","data":"%[2]s","approximateArrivalTimestamp":1480641523.477,
"encryptionType":"NONE","eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:%[1]s","eventName":"aws:kinesis:record",
"invokeIdentityArn":"arn:aws:iam::123456789012:role/pipe","awsRegion":"us-east-1","eventSourceARN":"` + streamARN + `"}`
	var all []string
	for i, data := range records {
		all = append(all, fmt.Sprintf(one, sequence(i+1), base64.StdEncoding.EncodeToString([]byte(data))))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestPipe(t *testing.T) {
	h := &tape{once: map[string]error{"two": errBoom}}
	var last lambda.Record
	h.do = func(_ context.Context, r *lambda.Record) error { last = *r; return nil }
	function := awslambda.NewHandler(newConsumer(t, h.handle).Pipe)
	document := []byte(pipeDocument("zero", string(packed(t, 2, "one", "two", "three").Kinesis.Data)))
	for _, want := range []string{`{"batchItemFailures":[{"itemIdentifier":"` + sequence(2) + `"}]}`, `{"batchItemFailures":[]}`} {
		got, err := function.Invoke(t.Context(), document)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "answer", string(got), want)
	}
	check(t, "calls", h.take(), "zero one two zero two three")
	check(t, "record", last.Identity().String(), streamARN+"/"+shardA+"/"+sequence(2)+"/2")
	check(t, "keys", last.PartitionKey+" "+last.OuterPartitionKey, "key-three a")
	check(t, "arrival", last.ApproximateArrivalTimestamp.Unix(), 1480641523)
	got, err := function.Invoke(t.Context(), []byte(`[]`))
	check(t, "no records", fmt.Sprintf("%s %v", got, err), `{"batchItemFailures":[]} <nil>`)
}

// Everything that a pipe says of a record reaches an expanded function.
func TestPipeFields(t *testing.T) {
	var record lambda.PipeRecord
	if err := json.Unmarshal([]byte(pipeDocument("data")[1:len(pipeDocument("data"))-1]), &record); err != nil {
		t.Fatal(err)
	}
	check(t, "record", fmt.Sprintf("%s %s %s %q %s %s %s %s %s %s %s %s", record.KinesisSchemaVersion, record.PartitionKey, short(record.SequenceNumber), record.Data,
		record.EncryptionType, record.EventSource, record.EventVersion, record.EventID[:7], record.EventName, record.InvokeIdentityArn, record.AwsRegion, record.EventSourceArn),
		`1.0 a 1 "data" NONE aws:kinesis 1.0 shardId aws:kinesis:record arn:aws:iam::123456789012:role/pipe us-east-1 `+streamARN)
}

// Lambda's own event is not a pipe's.
func TestPipeGivenAnotherShape(t *testing.T) {
	h := &tape{}
	function := awslambda.NewHandler(newConsumer(t, h.handle).Pipe)
	lambdas := document("one")
	var event struct{ Records json.RawMessage }
	if err := json.Unmarshal([]byte(lambdas), &event); err != nil {
		t.Fatal(err)
	}
	half := pipeDocument("one") // the second record is none
	for name, doc := range map[string]string{
		"Lambda's event":        lambdas,
		"the records of that":   string(event.Records),
		"a record that is none": half[:len(half)-1] + ",{}]",
	} {
		if got, err := function.Invoke(t.Context(), []byte(doc)); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
		check(t, name+": calls", h.take(), "")
	}
}

// A program that reads a shard itself: what fails comes again after a pause, what
// is done does not, and nothing is lost.
func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, name := t.Context(), aws.String("clicks")
		client := kinesistest.Fake(t, "clicks", 1)
		for n := range 6 {
			data := fmt.Appendf(nil, "%d", n)
			if n%2 == 1 {
				data = packed(t, n, fmt.Sprint(n, "a"), fmt.Sprint(n, "b"), fmt.Sprint(n, "c")).Kinesis.Data
			}
			if _, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: name, PartitionKey: aws.String("k"), Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		h := &tape{once: map[string]error{"1b": errBoom, "4": errBoom, "5c": errBoom}}
		c := newConsumer(t, h.handle)
		it, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: name, ShardId: aws.String(shardA), ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		if err != nil {
			t.Fatal(err)
		}
		out, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		if err != nil || len(out.Records) != 6 {
			t.Fatalf("got %v, %v", out, err)
		}
		var records []events.KinesisRecord
		for _, r := range out.Records {
			records = append(records, events.KinesisRecord{
				PartitionKey: *r.PartitionKey, SequenceNumber: *r.SequenceNumber, Data: r.Data,
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: *r.ApproximateArrivalTimestamp},
			})
		}
		var steps []int
		for len(records) > 0 && len(steps) < 10 {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			done, err := c.Records(ctx, streamARN, shardA, records)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			steps, records = append(steps, done), records[done:]
			time.Sleep(time.Second)
		}
		check(t, "steps", fmt.Sprint(steps), "[1 3 1 1]")
		check(t, "calls", h.take(), "0 1a 1b 1b 1c 2 3a 3b 3c 4 4 5a 5b 5c 5c")
	})
}

func TestRecordsThatAreNone(t *testing.T) {
	h := &tape{fail: map[string]error{"1": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithWholeBatchError())
	done, err := c.Records(t.Context(), streamARN, shardA, nil)
	check(t, "no records", fmt.Sprint(done, err), "0 <nil>")
	done, err = c.Records(t.Context(), streamARN, shardA, []events.KinesisRecord{plain(0).Kinesis, {}})
	if done != 0 || err == nil {
		t.Errorf("got %d, %v", done, err)
	}
	check(t, "calls", h.take(), "")
	// It is a number of records, never an error, that tells what is done.
	done, err = c.Records(t.Context(), streamARN, shardA, []events.KinesisRecord{plain(0).Kinesis, plain(1).Kinesis, plain(2).Kinesis})
	check(t, "done", fmt.Sprint(done, err), "1 <nil>")
	check(t, "calls", h.take(), "0 1")
}

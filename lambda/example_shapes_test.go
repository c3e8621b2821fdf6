package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// Sales per window: the state is the handler's own type.
func ExampleNewWindow() {
	type sales struct {
		Count int
		Sum   float64
	}
	add := func(_ context.Context, _ lambda.Window, s sales, r *lambda.Record) (sales, error) {
		var price float64
		if err := json.Unmarshal(r.Data, &price); err != nil {
			return s, lambda.Poison(err)
		}
		return sales{s.Count + 1, s.Sum + price}, nil
	}
	finish := func(_ context.Context, w lambda.Window, s sales) error {
		fmt.Printf("%s to %s: %d sales, %.2f\n", w.Start.Format(time.TimeOnly), w.End.Format(time.TimeOnly), s.Count, s.Sum)
		return nil
	}
	consumer, err := lambda.NewWindow(add, finish, silent)
	if err != nil {
		panic(err)
	}
	// In a function: awslambda.Start(consumer.Kinesis). Here are a window's events, as Lambda sends them.
	event := events.KinesisTimeWindowEvent{KinesisEvent: incoming("9.99", "5")}
	event.Window.Start.Time = time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	event.Window.End.Time = event.Window.Start.Add(time.Minute)
	first, err := consumer.Kinesis(context.Background(), event)
	fmt.Println(first.State, len(first.BatchItemFailures), err)

	event.Records, event.State, event.IsFinalInvokeForWindow = nil, first.State, true
	_, err = consumer.Kinesis(context.Background(), event)
	fmt.Println(err)
	// Output:
	// map[state:{"Count":2,"Sum":14.99}] 0 <nil>
	// 03:00:00 to 03:01:00: 2 sales, 14.99
	// <nil>
}

// The target of an EventBridge pipe gets an array of flat records.
func ExampleConsumer_Pipe() {
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		fmt.Println(r.PartitionKey, string(r.Data))
		return nil
	}, silent)
	if err != nil {
		panic(err)
	}
	// In a function: awslambda.Start(consumer.Pipe).
	var records []lambda.PipeRecord
	err = json.Unmarshal([]byte(`[{"kinesisSchemaVersion": "1.0", "partitionKey": "p", "sequenceNumber": "4956", "data": "aGVsbG8=",
		"approximateArrivalTimestamp": 1480641523.477, "eventSource": "aws:kinesis", "eventVersion": "1.0",
		"eventID": "shardId-000000000000:4956", "eventName": "aws:kinesis:record", "awsRegion": "us-east-1",
		"eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"}]`), &records)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Pipe(context.Background(), records)))
	// Output:
	// p hello
	// {"batchItemFailures":[]}
}

// The same handler in a program that reads the stream itself.
func ExampleConsumer_Records() {
	failed := false
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		fmt.Println(string(r.Data))
		if string(r.Data) == "two" && !failed {
			failed = true
			return errors.New("not now")
		}
		return nil
	}, silent)
	if err != nil {
		panic(err)
	}
	records := []events.KinesisRecord{ // of GetRecords
		{SequenceNumber: "4955", PartitionKey: "p", Data: []byte("zero")},
		incoming("one", "two", "three").Records[0].Kinesis,
	}
	for len(records) > 0 {
		done, err := consumer.Records(context.Background(), "arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "shardId-000000000000", records)
		fmt.Println(done, "of", len(records), err)
		records = records[done:] // in a program: after a pause, if it is not all of them
	}
	// Output:
	// zero
	// one
	// two
	// 1 of 2 <nil>
	// two
	// three
	// 1 of 1 <nil>
}

// Which record a piece of code works for, far from the handler.
func ExampleIdentityFrom() {
	charge := func(ctx context.Context) error {
		id, _ := lambda.IdentityFrom(ctx)
		fmt.Println("charging for", id.SequenceNumber, id.SubSequenceNumber)
		return nil
	}
	consumer, err := lambda.New(func(ctx context.Context, _ *lambda.Record) error { return charge(ctx) }, silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("one", "two"))))
	// Output:
	// charging for 4956 0
	// charging for 4956 1
	// {"batchItemFailures":[]}
}

// An alarm if Lambda goes past what was reported, and a line a batch.
func ExampleWithHooks() {
	hooks := lambda.Hooks{
		Batch: func(_ context.Context, b lambda.Batch) {
			fmt.Printf("%d outer records, %d user records, %d undecided\n", b.OuterRecords, b.UserRecords, b.Undecided)
		},
		Passed: func(_ context.Context, p lambda.Passed) {
			fmt.Println("is ReportBatchItemFailures off? Lambda went past", p.SequenceNumber)
		},
	}
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "two" {
			return errors.New("boom")
		}
		return nil
	}, lambda.WithHooks(hooks), silent)
	if err != nil {
		panic(err)
	}
	event := incoming("one", "two", "three")
	fmt.Println(answer(consumer.Kinesis(context.Background(), event)))

	event.Records[0].EventID, event.Records[0].Kinesis.SequenceNumber = "shardId-000000000000:4957", "4957"
	event.Records[0].Kinesis.Data = []byte("the next record")
	fmt.Println(answer(consumer.Kinesis(context.Background(), event)))
	// Output:
	// 1 outer records, 3 user records, 2 undecided
	// {"batchItemFailures":[{"itemIdentifier":"4956"}]}
	// is ReportBatchItemFailures off? Lambda went past 4956
	// 1 outer records, 1 user records, 0 undecided
	// {"batchItemFailures":[]}
}

// A dead letter for those who have nothing but a log.
func ExampleLogDeadLetter() {
	plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	log := slog.New(slog.NewJSONHandler(os.Stdout, plain))
	consumer, err := lambda.New(func(context.Context, *lambda.Record) error { return lambda.Poison(errors.New("no such customer")) },
		lambda.WithDeadLetter(lambda.LogDeadLetter(log, 0)), silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("one"))))
	// Output:
	// {"level":"ERROR","msg":"dead letter","letter":{"version":"1.0","id":"arn:aws:kinesis:us-east-1:123456789012:stream/clicks/shardId-000000000000/4956/0","streamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/clicks","shardId":"shardId-000000000000","sequenceNumber":"4956","subSequenceNumber":0,"outerPartitionKey":"a","outerPartitionKeyBase64":"YQ==","approximateArrivalTimestamp":"0001-01-01T00:00:00Z","partitionKey":"user-0","partitionKeyBase64":"dXNlci0w","data":"b25l","aggregated":true,"attempts":1,"error":"no such customer"}}
	// {"batchItemFailures":[]}
}

// AWS's own example of why batches are reported in part: 300 records, batches of
// 200, and the 83rd is bad. The other 299 succeed once each, and nobody waits.
func Example_the83rdOf300() {
	calls, succeeded := map[string]int{}, 0
	handle := func(_ context.Context, r *lambda.Record) error {
		name := string(r.Data)
		calls[name]++
		if name == "record 83" {
			return errors.New("bad")
		}
		succeeded++
		return nil
	}
	setAside := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		fmt.Printf("%s is in the dead letter after %d attempts\n", l.Data, l.Attempts)
		return nil
	})
	consumer, err := lambda.New(handle, lambda.WithMaxAttempts(2), lambda.WithDeadLetter(setAside), silent)
	if err != nil {
		panic(err)
	}
	var records []lambdatest.Record
	for i := range 300 {
		records = append(records, lambdatest.Record{PartitionKey: fmt.Sprint("key-", i), Data: fmt.Appendf(nil, "record %d", i+1)})
	}
	mapping, err := lambdatest.New(lambdatest.Records(records), lambdatest.Handler(consumer.Kinesis),
		lambdatest.WithBatchSize(200), lambdatest.WithReportBatchItemFailures())
	if err != nil {
		panic(err)
	}
	if err := mapping.Drain(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(succeeded, "successes of", len(calls), "records in", len(mapping.Invocations()), "invocations:", mapping.Close())
	// Output:
	// record 83 is in the dead letter after 2 attempts
	// 299 successes of 300 records in 2 invocations: <nil>
}

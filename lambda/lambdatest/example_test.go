package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// A usual handler returns its first error. Of 300 records the 83rd is poison: each
// retry repeats the 82 before it, and in the end it takes the 117 behind it along.
func Example() {
	records := make([]lambdatest.Record, 300)
	for i := range records {
		records[i].Data = fmt.Append(nil, i+1)
	}
	runs := map[string]int{}
	handle := func(ctx context.Context, e events.KinesisEvent) (string, error) {
		for _, r := range e.Records {
			if runs[string(r.Kinesis.Data)]++; string(r.Kinesis.Data) == "83" {
				return "", errors.New("poison")
			}
		}
		return "", nil
	}

	m, err := lambdatest.New(lambdatest.Records(records), lambdatest.Handler(handle),
		lambdatest.WithBatchSize(200), lambdatest.WithMaximumRetryAttempts(4),
		lambdatest.WithBackoff(func(int) time.Duration { return 0 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	if err := m.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, inv := range m.Invocations() {
		fmt.Println(len(inv.Records), inv.Outcome)
	}
	fmt.Println("runs of record 82:", runs["82"])
	fmt.Println("runs of record 84:", runs["84"])
	lost := m.OnFailures()[0]
	fmt.Println(lost.RequestContext.Condition, lost.KinesisBatchInfo.BatchSize)
	// Output:
	// 200 function error
	// 200 function error
	// 200 function error
	// 200 function error
	// 200 function error
	// 100 succeeded
	// runs of record 82: 5
	// runs of record 84: 0
	// RetryAttemptsExhausted 200
}

// A sandbox dies between a write and what is to remember it, so the write comes
// twice.
func ExampleSandbox_Point() {
	factory := func(s *lambdatest.Sandbox) lambdatest.Function {
		handle := func(ctx context.Context, e events.KinesisEvent) (string, error) {
			fmt.Println("sandbox", s.Number(), "sends the mail")
			if err := s.Point(ctx, "mail sent"); err != nil {
				return "", err // nothing has an effect any more
			}
			fmt.Println("sandbox", s.Number(), "notes that it is sent")
			return "", nil
		}
		return lambdatest.HandlerFunc[events.KinesisEvent, string](handle)
	}
	m, err := lambdatest.New(lambdatest.Records([]lambdatest.Record{{Data: []byte("mail")}}), factory,
		lambdatest.WithKill(func(p lambdatest.Point) bool { return p.Name == "mail sent" && p.Invocation == 1 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Drain(context.Background()))
	// Output:
	// sandbox 1 sends the mail
	// sandbox 2 sends the mail
	// sandbox 2 notes that it is sent
	// <nil>
}

// A stream of kinesistest, with an aggregate in it, and kinpack's lambda behind it.
func ExampleStream() {
	ctx := context.Background()
	server := kinesistest.New()
	if err := server.AddStream("clicks", 1); err != nil {
		fmt.Println(err)
		return
	}
	var b aggregate.Builder
	for _, name := range []string{"one", "two", "three"} {
		if err := b.Add(aggregate.Record{PartitionKey: name, Data: []byte(name)}); err != nil {
			fmt.Println(err)
		}
	}
	arn := "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
	client := server.Client()
	if _, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: &arn, PartitionKey: aws.String("a"), Data: b.AppendTo(nil)}); err != nil {
		fmt.Println(err)
	}

	failed := false
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "two" && !failed {
			failed = true
			return errors.New("not now")
		}
		fmt.Printf("%s\n", r.Data)
		return nil
	}, lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := lambdatest.New(lambdatest.Stream(client, arn), lambdatest.Handler(consumer.Kinesis), lambdatest.WithReportBatchItemFailures())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Drain(ctx), len(m.Invocations()))
	// Output:
	// one
	// two
	// three
	// <nil> 2
}

// Counts of one minute each.
func ExampleWithTumblingWindow() {
	count := func(_ context.Context, e events.KinesisTimeWindowEvent) (events.KinesisTimeWindowEventResponse, error) {
		var n int
		fmt.Sscan(e.State["n"], &n)
		n += len(e.Records)
		if e.IsFinalInvokeForWindow {
			fmt.Println(e.Window.Start.Format("15:04"), n)
		}
		var r events.KinesisTimeWindowEventResponse
		r.State = map[string]string{"n": fmt.Sprint(n)}
		return r, nil
	}
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	var records []lambdatest.Record
	for i := range 10 {
		records = append(records, lambdatest.Record{ApproximateArrivalTimestamp: noon.Add(time.Duration(i) * 20 * time.Second)})
	}
	m, err := lambdatest.New(lambdatest.Records(records), lambdatest.Handler(count), lambdatest.WithTumblingWindow(time.Minute), lambdatest.WithBatchSize(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Drain(context.Background()))
	// Output:
	// 12:00 3
	// 12:01 3
	// 12:02 3
	// 12:03 1
	// <nil>
}

// A function that is a program. Here it is this test's own, which behaves as one
// when that variable is set.
func ExampleBootstrap() {
	program := lambdatest.Bootstrap{Path: os.Args[0], Env: []string{"KINPACK_TEST_LAMBDA_CHILD=kinpack"}}
	m, err := lambdatest.New(lambdatest.Records([]lambdatest.Record{{Data: []byte("good")}, {Data: []byte("bad")}}), program.Start,
		lambdatest.WithReportBatchItemFailures(), lambdatest.WithMaximumRetryAttempts(0), lambdatest.WithTimeout(time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	if err := m.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, inv := range m.Invocations() {
		fmt.Println(len(inv.Records), inv.Outcome, inv.Done)
	}
	// Output:
	// 2 partial 1
	// 1 partial 0
}

package sqsdeadletter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/sqsdeadletter"
)

// queue prints what is sent to it, in the place of AWS.
type queue struct{}

func (queue) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	var l lambda.Letter
	if err := json.Unmarshal([]byte(aws.ToString(in.MessageBody)), &l); err != nil {
		return nil, err
	}
	fmt.Printf("message: %s: %s, key %s, data %q, location %q\n", l.SequenceNumber, l.Error, l.PartitionKey, l.Data, l.DataLocation)
	return &sqs.SendMessageOutput{}, nil
}

// What is poison goes to a queue.
func ExampleNew() {
	letters, err := sqsdeadletter.New(queue{}, "https://sqs.us-east-1.amazonaws.com/123456789012/letters")
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := func(context.Context, *lambda.Record) error { return lambda.Poison(errors.New("unknown customer")) }
	consumer, err := lambda.New(handle, lambda.WithDeadLetter(letters), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := consumer.Kinesis(context.Background(), events.KinesisEvent{Records: []events.KinesisEventRecord{{
		EventID: "shardId-000000000000:4956", EventSourceArn: "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
		Kinesis: events.KinesisRecord{PartitionKey: "user-7", SequenceNumber: "4956", Data: []byte("one pear")},
	}}})
	fmt.Println("failures:", len(answer.BatchItemFailures), err)
	// Output:
	// message: 4956: unknown customer, key user-7, data "one pear", location ""
	// failures: 0 <nil>
}

// store takes letters, in the place of the package lambda/s3deadletter.
type store struct{}

func (store) Store(_ context.Context, l lambda.Letter) (string, error) {
	fmt.Println("stored:", len(l.Data), "bytes of data")
	return "s3://my-bucket/letter.json", nil
}

// A letter that is too large for the queue.
func ExampleWithOverflow() {
	letter := lambda.Letter{ID: "arn/shard/4956/0", SequenceNumber: "4956", PartitionKey: "user-7", Data: make([]byte, 1<<20), Error: "unknown customer"}

	without, err := sqsdeadletter.New(queue{}, "https://sqs.us-east-1.amazonaws.com/123456789012/letters")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(errors.Is(without.Send(context.Background(), letter), sqsdeadletter.ErrTooLarge))

	with, err := sqsdeadletter.New(queue{}, "https://sqs.us-east-1.amazonaws.com/123456789012/letters", sqsdeadletter.WithOverflow(store{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(with.Send(context.Background(), letter))
	// Output:
	// true
	// stored: 1048576 bytes of data
	// message: 4956: unknown customer, key user-7, data "", location "s3://my-bucket/letter.json"
	// <nil>
}

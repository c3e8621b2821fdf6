package s3deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/s3deadletter"
)

// printer prints what is put, in the place of AWS.
type printer struct{}

func (printer) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	document, err := io.ReadAll(in.Body)
	fmt.Printf("%s, %s: %.17s...\n", aws.ToString(in.Key), aws.ToString(in.ContentType), document)
	return &s3.PutObjectOutput{}, err
}

// What is poison goes to a bucket.
func ExampleNew() {
	letters, err := s3deadletter.New(printer{}, "my-bucket", s3deadletter.WithPrefix("dead"))
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
		EventID: "shardId-000000000000:49590338271490256608559692538361571095921575989136588898", EventSourceArn: "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
		Kinesis: events.KinesisRecord{PartitionKey: "user-7", SequenceNumber: "49590338271490256608559692538361571095921575989136588898", Data: []byte("one pear")},
	}}})
	fmt.Println("failures:", len(answer.BatchItemFailures), err)
	// Output:
	// dead/us-east-1/123456789012/orders/shardId-000000000000/49590338271490256608559692538361571095921575989136588898/00000000.json, application/json: {"version":"1.0",...
	// failures: 0 <nil>
}

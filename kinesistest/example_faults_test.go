package kinesistest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

// One line for a test of your own: put through the client, and read back.
func ExampleFake() {
	t := &testing.T{} // that of your test
	ctx := context.Background()

	client := kinesistest.Fake(t, "orders", 1)

	_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: aws.String("orders"), PartitionKey: aws.String("alice"), Data: []byte("tea")})
	if err != nil {
		log.Fatal(err)
	}

	iterator, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: aws.String("orders"), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		log.Fatal(err)
	}
	out, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range out.Records {
		fmt.Println(*r.PartitionKey, string(r.Data))
	}
	// The same without the service's API.
	fmt.Println(len(client.Server().Records("orders")))
	// Output:
	// alice tea
	// 1
}

// The first put is stored, but its caller does not learn it; of the second one
// entry is refused.
func ExampleWithFaults() {
	server := kinesistest.New(kinesistest.WithFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		switch {
		case r.Operation == "PutRecords" && r.Number == 0:
			return kinesistest.Fault{Failure: kinesistest.ConnectionReset(), Applied: true}
		case r.Operation == "PutRecords" && r.Number == 1:
			return kinesistest.Fault{Delay: time.Millisecond, Entries: map[int]string{1: "InternalFailure"}}
		}
		return kinesistest.Fault{}
	}))
	if err := server.AddStream("orders", 1); err != nil {
		log.Fatal(err)
	}
	put := func() (*kinesis.PutRecordsOutput, error) {
		return server.Client().PutRecords(context.Background(), &kinesis.PutRecordsInput{
			StreamName: aws.String("orders"),
			Records: []types.PutRecordsRequestEntry{
				{PartitionKey: aws.String("alice"), Data: []byte("tea")},
				{PartitionKey: aws.String("bob"), Data: []byte("coffee")},
			},
		})
	}
	_, err := put()
	fmt.Println(errors.Is(err, syscall.ECONNRESET), len(server.Records("orders")))
	out, err := put()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*out.Records[1].ErrorCode, len(server.Records("orders")))
	// Output:
	// true 2
	// InternalFailure 3
}

// A storm that is the same with every run, and its end.
func ExampleStorm() {
	server := kinesistest.New()
	if err := server.AddStream("orders", 4); err != nil {
		log.Fatal(err)
	}
	server.SetFaults(kinesistest.Storm(1, kinesistest.Weather{Unavailable: 0.3, Lost: 0.1, Entry: 0.1, Reshard: 0.1, MaxLatency: time.Millisecond}))

	put := func() error {
		_, err := server.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{
			StreamName: aws.String("orders"), PartitionKey: aws.String("alice"), Data: []byte("tea")})
		return err
	}
	failed := 0
	for range 100 {
		if put() != nil {
			failed++
		}
	}
	fmt.Println(failed > 0, failed < 100)

	server.SetFaults(nil)
	fmt.Println(put())
	// Output:
	// true true
	// <nil>
}

// On-demand streams scale when a test says so.
func ExampleServer_Scale() {
	t := &testing.T{} // that of your test
	server := kinesistest.Fake(t, "orders", 0).Server()
	if err := server.Scale("orders", 8); err != nil {
		log.Fatal(err)
	}
	open := 0
	for _, shard := range server.Shards("orders") {
		if shard.Open {
			open++
		}
	}
	fmt.Println(open)
	// Output: 8
}

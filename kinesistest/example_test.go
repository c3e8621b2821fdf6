package kinesistest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

// A client of the AWS SDK without a network: give it to the code under test,
// and look at what arrived.
func ExampleNew() {
	server := kinesistest.New()
	if err := server.AddStream("orders", 2); err != nil {
		log.Fatal(err)
	}
	client := server.SDKClient()

	_, err := client.PutRecords(context.Background(), &kinesis.PutRecordsInput{
		StreamName: aws.String("orders"),
		Records: []types.PutRecordsRequestEntry{
			{PartitionKey: aws.String("alice"), Data: []byte("tea")},
			{PartitionKey: aws.String("bob"), Data: []byte("coffee")},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range server.Records("orders") {
		fmt.Println(r.ShardID, r.PartitionKey, string(r.Data))
	}
	// Output:
	// shardId-000000000000 alice tea
	// shardId-000000000001 bob coffee
}

// The direct client has the methods of the SDK's, for testing/synctest and
// for speed, and its errors.
func ExampleServer_Client() {
	client := kinesistest.New().Client()
	ctx := context.Background()
	_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("orders"), ShardCount: aws.Int32(1)})
	if err != nil {
		log.Fatal(err)
	}
	put, err := client.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: aws.String("orders"), PartitionKey: aws.String("alice"), Data: []byte("tea")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*put.ShardId)

	_, err = client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("odrers")})
	if missing, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		fmt.Println(*missing.Message)
	}
	// Output:
	// shardId-000000000000
	// Stream odrers under account 123456789012 not found.
}

// Over a socket, for another process or another language.
func ExampleServer_Listen() {
	server := kinesistest.New()
	endpoint, err := server.Listen()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	client := kinesistest.NewSDKClient(endpoint)
	_, err = client.CreateStream(context.Background(), &kinesis.CreateStreamInput{
		StreamName:        aws.String("orders"),
		StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, shard := range server.Shards("orders") {
		fmt.Println(shard.ID, shard.FirstHashKey)
	}
	// Output:
	// shardId-000000000000 0
	// shardId-000000000001 85070591730234615865843651857942052864
	// shardId-000000000002 170141183460469231731687303715884105728
	// shardId-000000000003 255211775190703847597530955573826158592
}

package kinwire_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/kinwire"
)

// The option goes wherever a client is made: here that of a Kinesis in-process, else
// kinesis.NewFromConfig(cfg, kinwire.JSON).
func ExampleJSON() {
	server := kinesistest.New()
	if err := server.AddStream("orders", 1); err != nil {
		log.Fatal(err)
	}
	client := server.SDKClient(kinwire.JSON)

	out, err := client.PutRecords(context.Background(), &kinesis.PutRecordsInput{
		StreamName: aws.String("orders"),
		Records:    []types.PutRecordsRequestEntry{{PartitionKey: aws.String("alice"), Data: []byte("tea")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*out.Records[0].ShardId, string(server.Records("orders")[0].Data))
	// Output: shardId-000000000000 tea
}

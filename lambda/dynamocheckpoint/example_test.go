package dynamocheckpoint_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint"
)

// What package lambda does with it: a retry in another sandbox finds what the
// first try has saved.
func Example() {
	ctx := context.Background()
	var client memory // in the place of dynamodb.NewFromConfig(cfg)
	shard := lambda.Shard{StreamARN: "arn:aws:kinesis:eu-central-1:111122223333:stream/orders", ID: "shardId-000000000000"}

	first, err := dynamocheckpoint.New(&client, "kinpack-progress", dynamocheckpoint.WithRetention(7*24*time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	kept, err := first.Save(ctx, shard, lambda.SavedProgress{
		SequenceNumber: "4711",
		LastArrival:    time.Now(),
		Entries:        [][]byte{[]byte("82 of 200 done")},
	}, nil)
	fmt.Println(kept, err)

	second, err := dynamocheckpoint.New(&client, "kinpack-progress", dynamocheckpoint.WithRetention(7*24*time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	saved, err := second.Load(ctx, shard, "4711", "4800")
	for _, p := range saved {
		fmt.Printf("%s: %s\n", p.SequenceNumber, p.Entries)
	}
	fmt.Println(err)

	// It gets further, and saves that in the place of what it found.
	kept, err = second.Save(ctx, shard, lambda.SavedProgress{
		SequenceNumber: "4712",
		LastArrival:    time.Now(),
		Entries:        [][]byte{[]byte("7 of 100 done")},
	}, []string{"4711"})
	fmt.Println(kept, err)
	saved, err = second.Load(ctx, shard, "4711", "4800")
	for _, p := range saved {
		fmt.Printf("%s: %s\n", p.SequenceNumber, p.Entries)
	}
	fmt.Println(err, second.Delete(ctx, shard, []string{"4712"}))
	// Output:
	// 1 <nil>
	// 4711: [82 of 200 done]
	// <nil>
	// 1 <nil>
	// 4712: [7 of 100 done]
	// <nil> <nil>
}

// How to make the table from Go, with a real client.
func ExampleTableInput() {
	create := func(ctx context.Context, client *dynamodb.Client, name string) error {
		if _, err := client.CreateTable(ctx, dynamocheckpoint.TableInput(name)); err != nil {
			return err
		}
		if err := dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
			return err
		}
		_, err := client.UpdateTimeToLive(ctx, dynamocheckpoint.TimeToLiveInput(name))
		return err
	}
	_ = create

	for _, k := range dynamocheckpoint.TableInput("kinpack-progress").KeySchema {
		fmt.Println(*k.AttributeName, k.KeyType)
	}
	// Output:
	// shardKey HASH
	// sequenceNumber RANGE
}

// memory is a table of one shard.
type memory struct {
	items map[string]map[string]types.AttributeValue
}

func sequence(key map[string]types.AttributeValue) string {
	return key["sequenceNumber"].(*types.AttributeValueMemberS).Value
}

func (m *memory) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if m.items == nil {
		m.items = map[string]map[string]types.AttributeValue{}
	}
	m.items[sequence(in.Item)] = in.Item
	return &dynamodb.PutItemOutput{}, nil
}

func (m *memory) DeleteItem(_ context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	delete(m.items, sequence(in.Key))
	return &dynamodb.DeleteItemOutput{}, nil
}

func (m *memory) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, action := range in.TransactItems {
		if action.Put != nil {
			m.items[sequence(action.Put.Item)] = action.Put.Item
		} else {
			delete(m.items, sequence(action.Delete.Key))
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func (m *memory) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	var out dynamodb.QueryOutput
	first := in.ExpressionAttributeValues[":first"].(*types.AttributeValueMemberS).Value
	for number, item := range m.items {
		if strings.Compare(number, first) >= 0 {
			out.Items = append(out.Items, item)
		}
	}
	return &out, nil
}

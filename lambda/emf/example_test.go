package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/emf"
)

// A function whose log has its metrics.
func ExampleNew() {
	var log bytes.Buffer // in the place of os.Stdout
	hooks, err := emf.New(&log, "Orders", emf.WithDimension("FunctionName", "intake"))
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "two" {
			return errors.New("database is not there")
		}
		return nil
	}
	consumer, err := lambda.New(handle, lambda.WithHooks(hooks), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var event events.KinesisEvent
	for i, data := range []string{"one", "two", "three"} {
		event.Records = append(event.Records, events.KinesisEventRecord{
			EventID: fmt.Sprint("shardId-000000000000:", 4956+i), EventSourceArn: "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
			Kinesis: events.KinesisRecord{PartitionKey: "a", SequenceNumber: fmt.Sprint(4956 + i), Data: []byte(data)},
		})
	}
	if _, err := consumer.Kinesis(context.Background(), event); err != nil {
		fmt.Println(err)
		return
	}

	var line struct {
		StreamName, FunctionName                                                      string
		OuterRecords, UserRecords, SucceededRecords, UndecidedRecords, PartialAnswers int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", line)
	// Output:
	// {StreamName:orders FunctionName:intake OuterRecords:3 UserRecords:2 SucceededRecords:1 UndecidedRecords:1 PartialAnswers:1}
}

package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/emf"
)

// Hooks that write to the log of a function. A Consumer calls them; here it is
// done by hand, for an invocation that left 2 of 100 user records.
func ExampleNew() {
	var log bytes.Buffer // in the place of os.Stdout
	hooks, err := emf.New(&log, "Orders", emf.WithDimension("FunctionName", "intake"))
	if err != nil {
		fmt.Println(err)
		return
	}
	hooks.Batch(context.Background(), lambda.Batch{
		Shard:        lambda.Shard{StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/orders", ID: "shardId-000000000000"},
		OuterRecords: 1, UserRecords: 100, Succeeded: 97, Poison: 1, Undecided: 2,
		Age: 3 * time.Second, Duration: 250 * time.Millisecond, Reported: "4956",
	})

	var line struct {
		StreamName, FunctionName                                        string
		UserRecords, SucceededRecords, PoisonRecords, BatchAge, TimeUps int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", line)
	// Output:
	// {StreamName:orders FunctionName:intake UserRecords:100 SucceededRecords:97 PoisonRecords:1 BatchAge:3000 TimeUps:0}
}

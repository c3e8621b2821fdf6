package kinemf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinemf"
)

// A Lambda function that writes to a stream, and metrics of that to its log.
func Example() {
	ctx := context.Background()
	srv := kinesistest.New() // in the place of AWS
	if err := srv.AddStream("orders", 1); err != nil {
		fmt.Println(err)
		return
	}

	// Once, outside the handler.
	p, err := producer.New(ctx, srv.Client(), "orders", producer.WithMaxBufferedTime(10*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	var log bytes.Buffer // in the place of os.Stdout
	metrics := kinemf.New(&log, "Orders", kinemf.WithDimension("FunctionName", "intake"))

	handler := func(ctx context.Context, items []string) error {
		for _, item := range items {
			if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte("one " + item)}, nil); err != nil {
				return err
			}
		}
		if err := p.Flush(ctx); err != nil {
			return err
		}
		return metrics.Write("orders", p.Stats())
	}
	fmt.Println(handler(ctx, []string{"apple", "pear", "plum"}), handler(ctx, []string{"fig"}))

	for lines := json.NewDecoder(&log); lines.More(); {
		var line struct {
			StreamName, FunctionName                                       string
			UserRecordsPut, KinesisRecordsPut, UserRecordsPerKinesisRecord float64
		}
		if err := lines.Decode(&line); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%+v\n", line)
	}
	// Output:
	// <nil> <nil>
	// {StreamName:orders FunctionName:intake UserRecordsPut:3 KinesisRecordsPut:1 UserRecordsPerKinesisRecord:3}
	// {StreamName:orders FunctionName:intake UserRecordsPut:1 KinesisRecordsPut:1 UserRecordsPerKinesisRecord:1}
}

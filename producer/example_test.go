package producer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// orders returns an in-process Kinesis with a stream, in the place of AWS.
func orders() *kinesistest.Server {
	srv := kinesistest.New()
	if err := srv.AddStream("orders", 1); err != nil {
		panic(err)
	}
	return srv
}

func Example() {
	ctx, srv := context.Background(), orders()
	client := srv.SDKClient() // with AWS: kinesis.NewFromConfig(cfg)

	p, err := producer.New(ctx, client, "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range []string{"apple", "pear", "plum"} {
		err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte("one " + item)}, func(r producer.Result) {
			fmt.Printf("%s: stored in %s as number %d of its aggregate, error %v\n", r.Record.Data, r.ShardID, r.SubSequenceNumber, r.Err)
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println("Kinesis records:", len(srv.Records("orders")))
	// Output:
	// one apple: stored in shardId-000000000000 as number 0 of its aggregate, error <nil>
	// one pear: stored in shardId-000000000000 as number 1 of its aggregate, error <nil>
	// one plum: stored in shardId-000000000000 as number 2 of its aggregate, error <nil>
	// Kinesis records: 1
}

func ExampleProducer_PutSync() {
	ctx := context.Background()
	p, err := producer.New(ctx, orders().SDKClient(), "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close(ctx)
	res, err := p.PutSync(ctx, producer.Record{PartitionKey: "apple", Data: []byte("one apple")})
	fmt.Println(res.ShardID, res.Aggregated, err)
	// Output: shardId-000000000000 false <nil>
}

func ExampleProducer_TryPut() {
	ctx := context.Background()
	p, err := producer.New(ctx, orders().SDKClient(), "orders", producer.WithMaxBufferedBytes(1000), producer.WithMaxBufferedTime(10*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	apple := producer.Record{PartitionKey: "apple", Data: make([]byte, 500)}
	fmt.Println(p.TryPut(apple, nil))
	if err := p.TryPut(apple, nil); errors.Is(err, producer.ErrBufferFull) {
		fmt.Println("no room now: shed it, or spill it")
	}
	fmt.Println(p.Close(ctx), p.Stats().UserRecordsPut)
	// Output:
	// <nil>
	// no room now: shed it, or spill it
	// <nil> 1
}

// In a Lambda function the sandbox freezes when the handler returns, and with it
// the timers: flush before that.
func ExampleProducer_Flush() {
	ctx, srv := context.Background(), orders()
	p, err := producer.New(ctx, srv.SDKClient(), "orders") // once, outside the handler
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(ctx context.Context, items []string) error {
		var failed error // the dones run one after the other, and before Flush returns
		for _, item := range items {
			err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte(item)}, func(r producer.Result) {
				failed = errors.Join(failed, r.Err)
			})
			if err != nil {
				return err
			}
		}
		if err := p.Flush(ctx); err != nil {
			return err
		}
		return failed
	}
	fmt.Println(handler(ctx, []string{"apple", "pear"}), len(srv.Records("orders")))
	// Output: <nil> 1
}

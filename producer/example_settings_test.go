package producer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// Telemetry needs no key: without one records fill their aggregates whatever the
// number of shards.
func Example_keyless() {
	ctx := context.Background()
	srv := kinesistest.New()
	if err := srv.AddStream("telemetry", 100); err != nil {
		fmt.Println(err)
		return
	}
	p, err := producer.New(ctx, srv.Client(), "telemetry")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 40 {
		if err := p.Put(ctx, producer.Record{Data: fmt.Appendf(nil, "reading %d", i)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(p.Close(ctx), len(srv.Records("telemetry")))
	// Output: <nil> 1
}

// Lambda spreads the lanes over its concurrent batches; a key keeps to its lane.
func ExampleWithLanes() {
	ctx, srv := context.Background(), orders()
	p, err := producer.New(ctx, srv.Client(), "orders", producer.WithLanes(8))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range []string{"apple", "pear", "plum", "apple", "fig"} {
		if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte(item)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(p.Close(ctx))
	lanes := map[string]bool{}
	for _, r := range srv.Records("orders") {
		lanes[r.PartitionKey] = true
	}
	fmt.Println(len(lanes), "outer partition keys")
	// Output:
	// <nil>
	// 4 outer partition keys
}

// Hooks tell of every call and every Kinesis record.
func ExampleWithHooks() {
	ctx := context.Background()
	hooks := producer.Hooks{
		CallEnd: func(_ context.Context, e producer.CallEnd) {
			fmt.Println("a call of", e.KinesisRecords, "Kinesis record with", e.UserRecords, "user records, error", e.Err)
		},
		Entry: func(_ context.Context, e producer.Entry) {
			fmt.Println(e.Verdict, "in", e.ShardID, "units", e.Units)
		},
	}
	p, err := producer.New(ctx, orders().Client(), "orders", producer.WithHooks(hooks))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range []string{"apple", "pear"} {
		if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte(item)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(p.Close(ctx))
	// Output:
	// a call of 1 Kinesis record with 2 user records, error <nil>
	// stored in shardId-000000000000 units 1
	// <nil>
}

// When readers turn out not to unpack, packing can be turned off at run time.
func ExampleProducer_SetAggregation() {
	ctx, srv := context.Background(), orders()
	p, err := producer.New(ctx, srv.Client(), "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	p.SetAggregation(false)
	for _, item := range []string{"apple", "pear", "plum"} {
		if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte(item)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(p.Close(ctx), len(srv.Records("orders")))
	// Output: <nil> 3
}

func ExampleProducer_Stats() {
	ctx := context.Background()
	p, err := producer.New(ctx, orders().Client(), "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 45 {
		if err := p.Put(ctx, producer.Record{PartitionKey: fmt.Sprint(i), Data: make([]byte, 512)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	if err := p.Flush(ctx); err != nil {
		fmt.Println(err)
	}
	s := p.Stats()
	fmt.Printf("%d user records: %d PUT payload units, unpacked %d\n", s.UserRecordsPut, s.PutUnits, s.PutUnitsUnpacked)
	fmt.Println(p.Close(ctx))
	// Output:
	// 45 user records: 1 PUT payload units, unpacked 45
	// <nil>
}

// Close drains for as long as its context allows, and hands the rest back.
func ExampleProducer_Close() {
	ctx, srv := context.Background(), orders()
	srv.SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
		return kinesistest.Fault{Failure: kinesistest.APIError(503, "ServiceUnavailable")}
	})
	p, err := producer.New(ctx, srv.Client(), "orders", producer.WithLogger(quiet))
	if err != nil {
		fmt.Println(err)
		return
	}
	spill := func(r producer.Result) {
		if r.Err != nil {
			fmt.Printf("keep %q for later\n", r.Record.Data)
		}
	}
	if err := p.Put(ctx, producer.Record{PartitionKey: "apple", Data: []byte("one apple")}, spill); err != nil {
		fmt.Println(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	fmt.Println(p.Close(ctx))
	// Output:
	// keep "one apple" for later
	// producer: closed with 1 user records handed back: context deadline exceeded
}

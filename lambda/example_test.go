package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// incoming is an event as Lambda hands it over: one Kinesis record, which is an
// aggregate of user records with these data.
func incoming(data ...string) events.KinesisEvent {
	var b aggregate.Builder
	for i, d := range data {
		if err := b.Add(aggregate.Record{PartitionKey: fmt.Sprint("user-", i), Data: []byte(d)}); err != nil {
			panic(err)
		}
	}
	return events.KinesisEvent{Records: []events.KinesisEventRecord{{
		EventID:        "shardId-000000000000:4956",
		EventSourceArn: "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
		Kinesis:        events.KinesisRecord{PartitionKey: "a", SequenceNumber: "4956", Data: b.AppendTo(nil)},
	}}}
}

func answer(response events.KinesisEventResponse, err error) string {
	if err != nil {
		return err.Error()
	}
	b, err := json.Marshal(response)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// The second user record of an aggregate fails once. Lambda sends the Kinesis
// record again, and the first one does not run a second time.
func ExampleNew() {
	failed := false
	handle := func(_ context.Context, r *lambda.Record) error {
		fmt.Printf("%s: %s, attempt %d\n", r.PartitionKey, r.Data, r.Attempt)
		if string(r.Data) == "two" && !failed {
			failed = true
			return errors.New("database is not there")
		}
		return nil
	}
	consumer, err := lambda.New(handle, lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	// In a function: awslambda.Start(consumer.Kinesis), or lambda.Start(handle) for all of it.
	event := incoming("one", "two", "three")
	fmt.Println(answer(consumer.Kinesis(context.Background(), event)))
	fmt.Println(answer(consumer.Kinesis(context.Background(), event)))
	// Output:
	// user-0: one, attempt 1
	// user-1: two, attempt 1
	// {"batchItemFailures":[{"itemIdentifier":"4956"}]}
	// user-1: two, attempt 2
	// user-2: three, attempt 1
	// {"batchItemFailures":[]}
}

// A handler of decoded values. What can't be decoded is poison.
func ExampleTyped() {
	type click struct{ Page string }
	decode := func(data []byte) (c click, err error) {
		err = json.Unmarshal(data, &c)
		return c, err
	}
	handle := lambda.Typed(decode, func(_ context.Context, c click, r *lambda.Record) error {
		fmt.Println(r.PartitionKey, "read", c.Page)
		return nil
	})
	setAside := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		fmt.Printf("set aside %q: %s\n", l.Data, l.Error)
		return nil
	})
	consumer, err := lambda.New(handle, lambda.WithDeadLetter(setAside), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming(`{"Page":"/"}`, `{"Page":`, `{"Page":"/buy"}`))))
	// Output:
	// user-0 read /
	// set aside "{\"Page\":": decode: unexpected end of JSON input
	// user-2 read /buy
	// {"batchItemFailures":[]}
}

// A record that no attempt can help goes to the dead letter at once, one that
// fails after the third attempt. Neither holds up its neighbours.
func ExamplePoison() {
	handle := func(_ context.Context, r *lambda.Record) error {
		switch string(r.Data) {
		case "unknown customer":
			return lambda.Poison(errors.New("no such customer"))
		case "locked":
			return errors.New("row is locked")
		}
		fmt.Println("done:", string(r.Data))
		return nil
	}
	setAside := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		document, err := json.Marshal(l) // what a queue or a bucket would get
		if err != nil {
			return err
		}
		var back lambda.Letter
		if err := json.Unmarshal(document, &back); err != nil {
			return err
		}
		fmt.Printf("set aside: %s, attempts %d: %s\n", back.Data, back.Attempts, back.Error)
		return nil
	})
	consumer, err := lambda.New(handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(setAside),
		lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("first", "unknown customer", "locked", "last"))))
	// Output:
	// done: first
	// set aside: unknown customer, attempts 1: no such customer
	// set aside: locked, attempts 3: row is locked
	// done: last
	// {"batchItemFailures":[]}
}

// A shard owns the upper half of the hash keys. An aggregate that was written to
// it by mistake, during a split, is dropped as the Kinesis Client Library drops
// it: its producer sends it again.
func ExampleWithShardRange() {
	ranges := lambda.ShardRangesFunc(func(_ context.Context, streamARN, shardID string) (first, last string, err error) {
		// In a function: look shardID up in what ListShards returns.
		return "170141183460469231731687303715884105728", "340282366920938463463374607431768211455", nil
	})
	handle := func(_ context.Context, r *lambda.Record) error {
		fmt.Println("done:", string(r.Data))
		return nil
	}
	consumer, err := lambda.New(handle, lambda.WithShardRange(ranges), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	inside := incoming("one", "two")           // the MD5s of user-0 and user-1 lie in the upper half
	outside := incoming("one", "two", "three") // that of user-2 does not
	fmt.Println(answer(consumer.Kinesis(context.Background(), inside)))
	fmt.Println(answer(consumer.Kinesis(context.Background(), outside)))
	fmt.Printf("%+v\n", consumer.Stats())
	// Output:
	// done: one
	// done: two
	// {"batchItemFailures":[]}
	// {"batchItemFailures":[]}
	// {OutOfRangeAggregates:1 OutOfRangeRecords:3}
}

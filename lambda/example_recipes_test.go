package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

var silent = lambda.WithLogger(slog.New(slog.DiscardHandler))

// Enrich: look something up for each user record and hand it on.
func ExampleNew_enrich() {
	names := map[string]string{"user-0": "Ada", "user-1": "Grace"}
	var sink bytes.Buffer // in a function: a second stream, by package producer, with Flush before it returns
	enrich := func(_ context.Context, r *lambda.Record) error {
		name, ok := names[r.PartitionKey]
		if !ok {
			return fmt.Errorf("no name for %s yet", r.PartitionKey) // tried again, and with it what stands behind it
		}
		return json.NewEncoder(&sink).Encode(map[string]string{"name": name, "page": string(r.Data)})
	}
	consumer, err := lambda.New(enrich, silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("/", "/buy"))))
	fmt.Print(sink.String())
	// Output:
	// {"batchItemFailures":[]}
	// {"name":"Ada","page":"/"}
	// {"name":"Grace","page":"/buy"}
}

// Filter: what is not wanted is done at once. (An event filter of the mapping
// can't do that: it sees the aggregate, and drops all of it.)
func ExampleNew_filter() {
	filter := func(_ context.Context, r *lambda.Record) error {
		if !bytes.HasPrefix(r.Data, []byte("error ")) {
			return nil
		}
		fmt.Printf("%s says %s\n", r.PartitionKey, r.Data)
		return nil
	}
	consumer, err := lambda.New(filter, silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("ok", "error 7", "ok"))))
	// Output:
	// user-1 says error 7
	// {"batchItemFailures":[]}
}

// Text to JSON: lines of text become values, and what is no such line is poison.
func ExampleTyped_textToJSON() {
	type reading struct {
		Sensor  string  `json:"sensor"`
		Celsius float64 `json:"celsius"`
	}
	decode := func(line []byte) (reading, error) {
		sensor, value, ok := strings.Cut(string(line), "=")
		celsius, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return reading{}, fmt.Errorf("%q is no sensor=value", line)
		}
		return reading{sensor, celsius}, nil
	}
	toJSON := lambda.Typed(decode, func(_ context.Context, r reading, _ *lambda.Record) error {
		document, err := json.Marshal(r)
		fmt.Println(string(document))
		return err
	})
	setAside := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		fmt.Println("set aside:", l.Error)
		return nil
	})
	consumer, err := lambda.New(toJSON, lambda.WithDeadLetter(setAside), silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("cellar=9.5", "attic", "roof=-3"))))
	// Output:
	// {"sensor":"cellar","celsius":9.5}
	// set aside: decode: "attic" is no sensor=value
	// {"sensor":"roof","celsius":-3}
	// {"batchItemFailures":[]}
}

// A function that was there before: one line makes it see user records, and
// Lambda sees the one sequence number that it needs.
func ExampleExpand() {
	handle := func(_ context.Context, event events.KinesisEvent) (response events.KinesisEventResponse, err error) {
		for _, r := range event.Records {
			fmt.Printf("%s: %s\n", r.Kinesis.SequenceNumber, r.Kinesis.Data)
			if string(r.Kinesis.Data) == "two" && len(event.Records) == 3 {
				response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: r.Kinesis.SequenceNumber})
				break
			}
		}
		return response, nil
	}
	expanded := lambda.Expand(handle, silent) // in a function: awslambda.Start(lambda.Expand(handle))

	event := incoming("one", "two", "three")
	fmt.Println(answer(expanded(context.Background(), event)))
	fmt.Println(answer(expanded(context.Background(), event)))
	// Output:
	// 4956:0: one
	// 4956:1: two
	// {"batchItemFailures":[{"itemIdentifier":"4956"}]}
	// 4956:1: two
	// 4956:2: three
	// {"batchItemFailures":[]}
}

// All records of a key in one call, such as for a transaction an account. The
// handler stops at the first one that fails; the ones before it are done.
func ExampleNewByKey() {
	handle := func(_ context.Context, rs []*lambda.Record) error {
		for i, r := range rs {
			if string(r.Data) == "overdraw" {
				return lambda.FailedAt(i, len(rs), lambda.Poison(errors.New("not enough money")))
			}
			fmt.Println(r.PartitionKey, string(r.Data))
		}
		return nil
	}
	setAside := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		fmt.Println(l.PartitionKey, string(l.Data), "set aside:", l.Error)
		return nil
	})
	consumer, err := lambda.NewByKey(handle, lambda.WithDeadLetter(setAside), silent)
	if err != nil {
		panic(err)
	}
	event := incoming("open", "open")
	event.Records = append(event.Records, events.KinesisEventRecord{
		EventID: "shardId-000000000000:4957", EventSourceArn: event.Records[0].EventSourceArn,
		Kinesis: events.KinesisRecord{PartitionKey: "user-0", SequenceNumber: "4957", Data: []byte("overdraw")},
	})
	fmt.Println(answer(consumer.Kinesis(context.Background(), event)))
	// Output:
	// user-0 open
	// user-0 overdraw set aside: not enough money
	// user-1 open
	// {"batchItemFailures":[]}
}

// All records of the event in one call, such as for a bulk request that says
// which of its items failed.
func ExampleNewBatch() {
	refused := 1 // by the index, the first time
	bulk := func(_ context.Context, rs []*lambda.Record) error {
		fmt.Println("bulk request of", len(rs))
		failures := lambda.Failures{}
		for i, r := range rs {
			if string(r.Data) == "two" && refused > 0 {
				refused--
				failures[i] = errors.New("try again")
			}
		}
		return failures
	}
	consumer, err := lambda.NewBatch(bulk, lambda.WithMaxAttempts(3), silent)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer(consumer.Kinesis(context.Background(), incoming("one", "two", "three"))))
	// Output:
	// bulk request of 3
	// bulk request of 1
	// {"batchItemFailures":[]}
}

package deaggregate_test

import (
	"errors"
	"fmt"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
)

// Read a plain record, an aggregate and one that cannot be read.
func ExampleAppend() {
	var b aggregate.Builder
	for _, r := range []aggregate.Record{
		{PartitionKey: "sensor-7", Data: []byte("21.5")},
		{PartitionKey: "sensor-8", ExplicitHashKey: "42", Data: []byte("19.0")},
	} {
		if err := b.Add(r); err != nil {
			fmt.Println(err)
		}
	}
	malformed := seal([]byte("\x1a\x02\x08\x00")) // the digest is right, but a user record has no data

	var records []deaggregate.Record
	for _, data := range [][]byte{[]byte("20.1"), b.AppendTo(nil), malformed} {
		var err error
		if records, err = deaggregate.Append(records[:0], "outer key", data); errors.Is(err, deaggregate.ErrMalformed) {
			fmt.Println(err)
		}
		for _, r := range records {
			fmt.Printf("%d %s %q %s\n", r.SubSequence, r.PartitionKey, r.ExplicitHashKey, r.Data)
		}
	}
	// Output:
	// 0 outer key "" 20.1
	// 0 sensor-7 "" 21.5
	// 1 sensor-8 "42" 19.0
	// deaggregate: malformed aggregate: byte 2 of the message: user record 0: no data
}

// Read many Kinesis records at once, such as those of a GetRecords answer.
func ExampleBatch() {
	var sealed [][]byte
	for _, name := range []string{"sensor-7", "sensor-8"} {
		var b aggregate.Builder
		for _, value := range []string{"21.5", "19.0"} {
			if err := b.Add(aggregate.Record{PartitionKey: name, Data: []byte(value)}); err != nil {
				fmt.Println(err)
			}
		}
		sealed = append(sealed, b.AppendTo(nil))
	}

	var batch deaggregate.Batch
	batch.Load(sealed)
	var records []deaggregate.Record
	for i := range sealed {
		var err error
		if records, err = batch.Append(records, "outer key", i); err != nil {
			fmt.Println(err)
		}
	}
	for _, r := range records {
		fmt.Printf("%s %s\n", r.PartitionKey, r.Data)
	}
	// Output:
	// sensor-7 21.5
	// sensor-7 19.0
	// sensor-8 21.5
	// sensor-8 19.0
}

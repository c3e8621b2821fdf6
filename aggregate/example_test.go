package aggregate_test

import (
	"errors"
	"fmt"

	"github.com/kinpack/kinpack/aggregate"
)

// Pack user records, and start the next aggregate when one is full.
func Example() {
	b := aggregate.Builder{MaxSize: 64}
	send := func(s aggregate.Sealed) {
		fmt.Printf("%d user records in %d bytes, key %q\n", b.Len(), len(s.Data), s.PartitionKey)
	}
	for _, reading := range []string{"21.5", "21.7", "22.0", "21.9", "21.8"} {
		r := aggregate.Record{PartitionKey: "sensor-7", Data: []byte(reading)}
		err := b.Add(r)
		if errors.Is(err, aggregate.ErrFull) {
			send(b.Seal(nil))
			b.Reset()
			err = b.Add(r)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	send(b.Seal(nil))
	// Output:
	// 3 user records in 60 bytes, key "a"
	// 2 user records in 50 bytes, key "a"
}

// One user record alone goes out plain, two as an aggregate.
func ExampleBuilder_Seal() {
	var b aggregate.Builder
	for _, key := range []string{"sensor-7", "sensor-8"} {
		if err := b.Add(aggregate.Record{PartitionKey: key, Data: []byte("21.5")}); err != nil {
			fmt.Println(err)
		}
		s := b.Seal(nil)
		fmt.Printf("key %q, hash key %s, %d bytes, aggregated %v\n", s.PartitionKey, s.ExplicitHashKey, len(s.Data), s.Aggregated)
	}
	// Output:
	// key "sensor-7", hash key 185497173778634476434117568092435096038, 4 bytes, aggregated false
	// key "a", hash key 185497173778634476434117568092435096038, 60 bytes, aggregated true
}

func ExampleRecord_Validate() {
	fmt.Println(aggregate.Record{PartitionKey: "sensor-7", ExplicitHashKey: "0"}.Validate())
	fmt.Println(aggregate.Record{ExplicitHashKey: "007"}.Validate())
	// Output:
	// <nil>
	// aggregate: invalid user record: partition key is empty, want 1 to 256 code points
	// explicit hash key "007" has a leading zero
}

// Seal many aggregates together.
func ExampleAppendAll() {
	builders := []*aggregate.Builder{new(aggregate.Builder), new(aggregate.Builder)}
	for i, b := range builders {
		r := aggregate.Record{PartitionKey: fmt.Sprint("sensor-", i), Data: []byte("21.5")}
		if err := b.Add(r); err != nil {
			fmt.Println(err)
		}
	}
	sealed := make([][]byte, len(builders))
	aggregate.AppendAll(sealed, builders)
	for _, data := range sealed {
		fmt.Println(len(data), aggregate.IsAggregate(data))
	}
	// Output:
	// 40 true
	// 40 true
}

package aggregate_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
)

// An aggregate takes 1,048,575 different keys of either kind, finds each again, and is
// full then, but for keys that it has.
func TestMostKeys(t *testing.T) {
	const most = 1<<20 - 1
	for name, record := range map[string]func(i int) aggregate.Record{
		"partition keys": func(i int) aggregate.Record { return aggregate.Record{PartitionKey: fmt.Sprint("k", i)} },
		"explicit hash keys": func(i int) aggregate.Record {
			return aggregate.Record{PartitionKey: "k", ExplicitHashKey: fmt.Sprint(i)}
		},
	} {
		b := aggregate.Builder{MaxSize: math.MaxInt}
		var before aggregate.Mark
		for i := range most {
			if i == most-1000 {
				before = b.Mark()
			}
			if err := b.Add(record(i)); err != nil {
				t.Fatalf("%s: %d: %v", name, i, err)
			}
		}
		whole := b.Size()
		if err := b.Add(record(most)); !errors.Is(err, aggregate.ErrFull) {
			t.Errorf("%s: one more: %v", name, err)
		}
		b.Truncate(before)
		for i := most - 1000; i < most; i++ {
			if err := b.Add(record(i)); err != nil {
				t.Fatalf("%s: %d after Truncate: %v", name, i, err)
			}
		}
		if b.Size() != whole {
			t.Errorf("%s: %d bytes, want %d", name, b.Size(), whole)
		}
		for i := 0; i < most; i += 1001 { // no entry is added for a key that is there
			size := b.Size()
			if err := b.Add(record(i)); err != nil || b.Size()-size > 12 {
				t.Fatalf("%s: %d again: %d bytes more, %v", name, i, b.Size()-size, err)
			}
		}
	}
}

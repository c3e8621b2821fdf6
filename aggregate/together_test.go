package aggregate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
)

// AppendAll gives what AppendTo gives, for any number of Builders of any size.
func TestAppendAllIsAppendTo(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for n := range 60 {
		builders := make([]*aggregate.Builder, n)
		got, want := make([][]byte, n), make([][]byte, n)
		for i := range builders {
			builders[i] = new(aggregate.Builder)
			for range random.IntN(100) {
				if err := builders[i].Add(randomRecord(random, 20)); err != nil {
					break
				}
			}
			if random.IntN(3) > 0 {
				got[i] = make([]byte, 3, 3+random.IntN(2)*builders[i].Size())
			}
			want[i] = builders[i].AppendTo(bytes.Clone(got[i]))
		}
		aggregate.AppendAll(got, builders)
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("aggregate %d of %d differs", i, n)
			}
		}
	}
}

func TestAppendAllPanics(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "aggregate: 1 slices for 2 Builders" {
			t.Errorf("panic %s", got)
		}
	}()
	aggregate.AppendAll(make([][]byte, 1), make([]*aggregate.Builder, 2))
}

func TestAppendAllAllocates(t *testing.T) {
	builders, dst := make([]*aggregate.Builder, 50), make([][]byte, 50)
	for i := range builders {
		builders[i] = new(aggregate.Builder)
		for _, r := range benchRecords(512) {
			if err := builders[i].Add(r); err != nil {
				t.Fatal(err)
			}
		}
		dst[i] = make([]byte, 0, builders[i].Size())
	}
	got := testing.AllocsPerRun(20, func() {
		aggregate.AppendAll(dst, builders)
		for i := range dst {
			dst[i] = dst[i][:0]
		}
	})
	if got > 2 {
		t.Errorf("%v allocations for 50 aggregates, want 2", got)
	}
}

package deaggregate_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/kinpack/kinpack/deaggregate"
)

func TestAllocations(t *testing.T) {
	broken := seal(join(bytes.Repeat(join(key("k"), record(index(0), data("d"))), 400), record(data("d"))))
	dst := make([]deaggregate.Record, 0, 10_000)
	for _, c := range []struct {
		name string
		in   []byte
		want float64
	}{
		{"plain", bytes.Repeat([]byte("plain"), 1000), 0},
		{"one user record", distinctKeys(1, 10), 0},
		{"400 distinct keys", distinctKeys(400, 100), 0},
		{"512 distinct keys", distinctKeys(512, 100), 0},
		{"513 distinct keys", distinctKeys(513, 100), 1},
		{"5,000 distinct keys", distinctKeys(5000, 10), 1},
		{"8,000 user records of one key", seal(join(key("k"), bytes.Repeat(record(index(0), data("d")), 8000))), 0},
	} {
		got := testing.AllocsPerRun(20, func() {
			if out, err := deaggregate.Append(dst, "outer", c.in); err != nil || len(out) == 0 {
				panic(fmt.Sprint(len(out), err))
			}
		})
		if got > c.want {
			t.Errorf("%s: %v allocations with room in dst, want %v", c.name, got, c.want)
		}
	}
	if _, err := deaggregate.Append(dst, "outer", broken); !errors.Is(err, deaggregate.ErrMalformed) {
		t.Errorf("a record without an index: %v", err)
	}
	in := distinctKeys(400, 100)
	if got := testing.AllocsPerRun(20, func() { deaggregate.Append(nil, "outer", in) }); got > growth {
		t.Errorf("400 distinct keys: %v allocations without dst, want %d", got, growth)
	}
}

// allocated is how many bytes and objects f allocates.
func allocated(f func()) (size, objects uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// TestBomb: the most user records, keys and broken records that 1 MiB can hold,
// and half of each, cost memory linear in the bytes: one growth of dst and at
// most one table. (The walk has no loop that goes back, so time is linear too;
// without a clock that is not shown here.)
func TestBomb(t *testing.T) {
	tiny := record(index(0), data("")) // 6 bytes, the smallest there is
	const sizeOf = uint64(unsafe.Sizeof(deaggregate.Record{}))
	for _, c := range []struct {
		name    string
		message func(n int) []byte
		n       int    // how many of the unit fill 1 MiB
		unit    uint64 // bytes allocated for one, at most
		records bool
	}{
		{"tiny user records", func(n int) []byte { return join(key("k"), bytes.Repeat(tiny, n)) }, 174_750, 100, true},
		{"tiny user records, table behind", func(n int) []byte { return join(bytes.Repeat(tiny, n), key("k")) }, 174_750, 100, true},
		{"empty keys", func(n int) []byte { return bytes.Repeat(key(""), n) }, 524_000, 16, false},
		{"empty keys of both kinds", func(n int) []byte { return bytes.Repeat(join(key(""), hashKey("")), n/2) }, 524_000, 16, false},
		{"empty user records, malformed", func(n int) []byte { return bytes.Repeat(record(), n) }, 524_000, sizeOf + 8, false},
		{"unknown fields", func(n int) []byte { return bytes.Repeat(varintField(15, 0), n) }, 524_000, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{c.n / 2, c.n} {
				in := seal(c.message(n))
				if n == c.n && (len(in) > 1<<20 || len(in) < 1<<20-1000) {
					t.Fatalf("%d bytes are not 1 MiB", len(in))
				}
				var got []deaggregate.Record
				size, objects := allocated(func() { got, _ = deaggregate.Append(nil, "outer", in) })
				// What else allocates meanwhile: the test's own runtime.
				if limit := uint64(n)*c.unit*growth + 64<<10; size > limit {
					t.Errorf("%d in %d bytes: %d bytes allocated, want at most %d", n, len(in), size, limit)
				}
				if objects > 100 {
					t.Errorf("%d in %d bytes: %d allocations", n, len(in), objects)
				}
				want := 0
				if c.records {
					want = n
					if last := got[len(got)-1]; last.SubSequence != n-1 || last.PartitionKey != "k" || !aliases(last, in) {
						t.Errorf("last user record %+v", last)
					}
					if allocs := testing.AllocsPerRun(2, func() { deaggregate.Append(nil, "outer", in) }); allocs > growth {
						t.Errorf("%v allocations, want %d, one growth of dst", allocs, growth)
					}
				}
				if len(got) != want {
					t.Fatalf("%d user records, want %d", len(got), want)
				}
			}
		})
	}
}

// TestAlias: keys and data lie in the input, and appending to Data copies.
func TestAlias(t *testing.T) {
	message := join(key("first"), key("second"), hashKey("42"),
		record(index(0), hashIndex(0), data("payload 1")), record(index(1), data("payload 2")), record(index(1), data("")))
	for _, in := range [][]byte{append(seal(message), "behind"...), []byte("a plain record, and what lies behind")} {
		original := bytes.Clone(in)
		whole := in
		in = bytes.TrimSuffix(bytes.TrimSuffix(in, []byte("behind")), []byte(", and what lies "))
		got, err := deaggregate.Append(nil, "outer", in)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if !aliases(r, in) {
				t.Errorf("record %d was copied", i)
			}
			if r.Data == nil {
				t.Errorf("record %d: Data is nil", i)
			}
			_ = append(r.Data, "over"...)
		}
		if !bytes.Equal(whole, original) {
			t.Errorf("appending to Data wrote into the input: %q", whole)
		}
		if got[0].Aggregated {
			in[bytes.Index(in, []byte("payload 1"))] = 'P'
		} else {
			in[0] = 'P'
		}
		if !strings.Contains(string(got[0].Data), "P") {
			t.Errorf("Data does not alias the input: %q", got[0].Data)
		}
	}
}

// A Kinesis record without data is a plain one too.
func TestNilData(t *testing.T) {
	got, err := deaggregate.Append(nil, "outer", nil)
	if err != nil || len(got) != 1 || got[0].PartitionKey != "outer" || len(got[0].Data) != 0 || got[0].Aggregated {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAppendKeepsOrder(t *testing.T) {
	var got []deaggregate.Record
	var err error
	for _, in := range [][]byte{distinctKeys(3, 5), []byte("plain"), distinctKeys(2, 5)} {
		if got, err = deaggregate.Append(got, "outer", in); err != nil {
			t.Fatal(err)
		}
	}
	var numbers []int
	for _, r := range got {
		numbers = append(numbers, r.SubSequence)
	}
	if !slices.Equal(numbers, []int{0, 1, 2, 0, 0, 1}) || got[3].Aggregated || string(got[3].Data) != "plain" {
		t.Errorf("sub-sequence numbers %v", numbers)
	}
}

// TestConcurrent: the same input from many goroutines, for the race detector.
func TestConcurrent(t *testing.T) {
	inputs := [][]byte{distinctKeys(100, 50), distinctKeys(600, 5), []byte("plain"), seal(record())}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			var dst []deaggregate.Record
			for i := range 50 {
				in := inputs[(g+i)%len(inputs)]
				got, err := deaggregate.Append(dst[:0], "outer", in)
				if want := []int{100, 600, 1, 0}[(g+i)%len(inputs)]; len(got) != want || (err != nil) != (want == 0) {
					t.Errorf("%d user records, %v; want %d", len(got), err, want)
				}
				dst = got
			}
		})
	}
	group.Wait()
}

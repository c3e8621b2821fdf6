package aggregate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

// exactSize is the length of the aggregate by the description of the format,
// kept up to date a record at a time.
type exactSize struct {
	keys, hashKeys map[string]int
	size           int
}

func newExactSize() *exactSize {
	return &exactSize{map[string]int{}, map[string]int{}, 4 + 16}
}

// with returns the size with r, and adds r if keep is set.
func (e *exactSize) with(r aggregate.Record, keep bool) int {
	size := e.size
	index := func(table map[string]int, key string) int {
		i, ok := table[key]
		if !ok {
			i = len(table)
			size += protowire.SizeTag(1) + protowire.SizeBytes(len(key))
			if keep {
				table[key] = i
			}
		}
		return protowire.SizeTag(1) + protowire.SizeVarint(uint64(i))
	}
	fields := index(e.keys, r.PartitionKey)
	if r.ExplicitHashKey != "" {
		fields += index(e.hashKeys, r.ExplicitHashKey)
	}
	fields += protowire.SizeTag(3) + protowire.SizeBytes(len(r.Data))
	size += protowire.SizeTag(3) + protowire.SizeBytes(fields)
	if keep {
		e.size = size
	}
	return size
}

// randomRecord draws from the given number of keys, half of the records with an
// explicit hash key, and sizes near the bounds of varints.
func randomRecord(random *rand.Rand, keys int) aggregate.Record {
	sizes := []int{0, 1, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, random.IntN(300)}
	if random.IntN(40) == 0 {
		sizes = []int{16371, 16374, 16375, 16376, 16377, 16378, 16383, 16384, 16385}
	}
	r := aggregate.Record{
		PartitionKey: fmt.Sprintf("key-%d", random.IntN(keys)),
		Data:         bytes.Repeat([]byte{byte(random.Uint32())}, sizes[random.IntN(len(sizes))]),
	}
	if random.IntN(20) == 0 {
		r.PartitionKey += strings.Repeat("é", 40+random.IntN(40)) // around 128 bytes
	}
	if random.IntN(2) == 0 {
		r.ExplicitHashKey = hashkey.Key{Hi: uint64(random.IntN(2)), Lo: uint64(random.IntN(keys))}.String()
	}
	return r
}

// TestRandom: Size is exact after every Add, ErrFull comes at the very byte, and
// the bytes are those of proto.Marshal.
func TestRandom(t *testing.T) {
	var b aggregate.Builder
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		keys := []int{1, 3, 40, 127, 128, 129, 1000}[seed%7]
		var records []aggregate.Record
		var out []byte
		size := newExactSize()
		b.Reset()
		b.MaxSize = 2000 + random.IntN(90_000)
		limit := b.MaxSize
		for refused := 0; refused < 3; {
			r := randomRecord(random, keys)
			next := size.with(r, false)
			b.MaxSize = limit
			if len(records) > 0 && next > limit {
				refused++
				if err := b.Add(r); err != aggregate.ErrFull {
					t.Fatalf("seed %d: Add up to %d of %d bytes: %v, want ErrFull", seed, next, limit, err)
				}
			} else {
				if b.MaxSize = next - 1; len(records) > 0 && b.Add(r) != aggregate.ErrFull {
					t.Fatalf("seed %d: Add up to %d with MaxSize one below is not ErrFull", seed, next)
				}
				b.MaxSize = next
				if err := b.Add(r); err != nil {
					t.Fatalf("seed %d: Add up to %d with that MaxSize: %v", seed, next, err)
				}
				size.with(r, true)
				records = append(records, r)
			}
			out = b.AppendTo(out[:0])
			if b.Size() != len(out) || b.Size() != size.size || b.Len() != len(records) {
				t.Fatalf("seed %d: Size %d, Len %d; want %d, %d; AppendTo gives %d bytes", seed, b.Size(), b.Len(), size.size, len(records), len(out))
			}
		}
		if !bytes.Equal(out, marshal(nil, records)) {
			t.Fatalf("seed %d: %d records differ from proto.Marshal", seed, len(records))
		}
	}
}

// TestManyKeys: indexes of one, two and three bytes in both tables.
func TestManyKeys(t *testing.T) {
	const n = 1<<14 + 200
	b := aggregate.Builder{MaxSize: 8 << 20}
	size := newExactSize()
	var records []aggregate.Record
	var out []byte
	for i := range 2 * n {
		r := aggregate.Record{PartitionKey: fmt.Sprintf("k%d", i%n), ExplicitHashKey: fmt.Sprint(n - 1 - i%n), Data: []byte{byte(i)}}
		size.with(r, true)
		records = append(records, r)
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		if b.Size() != size.size {
			t.Fatalf("record %d: Size %d, want %d", i, b.Size(), size.size)
		}
		if near := i % n; near >= 126 && near < 130 || near >= 1<<14-2 && near < 1<<14+2 {
			if out = b.AppendTo(out[:0]); len(out) != b.Size() || !bytes.Equal(out, marshal(nil, records)) {
				t.Fatalf("%d records: %d bytes differ from proto.Marshal; Size %d", i+1, len(out), b.Size())
			}
		}
	}
	if out = b.AppendTo(out[:0]); !bytes.Equal(out, marshal(nil, records)) {
		t.Fatalf("%d records differ from proto.Marshal", len(records))
	}
}

func TestEmptyBuilderTakesAny(t *testing.T) {
	for _, maxSize := range []int{0, 1, 20} {
		b := aggregate.Builder{MaxSize: maxSize}
		big := aggregate.Record{PartitionKey: "k", Data: make([]byte, aggregate.MaxData)}
		if err := b.Add(big); err != nil {
			t.Fatalf("MaxSize %d: %v", maxSize, err)
		}
		if err := b.Add(aggregate.Record{PartitionKey: "k"}); err != aggregate.ErrFull {
			t.Errorf("MaxSize %d: second record: %v, want ErrFull", maxSize, err)
		}
		if want := marshal(nil, []aggregate.Record{big}); b.Len() != 1 || b.Size() != len(want) || !bytes.Equal(b.AppendTo(nil), want) {
			t.Errorf("MaxSize %d: Len %d, Size %d, want 1 and %d", maxSize, b.Len(), b.Size(), len(want))
		}
	}
}

// A Builder that was used and reset gives the bytes of a fresh one, even when
// what it held before had other keys, more of them, and a full index.
func TestReset(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	used := aggregate.Builder{MaxSize: 1 << 20}
	for round := range 20 {
		var records []aggregate.Record
		fresh := aggregate.Builder{MaxSize: 1 << 20}
		used.Reset()
		if used.Len() != 0 || used.Size() != 20 || used.MaxSize != 1<<20 {
			t.Fatalf("after Reset: Len %d, Size %d, MaxSize %d", used.Len(), used.Size(), used.MaxSize)
		}
		for range 1 + random.IntN(1000) {
			r := randomRecord(random, 1+random.IntN(700))
			if fresh.Add(r) != nil {
				break
			}
			if err := used.Add(r); err != nil {
				t.Fatal(err)
			}
			records = append(records, r)
		}
		checkSealed(t, used.Seal(nil), fresh.Seal(nil))
		if !bytes.Equal(used.AppendTo(nil), marshal(nil, records)) {
			t.Fatalf("round %d: %d records differ from proto.Marshal", round, len(records))
		}
	}
}

func TestAddCopiesData(t *testing.T) {
	var b aggregate.Builder
	data := []byte("first")
	var want []aggregate.Record
	for i, text := range []string{"first", "other", "third"} {
		copy(data, text)
		if err := b.Add(aggregate.Record{PartitionKey: fmt.Sprint(i), Data: data}); err != nil {
			t.Fatal(err)
		}
		want = append(want, aggregate.Record{PartitionKey: fmt.Sprint(i), Data: []byte(text)})
	}
	copy(data, "xxxxx")
	if !bytes.Equal(b.AppendTo(nil), marshal(nil, want)) {
		t.Error("overwriting Data after Add changed the aggregate")
	}
}

func TestAppendTo(t *testing.T) {
	var b aggregate.Builder
	if got, want := b.AppendTo(nil), marshal(nil, nil); b.Size() != 20 || !bytes.Equal(got, want) {
		t.Errorf("empty Builder: Size %d, %x, want %x", b.Size(), got, want)
	}
	if err := b.Add(aggregate.Record{PartitionKey: "k", Data: []byte("d")}); err != nil {
		t.Fatal(err)
	}
	once := b.AppendTo(nil)
	if got := b.AppendTo([]byte("before")); string(got) != "before"+string(once) {
		t.Errorf("AppendTo behind six bytes gives %q", got)
	}
	room := append(make([]byte, 0, 100), "before"...)
	if got := b.AppendTo(room); &got[0] != &room[0] || string(room) != "before" {
		t.Error("AppendTo did not use the room in dst")
	}
}

// TestAllocations: none once the buffers have grown, for whole aggregates of
// distinct keys and of other keys every time.
func TestAllocations(t *testing.T) {
	for _, size := range []int{1, 100, 512} {
		sets := [][]aggregate.Record{benchRecords(size), benchRecords(size)}
		for i := range sets[1] {
			sets[1][i].PartitionKey = fmt.Sprintf("device-%09d", i) // as long
			sets[1][i].ExplicitHashKey = fmt.Sprint(i)
		}
		b := aggregate.Builder{MaxSize: 1 << 20}
		var out []byte
		turn := 0
		fill := func() {
			b.Reset()
			for _, r := range sets[turn%2] {
				if b.Add(r) != nil {
					panic("does not fit")
				}
			}
			turn++
			out = b.AppendTo(out[:0])
		}
		fill()
		fill()
		if got := testing.AllocsPerRun(20, fill); got != 0 {
			t.Errorf("%d records of %d bytes: %v allocations, want 0", len(sets[0]), size, got)
		}
	}
}

// Cap covers what was added, and Reset keeps it.
func TestCap(t *testing.T) {
	b := aggregate.Builder{MaxSize: 1 << 20}
	if b.Cap() != 0 {
		t.Errorf("the zero Builder has %d bytes", b.Cap())
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 5000 {
		if err := b.Add(aggregate.Record{PartitionKey: fmt.Sprint(i), ExplicitHashKey: fmt.Sprint(i), Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	got, heap := b.Cap(), int(after.HeapAlloc-before.HeapAlloc)
	if got < b.Size() || got < heap*9/10 || got > heap*11/10 {
		t.Errorf("Cap is %d of an aggregate of %d bytes, on the heap %d", got, b.Size(), heap)
	}
	if b.Reset(); b.Cap() != got {
		t.Errorf("Reset makes %d bytes of %d", b.Cap(), got)
	}
}

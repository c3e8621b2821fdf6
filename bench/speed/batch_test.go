package speed_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
)

// How many aggregates there are at a time: what a PutRecords call or a Lambda event
// of some shards' size holds, and what its largest holds.
var batchSizes = []int{16, 64}

// BenchmarkUnpackBatch unpacks many aggregates: one by one, and with their digests
// checked side by side.
func BenchmarkUnpackBatch(b *testing.B) {
	for _, n := range batchSizes {
		for _, l := range everyLoad(b) {
			turns(b, fmt.Sprintf("aggregates=%d/size=%s", n, l.name), []string{"proto", "single", "batch"},
				func(b *testing.B, way string) { unpackMany(b, l, n, way) })
		}
	}
}

func unpackMany(b *testing.B, l *load, n int, way string) {
	records, packed := l.aggregates(b, n)
	b.SetBytes(bytesOf(packed))
	out := unpacker(b, way)
	all := count(records)
	loop(b, all, func() { out(packed) })
	compareAll(b, out(packed), records)
}

// unpacker returns what unpacks aggregates by a way into a slice of its own.
func unpacker(t testing.TB, way string) func(packed [][]byte) []deaggregate.Record {
	var out []deaggregate.Record
	var batch deaggregate.Batch
	return func(packed [][]byte) []deaggregate.Record {
		out = out[:0]
		if way == "batch" {
			batch.Load(packed)
		}
		for i, data := range packed {
			var err error
			switch way {
			case "proto":
				out, err = naiveAppend(out, data)
			case "single":
				out, err = deaggregate.Append(out, aggregate.PartitionKey, data)
			case "batch":
				out, err = batch.Append(out, aggregate.PartitionKey, i)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
}

func compareAll(t testing.TB, out []deaggregate.Record, records [][]aggregate.Record) {
	for _, own := range records {
		if len(out) < len(own) {
			t.Fatalf("%d user records too few", len(own)-len(out))
		}
		compare(t, out[:len(own)], own)
		out = out[len(own):]
	}
	if len(out) > 0 {
		t.Fatalf("%d user records too many", len(out))
	}
}

func bytesOf(packed [][]byte) (n int64) {
	for _, data := range packed {
		n += int64(len(data))
	}
	return n
}

// BenchmarkPackBatch packs many aggregates, and seals them one by one or together.
func BenchmarkPackBatch(b *testing.B) {
	for _, n := range batchSizes {
		for _, l := range everyLoad(b) {
			turns(b, fmt.Sprintf("aggregates=%d/size=%s", n, l.name), []string{"proto", "single", "batch"},
				func(b *testing.B, way string) { packMany(b, l, n, way) })
		}
	}
}

func packMany(b *testing.B, l *load, n int, way string) {
	records, packed := l.aggregates(b, n)
	b.SetBytes(bytesOf(packed))
	pack := packer(b, way, n)
	all := count(records)
	loop(b, all, func() { pack(records) })
	for i, data := range pack(records) {
		if !bytes.Equal(data, packed[i]) {
			b.Fatalf("wrong bytes of aggregate %d", i)
		}
	}
}

// packer returns what packs n aggregates by a way into buffers of its own.
func packer(t testing.TB, way string, n int) func(records [][]aggregate.Record) [][]byte {
	out := make([][]byte, n)
	if way == "proto" {
		var p naivePacker
		return func(records [][]aggregate.Record) [][]byte {
			for i, own := range records {
				for j := range own {
					p.add(&own[j])
				}
				out[i] = p.seal(out[i][:0])
			}
			return out
		}
	}
	builders := make([]*aggregate.Builder, n)
	for i := range builders {
		builders[i] = new(aggregate.Builder)
	}
	return func(records [][]aggregate.Record) [][]byte {
		for i, own := range records {
			builders[i].Reset()
			fill(t, builders[i], own)
			out[i] = out[i][:0]
			if way == "single" {
				out[i] = builders[i].AppendTo(out[i])
			}
		}
		if way == "batch" {
			aggregate.AppendAll(out, builders)
		}
		return out
	}
}

// Once its buffers have grown kinpack allocates nothing by the record or by the
// aggregate; AppendAll two things a call.
func TestNoAllocations(t *testing.T) {
	for _, l := range everyLoad(t) {
		for _, n := range batchSizes {
			records, packed := l.aggregates(t, n)
			for way, most := range map[string]float64{"single": 0, "batch": 2} {
				unpack, pack := unpacker(t, way), packer(t, way, n)
				if got := testing.AllocsPerRun(3, func() { unpack(packed) }); got != 0 {
					t.Errorf("unpack %d of %s, %s: %v allocations", n, l.name, way, got)
				}
				if got := testing.AllocsPerRun(3, func() { pack(records) }); got > most {
					t.Errorf("pack %d of %s, %s: %v allocations, want at most %v", n, l.name, way, got, most)
				}
			}
		}
	}
}

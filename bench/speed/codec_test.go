package speed_test

import (
	"bytes"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
)

// BenchmarkPack packs one aggregate.
func BenchmarkPack(b *testing.B) {
	for _, l := range everyLoad(b) {
		turns(b, "size="+l.name, []string{"proto", "kinpack"}, func(b *testing.B, way string) { packOne(b, l, way) })
	}
}

func packOne(b *testing.B, l *load, way string) {
	records, packed := l.aggregates(b, 1)
	var out []byte
	b.SetBytes(int64(len(packed[0])))
	switch way {
	case "proto":
		var p naivePacker
		loop(b, len(records[0]), func() {
			for i := range records[0] {
				p.add(&records[0][i])
			}
			out = p.seal(out[:0])
		})
	case "kinpack":
		var p aggregate.Builder
		loop(b, len(records[0]), func() {
			p.Reset()
			fill(b, &p, records[0])
			out = p.AppendTo(out[:0])
		})
	}
	if !bytes.Equal(out, packed[0]) {
		b.Fatal("wrong bytes")
	}
}

func fill(t testing.TB, p *aggregate.Builder, records []aggregate.Record) {
	for i := range records {
		if err := p.Add(records[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkUnpack unpacks one aggregate.
func BenchmarkUnpack(b *testing.B) {
	for _, l := range everyLoad(b) {
		turns(b, "size="+l.name, []string{"proto", "kinpack"}, func(b *testing.B, way string) { unpackOne(b, l, way) })
	}
}

func unpackOne(b *testing.B, l *load, way string) {
	records, packed := l.aggregates(b, 1)
	var out []deaggregate.Record
	var err error
	b.SetBytes(int64(len(packed[0])))
	loop(b, len(records[0]), func() {
		if way == "proto" {
			out, err = naiveAppend(out[:0], packed[0])
		} else {
			out, err = deaggregate.Append(out[:0], aggregate.PartitionKey, packed[0])
		}
		if err != nil {
			b.Fatal(err)
		}
	})
	compare(b, out, records[0])
}

// compare says where out is not the records.
func compare(t testing.TB, out []deaggregate.Record, records []aggregate.Record) {
	if len(out) != len(records) {
		t.Fatalf("%d user records, want %d", len(out), len(records))
	}
	for i, r := range out {
		if r.PartitionKey != records[i].PartitionKey || !bytes.Equal(r.Data, records[i].Data) || r.SubSequence != i || !r.Aggregated {
			t.Fatalf("wrong user record %d: %+v", i, r)
		}
	}
}

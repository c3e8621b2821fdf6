package aggregate_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

// cut makes user records of any bytes: a length for each part, and a bit that
// says whether there is an explicit hash key.
func cut(raw []byte) (all []aggregate.Record) {
	part := func(n int) []byte {
		p := raw[:min(n, len(raw))]
		raw = raw[len(p):]
		return p
	}
	for len(raw) >= 3 {
		head := part(3)
		var r aggregate.Record
		r.PartitionKey = string(part(int(head[0] % 16)))
		switch head[1] % 4 {
		case 1:
			r.ExplicitHashKey = string(part(int(head[1] / 4 % 8)))
		case 2:
			var k [16]byte
			copy(k[:], part(int(head[1]/4%16)))
			r.ExplicitHashKey = hashkey.Key{Hi: binary.BigEndian.Uint64(k[:8]), Lo: binary.BigEndian.Uint64(k[8:])}.String()
		}
		r.Data = part(int(head[2]))
		if head[0] >= 128 { // large data from few bytes
			r.Data = bytes.Repeat(r.Data, int(head[0]-127))
		}
		all = append(all, r)
	}
	return all
}

// FuzzBuilder: Add takes what Validate takes and what fits, the bytes are those
// of proto.Marshal, and deaggregate gives the user records back.
func FuzzBuilder(f *testing.F) {
	f.Add(0, []byte("\x01\x00\x01kd\x01\x00\x01ke\x02\x02\x00kl"))
	f.Add(60, []byte("\x03\x42\x04key\x01\x02\x03\x04\x05\x06\x07\x08data\x03\x42\x04key\x01\x02\x03\x04\x05\x06\x07\x08tail"))
	f.Add(100000, bytes.Repeat([]byte("\x81\x00\x7fk"), 200))
	var distinct []byte
	for i := range 300 {
		distinct = append(append(distinct, 4, 0x22, 1), fmt.Sprintf("%04d%08dd", i, i)...)
	}
	f.Add(50000, distinct)
	f.Fuzz(func(t *testing.T, maxSize int, raw []byte) {
		b := aggregate.Builder{MaxSize: maxSize & 0xfffff}
		var kept []aggregate.Record
		for _, r := range cut(raw) {
			err, invalid := b.Add(r), r.Validate()
			switch {
			case (invalid != nil) != (err != nil && err != aggregate.ErrFull):
				t.Fatalf("Add: %v; Validate: %v", err, invalid)
			case err == nil:
				kept = append(kept, r)
			case err == aggregate.ErrFull && len(kept) == 0:
				t.Fatal("an empty Builder is full")
			}
			if b.MaxSize > 0 && b.Len() > 1 && b.Size() > b.MaxSize {
				t.Fatalf("Size %d over MaxSize %d", b.Size(), b.MaxSize)
			}
		}
		out := b.AppendTo(nil)
		if b.Size() != len(out) || b.Len() != len(kept) || !bytes.Equal(out, marshal(nil, kept)) {
			t.Fatalf("Size %d, Len %d: %x\nproto.Marshal of %d records: %x", b.Size(), b.Len(), out, len(kept), marshal(nil, kept))
		}
		back, err := deaggregate.Append(nil, aggregate.PartitionKey, out)
		if err != nil || len(back) != len(kept) {
			t.Fatalf("%d records back, %v; want %d", len(back), err, len(kept))
		}
		for i, r := range kept {
			if back[i].PartitionKey != r.PartitionKey || back[i].ExplicitHashKey != r.ExplicitHashKey ||
				back[i].HasExplicitHashKey != (r.ExplicitHashKey != "") || !bytes.Equal(back[i].Data, r.Data) {
				t.Fatalf("record %d comes back as %+v, want %+v", i, back[i], r)
			}
		}
		if len(kept) == 1 {
			s := b.Seal(nil)
			if s.Aggregated != aggregate.IsAggregate(kept[0].Data) || !s.Aggregated && !bytes.Equal(s.Data, kept[0].Data) {
				t.Fatalf("a lone %+v seals to %+v", kept[0], s)
			}
		}
	})
}

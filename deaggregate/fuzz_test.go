package deaggregate_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kinpack/kinpack/deaggregate"
	kplpb "github.com/kinpack/kinpack/proto"
)

// FuzzAppend: any bytes give records or ErrMalformed, never both, never a panic,
// and dst keeps what it held.
func FuzzAppend(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.PartitionKey, g.Data)
	}
	f.Add("k", distinctKeys(600, 1)[:5000])
	f.Fuzz(func(t *testing.T, partitionKey string, in []byte) {
		before := deaggregate.Record{PartitionKey: "was here", SubSequence: 7}
		original := bytes.Clone(in)
		for _, room := range []int{1, 1000} {
			dst := append(make([]deaggregate.Record, 0, room), before)
			got, err := deaggregate.Append(dst, partitionKey, in)
			if !bytes.Equal(in, original) {
				t.Fatal("the input was written to")
			}
			if got[0].PartitionKey != before.PartitionKey || got[0].SubSequence != before.SubSequence {
				t.Fatal("dst was overwritten")
			}
			if err != nil {
				if !errors.Is(err, deaggregate.ErrMalformed) || len(got) != 1 || cap(got) != cap(dst) || &got[0] != &dst[0] {
					t.Fatalf("error %v with %d records", err, len(got)-1)
				}
				continue
			}
			invariants(t, got[1:], partitionKey, in)
		}
	})
}

// unpackProto is the plain way: the generated message. It returns nil, false
// for what is malformed.
func unpackProto(dst []deaggregate.Record, message []byte) ([]deaggregate.Record, bool) {
	var m kplpb.AggregatedRecord
	if proto.Unmarshal(message, &m) != nil {
		return nil, false
	}
	for i, r := range m.Records {
		if r.GetPartitionKeyIndex() >= uint64(len(m.PartitionKeyTable)) {
			return nil, false
		}
		rec := deaggregate.Record{PartitionKey: m.PartitionKeyTable[r.GetPartitionKeyIndex()], Data: r.Data, SubSequence: i, Aggregated: true}
		if r.ExplicitHashKeyIndex != nil {
			if *r.ExplicitHashKeyIndex >= uint64(len(m.ExplicitHashKeyTable)) {
				return nil, false
			}
			rec.ExplicitHashKey, rec.HasExplicitHashKey = m.ExplicitHashKeyTable[*r.ExplicitHashKeyIndex], true
		}
		dst = append(dst, rec)
	}
	return dst, true
}

// differ compares Append with the generated code for one message.
func differ(t *testing.T, message []byte) {
	t.Helper()
	in := seal(message)
	want, ok := unpackProto(nil, message)
	got, err := deaggregate.Append(nil, "outer", in)
	if ok != (err == nil) || !ok && !errors.Is(err, deaggregate.ErrMalformed) {
		t.Fatalf("%.500x: error %v, but by the schema it is readable: %v", message, err, ok)
	}
	if len(got) != len(want) {
		t.Fatalf("%.500x: %d records, by the schema %d", message, len(got), len(want))
	}
	for i := range want {
		check(t, got[i], want[i])
	}
	invariants(t, got, "outer", in)
}

// FuzzDifferential: whatever the message, Append takes it exactly when
// proto.Unmarshal does and every index lies in its table, and reads the same.
func FuzzDifferential(f *testing.F) {
	for _, g := range goldens(f) {
		if len(g.Data) >= 20 {
			f.Add(g.Data[4 : len(g.Data)-16])
		}
	}
	for _, c := range oddMessages() {
		if len(c.message) < 1000 {
			f.Add(c.message)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) { differ(t, message) })
}

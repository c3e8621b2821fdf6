package aggregate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

func TestSeal(t *testing.T) {
	inner := marshal(nil, []aggregate.Record{{PartitionKey: "i", Data: []byte("inner")}, {PartitionKey: "j"}})
	almost := append(bytes.Clone(inner[:len(inner)-1]), inner[len(inner)-1]^1)
	hashOf := func(key string) string { return hashkey.Of(key).String() }
	for _, c := range []struct {
		name    string
		records []aggregate.Record
		want    aggregate.Sealed // Data nil: that of proto.Marshal
	}{
		{"lone", []aggregate.Record{{PartitionKey: "k", Data: []byte("d")}},
			aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: hashOf("k"), Data: []byte("d")}},
		{"lone, explicit hash key", []aggregate.Record{{PartitionKey: "k", ExplicitHashKey: "42", Data: []byte("d")}},
			aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: "42", Data: []byte("d")}},
		{"lone, no data", []aggregate.Record{{PartitionKey: "k"}},
			aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: hashOf("k"), Data: []byte{}}},
		{"lone, U+0000", []aggregate.Record{{PartitionKey: "\x00", Data: []byte("d")}},
			aggregate.Sealed{PartitionKey: "\x00", ExplicitHashKey: hashOf("\x00"), Data: []byte("d")}},
		{"lone, over MaxSize", []aggregate.Record{{PartitionKey: "k", Data: bytes.Repeat([]byte("d"), 60000)}},
			aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: hashOf("k"), Data: bytes.Repeat([]byte("d"), 60000)}},
		{"lone, almost an aggregate", []aggregate.Record{{PartitionKey: "k", Data: almost}},
			aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: hashOf("k"), Data: almost}},
		{"lone, an aggregate", []aggregate.Record{{PartitionKey: "k", Data: inner}},
			aggregate.Sealed{PartitionKey: "a", ExplicitHashKey: hashOf("k"), Aggregated: true}},
		{"lone, an aggregate, explicit hash key", []aggregate.Record{{PartitionKey: "k", ExplicitHashKey: "42", Data: inner}},
			aggregate.Sealed{PartitionKey: "a", ExplicitHashKey: "42", Aggregated: true}},
		{"two", []aggregate.Record{{PartitionKey: "k"}, {PartitionKey: "l", ExplicitHashKey: "42"}},
			aggregate.Sealed{PartitionKey: "a", ExplicitHashKey: hashOf("k"), Aggregated: true}},
		{"two, explicit hash key", []aggregate.Record{{PartitionKey: "l", ExplicitHashKey: "42"}, {PartitionKey: "k"}},
			aggregate.Sealed{PartitionKey: "a", ExplicitHashKey: "42", Aggregated: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b aggregate.Builder
			for _, r := range c.records {
				if err := b.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			if c.want.Data == nil {
				c.want.Data = marshal(nil, c.records)
			}
			checkSealed(t, b.Seal(nil), c.want)
			if got := b.Seal([]byte("before")); string(got.Data) != "before"+string(c.want.Data) {
				t.Errorf("Seal behind six bytes gives %.60q", got.Data)
			}
			if b.Len() != len(c.records) || !bytes.Equal(b.AppendTo(nil), marshal(nil, c.records)) {
				t.Error("Seal changed the Builder")
			}
		})
	}
}

func TestSealEmpty(t *testing.T) {
	var b aggregate.Builder
	if got := b.Seal(nil); !bytes.Equal(got.Data, marshal(nil, nil)) || !got.Aggregated {
		t.Errorf("an empty Builder seals to %+v", got)
	}
}

// A Builder that held one record, was reset and holds another knows only that.
func TestSealAfterReset(t *testing.T) {
	var b aggregate.Builder
	for _, r := range []aggregate.Record{
		{PartitionKey: "first", ExplicitHashKey: "1", Data: []byte(strings.Repeat("long ", 100))},
		{PartitionKey: "second", Data: []byte("short")},
	} {
		b.Reset()
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		want := aggregate.Sealed{PartitionKey: r.PartitionKey, ExplicitHashKey: r.ExplicitHashKey, Data: r.Data}
		if want.ExplicitHashKey == "" {
			want.ExplicitHashKey = hashkey.Of(r.PartitionKey).String()
		}
		checkSealed(t, b.Seal(nil), want)
	}
	// And nothing of it once it is empty again: the strings are let go of.
	b.Reset()
	var fresh aggregate.Builder
	checkSealed(t, b.Seal(nil), fresh.Seal(nil))
}

func TestIsAggregate(t *testing.T) {
	whole := marshal(nil, []aggregate.Record{{PartitionKey: "k", Data: []byte("d")}})
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"nil":         {nil, false},
		"text":        {[]byte("an ordinary record of some length"), false},
		"magic alone": {whole[:4], false},
		"aggregate":   {whole, true},
		"empty one":   {marshal(nil, nil), true},
		"cut":         {whole[:len(whole)-1], false},
		"byte behind": {append(bytes.Clone(whole), 0), false},
	} {
		if got := aggregate.IsAggregate(c.data); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// SealAs wraps under the key that it is given, a lone user record too.
func TestSealAs(t *testing.T) {
	records := []aggregate.Record{{PartitionKey: "k", Data: []byte("d")}, {PartitionKey: "l", ExplicitHashKey: "42"}}
	for n := range records {
		var b aggregate.Builder
		for _, r := range records[:n+1] {
			if err := b.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		checkSealed(t, b.SealAs("lane", nil), aggregate.Sealed{
			PartitionKey: "lane", ExplicitHashKey: hashkey.Of("k").String(), Aggregated: true, Data: marshal(nil, records[:n+1])})
	}
}

// After Truncate a Builder is what it was at the Mark: it seals the same bytes,
// finds the keys that it had and adds anew those that it had not.
func TestTruncate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	record := func() aggregate.Record {
		r := aggregate.Record{PartitionKey: fmt.Sprint(rnd.IntN(300)), Data: make([]byte, rnd.IntN(20))}
		if rnd.IntN(2) == 0 {
			r.ExplicitHashKey = fmt.Sprint(rnd.IntN(300))
		}
		return r
	}
	b := aggregate.Builder{MaxSize: 1 << 20}
	for range 300 {
		b.Reset()
		var kept []aggregate.Record
		for range 1 + rnd.IntN(5) {
			for range rnd.IntN(200) {
				r := record()
				kept = append(kept, r)
				if err := b.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			m := b.Mark()
			want := b.AppendTo(nil)
			if m.Len() != len(kept) || m.Size() != len(want) {
				t.Fatalf("a Mark of %d records, %d bytes; want %d, %d", m.Len(), m.Size(), len(kept), len(want))
			}
			for range rnd.IntN(200) {
				if err := b.Add(record()); err != nil {
					t.Fatal(err)
				}
			}
			b.Truncate(m)
			if b.Len() != len(kept) || !bytes.Equal(b.AppendTo(nil), want) {
				t.Fatalf("after Truncate to %d records it has %d, and other bytes", len(kept), b.Len())
			}
		}
		if !bytes.Equal(b.AppendTo(nil), marshal(nil, kept)) {
			t.Fatal("what was added after Truncate is packed otherwise than in a new Builder")
		}
	}
}

package redrive_test

import (
	"strings"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

// Whatever bytes the keys and the data are, the reader gets them back.
func TestUserRecordsComeBack(t *testing.T) {
	aggregated := string(packed(t, "x", "y"))
	for name, u := range map[string]deaggregate.Record{
		"plain":                    {PartitionKey: "k", Data: []byte("d")},
		"plain, empty":             {Data: []byte{}},
		"plain, not UTF-8":         {PartitionKey: "k\xff", Data: []byte("d")},
		"plain, hash key":          {PartitionKey: "k", ExplicitHashKey: "1", HasExplicitHashKey: true},
		"plain, aggregate in it":   {PartitionKey: "k", Data: []byte(aggregated)},
		"aggregated":               {PartitionKey: "k", Data: []byte("d"), Aggregated: true},
		"aggregated, hash key":     {PartitionKey: "k", ExplicitHashKey: "42", HasExplicitHashKey: true, Data: []byte("d"), Aggregated: true},
		"no key, no data":          {Aggregated: true},
		"empty hash key":           {PartitionKey: "k", HasExplicitHashKey: true, Aggregated: true},
		"not UTF-8":                {PartitionKey: "k\xff\x00", ExplicitHashKey: "\xfe-1", HasExplicitHashKey: true, Data: []byte{0, 255}, Aggregated: true},
		"long key":                 {PartitionKey: strings.Repeat("k", 70000), Aggregated: true},
		"aggregate in it":          {PartitionKey: "k", Data: []byte(aggregated), Aggregated: true},
		"markup":                   {PartitionKey: "<&>", Data: []byte("<&>"), Aggregated: true},
		"aggregated, outer not it": {PartitionKey: "other", Data: []byte("d"), Aggregated: true, SubSequence: 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter("49", u.SubSequence, u.PartitionKey, string(u.Data))
			l.ExplicitHashKey, l.HasExplicitHashKey, l.Aggregated = u.ExplicitHashKey, u.HasExplicitHashKey, u.Aggregated
			if !u.Aggregated {
				l.OuterPartitionKey = u.PartitionKey
			}
			var s redrive.Set
			if known, err := s.AddLetter(&l); known || err != nil {
				t.Fatal(known, err)
			}
			made := makeEvents(t, &s, 100)
			if len(made) != 1 || made[0].UserRecords() != 1 {
				t.Fatalf("events: %+v", made)
			}
			got := unpacked(t, made[0])
			if len(got) != 1 || !sameUser(got[0], u) {
				t.Errorf("got %+v, want %+v", got, u)
			}
			// Put back into a stream.
			put := redrive.EntryOf(u)
			if err := (aggregate.Record{PartitionKey: put.PartitionKey, ExplicitHashKey: put.ExplicitHashKey, Data: put.Data}).Validate(); err != nil {
				t.Fatal(err)
			}
			back, err := deaggregate.Append(nil, put.PartitionKey, put.Data)
			if err != nil || len(back) != 1 || back[0].PartitionKey != u.PartitionKey || string(back[0].Data) != string(u.Data) {
				t.Errorf("put back: %+v, %v", back, err)
			}
			if (u.HasExplicitHashKey && u.ExplicitHashKey == "") && !sameUser(back[0], u) {
				t.Errorf("put back: %+v, want %+v", back, u)
			}
			if back[0].Aggregated {
				want := hashkey.Of(u.PartitionKey)
				if k, err := hashkey.Parse(u.ExplicitHashKey); err == nil {
					want = k
				}
				if put.ExplicitHashKey != want.String() || !sameUser(back[0], u) {
					t.Errorf("an aggregate under hash key %s, want %s: %+v", put.ExplicitHashKey, want, back)
				}
			} else if put.ExplicitHashKey != u.ExplicitHashKey {
				t.Errorf("hash key %s, want %s", put.ExplicitHashKey, u.ExplicitHashKey)
			}
		})
	}
}

func sameUser(a, b deaggregate.Record) bool {
	return a.PartitionKey == b.PartitionKey && a.ExplicitHashKey == b.ExplicitHashKey && a.HasExplicitHashKey == b.HasExplicitHashKey &&
		string(a.Data) == string(b.Data)
}

// A lone user record is plain only where it was.
func TestForm(t *testing.T) {
	for _, c := range []struct {
		aggregated bool
		data       string
		want       bool
	}{{true, "d", true}, {false, "d", false}, {false, string(packed(t, "x")), true}} {
		l := letter("49", 0, "a", c.data)
		l.Aggregated = c.aggregated
		var s redrive.Set
		if _, err := s.AddLetter(&l); err != nil {
			t.Fatal(err)
		}
		if got := aggregate.IsAggregate(makeEvents(t, &s, 1)[0][0].Data) && string(makeEvents(t, &s, 1)[0][0].Data) != c.data; got != c.want {
			t.Errorf("aggregated %v, data %q: packed %v", c.aggregated, c.data, got)
		}
	}
}

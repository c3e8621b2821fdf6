package aggregate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
)

const max128 = "340282366920938463463374607431768211455"

// TestInvalid: what no stream takes is refused with the value and the limit, by
// Validate and Add alike, and leaves the Builder as it was.
func TestInvalid(t *testing.T) {
	long := strings.Repeat("k", 257)
	for _, c := range []struct {
		name   string
		record aggregate.Record
		want   string // behind "aggregate: invalid user record: "; empty: it is valid
	}{
		{"1 code point", aggregate.Record{PartitionKey: "k"}, ""},
		{"U+0000", aggregate.Record{PartitionKey: "\x00"}, ""},
		{"256 bytes", aggregate.Record{PartitionKey: long[:256]}, ""},
		{"256 code points of four bytes", aggregate.Record{PartitionKey: strings.Repeat("😀", 256)}, ""},
		{"hash key 0", aggregate.Record{PartitionKey: "k", ExplicitHashKey: "0"}, ""},
		{"hash key 2^128-1", aggregate.Record{PartitionKey: "k", ExplicitHashKey: max128}, ""},
		{"10 MiB", aggregate.Record{PartitionKey: "k", Data: make([]byte, 10<<20)}, ""},
		{"no key", aggregate.Record{Data: []byte("d")}, `partition key is empty, want 1 to 256 code points`},
		{"257 bytes", aggregate.Record{PartitionKey: long}, `partition key of 257 code points, over the limit of 256`},
		{"257 code points of four bytes", aggregate.Record{PartitionKey: strings.Repeat("😀", 257)},
			`partition key of 257 code points, over the limit of 256`},
		{"no UTF-8", aggregate.Record{PartitionKey: "k\xff"}, `partition key "k\xff" is not valid UTF-8`},
		{"surrogate", aggregate.Record{PartitionKey: "\xed\xa0\x80"}, `partition key "\xed\xa0\x80" is not valid UTF-8`},
		{"no UTF-8 and long", aggregate.Record{PartitionKey: strings.Repeat("\xff", 300)},
			`partition key "` + strings.Repeat(`\xff`, 40) + `" is not valid UTF-8`},
		{"leading zero", aggregate.Record{PartitionKey: "k", ExplicitHashKey: "007"}, `explicit hash key "007" has a leading zero`},
		{"sign", aggregate.Record{PartitionKey: "k", ExplicitHashKey: "+7"}, `explicit hash key "+7" is not a decimal number`},
		{"blank", aggregate.Record{PartitionKey: "k", ExplicitHashKey: " "}, `explicit hash key " " is not a decimal number`},
		{"2^128", aggregate.Record{PartitionKey: "k", ExplicitHashKey: max128[:38] + "6"},
			`explicit hash key ` + max128[:38] + `6 is over 2^128-1`},
		{"40 digits", aggregate.Record{PartitionKey: "k", ExplicitHashKey: max128 + "0"},
			`explicit hash key has 40 characters, at most 39 are possible (2^128-1)`},
		{"10 MiB and a byte", aggregate.Record{PartitionKey: "k", Data: make([]byte, 10<<20+1)},
			`data of 10485761 bytes, over the limit of 10485760`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := aggregate.Builder{MaxSize: 32 << 20}
			if err := b.Add(aggregate.Record{PartitionKey: "there", ExplicitHashKey: "1", Data: []byte("before")}); err != nil {
				t.Fatal(err)
			}
			before := b.AppendTo(nil)
			var empty aggregate.Builder
			for where, err := range map[string]error{"Validate": c.record.Validate(), "Add": b.Add(c.record), "Add to empty": empty.Add(c.record)} {
				if c.want == "" {
					if err != nil {
						t.Errorf("%s: %v", where, err)
					}
					continue
				}
				if !errors.Is(err, aggregate.ErrInvalid) || err.Error() != "aggregate: invalid user record: "+c.want {
					t.Errorf("%s: error %v, want %s", where, err, c.want)
				}
			}
			if c.want != "" && (!bytes.Equal(b.AppendTo(nil), before) || b.Len() != 1 || b.Size() != len(before) || empty.Len() != 0 || empty.Size() != 20) {
				t.Errorf("a refused record changed the Builder: Len %d, Size %d; the empty one: %d, %d", b.Len(), b.Size(), empty.Len(), empty.Size())
			}
		})
	}
}

// A record is refused for what is wrong with it, also where it would not fit.
func TestInvalidBeforeFull(t *testing.T) {
	b := aggregate.Builder{MaxSize: 1}
	if err := b.Add(aggregate.Record{PartitionKey: "k"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []aggregate.Record{{}, {PartitionKey: "k", ExplicitHashKey: "x"}, {PartitionKey: "k", Data: make([]byte, 10<<20+1)}} {
		if err := b.Add(r); !errors.Is(err, aggregate.ErrInvalid) || errors.Is(err, aggregate.ErrFull) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
	}
}

func TestValidateJoinsAll(t *testing.T) {
	r := aggregate.Record{ExplicitHashKey: "x", Data: make([]byte, aggregate.MaxData+1)}
	want := `aggregate: invalid user record: partition key is empty, want 1 to 256 code points
explicit hash key "x" is not a decimal number
data of 10485761 bytes, over the limit of 10485760`
	if err := r.Validate(); !errors.Is(err, aggregate.ErrInvalid) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

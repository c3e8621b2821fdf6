package deaggregate_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/deaggregate"
)

type oddMessage struct {
	name    string
	message []byte
	want    string // the error behind "deaggregate: malformed aggregate: "; empty: it is readable
	count   int
}

// oddMessages are messages beyond the golden ones that no writer makes.
func oddMessages() []oddMessage {
	k, rec := key("k"), record(index(0), data("d"))
	with := func(fields ...[]byte) []byte { return join(k, rec, join(fields...)) }
	group := func(num, end protowire.Number, content ...[]byte) []byte {
		b := append(protowire.AppendTag(nil, num, protowire.StartGroupType), join(content...)...)
		return protowire.AppendTag(b, end, protowire.EndGroupType)
	}
	raw := func(s string) []byte { return []byte(s) }
	longTag := "\x9a\x80\x80\x80\x80\x80\x80\x80\x80\x00" // 3<<3|2 in ten bytes
	return []oddMessage{
		{"empty message", nil, "", 0},
		{"tag of ten bytes", join(k, raw(longTag), raw("\x05"), index(0), data("d")), "", 1},
		{"tag of eleven bytes", join(k, rec, raw("\x9a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00")), "byte 10 of the message: variable length integer overflow", 0},
		{"length of ten bytes", join(k, raw("\x1a\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00"), index(0), data("d")), "", 1},
		{"index of ten bytes", join(k, record(raw("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), data("d"))), "", 1},
		{"index over 2^64", join(k, record(raw("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), data("d"))),
			"byte 5 of the message: user record 0: variable length integer overflow", 0},
		{"index 2^32", join(k, record(index(1<<32), data("d"))),
			"byte 5 of the message: user record 0: partition key index 4294967296, in a table of 1", 0},
		{"hash key index 2^63", join(k, hashKey("7"), record(index(0), hashIndex(1<<63), data("d"))),
			"byte 8 of the message: user record 0: explicit hash key index 9223372036854775807, in a table of 1", 0},
		{"hash key index without table", join(k, record(index(0), hashIndex(0), data("d"))),
			"byte 5 of the message: user record 0: explicit hash key index 0, in a table of 0", 0},
		{"field number 0", with(raw("\x02\x00")), "byte 10 of the message: invalid field number", 0},
		{"field number 0 in a record", join(k, record(index(0), data("d"), raw("\x00\x00"))),
			"byte 5 of the message: user record 0: invalid field number", 0},
		{"greatest field number", with(varintField(protowire.MaxValidNumber, 1)), "", 1},
		{"field number one over it", with(protowire.AppendVarint(nil, (1<<29)<<3), raw("\x00")),
			"byte 10 of the message: invalid field number", 0},
		{"field number 2^61-1", with(raw("\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00")), "byte 10 of the message: invalid field number", 0},
		{"reserved field number", with(varintField(protowire.FirstReservedNumber, 1)), "", 1},
		{"cut in a tag", with(raw("\x9a")), "byte 10 of the message: unexpected EOF", 0},
		{"cut in a varint", with(raw("\x78\x80")), "byte 10 of the message: unexpected EOF", 0},
		{"cut before the value", with(raw("\x78")), "byte 10 of the message: unexpected EOF", 0},
		{"cut in a length", with(raw("\x1a\x80")), "byte 10 of the message: unexpected EOF", 0},
		{"cut in a fixed32", with(raw("\x7d\x00\x00\x00")), "byte 10 of the message: unexpected EOF", 0},
		{"cut in a fixed64", with(raw("\x79\x00\x00\x00\x00\x00\x00\x00")), "byte 10 of the message: unexpected EOF", 0},
		{"length 2^64-1", with(raw("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "byte 10 of the message: unexpected EOF", 0},
		{"length 2^64", with(raw("\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02")), "byte 10 of the message: variable length integer overflow", 0},
		{"wire type 6 of a known field", with(raw("\x1e")), "byte 10 of the message: cannot parse reserved wire type", 0},
		{"group", with(group(15, 15, varintField(1, 1), group(2, 2))), "", 1},
		{"group under a known number", with(group(3, 3, data("x"))), "", 1},
		{"group with another end", with(group(15, 14)), "byte 10 of the message: mismatching end group marker", 0},
		{"group with a broken field", with(group(15, 15, raw("\x0e"))), "byte 10 of the message: cannot parse reserved wire type", 0},
		{"end of no group", with(raw("\x1c")), "byte 10 of the message: mismatching end group marker", 0},
		{"end of no group in a record", join(k, record(index(0), data("d"), raw("\x7c"))),
			"byte 5 of the message: user record 0: mismatching end group marker", 0},
		{"group open at a record's end", join(k, record(index(0), data("d"), raw("\x7b")), raw("\x7c")),
			"byte 11 of the message: mismatching end group marker", 0},
		{"deepest groups", with(nested(15, 10001)), "", 1},
		{"groups one too deep", with(nested(15, 10002)), "byte 10 of the message: parse error", 0},
		{"deepest groups in a record", join(k, record(index(0), data("d"), nested(15, 10001))), "", 1},
		{"groups one too deep in a record", join(k, record(index(0), data("d"), nested(15, 10002))),
			"byte 7 of the message: user record 0: parse error", 0},
		{"empty record", join(k, rec, record()), "byte 12 of the message: user record 1: no partition key index", 0},
		{"no index", join(k, record(data("d"))), "byte 5 of the message: user record 0: no partition key index", 0},
		{"no data", join(k, record(index(0), hashIndex(0))), "byte 5 of the message: user record 0: no data", 0},
		{"index as bytes", join(k, record(bytesField(1, raw("\x00")), data("d"))), "byte 5 of the message: user record 0: no partition key index", 0},
		{"index as fixed64", join(k, record(raw("\x09\x00\x00\x00\x00\x00\x00\x00\x00"), data("d"))),
			"byte 5 of the message: user record 0: no partition key index", 0},
		{"index as bytes and again", join(k, record(bytesField(1, raw("\x00")), index(0), data("d"))), "", 1},
		{"key as varint", join(varintField(1, 0), rec), "byte 4 of the message: user record 0: partition key index 0, in a table of 0", 0},
		{"hash key as fixed32", join(k, raw("\x15\x00\x00\x00\x00"), record(index(0), hashIndex(0), data("d"))),
			"byte 10 of the message: user record 0: explicit hash key index 0, in a table of 0", 0},
		{"index twice, the first outside", join(k, record(index(9), index(0), data("d"))), "", 1},
		{"index twice, the second outside", join(k, record(index(0), index(9), data("d"))),
			"byte 5 of the message: user record 0: partition key index 9, in a table of 1", 0},
		{"hash key index twice", join(k, hashKey("7"), hashKey("8"), record(index(0), hashIndex(0), hashIndex(1), data("d"))), "", 1},
		{"data twice, the last empty", join(k, record(index(0), data("d"), data(""))), "", 1},
		{"tag with a key", join(k, record(index(0), data("d"), bytesField(4, key("t")))), "", 1},
		{"tag with no key", join(k, record(index(0), data("d"), bytesField(4, bytesField(2, raw("v"))))),
			"byte 5 of the message: user record 0: tag without a key", 0},
		{"empty tag", join(k, record(index(0), data("d"), bytesField(4, nil))), "byte 5 of the message: user record 0: tag without a key", 0},
		{"tag with its key as varint", join(k, record(index(0), data("d"), bytesField(4, index(0)))),
			"byte 5 of the message: user record 0: tag without a key", 0},
		{"broken tag", join(k, record(index(0), data("d"), bytesField(4, join(key("t"), raw("\x0e"))))),
			"byte 5 of the message: user record 0: tag: cannot parse reserved wire type", 0},
		{"tag cut", join(k, record(index(0), data("d"), bytesField(4, raw("\x0a\x02t")))),
			"byte 5 of the message: user record 0: tag: unexpected EOF", 0},
		{"tag with the key twice and no UTF-8", join(k, record(index(0), data("d"), bytesField(4, join(key("t"), key("\xff"))))), "", 1},
		{"tags as varint", join(k, record(index(0), data("d"), varintField(4, 0))), "", 1},
		{"tags as a group", join(k, record(index(0), data("d"), group(4, 4))), "", 1},
		{"key that is no UTF-8", join(key("\xff\xc0"), rec), "", 1},
		{"table behind and between", join(rec, record(index(1), hashIndex(0), data("e")), key("k"), hashKey("7"), rec, key("l")), "", 3},
		{"index of the last key", join(strings1000(), record(index(999), data("d"))), "", 1},
		{"index behind the last key", join(strings1000(), record(index(1000), data("d"))),
			"byte 5002 of the message: user record 0: partition key index 1000, in a table of 1000", 0},
	}
}

// strings1000 is a table of more keys than Append keeps without allocating.
func strings1000() []byte { return []byte(strings.Repeat(string(key("key")), 1000)) }

// TestOdd: each message gives what the table says, in words that name the place,
// and what the generated code gives.
func TestOdd(t *testing.T) {
	for _, c := range oddMessages() {
		t.Run(c.name, func(t *testing.T) {
			differ(t, c.message)
			got, err := deaggregate.Append(nil, "outer", seal(c.message))
			if len(got) != c.count {
				t.Errorf("%d records, want %d", len(got), c.count)
			}
			if c.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if !errors.Is(err, deaggregate.ErrMalformed) {
				t.Fatalf("error %v, want ErrMalformed", err)
			}
			// protowire writes its name and one of two kinds of space before its own words.
			text := strings.NewReplacer("proto:\u00a0", "", "proto: ", "").Replace(err.Error())
			if want := "deaggregate: malformed aggregate: " + c.want; text != want {
				t.Errorf("error %s\nwant  %s", text, want)
			}
		})
	}
}

// The last of a repeated scalar field wins, also where the first has more to it.
func TestLastWins(t *testing.T) {
	in := seal(join(key("k"), key("l"), hashKey("7"), hashKey("8"),
		record(index(0), hashIndex(0), data("first"), data("second"), hashIndex(1), index(1))))
	got, err := deaggregate.Append(nil, "outer", in)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	check(t, got[0], deaggregate.Record{PartitionKey: "l", ExplicitHashKey: "8", HasExplicitHashKey: true, Data: []byte("second"), Aggregated: true})
}

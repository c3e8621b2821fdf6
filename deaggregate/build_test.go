package deaggregate_test

import (
	"crypto/md5"
	"fmt"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/deaggregate"
)

// seal makes any message an aggregate with the right digest.
func seal(message []byte) []byte {
	sum := md5.Sum(message)
	return append(append([]byte("\xf3\x89\x9a\xc2"), message...), sum[:]...)
}

// Fields of the format, one encoded field each.

func bytesField(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}

func varintField(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

func key(s string) []byte     { return bytesField(1, []byte(s)) }
func hashKey(s string) []byte { return bytesField(2, []byte(s)) }
func index(v uint64) []byte   { return varintField(1, v) }
func hashIndex(v uint64) []byte {
	return varintField(2, v)
}
func data(s string) []byte { return bytesField(3, []byte(s)) }

func record(fields ...[]byte) []byte { return bytesField(3, join(fields...)) }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// nested is n groups, one inside the other.
func nested(num protowire.Number, n int) (b []byte) {
	for range n {
		b = protowire.AppendTag(b, num, protowire.StartGroupType)
	}
	for range n {
		b = protowire.AppendTag(b, num, protowire.EndGroupType)
	}
	return b
}

// distinctKeys is an aggregate of n user records with distinct 16-byte keys.
func distinctKeys(n, size int) []byte {
	var table, records []byte
	payload := string(make([]byte, size))
	for i := range n {
		table = append(table, key(fmt.Sprintf("sensor-%09d", i))...)
		records = append(records, record(index(uint64(i)), data(payload))...)
	}
	return seal(append(table, records...))
}

// within says whether part lies inside whole, or is empty.
func within(part unsafe.Pointer, size int, whole []byte) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return size == 0 || start <= uintptr(part) && uintptr(part)+uintptr(size) <= start+uintptr(len(whole))
}

// aliases says whether r's data and, but for a plain record, its keys lie in in.
func aliases(r deaggregate.Record, in []byte) bool {
	str := func(s string) bool { return within(unsafe.Pointer(unsafe.StringData(s)), len(s), in) }
	return within(unsafe.Pointer(unsafe.SliceData(r.Data)), len(r.Data), in) &&
		(!r.Aggregated || str(r.PartitionKey) && str(r.ExplicitHashKey))
}

// invariants are what holds for the records of any aggregate or plain record.
func invariants(t *testing.T, got []deaggregate.Record, partitionKey string, in []byte) {
	t.Helper()
	for i, r := range got {
		switch {
		case r.SubSequence != i:
			t.Fatalf("record %d has sub-sequence number %d", i, r.SubSequence)
		case !r.Aggregated && (len(got) != 1 || r.PartitionKey != partitionKey || string(r.Data) != string(in) || r.HasExplicitHashKey):
			t.Fatalf("a plain record came back changed: %+v, one of %d", r, len(got))
		case !aliases(r, in):
			t.Fatalf("record %d does not lie in the input: %+v", i, r)
		case !r.HasExplicitHashKey && r.ExplicitHashKey != "":
			t.Fatalf("record %d has an explicit hash key %q that is none", i, r.ExplicitHashKey)
		case cap(r.Data) != len(r.Data):
			t.Fatalf("record %d: capacity %d of %d bytes", i, cap(r.Data), len(r.Data))
		}
	}
}

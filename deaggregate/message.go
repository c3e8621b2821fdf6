package deaggregate

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/internal/wire"
)

// This file reads the message. It accepts what proto.Unmarshal accepts for the
// schema in proto/kpl.proto: fields come in any order, unknown ones are skipped,
// the last of a repeated scalar wins, required ones must be there. What it adds
// is that a key index must lie in its table.

// entry is where a key table entry's content lies in the message.
type entry struct{ start, end uint32 }

// tables is the two key tables of a message, and how many records it has. It
// does not hold the message: the records keep that, and the tables would follow
// it to the heap.
type tables struct {
	partitionKeys, explicitHashKeys []entry
	records                         int // not yet looked into
}

// scan checks the message's top level and finds its key tables, in small if
// they fit. It is a walk of its own because records may precede the tables.
func scan(b []byte, small []entry) (m tables, err error) {
	if uint64(len(b)) > math.MaxUint32 {
		return m, malformed(0, fmt.Errorf("message of %d bytes, over the limit of %d", len(b), uint32(math.MaxUint32)))
	}
	var keys, hashKeys int
	for at := 0; at < len(b); {
		tag, _, end, err := field(b, at)
		if err != nil {
			return m, malformed(at, err)
		}
		switch tag {
		case wire.TagRecord:
			m.records++
		case wire.TagPartitionKey:
			keys++
		case wire.TagExplicitHashKey:
			hashKeys++
		}
		at = end
	}
	if keys+hashKeys > len(small) {
		small = make([]entry, keys+hashKeys)
	}
	m.partitionKeys, m.explicitHashKeys = small[:0:keys], small[keys:keys:keys+hashKeys]
	for at := 0; len(m.partitionKeys)+len(m.explicitHashKeys) < keys+hashKeys; {
		tag, start, end, _ := field(b, at)
		e := entry{uint32(start), uint32(end)}
		switch tag {
		case wire.TagPartitionKey:
			m.partitionKeys = append(m.partitionKeys, e)
		case wire.TagExplicitHashKey:
			m.explicitHashKeys = append(m.explicitHashKeys, e)
		}
		at = end
	}
	return m, nil
}

// appendRecords appends the user records to dst, or fails with none of them usable.
func (m *tables) appendRecords(dst []Record, b []byte) ([]Record, error) {
	for at, i := 0, 0; i < m.records; {
		tag, start, end, _ := field(b, at)
		at = end
		if tag != wire.TagRecord {
			continue
		}
		dst = append(dst, Record{SubSequence: i, Aggregated: true})
		r := &dst[len(dst)-1]
		if !m.readUsual(r, b, b[start:end:end]) {
			if err := m.readRecord(r, b, b[start:end:end]); err != nil {
				return nil, malformed(start, fmt.Errorf("user record %d: %w", i, err))
			}
		}
		i++
	}
	return dst, nil
}

// field reads the top-level field at b[at]: its tag, and where the content of a
// length-delimited one lies; of any other only the end is right. With readUsual
// it makes the usual aggregate, whose fields are all like this first case, twice
// as fast to walk.
func field(b []byte, at int) (tag uint64, start, end int, err error) {
	if tag := b[at]; tag&^0x18 == 2 && tag > 2 { // field 1, 2 or 3, length delimited
		if n, start, ok := short(b, at+1); ok && n <= len(b)-start {
			return uint64(tag), start, start + n, nil
		}
	}
	tag, content, _, n, err := next(b[at:])
	return tag, at + n - len(content), at + n, err
}

// short reads a varint of one or two bytes at b[i], if that is what is there.
func short(b []byte, i int) (v, end int, ok bool) {
	if i < len(b) && b[i] < 1<<7 {
		return int(b[i]), i + 1, true
	}
	if i+1 < len(b) && b[i+1] < 1<<7 {
		return int(b[i]&0x7f) | int(b[i+1])<<7, i + 2, true
	}
	return 0, 0, false
}

// readUsual is readRecord for the fields that every writer known writes, in
// their order. It returns false, with r as it was, for anything else.
func (m *tables) readUsual(r *Record, message, b []byte) bool {
	if len(b) == 0 || b[0] != wire.TagPartitionKeyIndex {
		return false
	}
	key, i, ok := short(b, 1)
	hashKey := -1
	if ok && i < len(b) && b[i] == wire.TagExplicitHashKeyIndex {
		hashKey, i, ok = short(b, i+1)
	}
	if !ok || i >= len(b) || b[i] != wire.TagData {
		return false
	}
	n, i, ok := short(b, i+1)
	if !ok || n != len(b)-i || key >= len(m.partitionKeys) || hashKey >= len(m.explicitHashKeys) {
		return false
	}
	r.Data = b[i:]
	r.PartitionKey = m.partitionKeys[key].in(message)
	if hashKey >= 0 {
		r.ExplicitHashKey, r.HasExplicitHashKey = m.explicitHashKeys[hashKey].in(message), true
	}
	return true
}

// readRecord fills r from the content of a Record message.
func (m *tables) readRecord(r *Record, message, b []byte) error {
	const none = -1
	key, hashKey := int64(none), int64(none)
	for len(b) > 0 {
		tag, content, v, n, err := next(b)
		if err != nil {
			return err
		}
		switch tag {
		case wire.TagPartitionKeyIndex:
			key = int64(min(v, math.MaxInt64))
		case wire.TagExplicitHashKeyIndex:
			hashKey = int64(min(v, math.MaxInt64))
		case wire.TagData:
			r.Data = content
		case wire.TagTag:
			if err := checkTag(content); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	switch {
	case key == none:
		return errors.New("no partition key index")
	case r.Data == nil:
		return errors.New("no data")
	case key >= int64(len(m.partitionKeys)):
		return fmt.Errorf("partition key index %d, in a table of %d", key, len(m.partitionKeys))
	case hashKey >= int64(len(m.explicitHashKeys)):
		return fmt.Errorf("explicit hash key index %d, in a table of %d", hashKey, len(m.explicitHashKeys))
	}
	r.PartitionKey = m.partitionKeys[key].in(message)
	if hashKey != none {
		r.ExplicitHashKey, r.HasExplicitHashKey = m.explicitHashKeys[hashKey].in(message), true
	}
	return nil
}

// checkTag checks a Tag message: nobody writes tags, but a broken one makes
// the aggregate unreadable to every reader that goes by the schema.
func checkTag(b []byte) error {
	hasKey := false
	for len(b) > 0 {
		tag, _, _, n, err := next(b)
		if err != nil {
			return fmt.Errorf("tag: %w", err)
		}
		hasKey = hasKey || tag == wire.TagTagKey
		b = b[n:]
	}
	if !hasKey {
		return errors.New("tag without a key")
	}
	return nil
}

// in returns the entry as a string that shares the message's memory.
func (e entry) in(message []byte) string {
	b := message[e.start:e.end]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// next reads the first field of b: its tag, its content if that is length
// delimited (never nil then) or its value if that is a varint, and how many
// bytes the whole field takes.
func next(b []byte) (tag uint64, content []byte, v uint64, n int, err error) {
	if tag, n = uint64(b[0]), 1; tag >= 1<<7 { // all of the format's own tags are below
		tag, n = protowire.ConsumeVarint(b)
		if n < 0 {
			return 0, nil, 0, 0, protowire.ParseError(n)
		}
	}
	num := tag >> 3
	if num < uint64(protowire.MinValidNumber) || num > uint64(protowire.MaxValidNumber) {
		return 0, nil, 0, 0, errFieldNumber
	}
	typ := protowire.Type(tag & 7)
	if typ != protowire.BytesType && typ != protowire.VarintType {
		l := protowire.ConsumeFieldValue(protowire.Number(num), typ, b[n:])
		if l < 0 {
			return 0, nil, 0, 0, protowire.ParseError(l)
		}
		return tag, nil, 0, n + l, nil
	}
	v, l := protowire.ConsumeVarint(b[n:])
	if l < 0 {
		return 0, nil, 0, 0, protowire.ParseError(l)
	}
	n += l
	if typ == protowire.VarintType {
		return tag, nil, v, n, nil
	}
	if v > uint64(len(b)-n) {
		return 0, nil, 0, 0, io.ErrUnexpectedEOF
	}
	end := n + int(v)
	return tag, b[n:end:end], 0, end, nil
}

var errFieldNumber = errors.New("invalid field number")

// malformed wraps ErrMalformed with the place in the message.
func malformed(at int, err error) error {
	return fmt.Errorf("%w: byte %d of the message: %w", ErrMalformed, at, err)
}

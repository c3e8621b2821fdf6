package aggregate

import (
	"crypto/md5"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
)

// Builder packs user records into one aggregate. The zero value is ready. It
// allocates nothing a record once its buffers have grown, which Reset keeps. It
// is not safe for concurrent use.
type Builder struct {
	// MaxSize is the greatest Size in bytes that Add lets the aggregate reach, up to
	// 2^31-1; 0 means DefaultMaxSize (the KPL's AggregationMaxSize). It may be
	// changed at any time.
	MaxSize int

	partitionKeys, explicitHashKeys table
	records                         []byte // the Record fields, encoded
	n                               int
	first                           Record // without its Data,
	firstData                       int    // of which this is the length
}

// Add appends a user record. It copies Data, which the caller may reuse, and
// keeps the strings of the first one until Reset.
//
// The error is [ErrFull] if the aggregate would pass MaxSize, or 1,048,575 different
// partition keys or explicit hash keys, or wraps [ErrInvalid]; either way the Builder
// is as it was. An empty Builder takes any valid user record, whatever its size.
func (b *Builder) Add(r Record) error {
	key, hashKey := b.partitionKeys.find(r.PartitionKey), place{}
	if key.grows > 0 {
		if err := checkPartitionKey(r.PartitionKey); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	fields := 1 + protowire.SizeVarint(uint64(key.index)) + 1 + protowire.SizeBytes(len(r.Data))
	if r.ExplicitHashKey != "" {
		if hashKey = b.explicitHashKeys.find(r.ExplicitHashKey); hashKey.grows > 0 {
			if err := checkExplicitHashKey(r.ExplicitHashKey); err != nil {
				return fmt.Errorf("%w: %w", ErrInvalid, err)
			}
		}
		fields += 1 + protowire.SizeVarint(uint64(hashKey.index))
	}
	if err := checkData(r.Data); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if key.grows > 0 && b.partitionKeys.full() || hashKey.grows > 0 && b.explicitHashKeys.full() {
		return ErrFull
	}
	if b.n > 0 && b.Size()+key.grows+hashKey.grows+1+protowire.SizeBytes(fields) > b.maxSize() {
		return ErrFull
	}

	if key.grows > 0 {
		b.partitionKeys.add(wire.TagPartitionKey, r.PartitionKey, key)
	}
	if hashKey.grows > 0 {
		b.explicitHashKeys.add(wire.TagExplicitHashKey, r.ExplicitHashKey, hashKey)
	}
	b.room(1 + protowire.SizeBytes(fields))
	rec := appendVarint(append(b.records, wire.TagRecord), fields)
	rec = appendVarint(append(rec, wire.TagPartitionKeyIndex), key.index)
	if r.ExplicitHashKey != "" {
		rec = appendVarint(append(rec, wire.TagExplicitHashKeyIndex), hashKey.index)
	}
	b.records = append(appendVarint(append(rec, wire.TagData), len(r.Data)), r.Data...)
	if b.n == 0 {
		b.first, b.firstData = r, len(r.Data)
		b.first.Data = nil
	}
	b.n++
	return nil
}

// room makes room for n more bytes of records. It grows by a half: append would by a
// quarter, and copy a large aggregate four times over, and leave as much garbage.
func (b *Builder) room(n int) {
	if n > cap(b.records)-len(b.records) {
		b.records = slices.Grow(b.records, max(n, cap(b.records)/2))
	}
}

func (b *Builder) maxSize() int {
	if b.MaxSize == 0 {
		return DefaultMaxSize
	}
	return min(b.MaxSize, math.MaxInt32)
}

// Len returns the number of user records.
func (b *Builder) Len() int { return b.n }

// Size returns the exact length in bytes of what AppendTo appends: magic,
// message and digest, without the outer keys. It is 20 for an empty Builder.
func (b *Builder) Size() int {
	return wire.Overhead + len(b.partitionKeys.wire) + len(b.explicitHashKeys.wire) + len(b.records)
}

// Cap returns how many bytes of memory the Builder's buffers take, which Reset
// keeps.
func (b *Builder) Cap() int {
	return cap(b.records) + b.partitionKeys.cap() + b.explicitHashKeys.cap()
}

// Body returns the user records as they stand in the aggregate, right before
// its 16-byte digest. The Data of a user record is the last len(Data) bytes of
// what Body returns after its Add. It aliases the Builder until the next Add or
// Reset.
func (b *Builder) Body() []byte { return b.records }

// AppendTo appends the aggregate to dst and returns the extended slice. The
// Builder stays as it is.
func (b *Builder) AppendTo(dst []byte) []byte {
	start := len(dst) + len(wire.Magic)
	dst = b.appendMessage(dst)
	sum := md5.Sum(dst[start:])
	return append(dst, sum[:]...)
}

// appendMessage appends the aggregate without its digest.
func (b *Builder) appendMessage(dst []byte) []byte {
	dst = append(dst, wire.Magic...)
	dst = append(dst, b.partitionKeys.wire...)
	dst = append(dst, b.explicitHashKeys.wire...)
	return append(dst, b.records...)
}

// Sealed is the content of one PutRecords entry.
type Sealed struct {
	PartitionKey    string
	ExplicitHashKey string // always given, as the KPL does: it decides the shard
	Data            []byte
	Aggregated      bool
}

// Seal returns what to send for the user records added: a lone one plain with
// its own keys, as the KPL does, unless its Data is itself an aggregate; else an
// aggregate under [PartitionKey] and the hash key of its first user record.
// Data is dst with the bytes appended, never nil. The Builder must not be empty; it stays
// as it is.
func (b *Builder) Seal(dst []byte) Sealed {
	if b.n == 1 {
		// Data is the last field of the only record.
		if data := b.records[len(b.records)-b.firstData:]; !IsAggregate(data) {
			s := Sealed{PartitionKey: b.first.PartitionKey, ExplicitHashKey: b.hashKey(), Data: append(dst, data...)}
			if s.Data == nil {
				s.Data = []byte{} // the SDK takes nil for a missing member
			}
			return s
		}
	}
	return b.SealAs(PartitionKey, dst)
}

// SealAs is Seal for those who choose the outer partition key, which decides
// which of Lambda's concurrent batches the aggregate goes to. It makes an
// aggregate of a lone user record too, which every reader takes.
func (b *Builder) SealAs(partitionKey string, dst []byte) Sealed {
	return Sealed{PartitionKey: partitionKey, ExplicitHashKey: b.hashKey(), Data: b.AppendTo(dst), Aggregated: true}
}

// hashKey returns the hash key of the first user record in decimal.
func (b *Builder) hashKey() string {
	if b.first.ExplicitHashKey != "" {
		return b.first.ExplicitHashKey
	}
	return hashkey.Of(b.first.PartitionKey).String()
}

// appendVarint is protowire's, with the common case short enough to be inlined.
func appendVarint(dst []byte, n int) []byte {
	if n < 1<<7 {
		return append(dst, byte(n))
	}
	return protowire.AppendVarint(dst, uint64(n))
}

// Mark is a point between two user records of a Builder, until its Reset.
type Mark struct {
	n, records                      int
	partitionKeys, explicitHashKeys tableMark
}

// Len returns how many user records stand before the Mark.
func (m Mark) Len() int { return m.n }

// Size returns what the Builder's Size was at the Mark.
func (m Mark) Size() int {
	return wire.Overhead + m.partitionKeys.wire + m.explicitHashKeys.wire + m.records
}

// Mark returns the point behind the last user record.
func (b *Builder) Mark() Mark {
	return Mark{b.n, len(b.records), b.partitionKeys.mark(), b.explicitHashKeys.mark()}
}

// Truncate takes back the user records added since m, a Mark of b's with at
// most as many before it as b has; the Builder is then as it was at m.
func (b *Builder) Truncate(m Mark) {
	b.records = b.records[:m.records]
	b.partitionKeys.truncate(m.partitionKeys)
	b.explicitHashKeys.truncate(m.explicitHashKeys)
	b.n = m.n
	if b.n == 0 {
		b.first = Record{}
	}
}

// Reset empties the Builder and keeps its buffers and MaxSize.
func (b *Builder) Reset() {
	b.partitionKeys.reset()
	b.explicitHashKeys.reset()
	b.records = b.records[:0]
	b.n = 0
	b.first = Record{}
}

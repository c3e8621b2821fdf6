package deaggregate

import (
	"slices"

	"github.com/kinpack/kinpack/internal/md5x"
	"github.com/kinpack/kinpack/internal/wire"
)

// Batch takes many Kinesis records apart, such as those of one GetRecords answer. It
// gives what [Append] gives, and checks the digests side by side, which is most
// of the work: with 16 aggregates or more several times as fast.
//
// The zero value is ready. A Batch keeps its buffers from one Load to the next, and
// refers to the data that was loaded last. It is not safe for concurrent use.
type Batch struct {
	data     [][]byte
	messages [][]byte // of those that look like aggregates,
	sums     [][wire.DigestSize]byte
	place    []int32 // of each of data in messages; noMessage if it is a plain record
}

const noMessage = -1

// Load checks which of data are aggregates. It takes the place of what was loaded
// before. The slices must not be modified as long as records of theirs are in
// use, which alias them; data itself is copied. Load(nil) lets go of all.
func (b *Batch) Load(data [][]byte) {
	clear(b.data)
	clear(b.messages)
	b.data = append(b.data[:0], data...)
	b.messages, b.place = slices.Grow(b.messages[:0], len(data)), slices.Grow(b.place[:0], len(data))
	for _, d := range data {
		message, _, ok := wire.Split(d)
		if !ok {
			b.place = append(b.place, noMessage)
			continue
		}
		b.place = append(b.place, int32(len(b.messages)))
		b.messages = append(b.messages, message)
	}
	b.sums = slices.Grow(b.sums[:0], len(b.messages))[:len(b.messages)]
	md5x.Sum(b.sums, b.messages)
}

// Append is the package's Append for data[i] of the last Load, in any order. It
// panics if there is no such i.
func (b *Batch) Append(dst []Record, partitionKey string, i int) ([]Record, error) {
	if n := b.place[i]; n != noMessage {
		if message, digest, _ := wire.Split(b.data[i]); b.sums[n] == digest {
			return appendMessage(dst, message)
		}
	}
	return appendPlain(dst, partitionKey, b.data[i]), nil
}

package lambda

// This file owns the written form of an entry: what a Checkpoint keeps, and what
// travels in the state of a tumbling window. Reading takes any bytes.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/internal/sequence"
)

const (
	entryVersion = 1
	maxSavedText = 512      // of one failure, in bytes
	maxSavedAll  = 32 << 10 // of all failures of a batch
)

// ErrProgress is what bytes that are no entry of a [SavedProgress] are told.
var ErrProgress = errors.New("lambda: saved progress can't be read")

// append writes the entry: version, sequence number, content, round, number of
// user records, the decided ones, and the tries. The texts of failures are cut
// short, and take at most texts bytes off that.
func (e *entry) append(to []byte, texts *int) []byte {
	to = append(to, entryVersion)
	to = appendDigits(to, e.sequence)
	to = append(to, e.content.digest[:]...)
	to = binary.AppendVarint(to, e.content.arrival)
	to = binary.LittleEndian.AppendUint32(to, e.round)
	to = binary.AppendUvarint(to, uint64(e.records))
	to = appendBytes(to, e.progress.done.append(nil, e.records))
	for _, i := range slices.Sorted(maps.Keys(e.progress.tries)) {
		t := e.progress.tries[i]
		text := t.failure[:min(len(t.failure), maxSavedText, *texts)]
		*texts -= len(text)
		own := uint64(0)
		if t.own {
			own = 1
		}
		to = binary.AppendUvarint(to, uint64(i))
		to = binary.AppendUvarint(to, uint64(t.attempts)<<1|own)
		to = appendBytes(to, []byte(strings.ToValidUTF8(text, "")))
	}
	return to
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// appendDigits writes a decimal number: how many digits, and two of them a byte.
func appendDigits(to []byte, s string) []byte {
	to = binary.AppendUvarint(to, uint64(len(s)))
	for i := 0; i < len(s); i += 2 {
		b := (s[i] - '0') << 4
		if i+1 < len(s) {
			b |= s[i+1] - '0'
		}
		to = append(to, b)
	}
	return to
}

// entryReader reads off the front; after a failure everything is zero.
type entryReader struct {
	b   []byte
	bad bool
}

func (r *entryReader) bytes(n uint64) []byte {
	if r.bad = r.bad || n > uint64(len(r.b)); r.bad {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// number reads a number of at most limit.
func (r *entryReader) number(limit uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if r.bad = r.bad || size <= 0 || n > limit; r.bad {
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *entryReader) signed() int64 {
	n, size := binary.Varint(r.b)
	if r.bad = r.bad || size <= 0; r.bad {
		return 0
	}
	r.b = r.b[size:]
	return n
}

// digits reads what appendDigits wrote; what is no digit is not decimal.
func (r *entryReader) digits() string {
	n := r.number(sequence.MaxDigits)
	b := r.bytes((n + 1) / 2)
	if r.bad {
		return ""
	}
	s := make([]byte, 0, n+1)
	for _, c := range b {
		s = append(s, '0'+c>>4, '0'+c&15)
	}
	return string(s[:n])
}

func (r *entryReader) text() []byte { return r.bytes(r.number(1 << 20)) }

// readEntry reads what append wrote.
func readEntry(b []byte) (entry, error) {
	r := entryReader{b: b}
	if version := r.bytes(1); r.bad || version[0] != entryVersion {
		return entry{}, fmt.Errorf("%w: want version %d", ErrProgress, entryVersion)
	}
	e := entry{sequence: r.digits(), saved: true}
	copy(e.content.digest[:], r.bytes(uint64(len(e.content.digest))))
	e.content.arrival = r.signed()
	if round := r.bytes(4); round != nil {
		e.round = binary.LittleEndian.Uint32(round)
	}
	e.records = int(r.number(maxUsers))
	done := r.text()
	var err error
	if !r.bad {
		e.progress.done, err = readSet(done, e.records)
	}
	for err == nil && !r.bad && len(r.b) > 0 {
		i := int(r.number(maxUsers))
		attempts := r.number(1 << 31)
		text := string(r.text())
		if r.bad = r.bad || i >= e.records; r.bad {
			break
		}
		if e.progress.tries == nil {
			e.progress.tries = make(map[int]try)
		}
		e.progress.tries[i] = try{attempts: int(attempts >> 1), own: attempts&1 != 0, failure: text}
	}
	if err != nil || r.bad || !sequence.Valid(e.sequence) {
		return entry{}, ErrProgress
	}
	return e, nil
}

// OuterProgress is what an entry of a [SavedProgress] says of one outer record.
type OuterProgress struct{ entry entry }

// ReadOuterProgress reads an entry of a [SavedProgress]. The error is
// [ErrProgress].
func ReadOuterProgress(entry []byte) (OuterProgress, error) {
	e, err := readEntry(entry)
	return OuterProgress{e}, err
}

// SequenceNumber is that of the outer record.
func (p OuterProgress) SequenceNumber() string { return p.entry.sequence }

// UserRecords is how many user records the outer record holds.
func (p OuterProgress) UserRecords() int { return p.entry.records }

// Done says whether the user record with that sub-sequence number is decided:
// it succeeded, or is in the dead letter. An aggregate that can't be read is
// one user record, [WholeRecord]. Of a part that kinpack redrive has put together,
// it is the place in that.
func (p OuterProgress) Done(subSequenceNumber int) bool {
	if subSequenceNumber == WholeRecord {
		subSequenceNumber = 0
	}
	return subSequenceNumber >= 0 && p.entry.progress.done.has(subSequenceNumber)
}

// Of says whether it is of that very outer record: sequence number, partition
// key, data and arrival are the same.
func (p OuterProgress) Of(r *events.KinesisEventRecord) bool {
	return p.entry.sequence == r.Kinesis.SequenceNumber && p.entry.content.same(contentOf(r))
}

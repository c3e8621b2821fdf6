// Package deaggregate takes one Kinesis record apart into its user records.
//
// A record is an aggregate if it starts with the KPL's magic and ends with the
// MD5 of the message in between; anything else is a plain record, which is its
// own only user record. That is the rule of every reader (KCL, Node, Python).
package deaggregate

import (
	"errors"
	"slices"

	"github.com/kinpack/kinpack/internal/wire"
)

// ErrMalformed says that a record carries the magic and the right digest, so
// that it was meant as an aggregate, and still cannot be read: the message is
// broken, a required field is missing, or a key index points outside its table.
// The error that wraps it says which.
var ErrMalformed = errors.New("deaggregate: malformed aggregate")

// Record is one user record. Its strings and Data alias the bytes given to
// [Append]: they are valid for as long as those bytes are not modified.
type Record struct {
	// PartitionKey is the user record's own; for a plain record, the outer one.
	// An aggregate may hold any bytes here, an empty key and invalid UTF-8 included.
	PartitionKey string
	// ExplicitHashKey is what the producer wrote, unchecked; see HasExplicitHashKey.
	ExplicitHashKey string
	// Data is the payload. Its capacity ends with it, so appending to it copies.
	Data []byte
	// SubSequence is the sub-sequence number: the place in the aggregate, from
	// 0. A plain record has 0.
	SubSequence int
	// HasExplicitHashKey tells an explicit hash key from none. A plain record
	// never has one here: Kinesis does not hand the outer one to readers.
	HasExplicitHashKey bool
	// Aggregated is true for a user record that came out of an aggregate.
	Aggregated bool
}

// Append appends the user records of one Kinesis record to dst and returns the
// extended slice. partitionKey and data are the Kinesis record's own.
//
// A plain record is appended unchanged. An aggregate may hold no user record at
// all. If the error is not nil it wraps [ErrMalformed], and dst comes back as it
// was: there is never a part of an aggregate.
//
// Append allocates nothing but room in dst and, in an aggregate with more than
// 512 key table entries, one table for them. Time and memory are linear in
// len(data): at most one Record for 6 bytes of it, the smallest user record. It keeps
// nothing and may be called concurrently with different dst.
func Append(dst []Record, partitionKey string, data []byte) ([]Record, error) {
	if message, ok := wire.Message(data); ok {
		return appendMessage(dst, message)
	}
	return appendPlain(dst, partitionKey, data), nil
}

func appendPlain(dst []Record, partitionKey string, data []byte) []Record {
	return append(dst, Record{PartitionKey: partitionKey, Data: data[:len(data):len(data)]})
}

func appendMessage(dst []Record, message []byte) ([]Record, error) {
	var small [512]entry
	m, err := scan(message, small[:])
	if err != nil {
		return dst, err
	}
	out, err := m.appendRecords(slices.Grow(dst, min(m.records, len(message)/6)), message)
	if err != nil {
		return dst, err
	}
	return out, nil
}

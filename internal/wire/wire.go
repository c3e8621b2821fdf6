// Package wire names the constants of the KPL's aggregated record format:
//
//	magic (4 bytes) | AggregatedRecord, a proto2 message | MD5 of the message (16 bytes)
//
// The schema stands in proto/kpl.proto. The format is described in the Amazon
// Kinesis Producer Library's aggregation-format.md.
package wire

import "crypto/md5"

const (
	// Magic opens every aggregate.
	Magic = "\xf3\x89\x9a\xc2"
	// DigestSize is the length in bytes of the MD5 that closes it.
	DigestSize = md5.Size
	// KeylessPartitionKey is the partition key of user records that were put
	// without one: the service and every reader want one, and it says nothing.
	KeylessPartitionKey = "-"
	// Overhead is what the envelope adds to the message, in bytes.
	Overhead = len(Magic) + DigestSize
)

// The wire types that the format uses.
const (
	varint = 0
	bytes  = 2
)

// Tags are the field number shifted left by three with the wire type; every
// field of the format has a number below 16, so each tag is one byte.
const (
	TagPartitionKey         = 1<<3 | bytes  // AggregatedRecord.partition_key_table
	TagExplicitHashKey      = 2<<3 | bytes  // AggregatedRecord.explicit_hash_key_table
	TagRecord               = 3<<3 | bytes  // AggregatedRecord.records
	TagPartitionKeyIndex    = 1<<3 | varint // Record.partition_key_index
	TagExplicitHashKeyIndex = 2<<3 | varint // Record.explicit_hash_key_index
	TagData                 = 3<<3 | bytes  // Record.data
	TagTag                  = 4<<3 | bytes  // Record.tags
	TagTagKey               = 1<<3 | bytes  // Tag.key
)

// Message returns the message of the aggregate that data holds, or false if
// data is not one: too short, no magic, or a digest that does not match. Such
// a record is a plain one to every reader.
func Message(data []byte) ([]byte, bool) {
	message, digest, ok := Split(data)
	return message, ok && md5.Sum(message) == digest
}

// Split takes data for an aggregate and returns its message, and the digest that
// the message has to have, which it does not check. It returns false if data is too
// short or has no magic.
func Split(data []byte) (message []byte, digest [DigestSize]byte, ok bool) {
	if len(data) < Overhead || string(data[:len(Magic)]) != Magic {
		return nil, digest, false
	}
	end := len(data) - DigestSize
	return data[len(Magic):end], [DigestSize]byte(data[end:]), true
}

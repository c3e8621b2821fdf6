// Package aggregate packs user records into aggregates of the KPL's format,
// byte for byte what the Amazon Kinesis Producer Library writes for the same
// user records in the same order.
package aggregate

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
)

const (
	// DefaultMaxSize is the KPL's AggregationMaxSize: two PUT payload units of
	// 25,600 bytes.
	DefaultMaxSize = 51200
	// MaxPartitionKey is the service's limit for a partition key, in Unicode
	// code points (API Reference, PutRecordsRequestEntry).
	MaxPartitionKey = 256
	// MaxData is the greatest payload of a user record, in bytes: the largest
	// record that a stream can be set to take is 10 MiB.
	MaxData = 10 << 20
	// PartitionKey is the outer partition key of every aggregate, as the KPL
	// writes it. The shard is chosen by the outer explicit hash key.
	PartitionKey = "a"
)

var (
	// ErrFull says that a user record does not fit any more: seal, reset, add it again.
	ErrFull = errors.New("aggregate: full")
	// ErrInvalid says that no stream takes the user record. The error that
	// wraps it names the value and the limit.
	ErrInvalid = errors.New("aggregate: invalid user record")
)

// Record is one user record.
type Record struct {
	// PartitionKey has 1 to 256 Unicode code points of valid UTF-8.
	PartitionKey string
	// ExplicitHashKey, if not empty, is used instead of the MD5 of PartitionKey
	// to find the shard: decimal, 0 to 2^128-1, no sign, no leading zeros.
	ExplicitHashKey string
	// Data is the payload, 0 to 10 MiB; nil is the same as empty.
	Data []byte
}

// Validate reports everything that makes r unacceptable to any stream. The
// error wraps [ErrInvalid].
func (r Record) Validate() error {
	err := errors.Join(checkPartitionKey(r.PartitionKey), checkExplicitHashKey(r.ExplicitHashKey), checkData(r.Data))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func checkPartitionKey(key string) error {
	switch n := len(key); {
	case n == 0:
		return fmt.Errorf("partition key is empty, want 1 to %d code points", MaxPartitionKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("partition key %.40q is not valid UTF-8", key)
	case n > MaxPartitionKey && utf8.RuneCountInString(key) > MaxPartitionKey:
		return fmt.Errorf("partition key of %d code points, over the limit of %d", utf8.RuneCountInString(key), MaxPartitionKey)
	}
	return nil
}

func checkExplicitHashKey(key string) error {
	if key == "" {
		return nil
	}
	if _, err := hashkey.Parse(key); err != nil {
		return fmt.Errorf("explicit %w", err)
	}
	return nil
}

func checkData(data []byte) error {
	if len(data) > MaxData {
		return fmt.Errorf("data of %d bytes, over the limit of %d", len(data), MaxData)
	}
	return nil
}

// IsAggregate says whether readers take data for an aggregate: magic and digest
// are right. A user record whose own Data is one must not go to Kinesis plain,
// or readers would explode it.
func IsAggregate(data []byte) bool {
	_, ok := wire.Message(data)
	return ok
}

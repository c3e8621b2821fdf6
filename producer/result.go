package producer

import (
	"errors"
	"fmt"
)

// Errors that Put and TryPut return: the record was not accepted and its done
// never runs. A record that no stream takes gets an error that wraps
// aggregate.ErrInvalid instead.
var (
	// ErrClosed says that the Producer is closed. It is also the error of the
	// records that Close hands back because its ctx ended.
	ErrClosed = errors.New("producer: closed")
	// ErrBufferFull is TryPut's: there is no room for the record now.
	ErrBufferFull = errors.New("producer: buffer full")
	// ErrTooLarge says that the record is over the stream's record size, or over
	// the whole buffer.
	ErrTooLarge = errors.New("producer: user record too large")
	// ErrInDone is what Flush, Close and PutSync return in a done, which they would
	// wait for, and Put if it would have to wait there.
	ErrInDone = errors.New("producer: called in a done, would wait for it")
)

// Errors that a Result carries, inside a *PutError.
var (
	// ErrExpired says that the record was not stored within its time to live.
	// PutError.Code is what its last attempt failed with, if there was one.
	ErrExpired = errors.New("producer: user record expired")
	// ErrLandingUnknown says that an aggregate was stored by a shard whose
	// range could not be learnt within the time to live (looked at with each
	// listing of the shards, some seconds apart), so that it is not known
	// whether a KCL delivers its records. The Result says where they are.
	ErrLandingUnknown = errors.New("producer: stored by a shard of unknown range")
	// ErrRefused says that the service refused the call for good: access
	// denied, no such stream, a key that is disabled, an invalid request.
	ErrRefused = errors.New("producer: refused by the service")
)

// PutError is why a user record was not put.
type PutError struct {
	// Code is the service's error code, such as
	// ProvisionedThroughputExceededException, or empty if it gave none.
	Code string
	// Message is the service's or the transport's words of the last failure.
	Message string
	// Attempts is how many times the record was sent.
	Attempts int

	kind error
}

func (e *PutError) Error() string {
	s := fmt.Sprintf("%v after %d attempts", e.kind, e.Attempts)
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap returns ErrExpired, ErrLandingUnknown, ErrRefused or ErrClosed.
func (e *PutError) Unwrap() error { return e.kind }

// Result is what became of a user record that Put accepted.
type Result struct {
	// Record is the user record, valid until done returns: copy Data to keep it.
	Record Record
	// Err is nil if the record is in the stream, where every reader gets it; else
	// a *PutError (from PutSync also what Put returns, and ctx's error).
	Err error
	// ShardID and SequenceNumber say where it was stored, also if Err is
	// ErrLandingUnknown.
	ShardID, SequenceNumber string
	// SubSequenceNumber is its place in the aggregate, from 0.
	SubSequenceNumber int
	// Aggregated says whether it went inside an aggregate.
	Aggregated bool
	// Attempts is how many times it was sent; the smaller calls that an invalid one
	// is cut into count once.
	Attempts int
	// MaybeStored says of a failed record that a call was out with it whose
	// answer is not known, or that it was stored by a shard where a KCL drops it.
	MaybeStored bool
}

package kinesistest

// This file owns what a test says about faults: what it is told of a request,
// and what it may answer. faulty.go does what it said.

import (
	"context"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// Faults decides what goes wrong with a request. It is called once for every
// request of every face, before the request is carried out, in the goroutine
// that serves it; several calls may run at once. It may use the Server: its
// inspection, Reshard, Scale and SetFaults. A request that it sends itself is
// asked about as well. ctx is that of the request.
type Faults func(ctx context.Context, r Request) Fault

// Request is what a [Faults] is told of one request.
type Request struct {
	// Number counts the requests of the Server from 0, whatever their face or
	// operation, and whether or not they succeed. What cannot be read, as bad
	// JSON or CBOR, is not counted. A retry of the SDK is a request of its own.
	Number uint64
	// Operation is the name of the operation, as PutRecords.
	Operation string
	// Stream is the name of the stream, also where the request has an ARN, a
	// shard iterator or a page token instead. It is empty if there is none.
	Stream string
	// Time is when the request came, in UTC, in milliseconds.
	Time time.Time
	// PutRecords is the input of a PutRecords, else nil. It is the caller's
	// own: read only, and not after the Faults has returned.
	PutRecords *kinesis.PutRecordsInput
	// Server is whose request it is.
	Server *Server
}

// Fault is what goes wrong with one request. The zero value is nothing. The
// fields combine; each says when it has no effect.
type Fault struct {
	// Delay passes before the request is carried out, and AnswerDelay between
	// that and the answer or failure. A context that ends meanwhile ends the
	// call: during Delay nothing is carried out. Below 0 counts as 0.
	Delay, AnswerDelay time.Duration

	// Failure is what the caller gets in place of the answer.
	Failure Failure
	// Applied says that a request that fails is carried out all the same, at
	// the time it would have been. Without a Failure it has no effect.
	Applied bool
	// Late, above 0, says that a request that fails is carried out this long
	// after its caller got the failure. No timer runs: it is done by the first
	// request or inspection after its time has come, as of that time, and in
	// the order of those times among all. It is Applied or not; without a
	// Failure it has no effect.
	Late time.Duration

	// Entries gives entries of PutRecords, by their index from 0, an error
	// code, as InternalFailure or ProvisionedThroughputExceededException: they
	// are not stored and answered with it; the others are stored. An empty
	// code or an index that the request has not is ignored. Only PutRecords
	// looks at it.
	Entries map[int]string
	// Unanswered is how many entries at the end of a PutRecords miss from its
	// answer, although they were carried out. FailedRecordCount still counts
	// them. At most all are; below 0 counts as 0.
	Unanswered int
}

// Failure is the failure of a whole call: see [APIError], [ConnectionReset]
// and [NoAnswer]. The zero value is none.
type Failure struct {
	kind          failureKind
	code, message string
	status        int
}

type failureKind int

const (
	noFailure failureKind = iota
	apiFailure
	resetFailure
	silence
)

// APIError is an error that the service answers: an HTTP status and a code,
// as 500 and InternalFailure, 503 and ServiceUnavailable, 400 and
// ProvisionedThroughputExceededException, ExpiredTokenException or
// AccessDeniedException. The status is brought into 400 to 599. The SDK's
// type is found where it has one for the code, else [smithy.GenericAPIError].
func APIError(status int, code string) Failure {
	return Failure{kind: apiFailure, code: code, message: failureMessage(code), status: min(max(status, 400), 599)}
}

// ConnectionReset is a connection that breaks before the answer. Over a socket
// it is reset; Client and Transport return an error that is
// [syscall.ECONNRESET].
func ConnectionReset() Failure { return Failure{kind: resetFailure} }

// NoAnswer is a call that is never answered: it lasts until the context of its
// caller ends, for ever if it does not.
func NoAnswer() Failure { return Failure{kind: silence} }

// and returns f and g together: latencies add up, the first failure counts.
func (f Fault) and(g Fault) Fault {
	f.Delay = max(f.Delay, 0) + max(g.Delay, 0)
	f.AnswerDelay = max(f.AnswerDelay, 0) + max(g.AnswerDelay, 0)
	if f.Failure.kind == noFailure {
		f.Failure, f.Applied, f.Late = g.Failure, g.Applied, g.Late
	}
	if len(g.Entries) > 0 { // neither of the two maps is ours
		both := maps.Clone(g.Entries)
		maps.Copy(both, f.Entries)
		f.Entries = both
	}
	f.Unanswered = max(f.Unanswered, g.Unanswered)
	return f
}

// WithFaults makes requests fail, as fs say: all of them are asked, in their
// order. Their latencies add up and the entries of all fail; of the failures
// the first counts, with its Applied and Late, and of Unanswered the largest.
// The option may be given several times; nil ones are left out. The default is
// no faults. [Server.SetFaults] changes them at run time.
func WithFaults(fs ...Faults) Option {
	return func(c *config) { c.faults = append(c.faults, fs...) }
}

// SetFaults replaces all faults of s; nil, or nothing, ends them. Requests
// under way keep what they were told, and a request that is to be carried out
// late still is.
func (s *Server) SetFaults(fs ...Faults) {
	var set []Faults
	for _, f := range fs {
		if f != nil {
			set = append(set, f)
		}
	}
	if len(set) == 0 {
		s.faults.Store(nil)
		return
	}
	s.faults.Store(&set)
}

package kinesistest

// This file owns the Server and dispatch, the one way in: all three faces end
// here, with an input of the SDK, and get an output of the SDK or an API
// error. Everything below dispatch runs under its lock and takes the time as
// an argument.

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	region    = "us-east-1"
	accountID = "123456789012"
	// retention is how long a record can be read and a closed shard is listed
	// (the service's default, RetentionPeriodHours 24).
	retention = 24 * time.Hour
)

// Server is an in-process Kinesis Data Streams: one account in us-east-1. It
// is an [net/http.Handler]; see the package comment for its other faces. Use
// [New]. Its methods, and everything it hands out, may be used by several
// goroutines at once.
type Server struct {
	config config

	mu      sync.Mutex
	streams map[string]*stream
	created uint64        // streams so far, those deleted among them
	late    []lateRequest // by due; the same due in the order of the requests

	requests atomic.Uint64            // so far
	faults   atomic.Pointer[[]Faults] // nil: none

	net listener
}

// New returns a Server without streams. It opens no socket and starts no
// goroutine; only a Server that [Server.Listen] was called on has to be closed.
func New(opts ...Option) *Server {
	s := &Server{config: newConfig(opts), streams: map[string]*stream{}}
	s.SetFaults(s.config.faults...)
	return s
}

// AddStream creates a stream that is ACTIVE at once, whatever the delay of
// [WithDelay]. With 1 or more shards it is PROVISIONED, with 0 ON_DEMAND with
// 4 shards. The error is that of CreateStream.
func (s *Server) AddStream(name string, shards int) error {
	in := &kinesis.CreateStreamInput{StreamName: aws.String(name)}
	if shards == 0 {
		in.StreamModeDetails = &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}
	} else {
		in.ShardCount = aws.Int32(int32(min(max(shards, -1), maxShardCount+1)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	if _, err := s.createStream(now, in); err != nil {
		return err
	}
	st := s.streams[name]
	st.ready = now
	st.advance(now)
	return nil
}

// dispatch is one request of any face: carried out, unless there are faults
// and they say otherwise.
func (s *Server) dispatch(ctx context.Context, op string, input any) (any, error) {
	number := s.requests.Add(1) - 1
	faults := s.faults.Load()
	if faults == nil {
		return s.carryOut(op, input, nil)
	}
	return s.suffer(ctx, s.ask(ctx, *faults, number, op, input), op, input)
}

// carryOut carries out one operation now. entries are what [Fault.Entries] is.
func (s *Server) carryOut(op string, input any, entries map[int]string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.perform(s.advance(), op, input, entries)
}

func (s *Server) perform(now time.Time, op string, input any, entries map[int]string) (any, error) {
	switch in := input.(type) {
	case *kinesis.CreateStreamInput:
		return s.createStream(now, in)
	case *kinesis.DeleteStreamInput:
		return s.deleteStream(now, in)
	case *kinesis.DescribeStreamInput:
		return s.describeStream(now, in)
	case *kinesis.DescribeStreamSummaryInput:
		return s.describeStreamSummary(in)
	case *kinesis.ListStreamsInput:
		return s.listStreams(now, in)
	case *kinesis.ListShardsInput:
		return s.listShards(now, in)
	case *kinesis.PutRecordInput:
		return s.putRecord(now, in)
	case *kinesis.PutRecordsInput:
		return s.putRecords(now, in, entries)
	case *kinesis.GetShardIteratorInput:
		return s.getShardIterator(now, in)
	case *kinesis.GetRecordsInput:
		return s.getRecords(now, in)
	case *kinesis.SplitShardInput:
		return s.splitShard(now, in)
	case *kinesis.MergeShardsInput:
		return s.mergeShards(now, in)
	case *kinesis.UpdateShardCountInput:
		return s.updateShardCount(now, in)
	case *kinesis.UpdateStreamRecordDistributionStrategyInput:
		return s.updateStrategy(in)
	}
	return nil, unknownOperation(op)
}

// present is the time in milliseconds: finer times would not survive the
// wire, and a client could not ask for the time that it was told.
func present() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// advance brings everything up to the present and returns it. Late requests
// find the streams as they were when each was due.
func (s *Server) advance() time.Time {
	now := present()
	for len(s.late) > 0 && !s.late[0].due.After(now) {
		l := s.late[0]
		s.late = slices.Delete(s.late, 0, 1)
		s.advanceStreams(l.due)
		_, _ = s.perform(l.due, l.op, l.input, l.entries) // nobody learns what came of it
	}
	s.advanceStreams(now)
	return now
}

func (s *Server) advanceStreams(now time.Time) {
	for name, st := range s.streams {
		if gone := st.advance(now); gone {
			delete(s.streams, name)
		}
	}
}

// begin puts st into a passing status, and ends it at once without a delay.
func (s *Server) begin(st *stream, status types.StreamStatus, now time.Time) {
	st.status = status
	st.ready = now.Add(s.config.delay).Truncate(time.Millisecond)
	if gone := st.advance(now); gone {
		delete(s.streams, st.name)
	}
}

// find returns the stream that a request names by name, ARN or both.
func (s *Server) find(name, arn *string) (*stream, error) {
	n := aws.ToString(name)
	switch {
	case name == nil && arn == nil:
		return nil, invalidArgument("Either StreamName or StreamARN should be provided.")
	case name == nil:
		_, n, _ = strings.Cut(*arn, "/")
	case arn != nil && !strings.HasSuffix(*arn, ":stream/"+n):
		return nil, invalidArgument("StreamARN %s does not name the stream %s.", *arn, n)
	}
	st := s.streams[n]
	if st == nil || arn != nil && *arn != st.arn {
		return nil, streamNotFound(n)
	}
	return st, nil
}

// findActive is find for requests that change the shards.
func (s *Server) findActive(name, arn *string) (*stream, error) {
	st, err := s.find(name, arn)
	if err == nil && st.status != types.StreamStatusActive {
		return nil, streamInUse(st)
	}
	return st, err
}

// findReadable is find for requests that read or write records.
func (s *Server) findReadable(name, arn *string) (*stream, error) {
	st, err := s.find(name, arn)
	if err == nil && !st.serves() {
		return nil, streamNotFound(st.name)
	}
	return st, err
}

func (s *Server) openShards() int {
	n := 0
	for _, st := range s.streams {
		n += len(st.open)
	}
	return n
}

func (s *Server) streamNames() []string {
	names := make([]string, 0, len(s.streams))
	for name := range s.streams {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

package kinesistest

// This file owns the way of a request with faults. Nothing here waits under
// the lock, and no goroutine or timer outlives its call: what is to be done
// late lies in a queue, which advance works off.

import (
	"context"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
)

// lostError is a call that ends without an answer: the context's error, or
// that of a connection that was reset.
type lostError struct{ error }

// answeredError is an API error with its HTTP status.
type answeredError struct {
	smithy.APIError
	status int
}

// happen returns the error that the caller gets, when it gets it.
func (f Failure) happen(ctx context.Context) error {
	switch f.kind {
	case resetFailure: // as reading from such a socket
		return &lostError{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}}
	case silence:
		<-ctx.Done()
		return &lostError{ctx.Err()}
	}
	return &answeredError{f.apiError(), f.status}
}

// apiError returns what the SDK makes of the answer: its own type for the code
// where it has one.
func (f Failure) apiError() smithy.APIError {
	if own, ok := kinesis.TypeRegistry.DeserializableError(f.code); ok {
		if api, ok := own.(smithy.APIError); ok { // all of them, with a Message
			reflect.ValueOf(own).Elem().FieldByName("Message").Set(reflect.ValueOf(&f.message))
			return api
		}
	}
	fault := smithy.FaultUnknown
	if f.status >= 500 {
		fault = smithy.FaultServer
	}
	return &smithy.GenericAPIError{Code: f.code, Message: f.message, Fault: fault}
}

// failureMessage is the service's wording, where it is known.
func failureMessage(code string) string {
	switch code {
	case codeInternal:
		return "Internal service failure."
	case codeThrottled:
		return "Rate exceeded for stream under account " + accountID + "."
	case "ServiceUnavailable":
		return "The request has failed due to a temporary failure of the server."
	case "ExpiredTokenException":
		return "The security token included in the request is expired"
	}
	return "kinesistest was told to fail with " + code + "."
}

// ask returns what all of fs make of a request.
func (s *Server) ask(ctx context.Context, fs []Faults, number uint64, op string, input any) Fault {
	r := Request{
		Number:    number,
		Operation: op,
		Stream:    streamOf(input),
		Time:      present(),
		Server:    s,
	}
	r.PutRecords, _ = input.(*kinesis.PutRecordsInput)
	fault := fs[0](ctx, r)
	for _, f := range fs[1:] {
		fault = fault.and(f(ctx, r))
	}
	return fault
}

// suffer carries out a request the way that f says.
func (s *Server) suffer(ctx context.Context, f Fault, op string, input any) (any, error) {
	if err := wait(ctx, f.Delay); err != nil {
		return nil, err
	}
	if f.Failure.kind == noFailure {
		output, err := s.carryOut(op, input, f.Entries)
		if out, ok := output.(*kinesis.PutRecordsOutput); ok && err == nil {
			n := len(out.Records)
			out.Records = out.Records[:n-min(max(f.Unanswered, 0), n)]
		}
		if lost := wait(ctx, f.AnswerDelay); lost != nil {
			return nil, lost
		}
		return output, err
	}
	if f.Applied && f.Late <= 0 {
		_, _ = s.carryOut(op, input, f.Entries) // nobody learns what came of it
	}
	err := wait(ctx, f.AnswerDelay)
	if err == nil {
		err = f.Failure.happen(ctx)
	}
	if f.Late > 0 {
		s.postpone(f.Late, op, input, f.Entries)
	}
	return nil, err
}

// wait lets d pass, or returns that the context has ended first.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &lostError{ctx.Err()}
	}
}

// lateRequest is a request whose caller has had its failure.
type lateRequest struct {
	due     time.Time
	op      string
	input   any // a copy: the caller may use its own again
	entries map[int]string
}

func (s *Server) postpone(d time.Duration, op string, input any, entries map[int]string) {
	l := lateRequest{op: op, input: deepCopy(reflect.ValueOf(input)).Interface(), entries: maps.Clone(entries)}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.due = s.advance().Add(d).Truncate(time.Millisecond)
	i := len(s.late) // after those of the same time
	for i > 0 && s.late[i-1].due.After(l.due) {
		i--
	}
	s.late = slices.Insert(s.late, i, l)
}

// deepCopy copies what v points to. Times and maps, which nobody writes to,
// are shared.
func deepCopy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(deepCopy(v.Elem()))
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				c.Index(i).Set(deepCopy(v.Index(i)))
			}
		}
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.Field(i).Set(deepCopy(v.Field(i)))
			}
		}
		return c
	}
	return v
}

// streamOf returns the name of the stream that a request is about.
func streamOf(input any) string {
	var name, arn, token *string
	fields := 0
	switch in := input.(type) {
	case *kinesis.CreateStreamInput:
		name = in.StreamName
	case *kinesis.DeleteStreamInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.DescribeStreamInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.DescribeStreamSummaryInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.ListShardsInput:
		name, arn, token, fields = in.StreamName, in.StreamARN, in.NextToken, shardTokenFields
	case *kinesis.PutRecordInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.PutRecordsInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.GetShardIteratorInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.GetRecordsInput:
		arn, token, fields = in.StreamARN, in.ShardIterator, iteratorFields
	case *kinesis.SplitShardInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.MergeShardsInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.UpdateShardCountInput:
		name, arn = in.StreamName, in.StreamARN
	case *kinesis.UpdateStreamRecordDistributionStrategyInput:
		arn = in.StreamARN
	}
	switch {
	case name != nil:
		return *name
	case arn != nil:
		_, n, _ := strings.Cut(*arn, "/")
		return n
	case token != nil:
		if f, _, ok := unseal(*token, fields); ok {
			return f[0]
		}
	}
	return ""
}

package kinesistest_test

// Faults: each on every face, what its caller gets and what is stored.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kinpack/kinpack/kinesistest"
)

// always is the same fault for every request.
func always(f kinesistest.Fault) kinesistest.Faults {
	return func(context.Context, kinesistest.Request) kinesistest.Fault { return f }
}

// putABC puts three records.
func putABC(ctx context.Context, c api) (*kinesis.PutRecordsOutput, error) {
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
	for _, data := range []string{"a", "b", "c"} {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: []byte(data)})
	}
	return c.PutRecords(ctx, in)
}

func stored(s *kinesistest.Server) string {
	text := ""
	for _, r := range s.Records("s") {
		text += string(r.Data)
	}
	return text
}

// failureOf says what kind of error err is, in what errors.As finds in it.
func failureOf(err error) string {
	text := describe(err)
	if errors.Is(err, syscall.ECONNRESET) {
		text += "reset"
	}
	if e, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		text += fmt.Sprintf(", not sent %t", e.ConnectionError())
	}
	if e, ok := errors.AsType[*smithy.CanceledError](err); ok {
		text += fmt.Sprintf(", canceled %v", e.Err)
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		text += ", of the network"
	}
	return text
}

func TestFailures(t *testing.T) {
	const op = "Kinesis.PutRecords "
	for _, test := range []struct {
		name    string
		failure kinesistest.Failure
		want    string
	}{
		{"500", kinesistest.APIError(500, "InternalFailure"),
			op + "status 500, id true *smithy.GenericAPIError InternalFailure: Internal service failure."},
		{"typed 500", kinesistest.APIError(500, "InternalFailureException"),
			op + "status 500, id true *types.InternalFailureException InternalFailureException: kinesistest was told to fail with InternalFailureException."},
		{"503", kinesistest.APIError(503, "ServiceUnavailable"),
			op + "status 503, id true *smithy.GenericAPIError ServiceUnavailable: The request has failed due to a temporary failure of the server."},
		{"throttled", kinesistest.APIError(400, "ProvisionedThroughputExceededException"),
			op + "status 400, id true *types.ProvisionedThroughputExceededException ProvisionedThroughputExceededException: Rate exceeded for"},
		{"expired", kinesistest.APIError(400, "ExpiredTokenException"),
			op + "status 400, id true *smithy.GenericAPIError ExpiredTokenException: The security token included in the request is expired"},
		{"denied", kinesistest.APIError(400, "AccessDeniedException"), op + "status 400, id true *types.AccessDeniedException"},
		{"invalid", kinesistest.APIError(400, "ValidationException"), op + "status 400, id true *types.ValidationException"},
		{"status too low", kinesistest.APIError(200, "X"), op + "status 400, id true *smithy.GenericAPIError X:"},
		{"status too high", kinesistest.APIError(1000, "X"), op + "status 599, id true *smithy.GenericAPIError X:"},
		{"reset", kinesistest.ConnectionReset(), op + "status 0, id false reset, not sent true, of the network"},
		{"no answer", kinesistest.NoAnswer(), op + "status 0, id false , canceled context deadline exceeded"},
	} {
		for _, f := range faces() {
			t.Run(test.name+"/"+f.name, func(t *testing.T) {
				s, _ := newServer(t, 1)
				c := f.client(t, s)
				call := func(fault kinesistest.Fault) error {
					s.SetFaults(always(fault))
					ctx := t.Context()
					if test.failure == kinesistest.NoAnswer() {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
						defer cancel()
					}
					return drop(putABC(ctx, c))
				}
				for range 2 { // the second finds a connection that is gone
					if err := call(kinesistest.Fault{Failure: test.failure}); !strings.HasPrefix(failureOf(err), test.want) {
						t.Errorf("error %s\nwant %s\n%v", failureOf(err), test.want, err)
					}
				}
				if got := stored(s); got != "" {
					t.Errorf("a call that was refused stored %q", got)
				}
				err := call(kinesistest.Fault{Failure: test.failure, Applied: true, Entries: map[int]string{1: "X"}})
				if got := stored(s); got != "ac" || !strings.HasPrefix(failureOf(err), test.want) {
					t.Errorf("a call whose answer was lost stored %q, want ac; error %s", got, failureOf(err))
				}
				s.SetFaults(nil)
				if out, err := putABC(t.Context(), c); err != nil || len(out.Records) != 3 {
					t.Errorf("after the faults: %+v, %v", out, err)
				}
			})
		}
	}
}

// TestFailureTexts compares the direct client with the SDK, words included.
func TestFailureTexts(t *testing.T) {
	_, direct := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.ConnectionReset()})))
	_, err := putABC(t.Context(), direct)
	if want := "operation error Kinesis: PutRecords, https response error StatusCode: 0, RequestID: , request send failed, read tcp: read: connection reset by peer"; err == nil || err.Error() != want {
		t.Errorf("error %q\nwant %q", err, want)
	}
	var texts []string
	for _, f := range faces()[:2] {
		s, _ := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.NoAnswer()})))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		texts = append(texts, drop(putABC(ctx, f.client(t, s))).Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("direct %q\nSDK    %q", texts[0], texts[1])
	}
	_, direct = newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.APIError(503, "Busy")})))
	e, ok := errors.AsType[smithy.APIError](drop(putABC(t.Context(), direct)))
	if !ok || e.ErrorFault() != smithy.FaultServer {
		t.Errorf("the fault of a 503 is %v, want the server's", e)
	}
}

// TestSDKRetries lets the SDK see a failure once and then the answer.
func TestSDKRetries(t *testing.T) {
	for _, failure := range []kinesistest.Failure{
		kinesistest.APIError(500, "InternalFailure"), kinesistest.APIError(400, "ProvisionedThroughputExceededException"), kinesistest.ConnectionReset(),
	} {
		synctest.Test(t, func(t *testing.T) {
			var asked []uint64
			s, _ := newServer(t, 1, kinesistest.WithFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
				if asked = append(asked, r.Number); r.Number == 0 {
					return kinesistest.Fault{Failure: failure, Applied: true}
				}
				return kinesistest.Fault{}
			}))
			if _, err := putABC(t.Context(), s.SDKClient()); err != nil {
				t.Error(err)
			}
			if got := stored(s); got != "abcabc" || !slices.Equal(asked, []uint64{0, 1}) {
				t.Errorf("%+v: stored %s in requests %v, want abcabc in 0 and 1", failure, got, asked)
			}
		})
	}
}

func TestEntryFaults(t *testing.T) {
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			s, _ := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Entries: map[int]string{
				0: "InternalFailure", 2: "ProvisionedThroughputExceededException", 1: "", 3: "X", -1: "X"}})))
			c := f.client(t, s)
			out, err := putABC(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(*out.FailedRecordCount)
			for _, e := range out.Records {
				got += fmt.Sprintf("; %s %s (%s) %t", aws.ToString(e.ShardId), aws.ToString(e.ErrorCode), aws.ToString(e.ErrorMessage), e.SequenceNumber != nil)
			}
			want := "2;  InternalFailure (Internal service failure.) false; " + shard0 + "  () true; " +
				" ProvisionedThroughputExceededException (Rate exceeded for shard " + shard0 + " in stream s under account 123456789012.) false"
			if got != want {
				t.Errorf("answer %s\nwant   %s", got, want)
			}
			put(t, c, "0", "d") // a PutRecord has no entries
			if got := stored(s); got != "bd" {
				t.Errorf("stored %q, want bd", got)
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			for unanswered, want := range map[int]int{-1: 3, 0: 3, 1: 2, 3: 0, 4: 0} {
				s, _ := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Unanswered: unanswered, Entries: map[int]string{2: "X"}})))
				c := f.client(t, s)
				out, err := putABC(t.Context(), c)
				if err != nil || len(out.Records) != want || *out.FailedRecordCount != 1 || stored(s) != "ab" {
					t.Errorf("%d unanswered: %+v, error %v, stored %s; want %d entries, 1 failed, ab", unanswered, out, err, stored(s), want)
				}
				_, err = c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("x"), Records: entries(1, 1)})
				if code(err) != "ResourceNotFoundException" {
					t.Errorf("a bad request with a fault: %v", err)
				}
			}
		})
	}
}

// TestFaultsTogether merges the faults of several functions.
func TestFaultsTogether(t *testing.T) {
	one := always(kinesistest.Fault{Entries: map[int]string{0: "One"}, Unanswered: 1})
	entries := map[int]string{0: "Two", 1: "Two"}
	two := always(kinesistest.Fault{Entries: entries})
	s, c := newServer(t, 1, kinesistest.WithFaults(one, nil), kinesistest.WithFaults(two))
	out := must(putABC(t.Context(), c))
	if len(out.Records) != 2 || *out.Records[0].ErrorCode != "One" || *out.Records[1].ErrorCode != "Two" || stored(s) != "c" {
		t.Errorf("answer %+v, stored %s; want One, Two, and c", out, stored(s))
	}
	if entries[0] != "Two" {
		t.Errorf("the entries of the second are %v now", entries)
	}
	refuse := always(kinesistest.Fault{Failure: kinesistest.APIError(400, "First"), Applied: true})
	s.SetFaults(one, refuse, always(kinesistest.Fault{Failure: kinesistest.ConnectionReset()}))
	if _, err := putABC(t.Context(), c); code(err) != "First" || stored(s) != "cbc" {
		t.Errorf("error %v, stored %s; want First, and cbc", err, stored(s))
	}
	s.SetFaults()
	if _, err := putABC(t.Context(), c); err != nil || stored(s) != "cbcabc" {
		t.Errorf("without faults: %v, stored %s", err, stored(s))
	}
}

// TestRequests looks at what a Faults is told, of every operation.
func TestRequests(t *testing.T) {
	var mu sync.Mutex
	var told []string
	var s *kinesistest.Server
	note := func(ctx context.Context, r kinesistest.Request) kinesistest.Fault {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		if r.PutRecords != nil {
			n = len(r.PutRecords.Records)
		}
		if ctx.Err() != nil || r.Server != s || time.Since(r.Time) > time.Minute || r.Time.Location() != time.UTC || r.Number != uint64(len(told)) {
			t.Errorf("request %+v, context %v", r, ctx.Err())
		}
		told = append(told, fmt.Sprint(r.Operation, " ", r.Stream, " ", n))
		_ = r.Server.Records("orders") // must not be locked
		return kinesistest.Fault{}
	}
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			told, s = nil, kinesistest.New(kinesistest.WithFaults(note))
			script(t.Context(), f.client(t, s))
			counts := map[string]int{}
			for _, r := range told {
				counts[r]++
			}
			for _, want := range []string{"CreateStream orders 0", "CreateStream free 0", "ListStreams  0", "DescribeStreamSummary orders 0",
				"DescribeStreamSummary free 0", "PutRecord free 0", "PutRecord orders 0", "PutRecords orders 3", "UpdateStreamRecordDistributionStrategy free 0", "GetShardIterator orders 0", "GetRecords orders 0", "SplitShard orders 0",
				"MergeShards orders 0", "UpdateShardCount orders 0", "ListShards orders 0", "DescribeStream orders 0", "DeleteStream orders 0"} {
				if counts[want] == 0 {
					t.Errorf("no request %q among %q", want, told)
				}
				delete(counts, want)
			}
			if len(counts) > 0 {
				t.Errorf("requests besides: %v", counts)
			}
			it := must(s.Client().GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("free"), ShardId: aws.String("0"), ShardIteratorType: "LATEST"}))
			must(s.Client().GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator}))
			page := must(s.Client().ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("free"), MaxResults: aws.Int32(1)}))
			must(s.Client().ListShards(t.Context(), &kinesis.ListShardsInput{NextToken: page.NextToken}))
			_, _ = s.Client().GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: aws.String("x")})
			got := strings.Join(told[len(told)-5:], "; ")
			if want := "GetShardIterator free 0; GetRecords free 0; ListShards free 0; ListShards free 0; GetRecords  0"; got != want {
				t.Errorf("requests with tokens: %s\nwant %s", got, want)
			}
		})
	}
}

// TestHandlerAborts is a handler in a server of the test's own.
func TestHandlerAborts(t *testing.T) {
	s, _ := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.ConnectionReset()})))
	func() {
		defer func() {
			if got := recover(); got != http.ErrAbortHandler {
				t.Errorf("panic %v, want http.ErrAbortHandler", got)
			}
		}()
		post(s, "Kinesis_20131202.ListStreams", "", `{}`)
	}()
	own := httptest.NewServer(s)
	defer own.Close()
	_, err := kinesistest.NewSDKClient(own.URL, noRetry).ListStreams(t.Context(), nil)
	if e, ok := errors.AsType[*awshttp.ResponseError](err); !ok || e.HTTPStatusCode() != 0 {
		t.Errorf("error %v, want one without an answer", err)
	}
}

// TestCloseEndsHanging closes the socket under calls that are not answered.
func TestCloseEndsHanging(t *testing.T) {
	hanging := make(chan struct{})
	s, _ := newServer(t, 1, kinesistest.WithFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
		close(hanging)
		return kinesistest.Fault{Failure: kinesistest.NoAnswer()}
	}))
	c := kinesistest.NewSDKClient(must(s.Listen()), noRetry)
	failed := make(chan error)
	go func() { failed <- drop(putABC(t.Context(), c)) }()
	<-hanging
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("a call that is never answered succeeded")
	}
}

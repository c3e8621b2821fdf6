package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/producer"
)

// A call that is not answered is given up at WithRequestTimeout and its records
// go again; they may be there twice.
func TestRequestTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			out, err := f.Client.PutRecords(ctx, in)
			if n == 0 {
				<-ctx.Done() // stored, and the answer is lost
				return nil, &smithy.CanceledError{Err: ctx.Err()}
			}
			return out, err
		}
		p := open(t, f, producer.WithRequestTimeout(2*time.Second), producer.WithMaxBufferedTime(0))
		start := time.Now()
		res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k", Data: []byte("d")})
		if d := time.Since(start); err != nil || res.Attempts != 2 || res.MaybeStored || d <= 2*time.Second || d > 2*time.Second+ms(50)+1 {
			t.Errorf("%+v, %v after %v", res, err, time.Since(start))
		}
		if f.copies(t)["d"] != 2 {
			t.Errorf("%d copies", f.copies(t)["d"])
		}
	})
}

// A refused call of several entries fails the offender alone.
func TestBisect(t *testing.T) {
	for _, err := range []error{
		&types.ValidationException{Message: aws.String("bad")},
		&types.InvalidArgumentException{Message: aws.String("bad")},
		&smithy.GenericAPIError{Code: "SerializationException", Message: "bad", Fault: smithy.FaultClient},
	} {
		for bad := range 5 {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 5)
				offender := f.keys(t, shardID(bad), 1)[0]
				f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
					for _, e := range in.Records {
						if *e.PartitionKey == offender {
							return nil, err
						}
					}
					return f.Client.PutRecords(ctx, in)
				}
				p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
				var b book
				for s := range 5 {
					put(t, p, &b, f.keys(t, shardID(s), 1)...)
				}
				flush(t, p)
				for s := range 5 {
					r := b.of(t, f.keys(t, shardID(s), 1)[0])
					if s != bad && (r.Err != nil || r.ShardID != shardID(s)) {
						t.Errorf("a neighbour of the offender: %+v", r)
					}
					if s == bad && (!errors.Is(r.Err, producer.ErrRefused) || r.MaybeStored || putError(t, r.Err).Message != "bad") {
						t.Errorf("the offender: %+v", r)
					}
				}
				if n := len(f.copies(t)); n != 4 {
					t.Errorf("%d records are stored, want 4", n)
				}
				if s := p.Stats(); s.PutRecordsCalls != int64(len(f.calls())) {
					t.Errorf("PutRecordsCalls %d, but there were %d", s.PutRecordsCalls, len(f.calls()))
				}
			})
		}
	}
}

// An answer that leaves entries out says nothing of those: they go again.
func TestTruncatedAnswer(t *testing.T) {
	for _, cut := range []int{0, 1, -1} { // entries that are answered; -1: no answer at all
		bubble(t, func(t *testing.T) {
			f := newFake(t, 2)
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				out, err := f.Client.PutRecords(ctx, in)
				switch {
				case n > 0:
					return nil, accessDenied
				case cut < 0:
					return nil, nil
				}
				out.Records = out.Records[:cut]
				return out, err
			}
			p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
			var b book
			put(t, p, &b, f.keys(t, shardID(0), 1)...)
			put(t, p, &b, f.keys(t, shardID(1), 1)...)
			flush(t, p)
			put := 0
			for _, r := range b.all() {
				if r.Err == nil {
					put++
				} else if !r.MaybeStored || r.Attempts != 2 {
					t.Errorf("%+v", r)
				}
			}
			if put != max(cut, 0) || len(b.all()) != 2 {
				t.Errorf("%d answered, %d put of %d", cut, put, len(b.all()))
			}
		})
	}
}

// What the Producer hands to the client stays as it is when the call is over: a
// client that keeps it, or goes on with it after its deadline, sees no other
// records in it.
func TestInputStaysAsItIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		var kept []*kinesis.PutRecordsInput
		var asSent []string
		show := func(in *kinesis.PutRecordsInput) string {
			s := ""
			for _, e := range in.Records {
				s += fmt.Sprintf("%q %q %q\n", *e.PartitionKey, *e.ExplicitHashKey, e.Data)
			}
			return s
		}
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			kept, asSent = append(kept, in), append(asSent, show(in))
			if n == 1 {
				return nil, reset()
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		for i := range 5 {
			put(t, p, &book{}, fmt.Sprint(i), fmt.Sprint(i*7), fmt.Sprint(i*100))
			flush(t, p)
		}
		for i, in := range kept {
			if now := show(in); now != asSent[i] {
				t.Fatalf("call %d was\n%sand is now\n%s", i, asSent[i], now)
			}
		}
	})
}

// answerWith is a transport that answers PutRecords with a status and a body as
// long as more says so, and counts.
type answerWith struct {
	http.RoundTripper
	status int
	body   string
	more   func(n int) bool
	n      int
}

func (a *answerWith) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutRecords") {
		return a.RoundTripper.RoundTrip(r)
	}
	a.n++
	if !a.more(a.n - 1) {
		return a.RoundTripper.RoundTrip(r)
	}
	if a.status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body:   io.NopCloser(bytes.NewBufferString(a.body)),
	}, nil
}

// Errors as the AWS SDK makes them of answers: which are tried again, which may
// have been stored all the same, and that the SDK itself tries nothing again.
func TestErrorsOfTheSDK(t *testing.T) {
	for _, c := range []struct {
		status         int
		body           string
		refused, maybe bool
		code           string
	}{
		{0, "", false, true, ""},
		{500, `{"__type":"InternalFailure","message":"m"}`, false, true, "InternalFailure"},
		{500, `{"__type":"InternalFailureException","message":"m"}`, false, true, "InternalFailureException"},
		{503, `{"__type":"ServiceUnavailable","message":"m"}`, false, true, "ServiceUnavailable"},
		{500, `{"__type":"SomethingNew","message":"m"}`, false, true, "SomethingNew"},
		{502, `<html>Bad Gateway</html>`, false, true, ""},
		{200, `{"Records":[`, false, true, ""},
		{400, `{"__type":"ProvisionedThroughputExceededException","message":"m"}`, false, false, "ProvisionedThroughputExceededException"},
		{400, `{"__type":"ThrottlingException","message":"m"}`, false, false, "ThrottlingException"},
		{400, `{"__type":"LimitExceededException","message":"m"}`, false, false, "LimitExceededException"},
		{400, `{"__type":"KMSThrottlingException","message":"m"}`, false, false, "KMSThrottlingException"},
		{400, `{"__type":"ExpiredTokenException","message":"m"}`, false, false, "ExpiredTokenException"},
		{400, `{"__type":"InvalidSignatureException","message":"Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"}`, false, false, "InvalidSignatureException"},
		{400, `{"__type":"AccessDeniedException","message":"m"}`, true, false, "AccessDeniedException"},
		{400, `{"__type":"ResourceNotFoundException","message":"m"}`, true, false, "ResourceNotFoundException"},
		{400, `{"__type":"KMSDisabledException","message":"m"}`, true, false, "KMSDisabledException"},
		{400, `{"__type":"KMSAccessDeniedException","message":"m"}`, true, false, "KMSAccessDeniedException"},
		{400, `{"__type":"UnrecognizedClientException","message":"m"}`, true, false, "UnrecognizedClientException"},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 1)
				// First a failure, then access denied, which ends it: two calls.
				tr := &answerWith{RoundTripper: f.srv.Transport(), status: c.status, body: c.body, more: theFirst}
				denied := &answerWith{RoundTripper: tr, status: 400, body: `{"__type":"AccessDeniedException"}`}
				denied.more = func(n int) bool { return n > 0 }
				client := f.srv.SDKClient(func(o *kinesis.Options) { o.HTTPClient = &http.Client{Transport: denied} })
				p := open(t, client)
				res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k", Data: []byte("d")})
				if !errors.Is(err, producer.ErrRefused) || res.MaybeStored != c.maybe {
					t.Errorf("%+v, %v; want MaybeStored %v", res, err, c.maybe)
				}
				calls := 2
				if c.refused {
					calls = 1
				}
				if res.Attempts != calls || denied.n != calls {
					t.Errorf("%d attempts, %d requests, want %d", res.Attempts, denied.n, calls)
				}
				if pe := putError(t, err); c.refused && pe.Code != c.code {
					t.Errorf("code %q, want %q", pe.Code, c.code)
				}
			})
		})
	}
}

// The whole SDK between the Producer and the server: names, ARN, bytes.
func TestOverTheSDK(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		p := open(t, f.srv.SDKClient())
		var b book
		var want []string
		for i := range 50 {
			want = append(want, fmt.Sprint("key ", i))
		}
		put(t, p, &b, want...)
		flush(t, p)
		got := f.kclReads(t)
		for _, k := range want {
			if got[k] != 1 || b.of(t, k).Err != nil {
				t.Errorf("%s: delivered %d times", k, got[k])
			}
		}
		if n := len(f.srv.Records(stream)); n != 3 {
			t.Errorf("%d Kinesis records, want one a shard", n)
		}
	})
}

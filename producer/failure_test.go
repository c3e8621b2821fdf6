package producer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/producer"
)

var (
	badCredentials error = &smithy.GenericAPIError{Code: "UnrecognizedClientException", Message: "no"}
	accessDenied         = &types.AccessDeniedException{Message: aws.String("no")}
	gone                 = &types.ResourceNotFoundException{Message: aws.String("no such stream")}
	throttled            = &types.ProvisionedThroughputExceededException{Message: aws.String("slow down")}
	unavailable          = &smithy.GenericAPIError{Code: "ServiceUnavailable", Message: "later", Fault: smithy.FaultServer}
)

// An entry that a shard refuses for now goes again after a backoff, record by
// record and in front of what is newer; the other shards do not wait.
func TestRetryOfOneShard(t *testing.T) {
	for _, errorCode := range []string{"ProvisionedThroughputExceededException", "InternalFailure"} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 2)
			p := open(t, f, producer.WithMaxBufferedTime(0))
			low, high := f.keys(t, shardID(0), 4), f.keys(t, shardID(1), 2)
			bad := 3
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				return f.sub(ctx, in, func(e types.PutRecordsRequestEntry) string {
					if f.owner(e) == shardID(0) && bad > 0 {
						bad--
						return errorCode
					}
					return ""
				})
			}
			var b book
			start := time.Now()
			put(t, p, &b, low[0], high[0])
			wait()
			put(t, p, &b, low[1], low[2])
			put(t, p, &b, high[1])
			wait()
			if b.of(t, high[0]).Err != nil || b.of(t, high[1]).Err != nil || time.Since(start) != 0 {
				t.Errorf("the other shard waited")
			}
			flush(t, p)
			if d := time.Since(start); d < 1 || d > ms(50+100+200)+3 {
				t.Errorf("three backoffs took %v", d)
			}
			first := b.of(t, low[0])
			if first.Err != nil || first.Attempts != 4 || first.MaybeStored {
				t.Errorf("the retried record: %+v", first)
			}
			if r := b.of(t, low[1]); r.Err != nil || r.SequenceNumber < first.SequenceNumber {
				t.Errorf("overtook the retried record: %+v", r)
			}
			// The second and third time what came meanwhile goes along: they share a unit.
			if s := p.Stats(); s.UserRecordsRetried != 7 || s.EntryErrors != 3 {
				t.Errorf("%+v", s)
			}
			for key, n := range f.copies(t) {
				if n != 1 {
					t.Errorf("%s is stored %d times", key, n)
				}
			}
		})
	}
}

// A failed aggregate goes again as user records: what came meanwhile does not
// go before it, and it packs whole.
func TestRetryIsPackedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.fail(throttled, theFirst)
		p := open(t, f)
		var b book
		put(t, p, &b, "a", "b", "c")
		flush(t, p)
		put(t, p, &b, "d")
		flush(t, p)
		for i, k := range []string{"a", "b", "c"} {
			if r := b.of(t, k); r.Err != nil || r.Attempts != 2 || r.SubSequenceNumber != i || !r.Aggregated || r.MaybeStored {
				t.Errorf("%s: %+v", k, r)
			}
		}
		if n := len(f.srv.Records(stream)); n != 2 {
			t.Errorf("%d Kinesis records, want 2", n)
		}
	})
}

// MaybeStored and Attempts for every way in which a call can fail and the record
// expire.
func TestExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		code  string
		maybe bool
	}{
		"throttled":           {throttled, "ProvisionedThroughputExceededException", false},
		"limit exceeded":      {&types.LimitExceededException{}, "LimitExceededException", false},
		"KMS throttled":       {&types.KMSThrottlingException{}, "KMSThrottlingException", false},
		"expired credentials": {&smithy.GenericAPIError{Code: "ExpiredTokenException", Fault: smithy.FaultClient}, "ExpiredTokenException", false},
		"5xx":                 {unavailable, "ServiceUnavailable", true},
		"new fault":           {&smithy.GenericAPIError{Code: "SomethingNew", Fault: smithy.FaultServer}, "SomethingNew", true},
		"internal failure":    {&types.InternalFailureException{}, "InternalFailureException", true},
		"connection":          {reset(), "", true},
		"timeout":             {context.DeadlineExceeded, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 1)
				f.fail(c.err, always)
				p := open(t, f, producer.WithRecordTTL(time.Second))
				var b book
				start := time.Now()
				put(t, p, &b, "one", "two")
				flush(t, p)
				if d := time.Since(start); d < time.Second || d > 6*time.Second {
					t.Errorf("expired after %v", d)
				}
				for _, k := range []string{"one", "two"} {
					r := b.of(t, k)
					if !errors.Is(r.Err, producer.ErrExpired) || r.MaybeStored != c.maybe || r.Attempts != len(f.calls()) || r.Attempts < 3 || r.SequenceNumber != "" {
						t.Fatalf("%s: %+v after %d calls", k, r, len(f.calls()))
					}
					if pe := putError(t, r.Err); pe.Code != c.code || pe.Attempts != r.Attempts || pe.Message == "" && c.code == "" {
						t.Errorf("%s: %+v, want code %q", k, pe, c.code)
					}
				}
				if s := p.Stats(); s.UserRecordsExpired != 2 || s.UserRecordsFailed != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// A record that waits in its lane longer than its time to live is handed back
// without having been sent; its younger neighbours go.
func TestExpiryInTheLane(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				time.Sleep(3 * time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithRecordTTL(2*time.Second), producer.WithMaxBufferedTime(0))
		var b book
		put(t, p, &b, "slow")
		wait()
		put(t, p, &b, "old")
		pass(1500 * time.Millisecond)
		put(t, p, &b, "young")
		flush(t, p)
		if r := b.of(t, "slow"); r.Err != nil { // stored, if late
			t.Errorf("%+v", r)
		}
		if r := b.of(t, "old"); !errors.Is(r.Err, producer.ErrExpired) || r.Attempts != 0 || r.MaybeStored || putError(t, r.Err).Code != "" {
			t.Errorf("%+v", r)
		}
		if r := b.of(t, "young"); r.Err != nil || r.Aggregated || r.Attempts != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// A record whose time is up when its answer comes is handed back then, without a
// backoff.
func TestExpiryWithTheAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(int, context.Context, *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(2 * time.Second)
			return nil, throttled
		}
		p := open(t, f, producer.WithRecordTTL(time.Second), producer.WithMaxBufferedTime(0))
		start := time.Now()
		_, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"})
		if d := time.Since(start); !errors.Is(err, producer.ErrExpired) || d != 2*time.Second {
			t.Errorf("%v after %v", err, d)
		}
	})
}

// A success ends the row of failures that the backoff grows with.
func TestSuccessEndsBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		bad := 8
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if bad--; bad >= 0 {
				return nil, throttled
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedTime(0))
		var b book
		put(t, p, &b, "k")
		flush(t, p)
		for range 20 {
			bad = 1
			start := time.Now()
			put(t, p, &b, "k")
			flush(t, p)
			if d := time.Since(start); d > ms(50)+1 {
				t.Fatalf("the first backoff after a success took %v", d)
			}
		}
	})
}

// With a time to live of 0 a record is tried for as long as it takes, at most 5 s
// apart.
func TestNoExpiry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		start := time.Now()
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if time.Since(start) < time.Hour {
				return nil, throttled
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithRecordTTL(0))
		res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"})
		if err != nil || res.Attempts != len(f.calls()) {
			t.Errorf("%+v, %v", res, err)
		}
		calls := f.calls()
		for i := 1; i < len(calls); i++ {
			if gap := calls[i].at.Sub(calls[i-1].at); gap < 1 || gap > 5*time.Second+1 {
				t.Fatalf("try %d came %v after the one before", i, gap)
			}
		}
		if n := len(calls); n < 3600/5 || n > 3*3600/5 {
			t.Errorf("%d tries in an hour", n)
		}
	})
}

// What cannot pass fails at once, with one call and the service's words.
func TestRefused(t *testing.T) {
	for name, err := range map[string]smithy.APIError{
		"access denied": accessDenied,
		"stream gone":   gone,
		"KMS disabled":  &types.KMSDisabledException{Message: aws.String("off")},
		"bad signature": &smithy.GenericAPIError{Code: "IncompleteSignature", Message: "what", Fault: smithy.FaultClient},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 2)
				f.fail(&smithy.OperationError{ServiceID: "Kinesis", OperationName: "PutRecords", Err: err}, always)
				p := open(t, f)
				var b book
				put(t, p, &b, f.keys(t, shardID(0), 2)...)
				flush(t, p)
				for _, r := range b.all() {
					pe := putError(t, r.Err)
					if !errors.Is(r.Err, producer.ErrRefused) || pe.Code != err.ErrorCode() || pe.Message != err.ErrorMessage() || pe.Attempts != 1 || r.Attempts != 1 || r.MaybeStored {
						t.Errorf("%+v, %+v", r, pe)
					}
				}
				if len(b.all()) != 2 || len(f.calls()) != 1 {
					t.Errorf("%d results, %d calls", len(b.all()), len(f.calls()))
				}
				f.put = nil // and the producer goes on
				put(t, p, &b, "later")
				flush(t, p)
				if r := b.of(t, "later"); r.Err != nil {
					t.Errorf("after it: %v", r.Err)
				}
			})
		})
	}
}

// A record whose first call was lost and whose second was refused may be stored.
func TestMaybeStoredIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				return nil, reset()
			}
			return nil, accessDenied
		}
		p := open(t, f)
		var b book
		put(t, p, &b, "k", "l")
		flush(t, p)
		for _, r := range b.all() {
			if !errors.Is(r.Err, producer.ErrRefused) || !r.MaybeStored || r.Attempts != 2 {
				t.Errorf("%+v", r)
			}
		}
	})
}

// owner returns the open shard that an entry belongs to.
func (f *fake) owner(e types.PutRecordsRequestEntry) string {
	for _, s := range f.srv.Shards(stream) {
		if s.Open && s.Contains(*e.ExplicitHashKey) {
			return s.ID
		}
	}
	return ""
}

// What failed goes again at once if others stand behind it.
func TestRetryWithOthersBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.fail(unavailable, theFirst)
		p := open(t, f, producer.WithMaxBufferedTime(10*time.Minute), producer.WithRecordTTL(0),
			producer.WithAggregationMaxSize(1000), producer.WithAggregationLimit(1000), producer.WithPutUnit(1000))
		start := time.Now()
		fill(t, p, "k", 300, 300)
		fill(t, p, "k", 960, 960) // does not fit, and is full
		pass(5 * time.Second)
		if n := len(f.srv.Records(stream)); n != 2 {
			t.Errorf("%d records after %v", n, time.Since(start))
		}
	})
}

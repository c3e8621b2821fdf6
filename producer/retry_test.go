package producer_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// What waits behind a failed aggregate joins it, if that saves units, and only then.
func TestRetryTakesInTheNext(t *testing.T) {
	for size, want := range map[int]int{500: 2, 25_000: 3} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				if n == 0 {
					time.Sleep(ms(50))
					return nil, unavailable
				}
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f)
			fill(t, p, "k", size, size)
			flushSoon(t, p)
			fill(t, p, "k", size, size)
			flush(t, p)
			if n := len(f.calls()); n != want {
				t.Errorf("records of %d bytes: %d calls, want %d", size, n, want)
			}
		})
	}
}

// What a Flush waits for is awaited also in the shard that it moves to.
func TestFlushAcrossReshard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				time.Sleep(time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedTime(10*time.Minute), producer.WithRecordTTL(0))
		var b book
		halves := newFake(t, 2)
		put(t, p, &b, halves.keys(t, shardID(0), 30)...)
		flushSoon(t, p) // under way
		put(t, p, &b, halves.keys(t, shardID(1), 30)...)
		f.split(t, shardID(0))
		start := time.Now()
		flush(t, p)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("Flush took %v", d)
		}
	})
}

// What comes back does not wait for neighbours again, while a Put waits for its room.
func TestPutBehindARetry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		var listable atomic.Bool
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if n > 0 && !listable.Load() {
				return nil, reset()
			}
			return f.Client.ListShards(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedTime(10*time.Minute), producer.WithRecordTTL(0), producer.WithMaxBufferedBytes(20_000))
		var b book
		f.split(t, shardID(0))
		for i := range 70 {
			put(t, p, &b, fmt.Sprint("key ", i))
		}
		start := time.Now()
		putErr := make(chan error)
		go func() {
			putErr <- p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 10_000)}, nil)
		}()
		wait() // pressed: the aggregate goes, and is parked
		pass(time.Second)
		listable.Store(true)
		<-putErr
		if d := time.Since(start); d > time.Minute {
			t.Errorf("Put waited for %v", d)
		}
	})
}

// The rate limit does not keep a record beyond its time to live.
func TestExpiryUnderRateLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRateLimit(1))
		var b book
		if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 1_000_000)}, nil); err != nil {
			t.Fatal(err)
		}
		flush(t, p)
		start := time.Now()
		put(t, p, &b, "late")
		flush(t, p)
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("handed back after %v", d)
		}
	})
}

// An entry of the answer that says nothing is not taken as stored.
func TestEmptyAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}, nil
		}
		p := open(t, f, producer.WithRecordTTL(2*time.Second))
		var b book
		put(t, p, &b, "x")
		flush(t, p)
		if r := b.of(t, "x"); r.Err == nil {
			t.Errorf("%+v", r)
		}
	})
}

// OldestAge knows of what is under way to a shard that is gone.
func TestOldestAgeAcrossReshard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				time.Sleep(5 * time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxInFlightPerLane(2))
		var b book
		put(t, p, &b, "x", "z")
		pass(ms(200))
		f.split(t, shardID(0))
		for i := range 30 {
			put(t, p, &b, fmt.Sprint(i))
		}
		pass(time.Second)
		s := p.Stats()
		if s.Shards != 2 || s.UserRecordsPending != 2 || s.OldestAge != ms(1200) {
			t.Errorf("%+v", s)
		}
	})
}

// FailIfThrottled hands throttled records back at once, and only those.
func TestFailIfThrottled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithFailIfThrottled(true))
		f.fail(throttled, theFirst)
		var b book
		put(t, p, &b, "throttled")
		flush(t, p)
		if r := b.of(t, "throttled"); !errors.Is(r.Err, producer.ErrRefused) || putError(t, r.Err).Code != "ProvisionedThroughputExceededException" || r.Attempts != 1 {
			t.Errorf("%+v", r)
		}
		n := len(f.calls())
		f.fail(unavailable, func(i int) bool { return i == n })
		put(t, p, &b, "not throttled")
		flush(t, p)
		if r := b.of(t, "not throttled"); r.Err != nil || r.Attempts != 2 {
			t.Errorf("%+v", r)
		}
	})
}

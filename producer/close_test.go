package producer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"go.uber.org/goleak"

	"github.com/kinpack/kinpack/producer"
)

// Flush does not wait for the deadline, and only for what was put before it.
func TestFlush(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
		var before, after book
		start := time.Now()
		flush(t, p) // nothing to wait for
		put(t, p, &before, f.keys(t, shardID(0), 2)...)
		put(t, p, &before, f.keys(t, shardID(1), 1)...)
		go func() {
			time.Sleep(ms(500))
			put(t, p, &after, f.keys(t, shardID(0), 1)...)
		}()
		flush(t, p)
		if d := time.Since(start); d != time.Second || len(before.all()) != 3 {
			t.Errorf("%d done after %v", len(before.all()), d)
		}
		pass(time.Minute)
		if len(after.all()) != 0 {
			t.Error("what was put after it went as well")
		}
		flush(t, p)
		if len(after.all()) != 1 || time.Since(start) != 62*time.Second {
			t.Errorf("the second Flush: %d done after %v", len(after.all()), time.Since(start))
		}
	})
}

// Flushes that overlap each wait for their own records, and ctx ends one.
func TestFlushesOverlap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		var b book
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 3 {
			put(t, p, &b, fmt.Sprint(i))
			wg.Go(func() {
				flush(t, p)
				if d, want := time.Since(start), min(time.Duration(i+1), 2)*time.Second; d != want {
					t.Errorf("Flush %d returned after %v, want %v", i, d, want)
				}
			})
			wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), ms(10))
		defer cancel()
		if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != ms(10) {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		wg.Wait()
	})
}

// A Flush waits for the dones, too.
func TestFlushWaitsForDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1))
		ended := false
		if err := p.Put(t.Context(), producer.Record{PartitionKey: "k"}, func(producer.Result) {
			time.Sleep(time.Minute)
			ended = true
		}); err != nil {
			t.Fatal(err)
		}
		flush(t, p)
		if !ended {
			t.Error("Flush returned before the done")
		}
	})
}

func TestCloseDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		f.fail(throttled, func(n int) bool { return n < 3 })
		p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
		var b book
		put(t, p, &b, "a", "b", "c", "d")
		errs := make(chan error, 2)
		go func() { errs <- p.Close(t.Context()) }()
		go func() { errs <- p.Close(t.Context()) }()
		if err := errors.Join(<-errs, <-errs, p.Close(t.Context())); err != nil {
			t.Error(err)
		}
		for _, k := range []string{"a", "b", "c", "d"} {
			if r := b.of(t, k); r.Err != nil {
				t.Errorf("%+v", r)
			}
		}
		if err := p.Put(t.Context(), producer.Record{PartitionKey: "k"}, nil); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("Put: %v", err)
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
	})
}

// When ctx ends Close gives up: each record is handed back, the calls under way
// are cancelled, and the error tells how many there were.
func TestCloseGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if f.owner(in.Records[0]) == shardID(2) {
				return f.sub(ctx, in, func(types.PutRecordsRequestEntry) string { return "InternalFailure" })
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p := open(t, f, producer.WithMaxBufferedTime(0), producer.WithRequestTimeout(time.Hour), producer.WithRecordTTL(0))
		var b book
		low, mid, high := f.keys(t, shardID(0), 4), f.keys(t, shardID(1), 1), f.keys(t, shardID(2), 1)
		put(t, p, &b, high...)
		wait()
		put(t, p, &b, low[0])
		wait()
		put(t, p, &b, mid...)
		wait()
		put(t, p, &b, low[1:]...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "6 user records") || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		for _, k := range append(append(low, mid...), high...) {
			r := b.of(t, k)
			out := k == low[0] || k == mid[0]
			if !errors.Is(r.Err, producer.ErrClosed) || r.MaybeStored != out || (r.Attempts > 0) != (out || k == high[0]) {
				t.Errorf("%+v", r)
			}
		}
		if again := p.Close(t.Context()); again != err {
			t.Errorf("the second Close: %v, the first: %v", again, err)
		}
		if s := p.Stats(); s.UserRecordsHandedBack != 6 || s.UserRecordsFailed != 6 {
			t.Errorf("%+v", s)
		}
		calls := len(f.calls())
		pass(time.Hour)
		if n := len(f.calls()); n != calls {
			t.Errorf("%d calls after Close", n-calls)
		}
	})
}

// A parked aggregate is handed back as well.
func TestCloseGivesUpParked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRecordTTL(0))
		f.list = func(_ int, ctx context.Context, _ *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			f.split(t, shardID(0))
			return f.Client.PutRecords(ctx, in)
		}
		var b book
		put(t, p, &b, f.keys(t, shardID(0), 3)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err == nil || !strings.Contains(err.Error(), "3 user records") {
			t.Error(err)
		}
		for _, r := range b.all() {
			if !errors.Is(r.Err, producer.ErrLandingUnknown) || r.SequenceNumber == "" || !r.MaybeStored {
				t.Errorf("%+v", r)
			}
		}
	})
}

// Puts that race with Close are either refused or finished.
func TestCloseAmidPuts(t *testing.T) {
	for i := range 20 {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 2)
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				time.Sleep(ms(3))
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f, producer.WithMaxBufferedBytes(3000))
			var b book
			var mu sync.Mutex
			accepted := 0
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					for n := 0; ; n++ {
						err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(g, n), Data: []byte(repeat(n % 300))}, b.done)
						if errors.Is(err, producer.ErrClosed) {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						accepted++
						mu.Unlock()
					}
				})
			}
			time.Sleep(ms(i * 7))
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
			wg.Wait()
			if len(b.all()) != accepted || p.Stats().UserRecordsPut != int64(accepted) {
				t.Errorf("%d accepted, %d done, %+v", accepted, len(b.all()), p.Stats())
			}
		})
	}
}

// No goroutine is left after Close, and none while idle.
func TestNoGoroutineLeft(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := newFake(t, 4)
	p, err := producer.New(t.Context(), f, stream, producer.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var b book
	for range 3 {
		put(t, p, &b, "a", "b", "c", "d", "")
		f.split(t, f.srv.Shards(stream)[len(f.srv.Shards(stream))-1].ID)
		flush(t, p)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

package producer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

// bookkeeping is what WithMaxBufferedBytes says a record charges besides its
// data and keys.
const bookkeeping = 256

// blocked is a fake whose calls wait until release is closed.
func blocked(t testing.TB) (f *fake, release chan struct{}) {
	f, release = newFake(t, 1), make(chan struct{})
	f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		<-release
		return f.Client.PutRecords(ctx, in)
	}
	return f, release
}

func rec(key string, data int) producer.Record {
	return producer.Record{PartitionKey: key, Data: make([]byte, data)}
}

// A record charges its data, its keys and the bookkeeping, to the byte, and gives
// all of it back.
func TestBufferIsExact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, release := blocked(t)
		p := open(t, f, producer.WithMaxBufferedBytes(2000), producer.WithRequestTimeout(time.Hour))
		r := producer.Record{PartitionKey: "key", ExplicitHashKey: "123", Data: make([]byte, 600)}
		one := int64(600 + 3 + 3 + bookkeeping)
		for i := range 2 {
			if err := p.TryPut(r, nil); err != nil {
				t.Fatal(err)
			}
			if got := p.Stats().BufferedBytes; got != one*int64(i+1) {
				t.Errorf("%d bytes buffered, want %d", got, one*int64(i+1))
			}
		}
		left := 2000 - int(2*one) - bookkeeping - 1
		if err := p.TryPut(rec("k", left+1), nil); !errors.Is(err, producer.ErrBufferFull) {
			t.Errorf("a byte too many: %v", err)
		}
		if err := p.TryPut(rec("k", left), nil); err != nil {
			t.Errorf("what fits exactly: %v", err)
		}
		if err := p.TryPut(rec("k", 0), nil); !errors.Is(err, producer.ErrBufferFull) {
			t.Errorf("full: %v", err)
		}
		if s := p.Stats(); s.UserRecordsReceived != 3 || s.BufferedBytes != 2000 {
			t.Errorf("%+v", s)
		}
		close(release)
		flush(t, p)
		if n := p.Stats().BufferedBytes; n != 0 {
			t.Errorf("%d bytes are not given back", n)
		}
		if err := p.TryPut(rec("k", 2000-bookkeeping-1), nil); err != nil {
			t.Errorf("a record of the whole buffer: %v", err)
		}
	})
}

func TestRecordLargerThanBuffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1), producer.WithMaxBufferedBytes(1000))
		if err := p.Put(t.Context(), rec("k", 1000-bookkeeping), nil); !errors.Is(err, producer.ErrTooLarge) {
			t.Errorf("Put: %v, want ErrTooLarge", err)
		}
		if err := p.TryPut(rec("k", 1000-bookkeeping), nil); !errors.Is(err, producer.ErrTooLarge) {
			t.Errorf("TryPut: %v, want ErrTooLarge", err)
		}
	})
}

// waiting starts a Put that has to wait for room and returns where its error goes.
func waiting(p *producer.Producer, ctx context.Context, r producer.Record, done func(producer.Result)) <-chan error {
	errc := make(chan error, 1)
	go func() { errc <- p.Put(ctx, r, done) }()
	wait()
	return errc
}

// Those who wait come in first come first served: neither a TryPut nor a smaller
// record overtakes.
func TestPutWaitsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, release := blocked(t)
		p := open(t, f, producer.WithMaxBufferedBytes(1000), producer.WithMaxBufferedTime(0), producer.WithRequestTimeout(time.Hour))
		if err := p.Put(t.Context(), rec("k", 300), nil); err != nil {
			t.Fatal(err)
		}
		wait()
		var b book
		var errs []<-chan error
		for i, size := range []int{600, 1, 500, 2} {
			errs = append(errs, waiting(p, t.Context(), rec(fmt.Sprint(i), size), b.done))
		}
		if err := p.TryPut(rec("k", 0), nil); !errors.Is(err, producer.ErrBufferFull) {
			t.Errorf("TryPut overtakes: %v", err)
		}
		if n := p.Stats().UserRecordsReceived; n != 1 {
			t.Errorf("%d records in the buffer, want 1", n)
		}
		close(release)
		for _, e := range errs {
			if err := <-e; err != nil {
				t.Error(err)
			}
		}
		flush(t, p)
		var order []string
		for _, r := range b.all() {
			order = append(order, r.Record.PartitionKey)
		}
		if !slices.Equal(order, []string{"0", "1", "2", "3"}) {
			t.Errorf("came in as %v", order)
		}
	})
}

// ctx ends a wait, the place in the queue is free again, and who stood behind and
// fits comes in.
func TestPutWaitEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, release := blocked(t)
		p := open(t, f, producer.WithMaxBufferedBytes(1000), producer.WithMaxBufferedTime(0), producer.WithRequestTimeout(time.Hour))
		if err := p.Put(t.Context(), rec("k", 300), nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), ms(50))
		defer cancel()
		start := time.Now()
		large := waiting(p, ctx, rec("large", 700), func(producer.Result) { t.Error("done of a refused record ran") })
		small := waiting(p, t.Context(), rec("small", 10), nil)
		if err := <-large; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != ms(50) {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := <-small; err != nil || time.Since(start) != ms(50) {
			t.Errorf("who stood behind: %v after %v", err, time.Since(start))
		}
		if n := p.Stats().BufferedBytes; n != 300+1+10+5+2*bookkeeping {
			t.Errorf("%d bytes buffered", n)
		}
		close(release)
	})
}

// Close ends all waits with ErrClosed and nothing of them is left.
func TestCloseEndsWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, release := blocked(t)
		p := open(t, f, producer.WithMaxBufferedBytes(1000), producer.WithMaxBufferedTime(0), producer.WithRequestTimeout(time.Hour))
		if err := p.Put(t.Context(), rec("k", 700), nil); err != nil {
			t.Fatal(err)
		}
		never := func(producer.Result) { t.Error("done of a refused record ran") }
		a, b := waiting(p, t.Context(), rec("a", 300), never), waiting(p, t.Context(), rec("b", 300), never)
		closed := make(chan error)
		go func() { closed <- p.Close(t.Context()) }()
		for _, errc := range []<-chan error{a, b} {
			if err := <-errc; !errors.Is(err, producer.ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		}
		if err := p.TryPut(rec("k", 1), never); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("TryPut: %v", err)
		}
		if err := p.Put(t.Context(), rec("k", 1), never); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("Put: %v", err)
		}
		close(release)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.BufferedBytes != 0 || s.UserRecordsReceived != 1 || s.UserRecordsPut != 1 {
			t.Errorf("%+v", s)
		}
	})
}

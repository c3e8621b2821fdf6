package producer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/producer"
)

const week = 7 * 24 * time.Hour

// Puts that wait behind one another are let in one by one, whatever the maximum
// buffered time.
func TestPutsThatWaitInARow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1), producer.WithMaxBufferedTime(week), producer.WithRecordTTL(0), producer.WithMaxBufferedBytes(3000))
		var b book
		returned := make(chan error, 4)
		for range cap(returned) {
			go func() {
				returned <- p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 2000)}, b.done)
			}()
		}
		pass(10 * time.Second)
		if n := len(returned); n != cap(returned) {
			t.Errorf("%d of %d Puts returned", n, cap(returned))
		}
	})
}

// The same where a listing, and no worker, makes the room.
func TestPutWaitsForWhatWasParked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f, producer.WithMaxBufferedTime(week), producer.WithRecordTTL(0), producer.WithMaxBufferedBytes(3000))
		f.merge(t, shardID(0), shardID(1))
		f.list = func(_ int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.ListShards(ctx, in)
		}
		var b book
		keys := f.keys(t, shardID(0), 2)
		put(t, p, &b, keys...)
		if err := p.Put(t.Context(), producer.Record{PartitionKey: keys[0], Data: make([]byte, 2000)}, b.done); err != nil {
			t.Fatal(err)
		}
		returned := make(chan error, 4)
		for range cap(returned) {
			go func() {
				returned <- p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 2000)}, b.done)
			}()
		}
		pass(20 * time.Second)
		if n := len(returned); n != cap(returned) {
			t.Errorf("%d of %d Puts returned", n, cap(returned))
		}
	})
}

// The same for one that came in since everything was made due.
func TestPutWaitsForALatecomer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		p := open(t, f, producer.WithMaxBufferedTime(week), producer.WithRecordTTL(0), producer.WithMaxBufferedBytes(5000))
		f.merge(t, shardID(0), shardID(1))
		f.list = func(_ int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.ListShards(ctx, in)
		}
		large := producer.Record{PartitionKey: "k", Data: make([]byte, 4700)}
		var b book
		key := f.keys(t, shardID(0), 1)[0]
		put(t, p, &b, key, key)
		if err := p.TryPut(large, nil); !errors.Is(err, producer.ErrBufferFull) {
			t.Fatal(err) // which has the two sent, and wait for the listing
		}
		wait()
		_ = p.TryPut(large, nil) // everything is due, which is nothing now
		put(t, p, &b, f.keys(t, shardID(2), 1)...)
		returned := make(chan error, 1)
		go func() { returned <- p.Put(t.Context(), large, nil) }()
		pass(20 * time.Second)
		if len(returned) == 0 {
			t.Error("a Put waits")
		}
	})
}

// What is packed anew while its shard is in a backoff goes when it is due.
func TestSetAggregationInABackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithAggregation(false), producer.WithMaxBufferedTime(time.Second))
		f.fail(reset(), theFirst)
		var b book
		put(t, p, &b, "k")
		wait()
		p.SetAggregation(true)
		pass(10 * time.Second)
		if len(b.all()) != 1 {
			t.Error("not put after 10 s")
		}
	})
}

// A Flush takes all of what was given back before it and could not go yet.
func TestFlushWhatWasGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		p := open(t, f, producer.WithMaxBufferedTime(week), producer.WithRecordTTL(0), producer.WithPutUnit(1000),
			producer.WithAggregationMaxSize(1000), producer.WithMaxBufferedBytes(6000), producer.WithCollectionMaxCount(1))
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			switch n {
			case 0, 1: // of the first two shards
				time.Sleep(time.Second)
				return nil, reset()
			case 2:
				time.Sleep(5 * time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		var b book
		add := func(shard, size int) {
			t.Helper()
			r := producer.Record{PartitionKey: f.keys(t, shardID(shard), 1)[0], Data: make([]byte, size)}
			if err := p.Put(t.Context(), r, b.done); err != nil {
				t.Fatal(err)
			}
		}
		add(0, 940)
		add(1, 860)
		add(2, 500)
		if err := p.TryPut(producer.Record{PartitionKey: "k", Data: make([]byte, 5000)}, nil); !errors.Is(err, producer.ErrBufferFull) {
			t.Fatal(err) // which makes them due
		}
		wait()
		if err := f.srv.Scale(stream, 1); err != nil {
			t.Fatal(err)
		}
		add(3, 960)           // fills a unit, and shows the new shards
		pass(2 * time.Second) // the first two wait for the third, which might have to go first
		flushed := make(chan error, 1)
		go func() { flushed <- p.Flush(t.Context()) }()
		pass(20 * time.Second)
		if len(flushed) == 0 {
			t.Errorf("not flushed after 20 s: %+v", p.Stats())
		}
	})
}

// What is cut off from records that expired while they waited for the rate limit goes
// when it is due.
func TestCutOffFromTheExpired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1), producer.WithRateLimit(1), producer.WithRecordTTL(2*time.Second),
			producer.WithMaxBufferedTime(time.Second), producer.WithPutUnit(1000))
		var b book
		add := func(size int) {
			t.Helper()
			if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, size)}, b.done); err != nil {
				t.Fatal(err)
			}
		}
		add(100_000)
		pass(2 * time.Second) // sent; its shard is to rest for 9 s
		add(100_000)
		add(940)
		pass(1600 * time.Millisecond)
		add(100)
		pass(30 * time.Second)
		if n := len(b.all()); n != 4 {
			t.Errorf("%d of 4 done", n)
		}
	})
}

// An aggregate whose shard is not known does not wait for minutes because the shards
// could not be listed before.
func TestParkedAfterADenial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f, producer.WithMaxBufferedTime(0))
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if n == 1 {
				return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
			}
			return f.Client.ListShards(ctx, in)
		}
		var b book
		f.merge(t, shardID(0), shardID(1))
		p.SetAggregation(false)
		put(t, p, &b, "k") // plain: it needs no listing, but has one made, which is denied
		pass(time.Second)
		p.SetAggregation(true)
		keys := f.keys(t, shardID(2), 2)
		put(t, p, &b, keys[0], keys[0], keys[1], keys[1])
		pass(20 * time.Second)
		if n := len(b.all()); n != 5 {
			t.Errorf("%d of 5 done", n)
		}
	})
}

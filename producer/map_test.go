package producer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// All that is wrong with the options is told at once, each by its name.
func TestNewRefusesOptions(t *testing.T) {
	f := newFake(t, 1)
	_, err := producer.New(t.Context(), f, stream,
		producer.WithMaxBufferedTime(-1), producer.WithMaxRecordSize(10<<20+1), producer.WithAggregationMaxSize(0),
		producer.WithMaxBufferedBytes(0), producer.WithMaxInFlight(0), producer.WithRecordTTL(-1),
		producer.WithRequestTimeout(0), producer.WithLogger(nil))
	for _, name := range []string{"MaxBufferedTime", "MaxRecordSize", "AggregationMaxSize", "MaxBufferedBytes", "MaxInFlight", "RecordTTL", "RequestTimeout", "Logger"} {
		if err == nil || !strings.Contains(err.Error(), "With"+name) {
			t.Errorf("With%s is not in the error %v", name, err)
		}
	}
	for _, n := range []int{1000, 1001} { // an aggregate has an outer key of one byte
		if _, err := producer.New(t.Context(), f, stream, producer.WithMaxRecordSize(1000), producer.WithAggregationMaxSize(n)); err == nil {
			t.Errorf("aggregates of %d in records of 1000 are accepted", n)
		}
	}
	if _, err := producer.New(t.Context(), f, stream, producer.WithMaxBufferedTime(time.Second), producer.WithRecordTTL(time.Second)); err == nil {
		t.Error("records that expire before they are due are accepted")
	}
	if _, err := producer.New(t.Context(), nil, stream); err == nil {
		t.Error("a nil client is accepted")
	}
	if _, err := producer.New(t.Context(), f, ""); err == nil {
		t.Error("an empty stream is accepted")
	}
	if n := len(f.listings()); n != 0 {
		t.Errorf("%d listings for bad options", n)
	}
}

// New fails for what cannot pass, and leaves nothing behind.
func TestNewFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		if p, err := producer.New(t.Context(), f, "no-such-stream"); p != nil || !isA[*types.ResourceNotFoundException](err) {
			t.Errorf("no such stream: %v, %v", p, err)
		}
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, badCredentials
		}
		if p, err := producer.New(t.Context(), f, stream); p != nil || !errors.Is(err, badCredentials) {
			t.Errorf("bad credentials: %v, %v", p, err)
		}
		f.list = func(_ int, ctx context.Context, _ *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), ms(10))
		defer cancel()
		if p, err := producer.New(ctx, f, stream); p != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ctx ended: %v, %v", p, err)
		}
	})
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// Without a map records go plain, at most one unacknowledged a partition key;
// when the map comes they are packed. New does not wait for a service that
// hangs longer than a call may take.
func TestBeforeTheFirstMap(t *testing.T) {
	for name, failure := range map[string]func(ctx context.Context) error{
		"throttled": func(context.Context) error { return &types.LimitExceededException{} },
		"5xx":       func(context.Context) error { return unavailable },
		"no answer": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"in use":    func(context.Context) error { return &types.ResourceInUseException{} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { beforeTheFirstMap(t, failure) })
		})
	}
}

func beforeTheFirstMap(t *testing.T, failure func(ctx context.Context) error) {
	f := newFake(t, 2)
	start := time.Now()
	f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
		if time.Since(start) < time.Minute {
			return nil, failure(ctx)
		}
		return f.Client.ListShards(ctx, in)
	}
	underWay := map[string]int{}
	f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		f.mu.Lock()
		for _, e := range in.Records {
			if underWay[*e.PartitionKey]++; underWay[*e.PartitionKey] > 1 && *e.PartitionKey != "a" {
				t.Errorf("two records of %s under way", *e.PartitionKey)
			}
		}
		f.mu.Unlock()
		time.Sleep(ms(5))
		f.mu.Lock()
		for _, e := range in.Records {
			underWay[*e.PartitionKey]--
		}
		f.mu.Unlock()
		return f.Client.PutRecords(ctx, in)
	}
	p := open(t, f)
	var b book
	for range 3 {
		put(t, p, &b, "x", "y", "z")
	}
	flush(t, p)
	for _, r := range b.all() {
		if r.Err != nil || r.Aggregated || r.SubSequenceNumber != 0 {
			t.Errorf("before the map: %+v", r)
		}
	}
	if s := p.Stats(); s.Shards != 0 || s.KinesisRecordsPut != 9 || s.MapRefreshErrors < 1 {
		t.Errorf("%+v", s)
	}
	pass(2 * time.Minute)
	tries := len(f.listings())
	if s := p.Stats(); s.Shards != 2 || s.MapRefreshes != 1 || tries < 8 || tries > 100 {
		t.Errorf("after it came: %+v, %d tries", s, tries)
	}
	var after book
	put(t, p, &after, f.keys(t, shardID(0), 3)...)
	flush(t, p)
	for _, r := range after.all() {
		if r.Err != nil || !r.Aggregated {
			t.Errorf("with the map: %+v", r)
		}
	}
}

// Failures before the first map back off as for one shard: one bad call is one
// failure, however many records it carried.
func TestBackoffBeforeTheFirstMap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		f.fail(throttled, theFirst)
		p := open(t, f)
		var b book
		start := time.Now()
		var keys []string
		for i := range 1000 {
			keys = append(keys, fmt.Sprint(i))
		}
		put(t, p, &b, keys...)
		flush(t, p)
		if d := time.Since(start); d > ms(50)+1 {
			t.Errorf("the first backoff took %v, want at most 50 ms", d)
		}
	})
}

// Records that failed without a map are packed when they go again with one, also
// if the map came while they were out.
func TestRetryAcrossTheFirstMap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		start := time.Now()
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if time.Since(start) < time.Second {
				return nil, reset()
			}
			return f.Client.ListShards(ctx, in)
		}
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			switch n {
			case 0: // of one record, while the others come together
				time.Sleep(ms(500))
				fallthrough
			default:
				return f.Client.PutRecords(ctx, in)
			case 1:
			}
			time.Sleep(5 * time.Second)
			return f.sub(ctx, in, func(types.PutRecordsRequestEntry) string { return "InternalFailure" })
		}
		p := open(t, f, producer.WithMaxInFlight(1))
		var b book
		for i := range 300 {
			put(t, p, &b, fmt.Sprint(i))
			wait()
		}
		flush(t, p)
		if n := len(f.srv.Records(stream)); n > 10 || len(f.copies(t)) != 300 {
			t.Errorf("%d records went again as %d Kinesis records", len(f.copies(t)), n)
		}
	})
}

// Close does not wait for the next try to list the shards.
func TestCloseWithoutMap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		p := open(t, f)
		pass(time.Hour)
		start := time.Now()
		if err := p.Close(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// An aggregate of one, which the record's own Data asks for, needs no map: the
// shard that takes it is the one that owns its only hash key.
func TestWrappedRecordWithoutMap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		p := open(t, f)
		res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k", Data: []byte("\xf3\x89\x9a\xc2\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e")})
		if err != nil || !res.Aggregated {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

func TestStreamByARN(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		out, err := f.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String(stream)})
		if err != nil {
			t.Fatal(err)
		}
		arn := *out.StreamDescriptionSummary.StreamARN
		p, err := producer.New(t.Context(), f, arn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"}); err != nil || f.calls()[0].stream != arn {
			t.Errorf("%v, called with %s", err, f.calls()[0].stream)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A stream with more shards than a page holds: the next pages are asked for by
// the token alone, as the service wants it.
func TestPagedListShards(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2500)
		p := open(t, f)
		if n, s := len(f.listings()), p.Stats(); n != 3 || s.Shards != 2500 || s.MapRefreshes != 1 {
			t.Errorf("%d pages, %+v", n, s)
		}
		if first := f.listings()[0].ShardFilter; first == nil || first.Type != types.ShardFilterTypeAtLatest {
			t.Errorf("filter %+v", first)
		}
		if res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"}); err != nil || p.Stats().WrongLandings != 0 {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// A listing that leaves a gap does not become the map, and is asked for again.
func TestInconsistentListing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		bad := 0
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			out, err := f.Client.ListShards(ctx, in)
			if n > 0 && bad < 3 && err == nil {
				bad++
				out.Shards = out.Shards[1:]
			}
			return out, err
		}
		p := open(t, f)
		f.split(t, shardID(0))
		var b book
		put(t, p, &b, f.keys(t, shardID(0), 5)...)
		flush(t, p)
		pass(time.Minute)
		if s := p.Stats(); s.MapRefreshErrors != 3 || s.MapRefreshes != 2 || s.Shards != 3 {
			t.Errorf("%+v", s)
		}
		for k, n := range f.kclReads(t) {
			if n != 1 || b.of(t, k).Err != nil {
				t.Errorf("%s: delivered %d times", k, n)
			}
		}
	})
}

// A listing that makes no sense does not become the map.
func TestOddListing(t *testing.T) {
	whole := &types.HashKeyRange{StartingHashKey: aws.String("0"), EndingHashKey: aws.String("340282366920938463463374607431768211455")}
	for name, out := range map[string]*kinesis.ListShardsOutput{
		"no answer": nil,
		"no shards": {},
		"no id":     {Shards: []types.Shard{{HashKeyRange: whole}}},
		"no range":  {Shards: []types.Shard{{ShardId: aws.String(shardID(0))}}},
		"no number": {Shards: []types.Shard{{ShardId: aws.String(shardID(0)), HashKeyRange: &types.HashKeyRange{StartingHashKey: aws.String("x")}}}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 1)
				f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
					return out, nil
				}
				p := open(t, f, nil) // an option that is nil is none
				var b book
				put(t, p, &b, "a", "b")
				flush(t, p)
				if s := p.Stats(); s.Shards != 0 || s.MapRefreshErrors == 0 || s.UserRecordsPut != 2 || len(f.srv.Records(stream)) != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

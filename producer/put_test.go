package producer_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// Put copies Data, and the Result says where each record is.
func TestPutResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f)
		var b book
		keys := f.keys(t, shardID(1), 2)
		data := []byte("first")
		for i, d := range []string{"first", "other"} {
			copy(data, d)
			if err := p.Put(t.Context(), producer.Record{PartitionKey: keys[i], ExplicitHashKey: kinesistest.HashKey(keys[1]), Data: data}, b.done); err != nil {
				t.Fatal(err)
			}
		}
		clear(data)
		pass(time.Second)
		stored := f.srv.Records(stream)
		if len(stored) != 1 || len(b.all()) != 2 {
			t.Fatalf("%d Kinesis records, %d results", len(stored), len(b.all()))
		}
		for i, want := range []string{"first", "other"} {
			res := b.of(t, want)
			if res.Err != nil || res.ShardID != shardID(1) || res.SequenceNumber != stored[0].SequenceNumber ||
				res.SubSequenceNumber != i || !res.Aggregated || res.Attempts != 1 || res.MaybeStored {
				t.Errorf("result of %s: %+v", want, res)
			}
			if res.Record.PartitionKey != keys[i] || res.Record.ExplicitHashKey != kinesistest.HashKey(keys[1]) {
				t.Errorf("record of %s: %+v", want, res.Record)
			}
		}
	})
}

// A lone record goes plain, under its own keys; nil data is empty data; a nil
// done is no trouble.
func TestLoneRecordGoesPlain(t *testing.T) {
	for _, r := range []producer.Record{
		{PartitionKey: "lone", Data: []byte("data")},
		{PartitionKey: "lone", ExplicitHashKey: "12345", Data: []byte("data")},
		{PartitionKey: "lone"},
	} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 3)
			p := open(t, f)
			if err := p.Put(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
			flush(t, p)
			e := f.calls()[0].entries[0]
			want := r.ExplicitHashKey
			if want == "" {
				want = hashkey.Of("lone").String()
			}
			if *e.PartitionKey != "lone" || *e.ExplicitHashKey != want || e.Data == nil || !bytes.Equal(e.Data, r.Data) {
				t.Errorf("%+v went as %q %q %q", r, *e.PartitionKey, *e.ExplicitHashKey, e.Data)
			}
		})
	}
}

// Two records of one shard go as one aggregate, those of two shards do not.
func TestAggregatePerShard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f)
		var b book
		low, high := f.keys(t, shardID(0), 2), f.keys(t, shardID(1), 1)
		put(t, p, &b, low[0], high[0], low[1])
		flush(t, p)
		for key, want := range map[string]struct {
			shard      string
			sub        int
			aggregated bool
		}{low[0]: {shardID(0), 0, true}, low[1]: {shardID(0), 1, true}, high[0]: {shardID(1), 0, false}} {
			if r := b.of(t, key); r.Err != nil || r.ShardID != want.shard || r.SubSequenceNumber != want.sub || r.Aggregated != want.aggregated {
				t.Errorf("%s: %+v, want %+v", key, r, want)
			}
		}
		stored := f.srv.Records(stream)
		for _, r := range stored {
			if aggregate.IsAggregate(r.Data) != (r.PartitionKey == "a") {
				t.Errorf("stored under %q: %q", r.PartitionKey, r.Data)
			}
			if r.PartitionKey == "a" && r.ExplicitHashKey != hashkey.Of(low[0]).String() {
				t.Errorf("explicit hash key %s, want that of the first record", r.ExplicitHashKey)
			}
		}
		if len(stored) != 2 || len(f.calls()) != 1 {
			t.Errorf("%d Kinesis records in %d calls, want 2 in 1", len(stored), len(f.calls()))
		}
	})
}

func TestPutRefusesInvalid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1), producer.WithMaxRecordSize(1000), producer.WithAggregationMaxSize(500))
		for name, c := range map[string]struct {
			r    producer.Record
			want error
		}{
			"only a hash key":    {producer.Record{ExplicitHashKey: "7", Data: []byte("x")}, aggregate.ErrInvalid},
			"long key":           {producer.Record{PartitionKey: strings.Repeat("é", 257)}, aggregate.ErrInvalid},
			"key not UTF-8":      {producer.Record{PartitionKey: "\xff"}, aggregate.ErrInvalid},
			"hash key 2^128":     {producer.Record{PartitionKey: "k", ExplicitHashKey: "340282366920938463463374607431768211456"}, aggregate.ErrInvalid},
			"hash key with zero": {producer.Record{PartitionKey: "k", ExplicitHashKey: "007"}, aggregate.ErrInvalid},
			"too large":          {producer.Record{PartitionKey: "k", Data: make([]byte, 1000)}, producer.ErrTooLarge},
		} {
			never := func(producer.Result) { t.Errorf("%s: done ran", name) }
			if err := p.Put(t.Context(), c.r, never); !errors.Is(err, c.want) {
				t.Errorf("%s: Put: %v, want %v", name, err, c.want)
			}
			if err := p.TryPut(c.r, never); !errors.Is(err, c.want) {
				t.Errorf("%s: TryPut: %v, want %v", name, err, c.want)
			}
			if res, err := p.PutSync(t.Context(), c.r); !errors.Is(err, c.want) || !errors.Is(res.Err, c.want) || res.MaybeStored {
				t.Errorf("%s: PutSync: %+v, %v, want %v", name, res, err, c.want)
			}
		}
		if s := p.Stats(); s.UserRecordsReceived != 0 || s.BufferedBytes != 0 {
			t.Errorf("refused records left %+v", s)
		}
	})
}

// The limit counts data and partition key; a record of exactly the limit is
// taken by the service, so the two agree.
func TestRecordSizeLimit(t *testing.T) {
	inner := func(n int) []byte { // an aggregate of n bytes
		var b aggregate.Builder
		for size := n - 40; ; size++ {
			b.Reset()
			if err := b.Add(aggregate.Record{PartitionKey: "in", Data: make([]byte, size)}); err != nil {
				t.Fatal(err)
			}
			if b.Size() == n {
				return b.AppendTo(nil)
			}
		}
	}
	var wrapper aggregate.Builder
	if err := wrapper.Add(aggregate.Record{PartitionKey: "key", Data: inner(1<<20 - 100)}); err != nil {
		t.Fatal(err)
	}
	around := wrapper.Size() - (1<<20 - 100) + 1 // with the outer key
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		for _, c := range []struct {
			name string
			data []byte
			ok   bool
		}{
			{"at the limit", make([]byte, 1<<20-3), true},
			{"over it", make([]byte, 1<<20-2), false},
			{"an aggregate, its wrapper at the limit", inner(1<<20 - around), true},
			{"an aggregate, its wrapper over it", inner(1<<20 - around + 1), false},
		} {
			res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "key", Data: c.data})
			switch {
			case !c.ok && !errors.Is(err, producer.ErrTooLarge):
				t.Errorf("%s: %v, want ErrTooLarge", c.name, err)
			case c.ok && (err != nil || !bytes.Equal(res.Record.Data, c.data)):
				t.Errorf("%s: %v", c.name, err)
			case c.ok && f.kclReads(t)[string(c.data)] != 1:
				t.Errorf("%s: does not come back whole", c.name)
			}
		}
	})
}

// A record whose Data is an aggregate is one record to every reader.
func TestAggregateInsideRecord(t *testing.T) {
	var in aggregate.Builder
	for _, d := range []string{"one", "two"} {
		if err := in.Add(aggregate.Record{PartitionKey: "in", Data: []byte(d)}); err != nil {
			t.Fatal(err)
		}
	}
	data := in.AppendTo(nil)
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		p := open(t, f)
		res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "out", Data: data})
		if err != nil || !res.Aggregated || res.SubSequenceNumber != 0 {
			t.Errorf("%+v, %v", res, err)
		}
		all := readAll(t, f.srv, stream)
		if len(all) != 1 || all[0].data != string(data) || all[0].key != "out" || all[0].dropped {
			t.Errorf("reads back as %+v", all)
		}
	})
}

func TestPutSync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		start := time.Now()
		res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k", Data: []byte("kept")})
		if err != nil || res.Err != nil || string(res.Record.Data) != "kept" || time.Since(start) != ms(100) {
			t.Errorf("%+v, %v after %v", res, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), ms(10))
		defer cancel()
		res, err = p.PutSync(ctx, producer.Record{PartitionKey: "k", Data: []byte("late")})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(res.Err, err) || !res.MaybeStored || string(res.Record.Data) != "late" {
			t.Errorf("%+v, %v, want ctx's error", res, err)
		}
		pass(time.Second)
		if f.kclReads(t)["late"] != 1 {
			t.Error("a record whose PutSync was not waited for is lost")
		}
		f.fail(accessDenied, always)
		res, err = p.PutSync(t.Context(), producer.Record{PartitionKey: "k"})
		if !errors.Is(err, producer.ErrRefused) || !errors.Is(res.Err, producer.ErrRefused) {
			t.Errorf("%+v, %v, want ErrRefused in both", res, err)
		}
	})
}

// A context that is done puts nothing, even with room.
func TestPutDoneContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := p.Put(ctx, producer.Record{PartitionKey: "k"}, func(producer.Result) { t.Error("done ran") })
		if !errors.Is(err, context.Canceled) || p.Stats().UserRecordsReceived != 0 {
			t.Errorf("Put: %v, %+v", err, p.Stats())
		}
	})
}

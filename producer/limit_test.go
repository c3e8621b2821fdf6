package producer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

// fill puts records of a size under a key's lane until n bytes of data are in.
func fill(t testing.TB, p *producer.Producer, key string, n, size int) {
	t.Helper()
	for range n / size {
		if err := p.Put(t.Context(), producer.Record{PartitionKey: key, Data: make([]byte, size)}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// A shard gets its share of 1 MiB a second, after a burst of one second, and what
// waits for that packs well.
func TestRateLimitBytes(t *testing.T) {
	for _, percent := range []int{100, 150, 10} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			p := open(t, f, producer.WithRateLimit(percent), producer.WithRecordTTL(0))
			rate := (1 << 20) * percent / 100
			start := time.Now()
			fill(t, p, "k", 6*rate, 1000)
			flush(t, p)
			took := time.Since(start)
			if took < 4900*time.Millisecond || took > 5500*time.Millisecond {
				t.Errorf("%d %%: 6 seconds' worth took %v, want 5 s after the burst", percent, took)
			}
			sent := 0
			for _, c := range f.calls() {
				sent += bytesOf(c.entries)
				if most := float64(rate) * (c.at.Sub(start).Seconds() + 1.001); float64(sent) > most {
					t.Errorf("%d %%: %d bytes within %v, want at most %.0f", percent, sent, c.at.Sub(start), most)
				}
			}
			if s := p.Stats(); float64(s.KinesisRecordsDataPut)/float64(s.PutUnits) < 0.95*producer.PutUnit {
				t.Errorf("%d %%: a fill of %d bytes a unit", percent, s.KinesisRecordsDataPut/s.PutUnits)
			}
		})
	}
}

// It also gets no more than its share of 1,000 records a second.
func TestRateLimitRecords(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRateLimit(100), producer.WithAggregation(false), producer.WithMaxBufferedTime(0))
		start := time.Now()
		for i := range 4000 {
			put(t, p, &book{}, fmt.Sprint(i))
		}
		flush(t, p)
		if took := time.Since(start); took < 2900*time.Millisecond || took > 3200*time.Millisecond {
			t.Errorf("4,000 records took %v, want 3 s after the burst", took)
		}
	})
}

// A record larger than a second's bytes goes when the bucket is full, and is paid
// for by those that follow.
func TestRateLimitLargeRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRateLimit(10), producer.WithRecordTTL(0))
		start := time.Now()
		for range 3 {
			fill(t, p, "k", 1_000_000, 1_000_000)
			flush(t, p)
		}
		calls := f.calls()
		if len(calls) != 3 || calls[0].at != start {
			t.Fatalf("%d calls, the first at %v", len(calls), calls[0].at.Sub(start))
		}
		for i, c := range calls[1:] { // 100 KiB/s: 1,000,000 bytes are 9.5 s
			if d := c.at.Sub(calls[i].at); d < 9400*time.Millisecond || d > 9700*time.Millisecond {
				t.Errorf("call %d came %v after the one before", i+1, d)
			}
		}
	})
}

// Lanes of a shard get as many bytes each, also if their aggregates differ in size.
func TestRateLimitIsShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(ms(1))
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithRateLimit(100), producer.WithLanes(2), producer.WithRecordTTL(0), producer.WithAggregationMaxCount(100))
		keys := map[string]string{} // outer key -> a partition key
		for i := 0; len(keys) < 2; i++ {
			k := fmt.Sprint("key ", i)
			put(t, p, &book{}, k)
			flush(t, p)
			keys[*f.calls()[len(f.calls())-1].entries[0].PartitionKey] = k
		}
		pass(time.Minute)
		skip := len(f.calls())
		fill(t, p, keys["a"], 10<<20, 1000)
		fill(t, p, keys["b"], 10<<20, 10_000)
		pass(12 * time.Second)
		sent := map[string]int{}
		for _, c := range f.calls()[skip:] {
			for _, e := range c.entries {
				sent[*e.PartitionKey] += len(e.Data)
			}
		}
		if a, b := sent["a"], sent["b"]; max(a, b)-min(a, b) > 3<<20 {
			t.Errorf("in 12 s the lanes sent %v", sent)
		}
		flush(t, p)
	})
}

// A flood that the rate limit holds up still packs.
func TestFloodAtTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newInstant(t, 1), producer.WithMaxBufferedBytes(1<<20))
		for i := range 8000 { // 4 MB; the burst is 1.5 MiB
			if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i), Data: make([]byte, 512)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, p)
		if s := p.Stats(); s.KinesisRecordsPut > 200 {
			t.Errorf("8,000 records in %d aggregates, want at least 40 in one", s.KinesisRecordsPut)
		}
	})
}

// Without a limit nothing waits.
func TestNoRateLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRateLimit(0))
		start := time.Now()
		fill(t, p, "k", 20<<20, 10_000)
		flush(t, p)
		if d := time.Since(start); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// While its lane waits an aggregate grows, to a whole number of units, up to the
// limit of size and count, and never beyond the stream's.
func TestGrowth(t *testing.T) {
	const unit = producer.PutUnit
	for name, c := range map[string]struct {
		opts []producer.Option
		most int // units
	}{
		"as the stream allows": {nil, 40},
		"limited":              {[]producer.Option{producer.WithAggregationLimit(3 * unit)}, 3},
		"the KPL's":            {[]producer.Option{producer.WithAggregationLimit(51_200)}, 2},
		"larger records":       {[]producer.Option{producer.WithMaxRecordSize(4 << 20)}, 163},
	} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			release := make(chan struct{})
			client := newStalled(f, release)
			p := open(t, client, append(c.opts, producer.WithRateLimit(0))...)
			fill(t, p, "k", 14<<20, 150)
			close(release)
			flush(t, p)
			sizes := client.sizes()
			for i, n := range sizes[1 : len(sizes)-1] {
				if u := (n + unit - 1) / unit; u != c.most || n+len("a") > u*unit || float64(n) < 0.98*float64(u*unit) {
					t.Errorf("%s: aggregate %d of %d bytes, %d units, want %d full ones", name, i+1, n, u, c.most)
				}
			}
			if len(sizes) < 3 {
				t.Errorf("%s: %d aggregates", name, len(sizes))
			}
		})
	}
}

// No aggregate holds more records than WithAggregationMaxCount says, no call more
// than the WithCollection options.
func TestCountLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 8)
		p := open(t, f, producer.WithAggregationMaxCount(7), producer.WithCollectionMaxCount(3), producer.WithCollectionMaxSize(200))
		var b book
		for i := range 500 {
			put(t, p, &b, strings.Repeat(fmt.Sprint(i%10), 1+i/10))
		}
		flush(t, p)
		for _, c := range f.calls() {
			if len(c.entries) > 3 || len(c.entries) > 1 && bytesOf(c.entries) > 200 {
				t.Errorf("a call of %d entries, %d bytes", len(c.entries), bytesOf(c.entries))
			}
		}
		most := 0
		for _, r := range b.all() {
			most = max(most, r.SubSequenceNumber+1)
		}
		if most != 7 || len(b.all()) != 500 {
			t.Errorf("%d records, at most %d in an aggregate, want 7", len(b.all()), most)
		}
	})
}

// A full buffer does not wait for neighbours that cannot come.
func TestFullBufferGoesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		p := open(t, f, producer.WithMaxBufferedBytes(10_000), producer.WithMaxBufferedTime(10*time.Second), producer.WithRateLimit(0))
		start := time.Now()
		var b book
		for i := range 1000 {
			put(t, p, &b, fmt.Sprint(i))
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Put waited for %v", d)
		}
		pass(1)
		if n := len(b.all()); n < 950 {
			t.Errorf("%d of 1,000 done", n)
		}
		flush(t, p)
	})
}

// A shard that stays keeps its rate limit across a new map.
func TestLimitAcrossReshard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f, producer.WithRateLimit(10), producer.WithRecordTTL(0))
		stays := f.keys(t, shardID(0), 1)[0]
		fill(t, p, stays, 100_000, 100_000) // its burst
		flush(t, p)
		f.split(t, shardID(1))
		var b book
		for i := range 30 {
			put(t, p, &b, fmt.Sprint(i))
		}
		flush(t, p) // a wrong landing: the map is new
		start := time.Now()
		fill(t, p, stays, 100_000, 100_000)
		flush(t, p)
		if d := time.Since(start); p.Stats().Shards != 3 || d < 500*time.Millisecond {
			t.Errorf("%d shards, the next 100,000 bytes took %v", p.Stats().Shards, d)
		}
	})
}

// The smallest limit is one, and not none.
func TestSmallestLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithAggregationMaxSize(1), producer.WithAggregationLimit(1))
		var b book
		for i := range 50 {
			put(t, p, &b, fmt.Sprint(i))
		}
		flush(t, p)
		for _, r := range f.srv.Records(stream) {
			if len(r.Data) > 30 {
				t.Errorf("aggregate of %d bytes", len(r.Data))
			}
		}
	})
}

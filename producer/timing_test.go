package producer_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// The first record of an aggregate decides when it goes, to the nanosecond.
func TestMaxBufferedTime(t *testing.T) {
	for _, c := range []struct {
		opts []producer.Option
		want time.Duration
	}{
		{nil, ms(100)},
		{[]producer.Option{producer.WithMaxBufferedTime(0)}, 0},
		{[]producer.Option{producer.WithMaxBufferedTime(time.Minute), producer.WithRecordTTL(0)}, time.Minute},
	} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			p := open(t, f, c.opts...)
			var b book
			for range 2 { // the second time from a timer that has run before
				start := time.Now()
				put(t, p, &b, "first")
				time.Sleep(c.want / 2)
				put(t, p, &b, "second")
				pass(time.Hour)
				if got := b.at[len(b.at)-1].Sub(start); c.want > 0 && (got != c.want || b.at[len(b.at)-2].Sub(start) != c.want) {
					t.Errorf("done after %v, want %v", got, c.want)
				} else if c.want == 0 && got != 0 {
					t.Errorf("done after %v, want at once", got)
				}
			}
			want := 2
			if c.want == 0 {
				want = len(b.all()) // may or may not have met
			}
			if n := len(f.calls()); n > want {
				t.Errorf("%d calls, want %d", n, want)
			}
		})
	}
}

// A full aggregate does not wait for its deadline; the rest of it does.
func TestFullAggregateGoesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		start := time.Now()
		for i := range 60 {
			put(t, p, &b, fmt.Sprintf("%02d %s", i, repeat(1000))[:250])
			if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 1000)}, b.done); err != nil {
				t.Fatal(err)
			}
		}
		wait()
		sent := len(b.all())
		if sent < 60 || sent > 110 || time.Since(start) != 0 {
			t.Fatalf("%d records done after %v", sent, time.Since(start))
		}
		if n := len(f.srv.Records(stream)[0].Data); n%producer.PutUnit < producer.PutUnit*98/100 {
			t.Errorf("an aggregate of %d bytes fills its units badly", n)
		}
		pass(ms(100) - 1)
		if len(b.all()) != sent {
			t.Error("the rest went before its deadline")
		}
		pass(1)
		if len(b.all()) != 120 {
			t.Error("the rest did not go at its deadline")
		}
	})
}

// While an aggregate of its lane is unacknowledged, what is due keeps filling,
// and there is never a second one of that shard under way.
func TestOneUnacknowledgedAShard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		var mu sync.Mutex
		underWay := map[string]int{}
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			mu.Lock()
			for _, e := range in.Records {
				if underWay[f.owner(e)]++; underWay[f.owner(e)] > 1 {
					t.Errorf("two aggregates of %s under way", f.owner(e))
				}
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			for _, e := range in.Records {
				underWay[f.owner(e)]--
			}
			mu.Unlock()
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		var b book
		for i := range 30 { // 3 s of them
			put(t, p, &b, fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("c%d", i))
			pass(ms(100))
		}
		flush(t, p)
		if n := len(f.srv.Records(stream)); n > 15 {
			t.Errorf("90 records went as %d Kinesis records: what waits does not fill", n)
		}
		if len(b.all()) != 90 {
			t.Errorf("%d dones", len(b.all()))
		}
	})
}

// A call holds at most 500 entries and 5 MiB.
func TestCallLimits(t *testing.T) {
	t.Run("entries", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			// Without a map every record is an entry.
			f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
				return nil, reset()
			}
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				time.Sleep(ms(1))
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f, producer.WithMaxInFlight(1))
			var b book
			for i := range 1501 {
				put(t, p, &b, fmt.Sprint(i))
			}
			flush(t, p)
			most, total := 0, 0
			for _, c := range f.calls() {
				most, total = max(most, len(c.entries)), total+len(c.entries)
			}
			if most != 500 || total != 1501 || len(f.calls()) > 5 {
				t.Errorf("%d entries in %d calls of at most %d", total, len(f.calls()), most)
			}
		})
	})
	t.Run("shards", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1100)
			p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0))
			for _, s := range f.srv.Shards(stream) {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", ExplicitHashKey: s.FirstHashKey}, nil); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			most, total := 0, 0
			for _, c := range f.calls() {
				most, total = max(most, len(c.entries)), total+len(c.entries)
			}
			if most != 500 || total != 1100 {
				t.Errorf("%d entries in %d calls of at most %d", total, len(f.calls()), most)
			}
		})
	})
	t.Run("bytes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 40)
			release := make(chan struct{})
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				<-release
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f, producer.WithMaxInFlight(1))
			var b book
			for s := range 40 { // the first goes alone, the others wait for the slot
				key := f.keys(t, shardID(s), 1)[0]
				if err := p.Put(t.Context(), producer.Record{PartitionKey: key, Data: make([]byte, 1<<19)}, b.done); err != nil {
					t.Fatal(err)
				}
				flushSoon(t, p)
			}
			close(release)
			flush(t, p)
			most := 0
			for _, c := range f.calls() {
				most = max(most, bytesOf(c.entries))
			}
			if most > 5<<20 || most < 4<<20 {
				t.Errorf("the largest call has %d bytes", most)
			}
			if n := len(b.all()); n != 40 || len(f.calls()) > 7 {
				t.Errorf("%d results after %d calls", n, len(f.calls()))
			}
		})
	})
}

// flushSoon begins a Flush and does not wait for it.
func flushSoon(t testing.TB, p *producer.Producer) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = p.Flush(ctx)
	wait()
}

func bytesOf(entries []types.PutRecordsRequestEntry) (n int) {
	for _, e := range entries {
		n += len(e.Data) + len(*e.PartitionKey)
	}
	return n
}

// No more calls are under way than WithMaxInFlight allows, and as many are if
// there is work; a worker cuts its call when it has its slot, not before.
func TestMaxInFlight(t *testing.T) {
	for _, most := range []int{1, 3} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 10)
			var mu sync.Mutex
			now, peak := 0, 0
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				mu.Lock()
				now++
				peak = max(peak, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f, producer.WithMaxInFlight(most), producer.WithMaxBufferedTime(0))
			var b book
			for s := range 10 {
				put(t, p, &b, f.keys(t, shardID(s), 1)...)
				wait()
			}
			flush(t, p)
			if peak != most || len(b.all()) != 10 {
				t.Errorf("%d calls at once, want %d; %d dones", peak, most, len(b.all()))
			}
			if n := len(f.calls()); n != most+1 {
				t.Errorf("%d calls: what waited for a slot did not go as one", n)
			}
		})
	}
}

// While nothing is to be done there is no goroutine and nothing stirs.
func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		p := open(t, f)
		var b book
		rest := func(when string) {
			pass(time.Hour)
			stacks := make([]byte, 1<<20)
			for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
				if strings.Contains(g, "producer.(*Producer)") {
					t.Errorf("%s: %s", when, g)
				}
			}
		}
		rest("after New")
		put(t, p, &b, "a", "b", "c")
		rest("after Put")
		flush(t, p)
		rest("after Flush")
		if len(f.calls()) > 3 || len(f.listings()) != 1 {
			t.Errorf("%d calls, %d listings", len(f.calls()), len(f.listings()))
		}
	})
}

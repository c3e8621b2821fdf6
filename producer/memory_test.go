package producer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// void is a fake that keeps nothing: it says of every entry that the first shard
// has it.
func void(t testing.TB) *fake {
	f := newFake(t, 1)
	entry := types.PutRecordsResultEntry{ShardId: aws.String(shardID(0)), SequenceNumber: aws.String("1")}
	f.put = func(_ int, _ context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		f.mu.Lock()
		f.puts = f.puts[:0]
		f.mu.Unlock()
		out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
		for i := range out.Records {
			out.Records[i] = entry
		}
		return out, nil
	}
	return f
}

// memory returns the bytes in use after a collection, and those ever allocated.
func memory() (inUse, ever uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.TotalAlloc
}

// What was sent is not held on to: after a backlog of 30 MB of the buffer little is
// in use, whether of data or of many small records.
func TestMemoryAfterBacklog(t *testing.T) {
	for _, size := range []int{1000, 0} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			bubble(t, func(t *testing.T) { memoryAfterBacklog(t, make([]byte, size)) })
		})
	}
}

func memoryAfterBacklog(t *testing.T, data []byte) {
	f := void(t)
	release, answer := make(chan struct{}), f.put
	f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		<-release
		return answer(n, ctx, in)
	}
	p := open(t, f, producer.WithRequestTimeout(time.Hour), producer.WithMaxBufferedBytes(30<<20))
	before, _ := memory()
	r := producer.Record{PartitionKey: "key", Data: data}
	for p.TryPut(r, nil) == nil {
	}
	full, _ := memory()
	close(release)
	flush(t, p)
	wait()
	after, _ := memory()
	t.Logf("%d MB in use with the backlog, %d MB after it", (full-before)>>20, (int64(after)-int64(before))>>20)
	if full-before < 10<<20 || full-before > 60<<20 || int64(after)-int64(before) > 12<<20 {
		t.Errorf("%d MB in use with a backlog of 30, %d MB after it", (full-before)>>20, (int64(after)-int64(before))>>20)
	}
	runtime.KeepAlive(p)
}

// The work on a backlog grows with its length, not with its square: without a map,
// where every record is an entry of its own.
func TestBacklogIsLinear(t *testing.T) {
	const n = 20_000
	for name, fate := range map[string]error{"expires": context.DeadlineExceeded, "fails": throttled} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 1)
				f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
					return nil, reset()
				}
				f.put = func(i int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
					if errors.Is(fate, context.DeadlineExceeded) {
						<-ctx.Done() // until what waits has expired
					}
					return nil, fate
				}
				p := open(t, f, producer.WithRecordTTL(5*time.Second), producer.WithRequestTimeout(6*time.Second), producer.WithMaxInFlight(1))
				for i := range n {
					if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i)}, nil); err != nil {
						t.Fatal(err)
					}
				}
				_, before := memory()
				flush(t, p)
				_, after := memory()
				if s := p.Stats(); s.UserRecordsExpired != n {
					t.Errorf("%+v", s)
				}
				if calls := len(f.calls()); calls > 1 && errors.Is(fate, context.DeadlineExceeded) {
					t.Errorf("%d calls: what had expired was sent", calls)
				}
				if each := (after - before) / n; each > 8000 {
					t.Errorf("%d bytes were allocated a record to hand back %d", each, n)
				}
			})
		})
	}
}

// Allocations a Put of 100 B, its share of aggregates, calls and dones included.
func TestAllocations(t *testing.T) {
	f := void(t)
	p := open(t, f, producer.WithRateLimit(0))
	r := producer.Record{PartitionKey: "0123456789abcdef", Data: make([]byte, 100)}
	done := func(producer.Result) {}
	ctx := t.Context()
	var err error
	per := testing.AllocsPerRun(50_000, func() {
		err = errors.Join(err, p.Put(ctx, r, done))
	})
	if err != nil {
		t.Fatal(err)
	}
	if per != 0 {
		t.Errorf("%.0f allocations a Put", per)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 100_000
	for range n {
		err = errors.Join(err, p.Put(ctx, r, done))
	}
	flush(t, p)
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("%.3f allocations and %d bytes a record, end to end", each, (after.TotalAlloc-before.TotalAlloc)/n)
	if err != nil || each > 0.05 && !raceEnabled { // then Puts are so slow that aggregates are small
		t.Errorf("%.3f allocations a record, error %v", each, err)
	}
}

// The peak that WithMaxBufferedBytes promises: with a Client that stalls, and
// records of 100 bytes, the heap never passes twice the buffer at GOGC=100.
func TestPeakHeap(t *testing.T) {
	const buffer = 64 << 20
	for name, c := range map[string]struct {
		shards int
		most   float64
		opts   []producer.Option
	}{
		"one shard":      {1, 2, nil},
		"four shards":    {4, 2, nil},
		"2,500 shards":   {2500, 2, nil},
		"no aggregation": {4, 2, []producer.Option{producer.WithAggregation(false)}},
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetGCPercent(debug.SetGCPercent(100))
			f := newFake(t, c.shards)
			release := make(chan struct{})
			f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				<-release
				return nil, throttled
			}
			p := open(t, f, append(c.opts, producer.WithMaxBufferedBytes(buffer), producer.WithRequestTimeout(time.Hour), producer.WithRecordTTL(time.Hour))...)
			inUse, _ := memory()
			stop := make(chan struct{})
			peaks := make(chan uint64)
			go func() { peaks <- peakHeap(stop) }()
			data := make([]byte, 100)
			n := 0
			for {
				key := fmt.Sprintf("sensor-%09d", n)
				if err := p.TryPut(producer.Record{PartitionKey: key, Data: data}, nil); err != nil {
					break
				}
				n++
			}
			close(stop)
			peak := <-peaks - inUse
			ratio := float64(peak) / buffer
			t.Logf("%d records; the heap's peak is %.2f times the buffer", n, ratio)
			if n < buffer/380 || ratio > c.most {
				t.Errorf("%d records, a peak of %d MB: %.2f times the buffer, want at most %g", n, peak>>20, ratio, c.most)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			close(release)
			_ = p.Close(ctx)
		})
	}
}

// peakHeap returns the most bytes of objects on the heap until stop, those that
// are garbage included.
func peakHeap(stop <-chan struct{}) (peak uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		metrics.Read(sample)
		peak = max(peak, sample[0].Value.Uint64())
		select {
		case <-stop:
			return peak
		case <-time.After(100 * time.Microsecond):
		}
	}
}

package bench_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// throughTheProducer puts a workload through the real producer and a Kinesis that answers at
// once, in virtual time.
func (w workload) throughTheProducer(t *testing.T) (out *plan.Packing) {
	synctest.Test(t, func(t *testing.T) {
		c := newInstant(t, w)
		opts := append(w.Options(), producer.WithHooks(producer.Hooks{Entry: c.entry}))
		if w.flood {
			opts = append(opts, producer.WithRateLimit(0))
		}
		p, err := producer.New(t.Context(), c, streamName, opts...)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for i, at := range w.arrivals {
			time.Sleep(at - time.Since(start))
			if w.counted(i) {
				c.count(true)
			}
			put := time.Now()
			if err := p.Put(t.Context(), w.Record(i), func(producer.Result) { c.done(time.Since(put)) }); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		c.count(false)
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := p.Stats(); s.UserRecordsPut != int64(w.count()) || s.EntryErrors > 0 {
			t.Fatalf("%s: %d of %d user records put, %d errors", w.name(), s.UserRecordsPut, w.count(), s.EntryErrors)
		}
		out = c.packing
	})
	return out
}

const streamName = "bench"

// instant is a Kinesis that answers at once and keeps nothing but counts.
type instant struct {
	*kinesistest.Client
	ranges []hashkey.Range
	ids    []*string

	mu      sync.Mutex
	on      bool // it counts
	waits   bool // how long user records wait, too
	packing *plan.Packing
}

func newInstant(t *testing.T, w workload) *instant {
	srv := kinesistest.New()
	if err := srv.AddStream(streamName, w.Shards); err != nil {
		t.Fatal(err)
	}
	c := &instant{Client: srv.Client(), ranges: hashkey.Split(w.Shards), waits: !w.flood, packing: plan.NewPacking(w.Billing)}
	for i := range w.Shards {
		c.ids = append(c.ids, aws.String(fmt.Sprintf("shardId-%012d", i)))
	}
	return c
}

var sequenceNumber = aws.String("49009466848000000000010000000000000000020000000000000002")

func (c *instant) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range in.Records {
		k, err := hashkey.Parse(*in.Records[i].ExplicitHashKey)
		if err != nil {
			return nil, err
		}
		out.Records[i] = types.PutRecordsResultEntry{ShardId: c.ids[shardOf(c.ranges, k)], SequenceNumber: sequenceNumber}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range in.Records {
		if c.on {
			c.packing.Keys += len(*in.Records[i].PartitionKey)
		}
	}
	return out, nil
}

// shardOf returns which range owns a hash key.
func shardOf(ranges []hashkey.Range, k hashkey.Key) int {
	i, _ := slices.BinarySearchFunc(ranges, k, func(r hashkey.Range, k hashkey.Key) int { return r.Last.Compare(k) })
	return i
}

func (c *instant) count(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

// entry counts a Kinesis record that was stored.
func (c *instant) entry(_ context.Context, e producer.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on {
		c.packing.Add(e.UserRecords, e.Bytes, 0) // PutRecords has counted the key
	}
}

func (c *instant) done(waited time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on && c.waits {
		c.packing.Wait(waited)
	}
}

// asTest runs f with a *testing.T, which testing/synctest asks for and a benchmark
// does not have. The flags that say which tests run, and how often, are not for it.
func asTest(b *testing.B, f func(*testing.T)) {
	for name, value := range map[string]string{"test.run": "", "test.skip": "", "test.count": "1"} {
		given := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			b.Fatal(err)
		}
		defer flag.Set(name, given)
	}
	procs, ran := runtime.GOMAXPROCS(0), false
	defer runtime.GOMAXPROCS(procs)
	all := func(string, string) (bool, error) { return true, nil }
	ok := testing.RunTests(all, []testing.InternalTest{{Name: "virtual time", F: func(t *testing.T) {
		if !ran { // it is called for each value of -cpu
			ran = true
			f(t)
		}
	}}})
	if !ok || !ran {
		b.Fatal("the run in virtual time failed")
	}
}

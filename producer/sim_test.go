package producer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "how many seeds the simulation runs")
	simBase  = flag.Uint64("sim.base", 1, "the first seed")
)

// TestSimulation puts records through a Kinesis that throttles, fails, loses
// answers, times out and reshards, and then reads the stream as a KCL does. A
// failing seed replays with -run TestSimulation/seed=N -sim.base N -sim.seeds 1.
func TestSimulation(t *testing.T) {
	t.Logf("seeds %d to %d", *simBase, *simBase+uint64(*simSeeds)-1)
	for i := range *simSeeds {
		seed := *simBase + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

// weather is a client whose calls go wrong at random.
type weather struct {
	*kinesistest.Client
	srv    *kinesistest.Server
	mu     sync.Mutex
	rnd    *rand.Rand
	stormy bool // false at the end, so that everything can settle
}

func (w *weather) chance(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stormy && w.rnd.Float64() < p
}

func (w *weather) delay(ctx context.Context, most time.Duration) error {
	w.mu.Lock()
	d := time.Duration(w.rnd.Int64N(int64(most)))
	w.mu.Unlock()
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *weather) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	if err := w.delay(ctx, 30*time.Millisecond); err != nil {
		return nil, err
	}
	switch {
	case w.chance(0.05):
		return nil, &smithy.GenericAPIError{Code: "InternalFailure", Fault: smithy.FaultServer}
	case w.chance(0.02):
		return nil, errors.New("connection reset by peer")
	case w.chance(0.03):
		w.reshard()
	}
	sent, failed := *in, make([]bool, len(in.Records))
	sent.Records = nil
	for i, r := range in.Records {
		if failed[i] = w.chance(0.1); !failed[i] {
			sent.Records = append(sent.Records, r)
		}
	}
	out := &kinesis.PutRecordsOutput{}
	var err error
	if len(sent.Records) > 0 {
		if out, err = w.Client.PutRecords(ctx, &sent); err != nil {
			return nil, err
		}
	}
	full := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	stored := out.Records
	for i := range full.Records {
		if failed[i] {
			full.Records[i].ErrorCode = aws.String("ProvisionedThroughputExceededException")
			continue
		}
		full.Records[i], stored = stored[0], stored[1:]
	}
	switch {
	case w.chance(0.03):
		return nil, errors.New("unexpected EOF") // the answer is lost
	case w.chance(0.01):
		full.Records = full.Records[:w.rnd.IntN(len(full.Records))] // or a part of it
	case w.chance(0.01):
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return full, w.delay(ctx, 30*time.Millisecond)
}

func (w *weather) ListShards(ctx context.Context, in *kinesis.ListShardsInput, _ ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	if w.chance(0.3) {
		return nil, &types.LimitExceededException{Message: aws.String("slow down")}
	}
	out, err := w.Client.ListShards(ctx, in) // as of now, told later
	if err != nil {
		return nil, err
	}
	return out, w.delay(ctx, 50*time.Millisecond)
}

// reshard splits or merges open shards at random.
func (w *weather) reshard() {
	var open []kinesistest.Shard
	for _, s := range w.srv.Shards(stream) {
		if s.Open {
			open = append(open, s)
		}
	}
	w.mu.Lock()
	a, b, kind := open[w.rnd.IntN(len(open))], open[w.rnd.IntN(len(open))], w.rnd.IntN(5)
	w.mu.Unlock()
	ctx := context.Background()
	switch {
	case kind < 3 && len(open) < 12:
		w.Client.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: aws.String(stream), ShardToSplit: &a.ID, NewStartingHashKey: aws.String(middle(a))})
	case kind == 3:
		w.Client.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: aws.String(stream), ShardToMerge: &a.ID, AdjacentShardToMerge: &b.ID})
	default:
		n := int32(max(1, len(open)/2) + kind)
		w.Client.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: aws.String(stream), TargetShardCount: &n, ScalingType: types.ScalingTypeUniformScaling})
	}
}

const stream = "sim"

// outcome is what the producer said of one user record.
type outcome struct {
	key, data string
	calls     int
	result    producer.Result
}

func simulate(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	srv := kinesistest.New()
	if err := srv.AddStream(stream, 1+rnd.IntN(5)); err != nil {
		t.Fatal(err)
	}
	w := &weather{Client: srv.Client(), srv: srv, rnd: rand.New(rand.NewPCG(seed, 1)), stormy: true}
	ctx := t.Context()
	p, err := producer.New(ctx, w, stream,
		producer.WithAggregationMaxSize(300+rnd.IntN(3000)),
		producer.WithMaxBufferedBytes(20_000+rnd.IntN(100_000)),
		producer.WithMaxInFlight(1+rnd.IntN(8)),
		producer.WithRequestTimeout(time.Second),
		producer.WithMaxBufferedTime(time.Duration(rnd.IntN(100))*time.Millisecond),
		producer.WithRecordTTL([]time.Duration{0, 2 * time.Second, 30 * time.Second}[rnd.IntN(3)]),
		producer.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	all := drive(t, p, rnd)
	closeWithin := time.Hour
	if rnd.IntN(4) == 0 {
		closeWithin = time.Duration(rnd.IntN(300)) * time.Millisecond
	} else {
		w.mu.Lock()
		w.stormy = false
		w.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	closeErr := p.Close(ctx)
	check(t, srv, p, all, closeErr)
}

// drive puts records from a few goroutines, each with keys of its own so that
// the order of its Puts is that of its keys.
func drive(t *testing.T, p *producer.Producer, rnd *rand.Rand) []*outcome {
	var mu sync.Mutex
	var all []*outcome
	var wg sync.WaitGroup
	for g := range 1 + rnd.IntN(4) {
		rnd := rand.New(rand.NewPCG(rnd.Uint64(), 2))
		wg.Go(func() {
			for i := range rnd.IntN(400) {
				key := fmt.Sprintf("%d-%d", g, rnd.IntN(20))
				o := &outcome{key: key, data: fmt.Sprintf("%s #%d %s", key, i, strings.Repeat("x", rnd.IntN(400)))}
				r := producer.Record{PartitionKey: key, Data: []byte(o.data)}
				if rnd.IntN(10) == 0 {
					r.PartitionKey, r.ExplicitHashKey = "explicit "+key, kinesistest.HashKey(key)
					o.key = r.PartitionKey // order is per partition key and explicit hash key
				}
				err := p.Put(t.Context(), r, func(res producer.Result) {
					o.calls++
					o.result = res
					o.result.Record.Data = []byte(string(res.Record.Data))
				})
				clear(r.Data)
				if err != nil {
					t.Errorf("Put: %v", err)
				}
				mu.Lock()
				all = append(all, o)
				mu.Unlock()
				switch rnd.IntN(50) {
				case 0:
					time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond) // in the bubble's time
				case 1:
					if err := p.Flush(t.Context()); err != nil {
						t.Errorf("Flush: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	return all
}

// check holds the stream against what the producer said of each record.
func check(t *testing.T, srv *kinesistest.Server, p *producer.Producer, all []*outcome, closeErr error) {
	delivered := map[string]int{} // to a KCL
	at := map[string]read{}
	first := map[string]int{} // in the order of the stream
	for _, r := range readAll(t, srv, stream) {
		at[fmt.Sprint(r.sequenceNumber, "/", r.subSequence)] = r
		if r.dropped {
			continue
		}
		delivered[r.data]++
		if delivered[r.data] == 1 {
			first[r.data] = len(first)
		}
	}
	last := map[string]int{}
	failed := 0
	for _, o := range all {
		if o.calls != 1 {
			t.Fatalf("%.20q: done ran %d times", o.data, o.calls)
		}
		if o.result.Err != nil {
			failed++
			if string(o.result.Record.Data) != o.data {
				t.Errorf("%.20q: handed back as %.20q", o.data, o.result.Record.Data)
			}
			if delivered[o.data] > 0 && !o.result.MaybeStored {
				t.Errorf("%.20q: failed with %v and is in the stream, but MaybeStored is false", o.data, o.result.Err)
			}
			continue
		}
		r := at[fmt.Sprint(o.result.SequenceNumber, "/", o.result.SubSequenceNumber)]
		if r.data != o.data || r.shard != o.result.ShardID || r.dropped {
			t.Errorf("%.20q: reported at %s, where %.20q is, dropped: %v", o.data, o.result.SequenceNumber, r.data, r.dropped)
		}
		place := first[o.data]
		if before, ok := last[o.key]; ok && place < before {
			t.Errorf("%.20q: overtook an earlier record of its key", o.data)
		}
		last[o.key] = place
	}
	s := p.Stats()
	if s.BufferedBytes != 0 || s.UserRecordsPending != 0 || s.UserRecordsFailed != int64(failed) || s.UserRecordsReceived != int64(len(all)) {
		t.Errorf("after Close: %+v, %d records, %d failed", s, len(all), failed)
	}
	if (closeErr != nil) != (s.UserRecordsHandedBack > 0) {
		t.Errorf("Close: %v, %d handed back", closeErr, s.UserRecordsHandedBack)
	}
}

// middle is the hash key that splits a shard in two halves.
func middle(s kinesistest.Shard) string {
	r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey)
	if err != nil {
		panic(err)
	}
	return r.Mid().String()
}

var quiet = slog.New(slog.DiscardHandler)

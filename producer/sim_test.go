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

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "how many seeds the simulation runs; a twenty-fifth of them over the HTTP face")
	simBase  = flag.Uint64("sim.base", 1, "the first seed")
)

// TestSimulation puts records through a Kinesis that throttles, fails, loses
// answers, carries out late, times out, reshards and changes its distribution
// strategy, and then reads the stream as a KCL does. A failing seed replays with
// -run TestSimulation/direct/seed=N$ -sim.base N -sim.seeds 1.
func TestSimulation(t *testing.T) {
	run := func(name string, seeds int, face func(*kinesistest.Server) producer.Client) {
		t.Run(name, func(t *testing.T) {
			t.Logf("seeds %d to %d", *simBase, *simBase+uint64(seeds)-1)
			for i := range seeds {
				seed := *simBase + uint64(i)
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { simulate(t, seed, face) })
				})
			}
		})
	}
	run("direct", *simSeeds, func(s *kinesistest.Server) producer.Client { return s.Client() })
	run("http", (*simSeeds+24)/25, func(s *kinesistest.Server) producer.Client { return s.SDKClient() })
}

const stream = "sim"

var quiet = slog.New(slog.DiscardHandler)

// simulation is one seed.
type simulation struct {
	t       *testing.T
	rnd     *rand.Rand
	srv     *kinesistest.Server
	p       *producer.Producer
	ordered bool // the order of a key is promised
	// On a service-managed stream nothing saves a record that is an aggregate
	// itself from a KCL.
	onDemand bool
	managed  bool // aggregates go to service-managed shards: only a reader without a filter is whole
	mu       sync.Mutex
	all      []*outcome
}

// outcome is what the producer said of one user record.
type outcome struct {
	key, data string
	calls     int
	result    producer.Result
}

func simulate(t *testing.T, seed uint64, face func(*kinesistest.Server) producer.Client) {
	s := &simulation{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), srv: kinesistest.New(), ordered: true}
	rnd := s.rnd
	s.onDemand = rnd.IntN(4) == 0
	shards := 1 + rnd.IntN(5)
	if s.onDemand {
		shards = 0
	}
	if err := s.srv.AddStream(stream, shards); err != nil {
		t.Fatal(err)
	}
	opts := s.options()
	p, err := producer.New(t.Context(), face(s.srv), stream, opts...)
	if err != nil {
		t.Fatal(err)
	}
	s.p = p
	weather := kinesistest.Weather{
		Unavailable: 0.03, Throttled: 0.02, Reset: 0.02, NoAnswer: 0.01, Lost: 0.03, Late: 0.02,
		Entry: 0.1, Truncated: 0.01, Reshard: 0.05 * float64(rnd.IntN(3)),
		MaxLatency: time.Duration(1+rnd.IntN(60)) * time.Millisecond, MaxLate: 3 * time.Second,
	}
	if rnd.IntN(5) == 0 {
		weather.Denied = 0.02
	}
	denied := s.onDemand && rnd.IntN(3) == 0
	s.srv.SetFaults(kinesistest.Storm(seed, weather), func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if denied && r.Operation == "DescribeStreamSummary" {
			f.Failure = kinesistest.APIError(400, "AccessDeniedException")
		}
		return f
	})

	stop := make(chan struct{})
	var meddlers sync.WaitGroup
	meddling := rand.New(rand.NewPCG(rnd.Uint64(), 3))
	meddlers.Go(func() { s.meddle(meddling, stop) })
	closed := make(chan error, 1)
	if rnd.IntN(4) == 0 { // amid the Puts
		after, within := time.Duration(rnd.IntN(3000))*time.Millisecond, time.Duration(rnd.IntN(3000))*time.Millisecond
		go func() {
			time.Sleep(after)
			closed <- s.close(within)
		}()
		s.drive()
	} else {
		s.drive()
		if rnd.IntN(4) == 0 {
			closed <- s.close(time.Duration(rnd.IntN(300)) * time.Millisecond)
		} else {
			s.srv.SetFaults() // so that everything can settle
			closed <- s.close(time.Hour)
		}
	}
	closeErr := <-closed
	close(stop)
	meddlers.Wait()
	time.Sleep(weather.MaxLate) // what is late has come
	s.check(closeErr)
}

// options draws the settings, and says what they promise.
func (s *simulation) options() []producer.Option {
	rnd := s.rnd
	size := 300 + rnd.IntN(3000)
	opts := []producer.Option{
		producer.WithAggregationMaxSize(size),
		producer.WithPutUnit(100 + rnd.IntN(2000)),
		producer.WithMaxBufferedBytes(20_000 + rnd.IntN(100_000)),
		producer.WithMaxInFlight(1 + rnd.IntN(8)),
		producer.WithRequestTimeout(time.Second),
		producer.WithMaxBufferedTime(time.Duration(rnd.IntN(100)) * time.Millisecond),
		producer.WithRecordTTL([]time.Duration{0, 2 * time.Second, 30 * time.Second}[rnd.IntN(3)]),
		producer.WithLanes(1 + max(0, rnd.IntN(8)-4)),
		producer.WithAggregationMaxCount(1 + rnd.IntN(100)),
		producer.WithCollectionMaxCount(1 + rnd.IntN(20)),
		producer.WithRateLimit([]int{0, 1, 20, 150}[rnd.IntN(4)]),
		producer.WithLogger(quiet),
	}
	if rnd.IntN(3) == 0 {
		opts = append(opts, producer.WithAggregationLimit(size+rnd.IntN(5000)))
	}
	if rnd.IntN(5) == 0 {
		s.ordered = false
		opts = append(opts, producer.WithMaxInFlightPerLane(2+rnd.IntN(3)))
	}
	if s.onDemand {
		s.ordered = false // its strategy changes
		if s.managed = rnd.IntN(2) == 0; s.managed {
			opts = append(opts, producer.WithServiceManagedAggregation())
		}
	}
	return opts
}

// meddle turns the kill switch and the stream's distribution strategy now and
// then, until stop.
func (s *simulation) meddle(rnd *rand.Rand, stop <-chan struct{}) {
	arn := "arn:aws:kinesis:us-east-1:123456789012:stream/" + stream
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(1+rnd.IntN(2000)) * time.Millisecond):
		}
		if rnd.IntN(4) == 0 {
			s.p.SetAggregation(rnd.IntN(3) > 0)
		}
		if s.onDemand {
			strategy := types.RecordDistributionStrategyAuto
			if rnd.IntN(2) == 0 {
				strategy = types.RecordDistributionStrategyUserPartitionKey
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second) // the storm hits it too
			_, _ = s.srv.Client().UpdateStreamRecordDistributionStrategy(ctx,
				&kinesis.UpdateStreamRecordDistributionStrategyInput{StreamARN: aws.String(arn), RecordDistributionStrategy: strategy})
			cancel()
		}
	}
}

func (s *simulation) close(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return s.p.Close(ctx)
}

// drive puts records from a few goroutines, each with keys of its own so that
// the order of its Puts is that of its keys.
func (s *simulation) drive() {
	var wg sync.WaitGroup
	keyless := s.rnd.IntN(3)
	for g := range 1 + s.rnd.IntN(4) {
		rnd := rand.New(rand.NewPCG(s.rnd.Uint64(), 2))
		wg.Go(func() {
			for i := range rnd.IntN(400) {
				if !s.put(rnd, g, i, keyless > 0 && rnd.IntN(4*keyless) == 0) {
					return
				}
				switch rnd.IntN(50) {
				case 0:
					time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond) // in the bubble's time
				case 1:
					if err := s.p.Flush(s.t.Context()); err != nil {
						s.t.Errorf("Flush: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// put puts one record and says whether the Producer is still open.
func (s *simulation) put(rnd *rand.Rand, g, i int, keyless bool) bool {
	key := fmt.Sprintf("%d-%d", g, rnd.IntN(20))
	o := &outcome{key: key, data: fmt.Sprintf("%s #%d %s", key, i, strings.Repeat("x", rnd.IntN(400)))}
	if rnd.IntN(20) == 0 {
		o.data += strings.Repeat("y", rnd.IntN(3000))
	}
	r := producer.Record{PartitionKey: key}
	switch {
	case keyless:
		r.PartitionKey, o.key = "", ""
	case rnd.IntN(10) == 0:
		r.PartitionKey, r.ExplicitHashKey = "explicit "+key, kinesistest.HashKey(key)
		o.key = r.PartitionKey // order is per partition key and explicit hash key
	case rnd.IntN(50) == 0 && !s.onDemand: // readers must not explode it
		var b aggregate.Builder
		if err := errors.Join(b.Add(aggregate.Record{PartitionKey: "in", Data: []byte(o.data)}), b.Add(aggregate.Record{PartitionKey: "in"})); err != nil {
			s.t.Error(err)
		}
		o.data = string(b.AppendTo(nil))
	}
	r.Data = []byte(o.data)
	err := s.p.Put(s.t.Context(), r, func(res producer.Result) {
		o.calls++
		o.result = res
		o.result.Record.Data = []byte(string(res.Record.Data))
	})
	clear(r.Data)
	if errors.Is(err, producer.ErrClosed) {
		return false
	}
	if err != nil {
		s.t.Errorf("Put: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, o)
	return true
}

// check holds the stream against what the producer said of each record.
func (s *simulation) check(closeErr error) {
	t := s.t
	delivered := map[string]int{} // to a KCL
	at := map[string]read{}
	first := map[string]int{} // in the order of the stream
	for _, r := range readAll(t, s.srv, stream) {
		at[fmt.Sprint(r.sequenceNumber, "/", r.subSequence)] = r
		if r.dropped && !s.managed {
			continue
		}
		delivered[r.data]++
		if delivered[r.data] == 1 {
			first[r.data] = len(first)
		}
	}
	last := map[string]int{}
	failed := 0
	for _, o := range s.all {
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
		if r.data != o.data || r.shard != o.result.ShardID || r.dropped && !s.managed || delivered[o.data] == 0 {
			t.Errorf("%.20q: reported at %s, where %.20q is, dropped: %v", o.data, o.result.SequenceNumber, r.data, r.dropped)
		}
		place := first[o.data]
		if before, ok := last[o.key]; s.ordered && o.key != "" && ok && place < before {
			t.Errorf("%.20q: overtook an earlier record of its key", o.data)
		}
		last[o.key] = place
	}
	stats := s.p.Stats()
	if stats.UserRecordsPending != 0 || stats.OldestAge != 0 || stats.UserRecordsFailed != int64(failed) || stats.UserRecordsReceived != int64(len(s.all)) {
		t.Errorf("after Close: %+v, %d records, %d failed", stats, len(s.all), failed)
	}
	if (closeErr != nil) != (stats.UserRecordsHandedBack > 0) {
		t.Errorf("Close: %v, %d handed back", closeErr, stats.UserRecordsHandedBack)
	}
	if left := s.p.Residue(); left != "" {
		t.Errorf("after Close: %s", left)
	}
}

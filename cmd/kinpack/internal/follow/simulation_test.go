package follow_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

var (
	simSeeds = flag.Int("sim.seeds", 60, "how many seeds the simulation runs; a tenth of them over the SDK's client")
	simBase  = flag.Uint64("sim.base", 1, "the first seed")
)

// TestSimulation reads a stream that is written to and resharded, from a Kinesis that
// throttles, fails and is late, with a caller that takes its time: every record once,
// those of a key in their order. A failing seed replays with
// -run TestSimulation/direct/seed=N$ -sim.base N -sim.seeds 1.
func TestSimulation(t *testing.T) {
	run := func(name string, seeds int, face func(*kinesistest.Server) follow.Client) {
		t.Run(name, func(t *testing.T) {
			for i := range seeds {
				seed := *simBase + uint64(i)
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { simulate(t, seed, face) })
				})
			}
		})
	}
	run("direct", *simSeeds, func(s *kinesistest.Server) follow.Client { return s.Client() })
	run("sdk", (*simSeeds+9)/10, func(s *kinesistest.Server) follow.Client { return s.SDKClient() })
}

// weather hits reads, and listings but the first.
func weather(seed uint64, rnd *rand.Rand) kinesistest.Faults {
	storm := kinesistest.Storm(seed, kinesistest.Weather{
		Unavailable: rnd.Float64() * 0.2, Throttled: rnd.Float64() * 0.4, Reset: rnd.Float64() * 0.2, NoAnswer: rnd.Float64() * 0.005,
		Lost: rnd.Float64() * 0.1, MaxLatency: time.Duration(rnd.Int64N(int64(time.Second))),
	})
	var mu sync.Mutex
	listed := false
	return func(ctx context.Context, r kinesistest.Request) kinesistest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch r.Operation {
		case "ListShards":
			if !listed {
				listed = true
				return kinesistest.Fault{}
			}
		case "GetRecords", "GetShardIterator":
		default:
			return kinesistest.Fault{}
		}
		return storm(ctx, r)
	}
}

func simulate(t *testing.T, seed uint64, face func(*kinesistest.Server) follow.Client) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	lag := time.Duration(rnd.IntN(3)) * time.Duration(rnd.Int64N(int64(time.Minute)))
	server := kinesistest.New(kinesistest.WithListShardsLag(lag), kinesistest.WithDelay(time.Duration(rnd.Int64N(int64(5*time.Second)))))
	if err := server.AddStream(stream, 1+rnd.IntN(6)); err != nil {
		t.Fatal(err)
	}
	keys, each := 1+rnd.IntN(30), 20+rnd.IntN(60)
	write := func(from, to int) {
		for i := from; i < to; i++ {
			putNumbered(t, server.Client(), keys, i)
			time.Sleep(time.Duration(rnd.Int64N(int64(2 * time.Second))))
			if rnd.IntN(10) == 0 {
				_, _ = server.Reshard(stream, rnd) // not while another one is under way
			}
		}
	}
	// Some of the records are there before, some come while it reads.
	before, atTip := rnd.IntN(each), rnd.IntN(3) == 0
	from := []follow.Position{follow.TrimHorizon(), follow.AtTime(time.Now()), follow.Latest()}[rnd.IntN(3)]
	latest := from == follow.Latest()
	if latest && !atTip {
		before = 0
	}
	write(0, before)
	opts := []follow.Option{follow.WithWorkers(1 + rnd.IntN(8)), follow.WithPageSize(1 + rnd.IntN(200))}
	if atTip {
		opts = append(opts, follow.WithStopAtTip())
	}
	server.SetFaults(weather(seed, rnd))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writer sync.WaitGroup
	slow := rand.New(rand.NewPCG(seed, 1))
	pause := time.Duration(slow.Int64N(int64(20 * time.Minute)))
	var got []follow.Record
	writer.Go(func() {
		// Latest is as of each shard's first turn, which may take a while.
		time.Sleep(15 * time.Minute)
		write(before, each)
		server.SetFaults(nil)
		select {
		case <-ctx.Done():
		case <-time.After(5*pause + time.Hour):
			cancel()
		}
	})
	var last error
	pauses := 0
	for r, err := range of(face(server)).Read(ctx, from, opts...) {
		if err != nil {
			last = err
			break
		}
		if got = append(got, r); len(got) == keys*each && !atTip {
			time.AfterFunc(time.Minute, cancel)
		}
		if pauses < 5 && slow.IntN(keys*each/2+1) == 0 { // perhaps longer than an iterator is good for
			pauses++
			time.Sleep(pause)
		}
	}
	ended := ctx.Err() == nil
	cancel()
	writer.Wait()
	switch {
	case !atTip && last != context.Canceled, atTip && last != nil:
		t.Errorf("it ended with %v", last)
	case atTip && !ended:
		t.Error("it did not end at the tip")
	case atTip && latest:
	case atTip:
		if len(got) < keys*before {
			t.Errorf("%d records, and %d were there", len(got), keys*before)
		}
		// What came later is read of some shards, and not of others.
		got = slices.DeleteFunc(got, func(r follow.Record) bool { return number(r) >= before })
		ordered(t, got, keys, before)
	default:
		ordered(t, got, keys, each)
	}
}

func number(r follow.Record) (n int) {
	var key int
	if _, err := fmt.Sscanf(string(r.Data), "k%d-%d", &key, &n); err != nil {
		panic(err)
	}
	return n
}

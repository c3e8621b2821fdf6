package lambda_test

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
	"github.com/kinpack/kinpack/producer"
)

var (
	simSeeds = flag.Int("sim.seeds", 200, "how many seeds TestEndToEnd runs")
	simBase  = flag.Uint64("sim.base", 1, "the first seed")
)

// TestEndToEnd puts records with a Producer and reads them through an event
// source mapping with sandboxes that are killed and cold-started, and handlers
// that fail, panic, are late and ignore their context. A failing seed replays
// with -run TestEndToEnd/seed=N$ -sim.base N -sim.seeds 1.
func TestEndToEnd(t *testing.T) {
	t.Logf("seeds %d to %d", *simBase, *simBase+uint64(*simSeeds)-1)
	for i := range *simSeeds {
		seed := *simBase + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { endToEnd(t, seed) })
		})
	}
}

const simStream = "clicks" // that of streamARN

// scene is one seed: what is put, what goes wrong, and what came of it.
type scene struct {
	t       testing.TB
	seed    uint64
	rnd     *rand.Rand
	mode    string
	limit   int // WithMaxAttempts
	faulty  bool
	durable bool        // there is a Checkpoint
	sticky  bool        // one sandbox that lives
	quietly atomic.Bool // nothing goes wrong from now on

	srv   *kinesistest.Server
	p     *producer.Producer
	put   int
	store store

	mu      sync.Mutex
	keys    map[string]string // partition key by record
	calls   []call
	letters map[string][]string // IDs by record
}

// call is one time that a handler was given a record.
type call struct {
	record, id, request string // record is its data, id its letter's ID
	at                  time.Time
	late                bool // the handler of several records went on when its time was up
	done                bool // in time, as far as the handler knows
	ended               time.Time
}

func endToEnd(t *testing.T, seed uint64) {
	s := &scene{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), keys: map[string]string{}, letters: map[string][]string{}}
	s.mode = []string{"order", "concurrent", "bykey", "batch", "expand-stop", "expand-list"}[s.rnd.IntN(6)]
	s.limit = 1 + s.rnd.IntN(4)
	s.durable, s.sticky = s.rnd.IntN(4) > 0, s.rnd.IntN(4) == 0
	s.faulty = s.rnd.IntN(5) > 0
	s.srv = kinesistest.New(kinesistest.WithDelay(0))
	if err := s.srv.AddStream(simStream, 1+s.rnd.IntN(3)); err != nil {
		t.Fatal(err)
	}
	lanes := 1 + s.rnd.IntN(3)
	var err error
	if s.p, err = producer.New(t.Context(), s.srv.Client(), simStream, producer.WithLanes(lanes)); err != nil {
		t.Fatal(err)
	}
	m := s.mapping(lanes)
	s.puts()
	s.drain(m)
	if s.rnd.IntN(2) == 0 {
		if _, err := s.srv.Reshard(simStream, s.rnd); err != nil {
			t.Fatal(err)
		}
	}
	s.puts()
	if err := s.p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.drain(m)
	s.check(m)
	s.replay(m)
}

// puts puts some records, a few of which will never succeed.
func (s *scene) puts() {
	for range 1 + s.rnd.IntN(40) {
		key, kind := fmt.Sprint("key-", s.rnd.IntN(8)), "good"
		if s.rnd.IntN(12) == 0 {
			kind = "poison"
		}
		name := fmt.Sprintf("%s-%04d", kind, s.put)
		s.put++
		s.keys[name] = key
		if err := s.p.Put(s.t.Context(), producer.Record{PartitionKey: key, Data: []byte(name)}, nil); err != nil {
			s.t.Fatal(err)
		}
		if s.rnd.IntN(15) == 0 {
			if err := s.p.Flush(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if err := s.p.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// mapping makes the event source mapping.
func (s *scene) mapping(lanes int) *lambdatest.Mapping {
	opts := []lambdatest.Option{
		lambdatest.WithReportBatchItemFailures(), lambdatest.WithSeed(s.seed),
		lambdatest.WithBatchSize(1 + s.rnd.IntN(12)), lambdatest.WithTimeout(3 * time.Second),
	}
	if lanes > 1 { // or records that go alone would leave their lane
		opts = append(opts, lambdatest.WithParallelizationFactor(1+s.rnd.IntN(3)))
	}
	if s.rnd.IntN(2) == 0 {
		opts = append(opts, lambdatest.WithBisectBatchOnFunctionError())
	}
	if s.sticky {
		opts = append(opts, lambdatest.WithSandboxes(1, lambdatest.Sticky))
	} else {
		opts = append(opts, lambdatest.WithSandboxes(1+s.rnd.IntN(3), lambdatest.Random))
		if s.faulty {
			opts = append(opts, lambdatest.WithTrouble(lambdatest.Trouble{Throttle: .05, ColdStart: .1, Kill: .1, KillAtPoint: .01}))
		}
	}
	m, err := lambdatest.New(lambdatest.Stream(s.srv.Client(), streamARN), s.sandbox, opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func (s *scene) drain(m *lambdatest.Mapping) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Hour)
	defer cancel()
	if err := m.Drain(ctx); err != nil {
		s.t.Fatalf("%s: not drained: %v", s, err)
	}
	time.Sleep(time.Minute) // for what is late
}

func (s *scene) String() string {
	return fmt.Sprintf("mode %s, attempts %d, faulty %t, durable %t, sticky %t", s.mode, s.limit, s.faulty, s.durable, s.sticky)
}

// sandbox is a new sandbox: a Consumer, and doubles that notice when they are dead.
func (s *scene) sandbox(sb *lambdatest.Sandbox) lambdatest.Function {
	opts := []lambda.Option{quiet(), lambda.WithProgressNamespace("sim"), lambda.WithMaxAttempts(s.limit), lambda.WithDeadLetter(&simLetters{s, sb}),
		lambda.WithShardRange(lambda.ShardRangesFunc(s.shardRange))}
	if s.durable {
		opts = append(opts, lambda.WithCheckpoint(&simStore{&s.store, sb}))
	}
	h := &simHandler{s, sb}
	var c *lambda.Consumer
	var err error
	switch s.mode {
	case "order":
		c, err = lambda.New(h.one, opts...)
	case "concurrent":
		c, err = lambda.New(h.one, append(opts, lambda.WithConcurrency(4))...)
	case "bykey":
		c, err = lambda.NewByKey(h.several, append(opts, lambda.WithConcurrency(3))...)
	case "batch":
		c, err = lambda.NewBatch(h.several, opts...)
	case "expand-stop":
		return function(lambda.Expand(h.stopping, opts...))
	default:
		return function(lambda.Expand(h.listing, append(opts, lambda.WithEveryFailureListed())...))
	}
	if err != nil {
		s.t.Error(err)
	}
	return function(c.Kinesis)
}

func function(f lambda.Function) lambdatest.Function {
	return lambdatest.HandlerFunc[events.KinesisEvent, events.KinesisEventResponse](f)
}

func (s *scene) shardRange(_ context.Context, _, shardID string) (first, last string, err error) {
	shards := s.srv.Shards(simStream)
	i := slices.IndexFunc(shards, func(sh kinesistest.Shard) bool { return sh.ID == shardID })
	return shards[i].FirstHashKey, shards[i].LastHashKey, nil
}

// chance is a number below n that depends on the seed and what only, so that no
// scheduling changes it.
func (s *scene) chance(n uint64, what ...any) uint64 {
	return hashOf(fmt.Sprint(s.seed, what)) % n
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64() ^ h.Sum64()>>29
}

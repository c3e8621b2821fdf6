package lambdatest_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

var chaosSeeds = flag.Uint64("chaos.seeds", 10, "how many seeds TestChaos runs")

// Everything at once: reshards, failures of the stream, few sandboxes that die, time
// out and are throttled, bisect, lanes. Nothing is lost, the first runs of a key are
// in order, and nothing is left running (the bubble sees to that).
func TestChaos(t *testing.T) {
	for seed := range *chaosSeeds {
		bubble(t, fmt.Sprint("seed=", seed), func(t *testing.T) { chaos(t, seed) })
	}
}

func chaos(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	client := kinesistest.Fake(t, "clicks", 1+rnd.IntN(3), kinesistest.WithListShardsLag(time.Duration(rnd.IntN(5))*time.Second))
	var mu sync.Mutex
	last := map[string]int{} // the highest record of each key that was handled
	factory := func(s *lambdatest.Sandbox) lambdatest.Function {
		return lambdatest.HandlerFunc[events.KinesisEvent, string](func(ctx context.Context, e events.KinesisEvent) (string, error) {
			for _, r := range e.Records {
				if err := s.Point(ctx, "record "+string(r.Kinesis.Data)); err != nil {
					return "", err
				}
				var n int
				fmt.Sscan(string(r.Kinesis.Data), &n)
				mu.Lock()
				if before, ok := last[r.Kinesis.PartitionKey]; ok && n > before+7 {
					t.Errorf("%s: %d came first after %d", r.Kinesis.PartitionKey, n, before)
				}
				last[r.Kinesis.PartitionKey] = max(n, last[r.Kinesis.PartitionKey])
				mu.Unlock()
			}
			time.Sleep(time.Duration(e.Records[0].Kinesis.Data[0]%4) * 400 * time.Millisecond)
			return "", nil
		})
	}
	opts := []lambdatest.Option{
		lambdatest.WithSeed(seed), lambdatest.WithBatchSize(1 + rnd.IntN(40)), lambdatest.WithTimeout(2 * time.Second),
		lambdatest.WithParallelizationFactor(1 + rnd.IntN(4)), lambdatest.WithSandboxes(rnd.IntN(4), lambdatest.Placement(rnd.IntN(4))),
		lambdatest.WithConcurrencyPerSandbox(1 + rnd.IntN(2)), lambdatest.WithMaximumBatchingWindow(time.Duration(rnd.IntN(3)) * time.Second),
		lambdatest.WithTrouble(lambdatest.Trouble{Throttle: 0.1, ColdStart: 0.1, Kill: 0.1, KillAtPoint: 0.002}),
	}
	if rnd.IntN(2) == 0 {
		opts = append(opts, lambdatest.WithBisectBatchOnFunctionError())
	}
	m := newMapping(t, lambdatest.Stream(client, clicksARN), factory, opts...)
	client.Server().SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation != "PutRecords" && r.Number%7 == 0 {
			f.Failure = kinesistest.APIError(503, "ServiceUnavailable")
		}
		return f
	})
	for round := range 5 {
		put(t, client, round*70, 70, 7)
		if _, err := client.Server().Reshard("clicks", rnd); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.IntN(5000))*time.Millisecond)
		if err := m.Drain(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		cancel()
	}
	drain(t, m)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	check(t, "seen", len(m.Seen()), 350)
	var done []string
	for _, inv := range m.Invocations() {
		for _, r := range inv.Records[:inv.Done] {
			done = append(done, string(r.Data))
		}
	}
	slices.Sort(done)
	check(t, "done, each once", len(done), 350)
	check(t, "done", len(slices.Compact(done)), 350)
}

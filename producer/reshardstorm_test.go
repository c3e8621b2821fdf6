package producer_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// TestReshardStorm splits and merges every 100 ms under load, while listings lag
// behind by up to 3 s: nothing is lost to a KCL, and the order of first copies
// holds. A failing seed replays with -run TestReshardStorm/seed=N$ -live.base N
// -live.seeds 4.
func TestReshardStorm(t *testing.T) {
	for i := range (*liveSeeds + 3) / 4 {
		seed := *liveBase + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 11))
				srv := kinesistest.New(kinesistest.WithListShardsLag(ms(rnd.IntN(3000))), kinesistest.WithDelay(ms(rnd.IntN(2)*rnd.IntN(200))))
				s := &simulation{t: t, rnd: rnd, srv: srv, ordered: true}
				if err := srv.AddStream(stream, 1+rnd.IntN(4)); err != nil {
					t.Fatal(err)
				}
				opts := append(s.options(), producer.WithRecordTTL(0))
				if rnd.IntN(2) == 0 {
					opts = append(opts, producer.WithRateLimit(0))
				}
				p, err := producer.New(t.Context(), srv.Client(), stream, opts...)
				if err != nil {
					t.Fatal(err)
				}
				s.p = p
				srv.SetFaults(kinesistest.Storm(seed, kinesistest.Weather{MaxLatency: ms(1 + rnd.IntN(100)), Entry: pick(rnd, 0, 0.1), Unavailable: pick(rnd, 0, 0.02)}))
				stop := make(chan struct{})
				var wg sync.WaitGroup
				toggle := rnd.IntN(4) == 0
				wg.Go(func() {
					r2 := rand.New(rand.NewPCG(seed, 12))
					for range 300 {
						select {
						case <-stop:
							return
						case <-time.After(ms(100)):
						}
						_, _ = srv.Reshard(stream, r2)
						if toggle && r2.IntN(10) == 0 {
							p.SetAggregation(r2.IntN(3) > 0)
						}
					}
				})
				s.drive()
				close(stop)
				wg.Wait()
				srv.SetFaults()
				s.check(s.close(time.Hour))
			})
		})
	}
}

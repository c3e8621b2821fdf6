package producer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// options draws the settings, odd ones too.
func (l *liveness) options() []producer.Option {
	rnd := l.rnd
	l.linger = pick(rnd, 0, ms(1), ms(100), ms(100), time.Second, 10*time.Minute, week)
	ttl := pick(rnd, 0, 2*time.Second, 30*time.Second)
	if l.linger >= ttl {
		ttl = pick(rnd, 0, l.linger+time.Second)
	}
	l.buffer = pick(rnd, 1000, 3000, 10_000, 50_000, 200_000)
	l.rate = pick(rnd, 0, 1, 20, 150)
	size := pick(rnd, 1, 200, 1000, 5000, 51_200)
	limit := pick(rnd, 0, size, size+rnd.IntN(5000))
	count, unit := pick(rnd, 1, 2, 10, 1<<30), pick(rnd, 1, 100, 1024, 25_600)
	lanes, calls, perLane := 1+max(0, rnd.IntN(12)-4), 1+rnd.IntN(8), pick(rnd, 1, 1, 2, 3)
	collect, on := pick(rnd, 1, 2, 20, 500), rnd.IntN(4) > 0
	opts := []producer.Option{
		producer.WithMaxBufferedTime(l.linger), producer.WithRecordTTL(ttl), producer.WithMaxBufferedBytes(l.buffer),
		producer.WithRateLimit(l.rate), producer.WithAggregationMaxSize(size), producer.WithAggregationLimit(limit),
		producer.WithAggregationMaxCount(count), producer.WithPutUnit(unit), producer.WithLanes(lanes),
		producer.WithMaxInFlight(calls), producer.WithMaxInFlightPerLane(perLane), producer.WithCollectionMaxCount(collect),
		producer.WithAggregation(on), producer.WithFailIfThrottled(rnd.IntN(4) == 0),
		producer.WithRequestTimeout(time.Second), producer.WithLogger(quiet),
	}
	if rnd.IntN(3) == 0 {
		opts = append(opts, producer.WithServiceManagedAggregation())
	}
	l.settings = fmt.Sprintf("linger %v, TTL %v, buffer %d, rate %d%%, size %d, limit %d, count %d, unit %d, lanes %d, calls %d, in flight a lane %d, collect %d, on %v, on demand %v, lag %v",
		l.linger, ttl, l.buffer, l.rate, size, limit, count, unit, lanes, calls, perLane, collect, on, l.onDemand, l.lag)
	return opts
}

// storm begins.
func (l *liveness) storm() {
	rnd := l.rnd
	w := kinesistest.Weather{
		Unavailable: 0.03, Throttled: 0.02, Reset: 0.02, NoAnswer: 0.02, Lost: 0.03, Late: 0.02, Entry: 0.1, Truncated: 0.02,
		Reshard: 0.05 * float64(rnd.IntN(3)), MaxLatency: ms(1 + rnd.IntN(60)), MaxLate: time.Second,
	}
	list, describe := rnd.IntN(3) == 0, rnd.IntN(3) == 0
	from := time.Now().Add(ms(rnd.IntN(1000)))
	until := from.Add(ms(rnd.IntN(2000)))
	l.srv.SetFaults(kinesistest.Storm(l.seed, w), func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		denied := list && r.Operation == "ListShards" || describe && r.Operation == "DescribeStreamSummary"
		if denied && r.Time.After(from) && r.Time.Before(until) {
			f.Failure = kinesistest.APIError(400, "AccessDeniedException")
		}
		return f
	})
}

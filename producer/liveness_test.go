package producer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var (
	liveSeeds = flag.Int("live.seeds", 200, "how many seeds TestLiveness runs")
	liveBase  = flag.Uint64("live.base", 1, "the first seed")
)

// TestLiveness puts records through a storm, lets the weather calm down, and holds
// the Producer to its times: without a Flush every record is done and every waiting
// Put returns, and a Flush returns, within what the settings allow. A failing seed
// replays with -run TestLiveness/seed=N$ -live.base N -live.seeds 1.
func TestLiveness(t *testing.T) {
	for i := range *liveSeeds {
		seed := *liveBase + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newLiveness(t, seed).run() })
		})
	}
}

// liveness is one seed.
type liveness struct {
	t        *testing.T
	rnd      *rand.Rand
	seed     uint64
	srv      *kinesistest.Server
	p        *producer.Producer
	settings string // for the log
	onDemand bool
	buffer   int
	linger   time.Duration
	rate     int
	lag      time.Duration // of a reshard, until the listings show it

	mu      sync.Mutex
	pending map[int]time.Time // records put and not done, by number: when
	next    int
	waiting sync.WaitGroup // Puts
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

func newLiveness(t *testing.T, seed uint64) *liveness {
	rnd := rand.New(rand.NewPCG(seed, 4))
	l := &liveness{t: t, rnd: rnd, seed: seed, pending: map[int]time.Time{}, onDemand: rnd.IntN(4) == 0}
	delay, lag := pick(rnd, 0, 0, ms(300), 2*time.Second), pick(rnd, 0, 0, ms(500), 4*time.Second)
	l.lag = delay + lag
	l.srv = kinesistest.New(kinesistest.WithDelay(delay), kinesistest.WithListShardsLag(lag))
	shards := 1 + rnd.IntN(5)
	if l.onDemand {
		shards = 0
	}
	if err := l.srv.AddStream(stream, shards); err != nil {
		t.Fatal(err)
	}
	opts := l.options()
	if rnd.IntN(5) == 0 { // a storm from the start
		l.storm()
	}
	p, err := producer.New(t.Context(), l.srv.Client(), stream, opts...)
	if l.srv.SetFaults(); err != nil {
		p, err = producer.New(t.Context(), l.srv.Client(), stream, opts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.p = p
	return l
}

func (l *liveness) run() {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer func() { // also of what has stalled
		cancel()
		l.waiting.Wait()
		if err := l.p.Close(context.Background()); err != nil {
			l.t.Errorf("Close: %v", err)
		}
		if left := l.p.Residue(); left != "" {
			l.t.Errorf("after Close: %s", left)
		}
	}()
	l.storm()
	l.traffic(ctx, 200, true)
	if l.rnd.IntN(2) == 0 { // the last thing that happens, in a backoff perhaps
		l.p.SetAggregation(false)
		l.p.SetAggregation(true)
	}
	l.srv.SetFaults()
	l.quiet("the storm")
	for i := range 3 {
		if l.t.Failed() {
			return
		}
		l.traffic(ctx, 50, false)
		if i == 0 {
			l.quiet("calm traffic")
			continue
		}
		l.flushes()
	}
}

// traffic puts records from a few goroutines, whose Puts may still wait when it
// returns, and meddles with the stream and the Producer. In a storm somebody may
// give up.
func (l *liveness) traffic(ctx context.Context, most int, stormy bool) {
	var wg sync.WaitGroup
	for range 1 + l.rnd.IntN(4) {
		rnd := rand.New(rand.NewPCG(l.rnd.Uint64(), 5))
		wg.Add(1)
		l.waiting.Go(func() {
			ended := sync.OnceFunc(wg.Done)
			defer ended()
			timer := time.AfterFunc(3*time.Second, ended)
			defer timer.Stop()
			for range rnd.IntN(most) {
				l.put(ctx, rnd, stormy, 2)
				if rnd.IntN(20) == 0 {
					time.Sleep(ms(rnd.IntN(200)))
				}
			}
		})
	}
	for range l.rnd.IntN(6) {
		time.Sleep(ms(l.rnd.IntN(700)))
		l.meddle(stormy)
	}
	wg.Wait()
}

func (l *liveness) meddle(stormy bool) {
	switch l.rnd.IntN(4) {
	case 0:
		l.p.SetAggregation(l.rnd.IntN(3) > 0)
	case 1:
		_, _ = l.srv.Reshard(stream, l.rnd) // it may be UPDATING
	case 2:
		strategy := pick(l.rnd, types.RecordDistributionStrategyAuto, types.RecordDistributionStrategyUserPartitionKey)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) // the storm hits it too
		defer cancel()
		_, _ = l.srv.Client().UpdateStreamRecordDistributionStrategy(ctx, &kinesis.UpdateStreamRecordDistributionStrategyInput{
			StreamARN: aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/" + stream), RecordDistributionStrategy: strategy})
	default:
		if stormy {
			ctx, cancel := context.WithTimeout(context.Background(), ms(l.rnd.IntN(300)))
			defer cancel()
			_ = l.p.Flush(ctx)
		}
	}
}

// put puts one record, whose done may misbehave and put up to nested others.
func (l *liveness) put(ctx context.Context, rnd *rand.Rand, impatient bool, nested int) {
	key := pick(rnd, "", fmt.Sprint(rnd.IntN(30)), fmt.Sprint(rnd.IntN(30)), fmt.Sprint(rnd.IntN(30)))
	size := rnd.IntN(pick(rnd, 10, 400, 700))
	if rnd.IntN(30) == 0 {
		size = rnd.IntN(l.buffer)
	}
	r := producer.Record{PartitionKey: key, Data: make([]byte, size)}
	what, more := rnd.IntN(60), rand.New(rand.NewPCG(rnd.Uint64(), 6))
	l.mu.Lock()
	n := l.next
	l.next++
	l.pending[n] = time.Now()
	l.mu.Unlock()
	over := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.pending, n)
	}
	done := func(producer.Result) {
		over()
		if used := l.p.Stats().BufferedBytes; used > int64(l.buffer) {
			l.t.Errorf("%d bytes in a buffer of %d", used, l.buffer)
		}
		switch {
		case what == 0:
			panic("a done may")
		case what == 1:
			runtime.Goexit()
		case what == 2:
			time.Sleep(ms(100))
		case what < 8 && nested > 0:
			l.put(ctx, more, impatient, nested-1)
		}
	}
	var err error
	if rnd.IntN(5) == 0 {
		err = l.p.TryPut(r, done)
	} else {
		if impatient && rnd.IntN(10) == 0 {
			short, cancel := context.WithTimeout(ctx, ms(rnd.IntN(500)))
			defer cancel()
			ctx = short
		}
		err = l.p.Put(ctx, r, done)
	}
	if err == nil {
		return
	}
	over()
	if !errors.Is(err, producer.ErrBufferFull) && !errors.Is(err, producer.ErrInDone) && !errors.Is(err, producer.ErrTooLarge) && ctx.Err() == nil {
		l.t.Errorf("Put: %v", err)
	}
}

// left returns how many records are not done, and when the first of them was put.
func (l *liveness) left() (n int, oldest time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.pending {
		if n++; n == 1 || at.Before(oldest) {
			oldest = at
		}
	}
	return n, oldest
}

// bound is how long all that is in the buffer, or waits for it, may take from now,
// whatever the maximum buffered time: a timeout and two backoffs, dones that sleep,
// the listings, the rate limit; and on a stream whose shards do not follow the hash
// keys wrong landings, each with a backoff.
func (l *liveness) bound() time.Duration {
	left, _ := l.left()
	n := time.Duration(left + 1)
	d := 20*time.Second + 2*l.lag + n*ms(100)
	if l.rate > 0 {
		const most = 51_200 // of an aggregate, or of a backlog in the bucket
		bytes := n*1000 + time.Duration(2*l.buffer) + 2*most
		d += 4 * (n*time.Second/time.Duration(10*l.rate) + bytes*time.Second/time.Duration(10_485*l.rate))
	}
	if l.onDemand {
		d += n * 3 * 5 * time.Second
	}
	return d
}

// quiet lets the time pass that the Puts, and then the records, may take.
func (l *liveness) quiet(after string) {
	bound := l.bound()
	returned := make(chan struct{})
	go func() { l.waiting.Wait(); close(returned) }()
	select {
	case <-returned:
	case <-time.After(bound):
		l.t.Errorf("after %s: a Put waits %v later; %+v; %s", after, bound, l.p.Stats(), l.settings)
		return
	}
	calm := time.Now()
	for n, oldest := l.left(); n > 0; n, oldest = l.left() { // dones put others
		if oldest.Before(calm) {
			oldest = calm
		}
		end := oldest.Add(l.linger + bound)
		if !time.Now().Before(end) {
			l.t.Errorf("after %s: %d records are not done %v later; %+v; %s", after, n, l.linger+bound, l.p.Stats(), l.settings)
			return
		}
		time.Sleep(max(ms(1), time.Until(end)/10))
	}
}

// flushes flushes from two goroutines amid traffic and changes.
func (l *liveness) flushes() {
	ctx, cancel := context.WithTimeout(context.Background(), l.bound())
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		after := ms(l.rnd.IntN(300))
		wg.Go(func() {
			time.Sleep(after)
			if err := l.p.Flush(ctx); err != nil {
				l.t.Errorf("Flush: %v; %+v; %s", err, l.p.Stats(), l.settings)
			}
		})
	}
	for range l.rnd.IntN(4) {
		time.Sleep(ms(l.rnd.IntN(200)))
		l.meddle(false)
	}
	wg.Wait()
}

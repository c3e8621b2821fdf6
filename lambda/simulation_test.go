package lambda_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// world is a shard, and handlers and a dead letter that fail, panic and are late
// at random, and get better after a while.
type world struct {
	t           testing.TB
	mu          sync.Mutex
	random      *rand.Rand
	trouble     int            // how many more calls may go wrong
	calls       map[string]int // of the handler
	unsent      map[string]int // calls of the dead letter that failed
	done, aside map[string]int // by record: successes, letters sent
}

func (w *world) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trouble--; w.trouble < 0 {
		return n - 1 // the last outcome is success at once
	}
	return w.random.IntN(n)
}

func (w *world) count(m map[string]int, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m[name]++
}

func (w *world) handle(ctx context.Context, r *lambda.Record) error {
	name := string(r.Data)
	w.count(w.calls, name)
	switch w.roll(12) {
	case 0:
		return lambda.Poison(errBoom)
	case 1:
		panic("boom")
	case 2:
		runtime.Goexit()
	case 3:
		time.Sleep(7 * time.Second)
		return errBoom
	case 4:
		time.Sleep(9 * time.Second) // longer than two invocations
	case 5:
		<-ctx.Done()
		return ctx.Err()
	case 6, 7:
		return errBoom
	}
	w.count(w.done, name)
	return nil
}

func (w *world) Send(_ context.Context, l lambda.Letter) error {
	switch w.roll(6) {
	case 0:
		w.count(w.unsent, string(l.Data))
		return errBoom
	case 1:
		w.count(w.unsent, string(l.Data))
		runtime.Goexit()
	case 2:
		time.Sleep(6 * time.Second)
	}
	w.count(w.aside, string(l.Data))
	return nil
}

// run is the mapping of one lane: its batches grow and shrink, and some answers
// never arrive.
func (w *world) run(c *lambda.Consumer, records []events.KinesisEventRecord, names map[string][]string, lossy bool) {
	for sent := 0; len(records) > 0; sent++ {
		if sent > 2000 {
			w.t.Errorf("not done after %d invocations", sent)
			return
		}
		w.mu.Lock()
		batch := slices.Clone(records[:1+w.random.IntN(min(6, len(records)))])
		lost := lossy && w.random.IntN(4) == 0 && w.trouble > 0
		w.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		response, err := c.Kinesis(ctx, event(batch...))
		cancel()
		if err != nil {
			w.t.Error(err)
			return
		}
		passed := len(batch)
		if f := response.BatchItemFailures; len(f) > 0 {
			passed = slices.IndexFunc(batch, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == f[0].ItemIdentifier })
			if passed < 0 || len(f) > 1 {
				w.t.Errorf("answer %v", f)
				return
			}
		}
		w.mu.Lock()
		for _, r := range batch[:passed] {
			for _, name := range names[r.Kinesis.SequenceNumber] {
				if w.done[name]+w.aside[name] == 0 {
					w.t.Errorf("the answer passes over %s", name)
				}
			}
		}
		w.mu.Unlock()
		if !lost {
			records = records[passed:]
		}
	}
}

// Two lanes of a shard, as with a ParallelizationFactor, in one process. Nothing
// is passed over, whatever happens. Unless answers get lost, nothing succeeds
// twice, no record is tried too often, and none has two letters.
func TestSimulation(t *testing.T) {
	const limit = 3
	for seed := range uint64(150) {
		lossy := seed%3 == 0
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), trouble: 60,
				calls: map[string]int{}, unsent: map[string]int{}, done: map[string]int{}, aside: map[string]int{}}
			c := newConsumer(t, w.handle, lambda.WithMaxAttempts(limit), lambda.WithDeadLetter(w))
			names := map[string][]string{}
			lanes := make([][]events.KinesisEventRecord, 2)
			for n := range 24 {
				r := record(n, fmt.Sprint("lane", n%2), fmt.Appendf(nil, "plain-%d", n))
				names[sequence(n)] = []string{fmt.Sprintf("plain-%d", n)}
				switch w.random.IntN(5) {
				case 0, 1, 2:
					users := []string{fmt.Sprint(n, "a"), fmt.Sprint(n, "b"), fmt.Sprint(n, "c")}
					r.Kinesis.Data, names[sequence(n)] = packed(t, n, users...).Kinesis.Data, users
				case 3:
					r.Kinesis.Data, names[sequence(n)] = malformed(), nil
				}
				lanes[n%2] = append(lanes[n%2], r)
			}
			var wg sync.WaitGroup
			for _, records := range lanes {
				wg.Go(func() { w.run(c, records, names, lossy) })
			}
			wg.Wait()
			time.Sleep(time.Minute) // for those that are late
			for _, all := range names {
				for _, name := range all {
					if w.done[name]+w.aside[name] != 1 && !lossy {
						t.Errorf("seed %d: %s succeeded %d times and has %d letters", seed, name, w.done[name], w.aside[name])
					}
					if most := limit + w.unsent[name]; w.calls[name] > most && !lossy {
						t.Errorf("seed %d: %s was tried %d times, want at most %d", seed, name, w.calls[name], most)
					}
				}
			}
		})
	}
}

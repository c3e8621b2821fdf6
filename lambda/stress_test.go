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

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// rig is handlers and dead letters to which anything happens, and what was done.
type rig struct {
	mu   sync.Mutex
	done map[string]int // by data: successes and letters
	r    *rand.Rand
}

func newRig(seed uint64) *rig {
	return &rig{done: map[string]int{}, r: rand.New(rand.NewPCG(seed, 1))}
}

func (w *rig) n(k int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(k)
}

func (w *rig) ok(data string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[data]++
}

// trouble is what happens to a handler call.
func (w *rig) trouble(ctx context.Context) error {
	switch w.n(30) {
	case 0:
		return errBoom
	case 1:
		return lambda.Poison(errBoom)
	case 2:
		panic(nil)
	case 3:
		runtime.Goexit()
	case 4:
		<-ctx.Done()
		return ctx.Err()
	case 5:
		time.Sleep(time.Duration(w.n(30)) * time.Second)
	case 6, 7, 8:
		time.Sleep(time.Duration(w.n(800)) * time.Millisecond)
	}
	return nil
}

func (w *rig) one(ctx context.Context, r *lambda.Record) error {
	if err := w.trouble(ctx); err != nil {
		return err
	}
	w.ok(string(r.Data))
	return nil
}

func (w *rig) several(ctx context.Context, rs []*lambda.Record) error {
	failures := lambda.Failures{}
	for i, r := range rs {
		err := w.one(ctx, r)
		if err == nil {
			continue
		}
		switch w.n(3) {
		case 0:
			failures[i] = err
		case 1:
			for j := i; j < len(rs); j++ {
				failures[j] = lambda.ErrNotTried
			}
			failures[i] = err
			return fmt.Errorf("stopped: %w", failures)
		default:
			return err
		}
	}
	return failures
}

// Send is slow, fails, or ends its goroutine.
func (w *rig) Send(_ context.Context, l lambda.Letter) error {
	switch w.n(6) {
	case 0:
		return errBoom
	case 1:
		time.Sleep(time.Duration(w.n(20)) * time.Second)
	case 2:
		runtime.Goexit()
	}
	w.ok(string(l.Data))
	return nil
}

// shelf is a Checkpoint that fails, or takes all the time that it has.
func (w *rig) shelf() *shelf {
	flaky := func(ctx context.Context) error {
		switch w.n(6) {
		case 0:
			return errBoom
		case 1:
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	p := newShelf()
	p.load, p.save, p.remove = flaky, flaky, flaky
	return p
}

// consumers are one or two processes.
func (w *rig) consumers(t *testing.T) (cs []*lambda.Consumer) {
	opts := []lambda.Option{lambda.WithDeadLetter(w), lambda.WithMaxAttempts(w.n(4))}
	if w.n(2) == 0 {
		opts = append(opts, lambda.WithCheckpoint(w.shelf()))
	}
	mode, parallel := w.n(4), lambda.WithConcurrency(1+w.n(5))
	for range 1 + w.n(2) {
		switch mode {
		case 0:
			cs = append(cs, newConsumer(t, w.one, opts...))
		case 1:
			cs = append(cs, newConsumer(t, w.one, append(opts, parallel)...))
		case 2:
			cs = append(cs, newBatch(t, w.several, opts...))
		case 3:
			cs = append(cs, newByKey(t, w.several, append(opts, parallel)...))
		}
	}
	return cs
}

// lane makes the records of one of the shard's lanes; data has what is in them.
func (w *rig) lane(t *testing.T, lane, lanes int) (records []events.KinesisEventRecord, data map[string][]string) {
	data = map[string][]string{}
	for i := range 25 {
		n, key := i*lanes+lane, fmt.Sprint("lane-", lane)
		if w.n(2) == 0 {
			data[sequence(n)] = []string{fmt.Sprint(n)}
			records = append(records, record(n, key, fmt.Append(nil, n)))
			continue
		}
		var users []aggregate.Record
		for j := range 1 + w.n(5) {
			d := fmt.Sprintf("%d.%d", n, j)
			data[sequence(n)] = append(data[sequence(n)], d)
			users = append(users, aggregate.Record{PartitionKey: fmt.Sprint("k", w.n(4)), Data: []byte(d)})
		}
		records = append(records, record(n, key, pack(t, users...)))
	}
	return records, data
}

// drive sends a lane's batches: of any size, some out of order or with a record
// twice, with any time left, to any process.
func (w *rig) drive(t *testing.T, cs []*lambda.Consumer, records []events.KinesisEventRecord, data map[string][]string) {
	for sent := 0; len(records) > 0 && sent < 400; sent++ {
		batch := slices.Clone(records[:min(len(records), 1+w.n(12))])
		next := len(batch)
		if w.n(10) == 0 {
			w.mu.Lock()
			w.r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			w.mu.Unlock()
		}
		if w.n(10) == 0 {
			batch = append(batch, batch[w.n(len(batch))])
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.n(8000))*time.Millisecond)
		got, err := cs[w.n(len(cs))].Kinesis(ctx, event(batch...))
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
		low := ""
		for _, f := range got.BatchItemFailures {
			low = f.ItemIdentifier
			next = slices.IndexFunc(records, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == low })
		}
		w.mu.Lock()
		for _, r := range batch {
			for _, d := range data[r.Kinesis.SequenceNumber] {
				if w.done[d] == 0 && (low == "" || r.Kinesis.SequenceNumber < low) {
					t.Errorf("the answer %q passes over %s", low, d)
				}
			}
		}
		w.mu.Unlock()
		records = records[next:]
		time.Sleep(time.Duration(w.n(3000)) * time.Millisecond)
	}
}

// TestStress does to Consumers what can be done to them, several lanes of a shard
// at once: no answer passes over what is not done.
func TestStress(t *testing.T) {
	for i := range uint64(*simSeeds) {
		seed := *simBase + i
		synctest.Test(t, func(t *testing.T) {
			w := newRig(seed)
			cs := w.consumers(t)
			lanes := 1 + w.n(3)
			var all sync.WaitGroup
			for lane := range lanes {
				records, data := w.lane(t, lane, lanes)
				all.Go(func() { w.drive(t, cs, records, data) })
			}
			all.Wait()
			time.Sleep(2 * time.Minute) // for what is late
		})
		if t.Failed() {
			t.Fatalf("seed %d: -run TestStress -sim.base %d -sim.seeds 1", seed, seed)
		}
	}
}

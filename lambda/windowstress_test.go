package lambda_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

type sums = map[string]int // by data

// windows are one or two processes; at the window's end its state is in final.
func (w *rig) windows(t *testing.T, final *sums) (cs []*lambda.WindowConsumer[sums]) {
	fold := func(ctx context.Context, _ lambda.Window, s sums, r *lambda.Record) (sums, error) {
		if err := w.trouble(ctx); err != nil {
			return nil, err
		}
		s = maps.Clone(s)
		if s == nil {
			s = sums{}
		}
		s[string(r.Data)]++
		return s, nil
	}
	finish := func(_ context.Context, _ lambda.Window, s sums) error {
		if w.n(4) == 0 {
			return errBoom
		}
		*final = maps.Clone(s)
		return nil
	}
	opts := []lambda.Option{quiet(), lambda.WithDeadLetter(w), lambda.WithMaxAttempts(w.n(4))}
	if w.n(4) == 0 {
		opts = append(opts, lambda.WithWholeBatchError())
	}
	for range 1 + w.n(2) {
		c, err := lambda.NewWindow(fold, finish, opts...)
		if err != nil {
			t.Fatal(err)
		}
		cs = append(cs, c)
	}
	return cs
}

// driveWindow sends the batches of one window until all is done. Some answers are
// lost.
func (w *rig) driveWindow(t *testing.T, cs []*lambda.WindowConsumer[sums], records []events.KinesisEventRecord) {
	var state map[string]string
	size := 1 + w.n(12)
	for sent := 0; len(records) > 0; sent++ {
		if sent > 3000 {
			t.Fatalf("not done, %d records left", len(records))
		}
		if w.n(3) == 0 {
			size = 1 + w.n(12)
		}
		batch := records[:min(len(records), size)]
		e := events.KinesisTimeWindowEvent{KinesisEvent: event(batch...)}
		e.State, e.ShardID, e.EventSourceARN = maps.Clone(state), shardA, streamARN
		e.IsFinalInvokeForWindow = len(batch) == len(records)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.n(8000))*time.Millisecond)
		got, err := cs[w.n(len(cs))].Kinesis(ctx, e)
		cancel()
		time.Sleep(time.Duration(w.n(3000)) * time.Millisecond)
		if err != nil || w.n(20) == 0 {
			continue
		}
		state = got.State
		next := len(batch)
		for _, f := range got.BatchItemFailures {
			for i, r := range batch {
				if r.Kinesis.SequenceNumber == f.ItemIdentifier {
					next = i
				}
			}
		}
		records = records[next:]
	}
}

// TestWindowStress does to windows what can be done to them: whatever state comes
// back, each record is once in the last one, or in the dead letter.
func TestWindowStress(t *testing.T) {
	for i := range uint64(*simSeeds) {
		seed := *simBase + i
		synctest.Test(t, func(t *testing.T) {
			w := newRig(seed)
			var final sums
			var records []events.KinesisEventRecord
			var all []string
			for n := range 20 {
				var users []aggregate.Record
				for j := range 1 + w.n(6) {
					d := fmt.Sprintf("%d.%d", n, j)
					all = append(all, d)
					users = append(users, aggregate.Record{PartitionKey: "k", Data: []byte(d)})
				}
				records = append(records, record(n, "a", pack(t, users...)))
			}
			w.driveWindow(t, w.windows(t, &final), records)
			time.Sleep(2 * time.Minute) // for what is late
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, d := range all {
				if final[d] > 1 || final[d] == 0 && w.done[d] == 0 {
					t.Errorf("%s is %d times in the state and has %d letters", d, final[d], w.done[d])
				}
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d: -run TestWindowStress -sim.base %d -sim.seeds 1", seed, seed)
		}
	}
}

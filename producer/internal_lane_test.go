package producer

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// saves says yes only to two aggregates that fit into one, also when the indexes
// of the second one's keys grow.
func TestSavesFits(t *testing.T) {
	batchOf := func(l *lane, from, n int) *batch {
		b := l.spares.newBatch(l.packing, len(l.key))
		for i := range n {
			r := &record{partitionKey: fmt.Sprint("key ", from+i)}
			if !l.addTo(b, r, []byte("data"), 0, false) {
				t.Fatal("full")
			}
		}
		return b
	}
	most := 0
	for limit := 5000; limit < 8000; limit++ {
		l := &lane{key: "a", shard: &shard{Shard: shardmap.Shard{Range: hashkey.Range{Last: hashkey.Max()}}}, spares: &spares{},
			packing: &packing{unit: 25600, target: 51200, limit: limit, maxCount: math.MaxInt, linger: 1}}
		a, b := batchOf(l, 1000, 120), batchOf(l, 2000, 150)
		if !l.saves(a, b) {
			continue
		}
		l.back, l.queue = []*batch{a}, []*batch{b}
		l.queueBack(0) // panics if they do not fit
		most++
	}
	if most == 0 {
		t.Error("never")
	}
}

// A timer that fires while the mutex is held, and is set anew by one who read the
// clock before that, is counted once: Close does not wait for another.
func TestTimerSetAnewLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kinesistest.New()
		if err := srv.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		p, err := New(t.Context(), srv.Client(), "s", WithLanes(2), WithLogger(slog.New(slog.DiscardHandler)), WithMaxBufferedTime(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		put := func(lane int) { // a record of that lane
			for i := 0; ; i++ {
				r := record{partitionKey: fmt.Sprint(i)}
				if p.route(&r, 0).index == lane {
					if err := p.Put(t.Context(), Record{PartitionKey: r.partitionKey}, nil); err != nil {
						t.Fatal(err)
					}
					return
				}
			}
		}
		put(0) // arms the timer
		time.Sleep(30 * time.Millisecond)
		put(1)
		p.mu.Lock()
		s, now := p.shards[0], p.now() // the clock as settle reads it, before a long list of answers
		// A bubble's clock stands still while somebody waits for a mutex, so this ends
		// at the very time that the timer fires: its function waits from then on.
		time.Sleep(s.wakeAt - now)
		p.wakeBy(s, s.wakeAt-time.Millisecond, now) // a backoff that ends before it
		p.mu.Unlock()
		time.Sleep(time.Second)
		if err := p.Close(t.Context()); err != nil { // a deadlock, if it waits for more
			t.Error(err)
		}
	})
}

// A lane keeps no batch that has left its queue, whose short array is a part of it.
func TestLaneLetsGo(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	l := &lane{spares: &spares{}, packing: &packing{unit: 25600, target: 51200, limit: 51200}}
	waiting := 0
	for range 10_000 {
		if r.IntN(2) == 0 {
			for range 1 + r.IntN(4) {
				l.push(&batch{closed: true, records: make([]record, 1)})
				waiting++
			}
		} else {
			for range min(waiting, 1+r.IntN(5)) {
				l.ended(l.start(0))
				waiting--
			}
		}
		kept := map[*batch]bool{}
		for _, b := range slices.Concat(l.queue, l.first[:]) {
			if b != nil {
				kept[b] = true
			}
		}
		if len(l.queue) != waiting || len(kept) != waiting {
			t.Fatalf("%d batches in the queue, %d kept, want %d", len(l.queue), len(kept), waiting)
		}
	}
}

package speed_test

// This file owns the peak of the heap over TLS to a server that stalls.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/kinpack/kinpack/producer"
)

const (
	// What the buffer may take, of 1 MiB a shard at the most shards that share it: what
	// is answered of a shard leaves more behind.
	heapBuffer = heapMiB << 20
	// The most that the peak may be over a stock client, and over kinwire's. They leave
	// room for when a collection begins; the bar, 1.5, is looked at by TestBars.
	mostHeapStock, mostHeap = 8, 3.5
)

// TestPeakHeap fills the buffer while the server stalls, has the server answer what it
// has got by then, and fills it again: now each call holds what had piled up, and as
// much of the buffer as can be is being sent. The peaks are those of the heap's objects,
// garbage included, at GOGC=100.
func TestPeakHeap(t *testing.T) {
	for _, stall := range []string{readsNothing, readsAll} {
		for _, shards := range heapShards {
			for _, l := range synthetic(100, 2048) {
				for _, wire := range wireNames() {
					name := fmt.Sprintf("stall=%s/shards=%d/size=%s/by=%s", stall, shards, l.name, wire)
					t.Run(name, func(t *testing.T) { peakOf(t, stall, shards, l, wire) })
				}
			}
		}
	}
}

func peakOf(t *testing.T, stall string, shards int, l *load, wire string) {
	peak := peakHeap(t, stall, shards, l, wire)
	most := map[string]float64{"stock": mostHeapStock}[wire]
	if most == 0 {
		most = mostHeap
	}
	if peak > most && !raceEnabled { // which needs memory of its own
		t.Errorf("the heap's peak is %.2f times the buffer, want at most %g", peak, most)
	}
}

// peakHeap returns the peak as a multiple of the buffer.
func peakHeap(t *testing.T, stall string, shards int, l *load, wire string) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	// By HTTP/2 calls that nobody reads would take the connection from those that are
	// to be answered.
	r := startServer(t, serverConfig{Shards: shards, Stall: stall, HTTP1: stall == readsNothing})
	arrived := map[string]string{readsNothing: "arrived %d", readsAll: "read %d"}[stall]
	w := newUnderWay()
	p, err := producer.New(t.Context(), r.client(t, wire), stream, producer.WithMaxBufferedBytes(heapBuffer), producer.WithHooks(w.hooks()),
		producer.WithRateLimit(0), producer.WithRecordTTL(0), producer.WithRequestTimeout(time.Hour), producer.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is under way is given up
		if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close: %v", err)
		}
	}()
	heap := watchHeap()
	n := fillBuffer(t, p, l, 0)
	// Each lane has an aggregate out, and cannot have another; all of them are there.
	calls := w.await(0, shards)
	r.ask(t, arrived, calls)
	first := heap.peak()
	r.ask(t, "release")
	w.await(calls, shards)
	n = fillBuffer(t, p, l, n)
	r.ask(t, arrived, w.await(calls, shards))
	second := heap.stop()
	t.Logf("%d records; peak %.2f times the buffer, %.2f when %.0f MiB are under way, %.2f with the rest of the spans", n,
		first.objects/heapBuffer, second.objects/heapBuffer, float64(w.bytesNow())/(1<<20), second.spans/heapBuffer)
	if s := p.Stats(); s.UserRecordsPut == 0 || s.UserRecordsPut == s.UserRecordsReceived || s.EntryErrors > 0 {
		t.Errorf("%d of %d put, %d errors: want some, not all, none", s.UserRecordsPut, s.UserRecordsReceived, s.EntryErrors)
	}
	return second.objects / heapBuffer
}

// fillBuffer puts records from the i-th on until there is no room, and returns the
// number of the next.
func fillBuffer(t *testing.T, p *producer.Producer, l *load, i int) int {
	for {
		switch err := p.TryPut(l.at(i), nil); {
		case errors.Is(err, producer.ErrBufferFull):
			return i
		case err != nil:
			t.Fatal(err)
		}
		i++
	}
}

// underWay is what the calls under way hold.
type underWay struct {
	mu             sync.Mutex
	changed        sync.Cond
	started, ended int64 // calls ever
	entries, bytes int   // of those under way
}

func newUnderWay() *underWay {
	w := new(underWay)
	w.changed.L = &w.mu
	return w
}

func (w *underWay) hooks() producer.Hooks {
	return producer.Hooks{
		CallStart: func(ctx context.Context, e producer.CallStart) context.Context {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.started, w.entries, w.bytes = w.started+1, w.entries+e.KinesisRecords, w.bytes+e.Bytes
			w.changed.Broadcast()
			return ctx
		},
		CallEnd: func(_ context.Context, e producer.CallEnd) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended, w.entries, w.bytes = w.ended+1, w.entries-e.KinesisRecords, w.bytes-e.Bytes
			w.changed.Broadcast()
		},
	}
}

// await waits until so many calls have ended and so many entries are under way, and
// returns how many calls were started.
func (w *underWay) await(ended int64, entries int) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.ended < ended || w.entries < entries {
		w.changed.Wait()
	}
	return w.started
}

func (w *underWay) bytesNow() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// heapWatch looks at the heap all the time.
type heapWatch struct {
	before heapSize
	ask    chan chan heapSize
}

// heapSize is bytes: of objects that are in use or garbage, and of the spans that hold
// them (HeapAlloc and HeapInuse).
type heapSize struct{ objects, spans float64 }

func watchHeap() *heapWatch {
	runtime.GC()
	h := &heapWatch{heapNow(), make(chan chan heapSize)}
	go h.watch()
	return h
}

func (h *heapWatch) watch() {
	var peak heapSize
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for {
		now := heapNow()
		peak = heapSize{max(peak.objects, now.objects), max(peak.spans, now.spans)}
		select {
		case <-tick.C:
		case answer, ok := <-h.ask:
			if !ok {
				return
			}
			answer <- heapSize{peak.objects - h.before.objects, peak.spans - h.before.spans}
		}
	}
}

// peak returns the most so far, beyond what there was at the start.
func (h *heapWatch) peak() heapSize {
	answer := make(chan heapSize)
	h.ask <- answer
	return <-answer
}

func (h *heapWatch) stop() heapSize {
	defer close(h.ask)
	return h.peak()
}

func heapNow() heapSize {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(s)
	objects := float64(s[0].Value.Uint64())
	return heapSize{objects, objects + float64(s[1].Value.Uint64())}
}

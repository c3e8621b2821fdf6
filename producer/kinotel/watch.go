package kinotel

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/metric"

	"github.com/kinpack/kinpack/producer"
)

// This file owns what is read from Producers at each collection.

// watch is the Producers that are watched, and what is observed of them.
type watch struct {
	mu       sync.Mutex // held while Stats is called, which never waits for a hook
	watched  []*watched
	received map[string]int64 // by stream, of the Producers no longer watched: a counter must not fall

	receivedTotal     metric.Int64ObservableCounter
	pending, buffered metric.Int64ObservableUpDownCounter
	age               metric.Float64ObservableGauge
	shards, managed   metric.Int64ObservableGauge
}

type watched struct {
	p      *producer.Producer
	stream string
}

// Watch has the metrics that need it read from p's Stats at each collection, with
// stream as messaging.destination.name; that should be what p was made with.
// Several producers of one stream are told together: sums, the greater age and
// number of shards.
//
// The function returned ends that, for when p is closed: p's share of the metrics
// is gone then, and kinpack.user_records.received stands still. It may be called
// more than once. With a nil p nothing is watched.
func (t *Telemetry) Watch(p *producer.Producer, stream string) (unwatch func()) {
	if p == nil {
		return func() {}
	}
	w := &watched{p, stream}
	t.watch.add(w)
	return func() { t.watch.remove(w) }
}

func (w *watch) add(x *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = append(w.watched, x)
}

func (w *watch) remove(x *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.watched, x)
	if i < 0 {
		return
	}
	w.watched = slices.Delete(w.watched, i, i+1)
	if w.received == nil {
		w.received = map[string]int64{}
	}
	w.received[x.stream] += x.p.Stats().UserRecordsReceived
}

// read returns what the Stats of each stream's Producers come to, and what each
// stream's Producers have received, those no longer watched included.
func (w *watch) read() (stats map[string]producer.Stats, received map[string]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stats, received = map[string]producer.Stats{}, map[string]int64{}
	maps.Copy(received, w.received)
	for _, x := range w.watched {
		s, t := stats[x.stream], x.p.Stats()
		s.UserRecordsPending += t.UserRecordsPending
		s.BufferedBytes += t.BufferedBytes
		s.OldestAge = max(s.OldestAge, t.OldestAge)
		s.Shards = max(s.Shards, t.Shards)
		s.ServiceManaged = s.ServiceManaged || t.ServiceManaged
		stats[x.stream] = s
		received[x.stream] += t.UserRecordsReceived
	}
	return stats, received
}

// observe makes the instruments and has them read at each collection.
func (w *watch) observe(m metric.Meter) error {
	var errs [7]error
	w.receivedTotal, errs[0] = m.Int64ObservableCounter("kinpack.user_records.received",
		metric.WithUnit("{record}"), metric.WithDescription("User records that Put and TryPut accepted."))
	w.pending, errs[1] = m.Int64ObservableUpDownCounter("kinpack.user_records.pending",
		metric.WithUnit("{record}"), metric.WithDescription("User records that are neither put nor failed yet."))
	w.buffered, errs[2] = m.Int64ObservableUpDownCounter("kinpack.buffer.usage",
		metric.WithUnit("By"), metric.WithDescription("What user records take of the buffer."))
	w.age, errs[3] = m.Float64ObservableGauge("kinpack.oldest_user_record.age",
		metric.WithUnit("s"), metric.WithDescription("Time since the Put of the oldest user record that is neither put nor failed."))
	w.shards, errs[4] = m.Int64ObservableGauge("kinpack.shards.open",
		metric.WithUnit("{shard}"), metric.WithDescription("Open shards in the map, 0 before the first."))
	w.managed, errs[5] = m.Int64ObservableGauge("kinpack.stream.service_managed",
		metric.WithUnit("1"), metric.WithDescription("Whether the stream's distribution strategy is AUTO."))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	_, errs[6] = m.RegisterCallback(w.collect, w.receivedTotal, w.pending, w.buffered, w.age, w.shards, w.managed)
	return errs[6]
}

func (w *watch) collect(_ context.Context, o metric.Observer) error {
	stats, received := w.read()
	for stream, n := range received {
		o.ObserveInt64(w.receivedTotal, n, metric.WithAttributes(streamAttr(stream)))
	}
	for stream, s := range stats {
		with := metric.WithAttributes(streamAttr(stream))
		o.ObserveInt64(w.pending, s.UserRecordsPending, with)
		o.ObserveInt64(w.buffered, s.BufferedBytes, with)
		o.ObserveFloat64(w.age, s.OldestAge.Seconds(), with)
		o.ObserveInt64(w.shards, s.Shards, with)
		managed := int64(0)
		if s.ServiceManaged {
			managed = 1
		}
		o.ObserveInt64(w.managed, managed, with)
	}
	return nil
}

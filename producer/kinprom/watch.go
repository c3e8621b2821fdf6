package kinprom

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kinpack/kinpack/producer"
)

// This file owns what is read from Producers at each scrape.

// gauges are the Producers that are watched.
type gauges struct {
	mu       sync.Mutex // held while Stats is called, which never waits for a hook
	watched  []*watched
	received map[string]int64 // by stream, of the Producers no longer watched: a counter must not fall
}

type watched struct {
	p      *producer.Producer
	stream string
}

// Watch has the metrics that need it read from p's Stats at each scrape, under
// the label stream; that should be what p was made with. Several producers of one
// stream are told together: sums, the greater age and number of shards.
//
// The function returned ends that, for when p is closed: p's share of the gauges
// is gone then, and kinpack_user_records_received_total stands still. It may be
// called more than once. With a nil p nothing is watched.
func (m *Metrics) Watch(p *producer.Producer, stream string) (unwatch func()) {
	if p == nil {
		return func() {}
	}
	w := &watched{p, valid(stream)}
	m.begin(w.stream)
	m.gauges.add(w)
	return func() { m.gauges.remove(w) }
}

func (g *gauges) add(w *watched) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watched = append(g.watched, w)
}

func (g *gauges) remove(w *watched) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.watched, w)
	if i < 0 {
		return
	}
	g.watched = slices.Delete(g.watched, i, i+1)
	if g.received == nil {
		g.received = map[string]int64{}
	}
	g.received[w.stream] += w.p.Stats().UserRecordsReceived
}

// read returns what the Stats of each stream's Producers come to, and what each
// stream's Producers have received, those no longer watched included.
func (g *gauges) read() (stats map[string]producer.Stats, received map[string]int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stats, received = map[string]producer.Stats{}, map[string]int64{}
	maps.Copy(received, g.received)
	for _, w := range g.watched {
		s, t := stats[w.stream], w.p.Stats()
		s.UserRecordsPending += t.UserRecordsPending
		s.BufferedBytes += t.BufferedBytes
		s.OldestAge = max(s.OldestAge, t.OldestAge)
		s.Shards = max(s.Shards, t.Shards)
		s.ServiceManaged = s.ServiceManaged || t.ServiceManaged
		stats[w.stream] = s
		received[w.stream] += t.UserRecordsReceived
	}
	return stats, received
}

// collect sends what is read as metrics.
func (g *gauges) collect(out chan<- prometheus.Metric) {
	stats, received := g.read()
	for stream, n := range received {
		out <- prometheus.MustNewConstMetric(receivedDesc(), prometheus.CounterValue, float64(n), stream)
	}
	for _, r := range readings() {
		desc := r.desc()
		for stream, s := range stats {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, r.of(&s), stream)
		}
	}
}

func describeReadings(out chan<- *prometheus.Desc) {
	out <- receivedDesc()
	for _, r := range readings() {
		out <- r.desc()
	}
}

func receivedDesc() *prometheus.Desc {
	return describe("user_records_received_total", "User records that Put and TryPut accepted.")
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, []string{"stream"}, nil)
}

// reading is a gauge of a stream's Stats.
type reading struct {
	name, help string
	of         func(*producer.Stats) float64
}

func (r *reading) desc() *prometheus.Desc { return describe(r.name, r.help) }

func readings() []reading {
	return []reading{
		{"user_records_pending", "User records that are neither put nor failed yet.",
			func(s *producer.Stats) float64 { return float64(s.UserRecordsPending) }},
		{"buffered_bytes", "Bytes that user records take of the buffer.",
			func(s *producer.Stats) float64 { return float64(s.BufferedBytes) }},
		{"oldest_user_record_age_seconds", "Time since the Put of the oldest user record that is neither put nor failed.",
			func(s *producer.Stats) float64 { return s.OldestAge.Seconds() }},
		{"open_shards", "Open shards in the map, 0 before the first.",
			func(s *producer.Stats) float64 { return float64(s.Shards) }},
		{"service_managed", "Whether the stream's distribution strategy is AUTO.",
			func(s *producer.Stats) float64 {
				if s.ServiceManaged {
					return 1
				}
				return 0
			}},
	}
}

package kinprom_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinprom"
)

// rig is a Metrics in a registry of its own, beside a Kinesis with the stream
// orders.
type rig struct {
	t   *testing.T
	srv *kinesistest.Server
	reg *prometheus.Registry
	m   *kinprom.Metrics
}

func newRig(t *testing.T, shards int, opts ...kinprom.Option) *rig {
	t.Helper()
	r := &rig{t: t, srv: kinesistest.Fake(t, "orders", shards).Server(), reg: prometheus.NewPedanticRegistry()}
	m, err := kinprom.New(r.reg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	r.m = m
	return r
}

// producer returns a Producer that tells the Metrics.
func (r *rig) producer(opts ...producer.Option) *producer.Producer {
	r.t.Helper()
	opts = append(opts, r.m.Option(), producer.WithLogger(slog.New(slog.DiscardHandler)))
	p, err := producer.New(r.t.Context(), r.srv.Client(), "orders", opts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// put puts n records of 100 bytes with keys of their own.
func (r *rig) put(p *producer.Producer, n int) {
	r.t.Helper()
	for i := range n {
		if err := p.Put(r.t.Context(), producer.Record{PartitionKey: fmt.Sprint(i), Data: make([]byte, 100)}, nil); err != nil {
			r.t.Fatal(err)
		}
	}
}

// close closes p, and gives up after d.
func (r *rig) close(p *producer.Producer, d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	if err := p.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		r.t.Fatal(err)
	}
}

// on answers each call of one operation with a fault.
func (r *rig) on(operation string, f kinesistest.Fault) {
	r.srv.SetFaults(func(_ context.Context, q kinesistest.Request) kinesistest.Fault {
		if q.Operation == operation {
			return f
		}
		return kinesistest.Fault{}
	})
}

// values returns what a scrape sees, such as kinpack_errors_total{code,stream} as
// "errors_total none orders": values of labels in the order of their names.
// A histogram is its _count and its _sum.
func (r *rig) values() map[string]float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	v := map[string]float64{}
	for _, f := range families {
		name, ok := strings.CutPrefix(f.GetName(), "kinpack_")
		if !ok {
			r.t.Errorf("%s does not start with kinpack_", f.GetName())
		}
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += " " + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				v[name+labels] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				v[name+labels] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				v[name+"_count"+labels] = float64(m.GetHistogram().GetSampleCount())
				v[name+"_sum"+labels] = m.GetHistogram().GetSampleSum()
			}
		}
	}
	return v
}

// check compares what a scrape sees with what it should.
func (r *rig) check(want map[string]float64) {
	r.t.Helper()
	got := r.values()
	for name, w := range want {
		if g, ok := got[name]; !ok || math.Abs(g-w) > 1e-9*max(1, math.Abs(w)) {
			r.t.Errorf("%s is %v (%v), want %v", name, g, ok, w)
		}
	}
}

// sum adds up the series that have a name, whatever their labels.
func sum(values map[string]float64, name string) float64 {
	s := 0.0
	for k, v := range values {
		if strings.HasPrefix(k, name+" ") {
			s += v
		}
	}
	return s
}

// manage makes the on-demand stream orders a service-managed one.
func (r *rig) manage() {
	r.t.Helper()
	client, name := r.srv.Client(), "orders"
	d, err := client.DescribeStreamSummary(r.t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := client.UpdateStreamRecordDistributionStrategy(r.t.Context(), &kinesis.UpdateStreamRecordDistributionStrategyInput{
		StreamARN: d.StreamDescriptionSummary.StreamARN, RecordDistributionStrategy: types.RecordDistributionStrategyAuto,
	}); err != nil {
		r.t.Fatal(err)
	}
}

// storm has a Producer put records while much goes wrong, closes it, and returns
// its Stats.
func (r *rig) storm() producer.Stats {
	r.t.Helper()
	p := r.producer(producer.WithRecordTTL(20*time.Second), producer.WithAggregationMaxSize(1000), producer.WithAggregationLimit(1000))
	r.srv.SetFaults(kinesistest.Storm(7, kinesistest.Weather{Unavailable: .1, Reset: .1, Entry: .2, Reshard: .2, MaxLatency: 100 * time.Millisecond}))
	for range 40 {
		r.put(p, 50)
		if err := p.Flush(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
	r.srv.SetFaults(nil)
	r.close(p, time.Minute)
	s := p.Stats()
	if s.WrongLandings == 0 || s.CallErrors == 0 || s.EntryErrors == 0 || s.LateTime == 0 || len(s.ErrorsByCode) < 3 {
		r.t.Fatalf("the storm was too calm: %+v", s)
	}
	return s
}

package kinotel_test

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
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinotel"
)

// rig is a Telemetry with an SDK of its own, beside a Kinesis with the stream
// orders.
type rig struct {
	t       *testing.T
	srv     *kinesistest.Server
	metrics *sdkmetric.ManualReader
	spans   *tracetest.SpanRecorder
	tracers *sdktrace.TracerProvider
	tel     *kinotel.Telemetry
}

func newRig(t *testing.T, shards int, opts ...kinotel.Option) *rig {
	t.Helper()
	r := &rig{t: t, srv: kinesistest.Fake(t, "orders", shards).Server(), metrics: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	r.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans))
	opts = append(opts, kinotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.metrics))), kinotel.WithTracerProvider(r.tracers))
	tel, err := kinotel.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	r.tel = tel
	return r
}

// producer returns a Producer that tells the Telemetry.
func (r *rig) producer(opts ...producer.Option) *producer.Producer {
	r.t.Helper()
	return r.producerOf(r.srv.Client(), opts...)
}

func (r *rig) producerOf(client producer.Client, opts ...producer.Option) *producer.Producer {
	r.t.Helper()
	opts = append(opts, r.tel.Option(), producer.WithLogger(slog.New(slog.DiscardHandler)))
	p, err := producer.New(r.t.Context(), client, "orders", opts...)
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

// collect returns what a collection brings.
func (r *rig) collect() []metricdata.Metrics {
	r.t.Helper()
	var m metricdata.ResourceMetrics
	if err := r.metrics.Collect(context.Background(), &m); err != nil {
		r.t.Fatal(err)
	}
	var all []metricdata.Metrics
	for _, s := range m.ScopeMetrics {
		all = append(all, s.Metrics...)
	}
	return all
}

// values returns what a collection brings, such as "kinesis_records.errors
// InternalFailure orders": values of attributes in the order of their keys. A
// histogram is its .count and its .sum.
func (r *rig) values() map[string]float64 {
	r.t.Helper()
	v := map[string]float64{}
	for _, m := range r.collect() {
		name, ok := strings.CutPrefix(m.Name, "kinpack.")
		if !ok {
			r.t.Errorf("%s does not start with kinpack.", m.Name)
		}
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			points(v, name, d.DataPoints)
		case metricdata.Gauge[int64]:
			points(v, name, d.DataPoints)
		case metricdata.Gauge[float64]:
			points(v, name, d.DataPoints)
		case metricdata.Histogram[int64]:
			histograms(v, name, d.DataPoints)
		case metricdata.Histogram[float64]:
			histograms(v, name, d.DataPoints)
		default:
			r.t.Errorf("%s is a %T", m.Name, d)
		}
	}
	return v
}

func points[N int64 | float64](v map[string]float64, name string, all []metricdata.DataPoint[N]) {
	for _, p := range all {
		v[name+labels(p.Attributes)] = float64(p.Value)
	}
}

func histograms[N int64 | float64](v map[string]float64, name string, all []metricdata.HistogramDataPoint[N]) {
	for _, p := range all {
		v[name+".count"+labels(p.Attributes)] = float64(p.Count)
		v[name+".sum"+labels(p.Attributes)] = float64(p.Sum)
	}
}

func labels(attrs attribute.Set) string {
	s := ""
	for _, a := range attrs.ToSlice() {
		s += " " + a.Value.String()
	}
	return s
}

// check compares what a collection brings with what it should.
func (r *rig) check(want map[string]float64) {
	r.t.Helper()
	got := r.values()
	for name, w := range want {
		if g, ok := got[name]; !ok || math.Abs(g-w) > 1e-9*max(1, math.Abs(w)) {
			r.t.Errorf("%s is %v (%v), want %v", name, g, ok, w)
		}
	}
}

// sum adds up the series that have a name, whatever their attributes.
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

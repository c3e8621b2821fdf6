package kinotel_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinotel"
)

// What the hooks have recorded is what the Producer itself has, whatever happened.
func TestSameAsStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4)
		s := r.storm()
		v := r.values()
		for name, want := range map[string]float64{
			"user_records.put":                  float64(s.UserRecordsPut),
			"user_records.data_put":             float64(s.UserRecordsDataPut),
			"user_records.failed":               float64(s.UserRecordsFailed),
			"user_records.retries":              float64(s.UserRecordsRetried),
			"put_units.billed":                  float64(s.PutUnits),
			"put_units.unpacked":                float64(s.PutUnitsUnpacked),
			"kinesis_records.sent":              float64(s.KinesisRecordsPut + s.EntryErrors),
			"kinesis_records.errors":            float64(s.EntryErrors),
			"put_records.duration.count":        float64(s.PutRecordsCalls),
			"put_records.duration.sum":          s.RequestTime.Seconds(),
			"buffering.duration.count":          float64(s.KinesisRecordsSent),
			"buffering.duration.sum":            s.BufferingTime.Seconds(),
			"late.duration.count":               float64(s.KinesisRecordsSent),
			"late.duration.sum":                 s.LateTime.Seconds(),
			"kinesis_record.user_records.count": float64(s.KinesisRecordsSent),
			"kinesis_record.user_records.sum":   float64(s.UserRecordsSent),
			"put_records.kinesis_records.count": float64(s.PutRecordsCalls),
			"put_records.kinesis_records.sum":   float64(s.KinesisRecordsSent),
			"put_records.user_records.sum":      float64(s.UserRecordsSent),
		} {
			if d := sum(v, name) - want; d > 1e-6 || d < -1e-6 {
				t.Errorf("%s is %v, want %v", name, sum(v, name), want)
			}
		}
		r.check(map[string]float64{
			"kinesis_records.sent stored orders":        float64(s.KinesisRecordsPut - s.WrongLandings),
			"kinesis_records.sent wrong_landing orders": float64(s.WrongLandings),
			"kinesis_records.sent not_stored orders":    float64(s.EntryErrors),
			"put_units.billed wrong_landing orders":     float64(s.WrongLandingUnits),
			"put_records.duration.count orders":         float64(s.PutRecordsCalls - s.CallErrors),
			"shard_map.refreshes ok orders":             float64(s.MapRefreshes),
			"shard_map.refreshes error orders":          float64(s.MapRefreshErrors),
		})
		if got := v["kinesis_records.data_sent stored orders"] + v["kinesis_records.data_sent wrong_landing orders"]; got != float64(s.KinesisRecordsDataPut) {
			t.Errorf("%v bytes of Kinesis records, want %v", got, s.KinesisRecordsDataPut)
		}
		for code, n := range s.ErrorsByCode {
			if code == "" {
				code = "_OTHER"
			}
			r.check(map[string]float64{"kinesis_records.errors " + code + " orders": float64(n)})
		}
		if n := len(r.spans.Ended()); int64(n) != s.PutRecordsCalls || len(r.spans.Started()) != n {
			t.Errorf("%d spans started and %d ended, want %d", len(r.spans.Started()), n, s.PutRecordsCalls)
		}
	})
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		reason string
		wait   time.Duration
		spoil  func(*rig)
		more   map[string]float64
	}{
		{"expired", time.Minute, func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Entries: map[int]string{0: "InternalFailure"}})
		}, nil},
		{"refused", time.Minute, func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")})
		}, map[string]float64{
			"kinesis_records.errors AccessDeniedException orders":     1,
			"put_records.duration.count AccessDeniedException orders": 1,
			"kinesis_records.sent not_stored orders":                  1,
			"user_records.retries orders":                             0,
		}},
		{"closed", time.Second, func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.NoAnswer()})
		}, map[string]float64{"kinesis_records.errors _OTHER orders": 1, "put_records.duration.count _OTHER orders": 1}},
		{"landing_unknown", time.Minute, func(r *rig) {
			r.on("ListShards", kinesistest.Fault{Failure: kinesistest.APIError(500, "InternalFailure")})
			if err := r.srv.Scale("orders", 2); err != nil {
				r.t.Fatal(err)
			}
		}, map[string]float64{"kinesis_records.sent landing_unknown orders": 1, "put_units.billed landing_unknown orders": 1}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1)
				p := r.producer(producer.WithRecordTTL(3 * time.Second))
				c.spoil(r)
				r.put(p, 2)
				r.close(p, c.wait)
				r.check(map[string]float64{"user_records.failed " + c.reason + " orders": 2})
				r.check(c.more)
				if v := r.values(); sum(v, "user_records.failed") != 2 || sum(v, "user_records.put") != 0 {
					t.Errorf("want 2 failed and none put: %v", v)
				}
			})
		})
	}
}

func TestShardAttribute(t *testing.T) {
	r := newRig(t, 2, kinotel.WithShardAttribute(), nil)
	p := r.producer(producer.WithMaxBufferedTime(10 * time.Second))
	r.put(p, 100)
	r.close(p, time.Minute)
	v := r.values()
	var both float64
	for _, shard := range []string{"shardId-000000000000", "shardId-000000000001"} {
		r.check(map[string]float64{
			"kinesis_records.sent stored orders " + shard:       1,
			"put_units.billed stored orders " + shard:           1,
			"buffering.duration.count orders " + shard:          1,
			"late.duration.count orders " + shard:               1,
			"kinesis_record.user_records.count orders " + shard: 1,
			"user_records.put orders":                           100,
		})
		if v["kinesis_records.data_sent stored orders "+shard] < 1000 {
			t.Errorf("no bytes of %s", shard)
		}
		both += v["kinesis_record.user_records.sum orders "+shard]
	}
	if both != 100 {
		t.Errorf("%v user records of both shards, want 100", both)
	}
}

// Every metric that the package's documentation names is collected, is the only
// such, and has the kind and unit that it says.
func TestDocumented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		p := r.producer()
		defer r.tel.Watch(p, "orders")()
		r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")})
		r.put(p, 2)
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.srv.SetFaults(nil)
		r.put(p, 2)
		r.close(p, time.Minute)

		got := map[string]string{}
		for _, m := range r.collect() {
			kind := "gauge"
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				kind = "up-down counter"
				if d.IsMonotonic {
					kind = "counter"
				}
			case metricdata.Histogram[int64], metricdata.Histogram[float64]:
				kind = "histogram"
			}
			got[m.Name] = kind + " " + m.Unit
			if m.Description == "" {
				t.Errorf("%s has no description", m.Name)
			}
		}
		doc, err := os.ReadFile("doc.go")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for line := range strings.Lines(string(doc)) {
			if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[1], "kinpack.") && f[1] != "kinpack.user_records" && f[1] != "kinpack.data.size" && f[1] != "kinpack.kinesis_records.failed" {
				want[f[1]] = f[2] + " " + f[3]
				if f[2] == "up-down" {
					want[f[1]] += " " + f[4]
				}
			}
		}
		for name, w := range want {
			if got[name] != w {
				t.Errorf("%s is %q, documented as %q", name, got[name], w)
			}
		}
		for name := range got {
			if want[name] == "" {
				t.Errorf("%s is not documented", name)
			}
		}
	})
}

// brokenMeters gives meters that make no instruments of one kind, or that take no
// callback.
type brokenMeters struct {
	noop.MeterProvider
	histograms bool
}

type brokenMeter struct {
	noop.Meter
	histograms bool
}

var errBroken = errors.New("broken")

func (b brokenMeters) Meter(string, ...metric.MeterOption) metric.Meter {
	return brokenMeter{histograms: b.histograms}
}

func (b brokenMeter) Int64Histogram(string, ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	if b.histograms {
		return nil, errBroken
	}
	return noop.Int64Histogram{}, nil
}

func (b brokenMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	if b.histograms {
		return noop.Int64ObservableGauge{}, nil
	}
	return nil, errBroken
}

func TestNew(t *testing.T) {
	if _, err := kinotel.New(); err != nil { // the global providers
		t.Error(err)
	}
	if _, err := kinotel.New(kinotel.WithMeterProvider(nil), kinotel.WithTracerProvider(nil)); err != nil {
		t.Error(err)
	}
	for _, histograms := range []bool{true, false} {
		if _, err := kinotel.New(kinotel.WithMeterProvider(brokenMeters{histograms: histograms})); !errors.Is(err, errBroken) {
			t.Errorf("%v: %v", histograms, err)
		}
	}
}

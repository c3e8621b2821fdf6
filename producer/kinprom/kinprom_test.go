package kinprom_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinprom"
)

// What the hooks have counted is what the Producer itself has, whatever happened.
func TestSameAsStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4)
		s := r.storm()
		v := r.values()
		for name, want := range map[string]float64{
			"user_records_put_total":                  float64(s.UserRecordsPut),
			"user_records_put_bytes_total":            float64(s.UserRecordsDataPut),
			"user_records_failed_total":               float64(s.UserRecordsFailed),
			"user_record_retries_total":               float64(s.UserRecordsRetried),
			"put_units_total":                         float64(s.PutUnits),
			"put_units_unpacked_total":                float64(s.PutUnitsUnpacked),
			"kinesis_records_total":                   float64(s.KinesisRecordsPut + s.EntryErrors),
			"kinesis_records_total orders stored":     float64(s.KinesisRecordsPut - s.WrongLandings),
			"errors_total":                            float64(s.EntryErrors),
			"put_records_calls_total":                 float64(s.PutRecordsCalls),
			"put_records_duration_seconds_count":      float64(s.PutRecordsCalls),
			"put_records_duration_seconds_sum":        s.RequestTime.Seconds(),
			"buffering_seconds_count":                 float64(s.KinesisRecordsSent),
			"buffering_seconds_sum":                   s.BufferingTime.Seconds(),
			"late_seconds_sum":                        s.LateTime.Seconds(),
			"user_records_per_kinesis_record_count":   float64(s.KinesisRecordsSent),
			"user_records_per_kinesis_record_sum":     float64(s.UserRecordsSent),
			"kinesis_records_per_call_count":          float64(s.PutRecordsCalls),
			"kinesis_records_per_call_sum":            float64(s.KinesisRecordsSent),
			"user_records_per_call_sum":               float64(s.UserRecordsSent),
			"shard_map_refreshes_total":               float64(s.MapRefreshes + s.MapRefreshErrors),
			"kinesis_records_total orders not_stored": float64(s.EntryErrors),
		} {
			got := v[name]
			if !strings.Contains(name, " ") {
				got = sum(v, name)
			}
			if d := got - want; d > 1e-6 || d < -1e-6 {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		r.check(map[string]float64{
			"kinesis_records_total orders wrong_landing": float64(s.WrongLandings),
			"put_units_total orders wrong_landing":       float64(s.WrongLandingUnits),
			"put_records_calls_total ok orders":          float64(s.PutRecordsCalls - s.CallErrors),
			"shard_map_refreshes_total ok orders":        float64(s.MapRefreshes),
			"shard_map_refreshes_total error orders":     float64(s.MapRefreshErrors),
		})
		if got := v["kinesis_records_bytes_total orders stored"] + v["kinesis_records_bytes_total orders wrong_landing"]; got != float64(s.KinesisRecordsDataPut) {
			t.Errorf("%v bytes of Kinesis records, want %v", got, s.KinesisRecordsDataPut)
		}
		for code, n := range s.ErrorsByCode {
			if code == "" {
				code = "none"
			}
			r.check(map[string]float64{"errors_total " + code + " orders": float64(n)})
		}
	})
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		reason string
		spoil  func(*rig)
		more   map[string]float64
	}{
		{"expired", func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Entries: map[int]string{0: "InternalFailure"}})
		}, nil},
		{"refused", func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")})
		}, map[string]float64{
			"errors_total AccessDeniedException orders":            1,
			"put_records_calls_total AccessDeniedException orders": 1,
			"kinesis_records_total orders not_stored":              1,
			"user_record_retries_total orders":                     0,
		}},
		{"closed", func(r *rig) {
			r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.NoAnswer()})
		}, map[string]float64{"errors_total none orders": 1, "put_records_calls_total none orders": 1}},
		{"landing_unknown", func(r *rig) {
			r.on("ListShards", kinesistest.Fault{Failure: kinesistest.APIError(500, "InternalFailure")})
			if err := r.srv.Scale("orders", 2); err != nil {
				r.t.Fatal(err)
			}
		}, map[string]float64{"kinesis_records_total orders landing_unknown": 1, "put_units_total orders landing_unknown": 1}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1)
				p := r.producer(producer.WithRecordTTL(3 * time.Second))
				r.check(map[string]float64{ // there from the beginning
					"user_records_put_total orders":                     0,
					"user_records_failed_total " + c.reason + " orders": 0,
					"user_records_failed_total landing_unknown orders":  0,
					"shard_map_refreshes_total ok orders":               1,
				})
				c.spoil(r)
				r.put(p, 2)
				wait := time.Minute
				if c.reason == "closed" {
					wait = time.Second
				}
				r.close(p, wait)
				r.check(map[string]float64{
					"user_records_put_total orders":                     0,
					"user_records_failed_total " + c.reason + " orders": 2,
				})
				r.check(c.more)
				if got := sum(r.values(), "user_records_failed_total"); got != 2 {
					t.Errorf("%v user records failed, want 2", got)
				}
			})
		})
	}
}

func TestShardLabel(t *testing.T) {
	r := newRig(t, 2, kinprom.WithShardLabel(), nil)
	p := r.producer(producer.WithMaxBufferedTime(10 * time.Second))
	r.on("PutRecords", kinesistest.Fault{})
	r.put(p, 100)
	r.close(p, time.Minute)
	v := r.values()
	var both float64
	for _, shard := range []string{"shardId-000000000000", "shardId-000000000001"} {
		r.check(map[string]float64{
			"kinesis_records_total " + shard + " orders stored":          1,
			"put_units_total " + shard + " orders stored":                1,
			"buffering_seconds_count " + shard + " orders":               1,
			"late_seconds_count " + shard + " orders":                    1,
			"user_records_per_kinesis_record_count " + shard + " orders": 1,
			"user_records_put_total orders":                              100,
		})
		if v["kinesis_records_bytes_total "+shard+" orders stored"] < 1000 {
			t.Errorf("no bytes of %s", shard)
		}
		both += v["user_records_per_kinesis_record_sum "+shard+" orders"]
	}
	if both != 100 {
		t.Errorf("%v user records of both shards, want 100", both)
	}
}

// A record that is not stored counts for the shard where it should have gone.
func TestShardLabelOfErrors(t *testing.T) {
	r := newRig(t, 1, kinprom.WithShardLabel())
	p := r.producer()
	r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")})
	r.put(p, 1)
	r.close(p, time.Minute)
	r.check(map[string]float64{
		"errors_total AccessDeniedException shardId-000000000000 orders":     1,
		"kinesis_records_total shardId-000000000000 orders not_stored":       1,
		"kinesis_records_bytes_total shardId-000000000000 orders not_stored": 100,
	})
}

func TestNew(t *testing.T) {
	if _, err := kinprom.New(nil); err == nil {
		t.Error("a nil registerer is taken")
	}
	reg := prometheus.NewRegistry()
	if _, err := kinprom.New(reg); err != nil {
		t.Fatal(err)
	}
	if _, err := kinprom.New(reg); err == nil {
		t.Error("a second Metrics in the same registry is taken")
	}
	if _, err := kinprom.New(prometheus.WrapRegistererWithPrefix("other_", reg)); err != nil {
		t.Error(err)
	}
}

// Every metric that the package's documentation names is scraped, is the only
// such, and is as Prometheus likes it.
func TestScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		p := r.producer()
		defer r.m.Watch(p, "orders")()
		r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")})
		r.put(p, 2)
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.srv.SetFaults(nil)
		r.put(p, 2)
		r.close(p, time.Minute)

		problems, err := testutil.GatherAndLint(r.reg)
		if err != nil || len(problems) > 0 {
			t.Errorf("lint: %v %v", problems, err)
		}
		scrape := httptest.NewRecorder()
		promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
		body, err := io.ReadAll(scrape.Body)
		if err != nil || scrape.Code != 200 {
			t.Fatal(scrape.Code, err, string(body))
		}
		got := map[string]string{}
		series := 0
		for line := range strings.Lines(string(body)) {
			if f := strings.Fields(line); f[0] == "#" && f[1] == "TYPE" {
				got[f[2]] = f[3]
			} else if f[0] != "#" {
				series++
			}
		}
		want := documented(t)
		for name, kind := range want {
			if got[name] != kind {
				t.Errorf("%s is %q, documented as %q", name, got[name], kind)
			}
		}
		for name := range got {
			if want[name] == "" {
				t.Errorf("%s is not documented", name)
			}
		}
		if series < 80 || series > 130 { // documented as some 120
			t.Errorf("%d series", series)
		}
	})
}

package kinemf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/internal/emf/emftest"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinemf"
)

// write writes s and returns the lines of that.
func write(t *testing.T, w *kinemf.Writer, log *bytes.Buffer, stream string, s producer.Stats) []emftest.Line {
	t.Helper()
	log.Reset()
	if err := w.Write(stream, s); err != nil {
		t.Fatal(err)
	}
	return emftest.Parse(t, log.String())
}

func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := kinemf.New(&log, "My App/Kinesis", kinemf.WithDimension("Host", "a"), kinemf.WithDimension("Zone", "b<c"), nil)
		lines := write(t, w, &log, "orders", producer.Stats{
			UserRecordsReceived: 10, UserRecordsPending: 3, UserRecordsPut: 5, UserRecordsDataPut: 500, UserRecordsFailed: 2,
			UserRecordsExpired: 1, UserRecordsHandedBack: 1, UserRecordsRetried: 14,
			KinesisRecordsPut: 4, KinesisRecordsDataPut: 600, PutUnits: 6, PutUnitsUnpacked: 7, WrongLandings: 1, WrongLandingUnits: 2,
			PutRecordsCalls: 4, CallErrors: 1, EntryErrors: 4, ErrorsByCode: map[string]int64{"": 1, "InternalFailure": 3},
			KinesisRecordsSent: 8, UserRecordsSent: 20,
			BufferingTime: 804 * time.Millisecond, LateTime: 4 * time.Millisecond, RequestTime: 10 * time.Millisecond,
			BufferedBytes: 1068, OldestAge: 1500 * time.Microsecond, MapRefreshes: 2, MapRefreshErrors: 1, Shards: 4, ServiceManaged: true,
		})
		if len(lines) != 3 {
			t.Fatalf("%d lines, want one and one for each of 2 error codes", len(lines))
		}
		added := map[string]string{"StreamName": "orders", "Host": "a", "Zone": "b<c"}
		lines[0].Check(t, "My App/Kinesis", added, map[string]emftest.Measured{
			"UserRecordsReceived": {Value: 10, Unit: "Count"}, "UserRecordsPending": {Value: 3, Unit: "Count"}, "UserRecordsPut": {Value: 5, Unit: "Count"},
			"UserRecordsDataPut": {Value: 500, Unit: "Bytes"}, "UserRecordsFailed": {Value: 2, Unit: "Count"}, "UserRecordExpired": {Value: 1, Unit: "Count"},
			"UserRecordsHandedBack": {Value: 1, Unit: "Count"}, "KinesisRecordsPut": {Value: 4, Unit: "Count"}, "KinesisRecordsDataPut": {Value: 600, Unit: "Bytes"},
			"AllErrors": {Value: 4, Unit: "Count"}, "PutUnits": {Value: 6, Unit: "Count"}, "PutUnitsUnpacked": {Value: 7, Unit: "Count"}, "WrongLandings": {Value: 1, Unit: "Count"},
			"WrongLandingUnits": {Value: 2, Unit: "Count"}, "PutRecordsCalls": {Value: 4, Unit: "Count"}, "CallErrors": {Value: 1, Unit: "Count"},
			"BufferedBytes": {Value: 1068, Unit: "Bytes"}, "OldestAge": {Value: 1.5, Unit: "Milliseconds"}, "MapRefreshes": {Value: 2, Unit: "Count"}, "MapRefreshErrors": {Value: 1, Unit: "Count"},
			"Shards": {Value: 4, Unit: "Count"}, "ServiceManaged": {Value: 1, Unit: "None"},
			"RetriesPerRecord": {Value: 2, Unit: "Count"}, "BufferingTime": {Value: 100.5, Unit: "Milliseconds"}, "LateTime": {Value: .5, Unit: "Milliseconds"},
			"RequestTime": {Value: 2.5, Unit: "Milliseconds"}, "UserRecordsPerKinesisRecord": {Value: 2.5, Unit: "Count"},
			"KinesisRecordsPerPutRecordsRequest": {Value: 2, Unit: "Count"}, "UserRecordsPerPutRecordsRequest": {Value: 5, Unit: "Count"},
		})
		for i, code := range []string{"none", "InternalFailure"} {
			with := maps.Clone(added)
			with["ErrorCode"] = code
			lines[i+1].Check(t, "My App/Kinesis", with, map[string]emftest.Measured{"ErrorsByCode": {Value: []float64{1, 3}[i], Unit: "Count"}})
		}
		for _, l := range lines {
			if l.Timestamp != time.Now().UnixMilli() {
				t.Errorf("timestamp is %d, want %d", l.Timestamp, time.Now().UnixMilli())
			}
		}
	})
}

// Counts are since the last Write for the stream, gauges as they are, and means
// of what was in between.
func TestDifference(t *testing.T) {
	var log bytes.Buffer
	w := kinemf.New(&log, "app")
	first := producer.Stats{UserRecordsReceived: 10, UserRecordsPut: 10, PutRecordsCalls: 1, RequestTime: 10 * time.Millisecond,
		KinesisRecordsSent: 1, UserRecordsSent: 10, UserRecordsPending: 4, ErrorsByCode: map[string]int64{"a": 1, "b": 1}}
	write(t, w, &log, "orders", first)
	first.ErrorsByCode["a"] = 100 // the Writer has its own
	second := producer.Stats{UserRecordsReceived: 15, UserRecordsPut: 14, PutRecordsCalls: 3, RequestTime: 50 * time.Millisecond,
		KinesisRecordsSent: 3, UserRecordsSent: 14, UserRecordsPending: 5, ErrorsByCode: map[string]int64{"a": 4, "b": 1}}

	other := write(t, w, &log, "clicks", second)[0]
	if other.Metrics["UserRecordsPut"].Value != 14 {
		t.Errorf("another stream: %v", other.Metrics)
	}

	lines := write(t, w, &log, "orders", second)
	for name, want := range map[string]float64{"UserRecordsReceived": 5, "UserRecordsPut": 4, "PutRecordsCalls": 2,
		"RequestTime": 20, "UserRecordsPerKinesisRecord": 2, "UserRecordsPending": 5, "RetriesPerRecord": 0} {
		if got, ok := lines[0].Metrics[name]; got.Value != want || !ok {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	if len(lines) != 2 || lines[1].Dimensions["ErrorCode"] != "a" || lines[1].Metrics["ErrorsByCode"].Value != 3 {
		t.Errorf("lines are %v", lines)
	}

	idle := write(t, w, &log, "orders", second)
	if len(idle) != 1 || idle[0].Metrics["UserRecordsPut"].Value != 0 || idle[0].Metrics["UserRecordsPending"].Value != 5 {
		t.Errorf("nothing has happened, and lines are %v", idle)
	}
	for _, mean := range []string{"RetriesPerRecord", "BufferingTime", "LateTime", "RequestTime", "UserRecordsPerKinesisRecord",
		"KinesisRecordsPerPutRecordsRequest", "UserRecordsPerPutRecordsRequest"} {
		if got, ok := idle[0].Metrics[mean]; ok {
			t.Errorf("%s of nothing is %v", mean, got)
		}
	}

	restarted := write(t, w, &log, "orders", producer.Stats{UserRecordsReceived: 3, UserRecordsPut: 2})
	if got := restarted[0].Metrics["UserRecordsPut"].Value; got != 2 {
		t.Errorf("a new producer has put %v, want 2", got)
	}
}

// What could not be written is part of the next line.
func TestFailedWrite(t *testing.T) {
	out := &flaky{err: io.ErrShortWrite}
	w := kinemf.New(out, "app")
	if err := w.Write("orders", producer.Stats{UserRecordsPut: 3}); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
	out.err = nil
	lines := write(t, w, &out.Buffer, "orders", producer.Stats{UserRecordsPut: 5})
	if got := lines[0].Metrics["UserRecordsPut"].Value; got != 5 {
		t.Errorf("%v put, want 5", got)
	}
}

type flaky struct {
	bytes.Buffer
	err error
}

func (f *flaky) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Buffer.Write(b)
}

func TestBadArguments(t *testing.T) {
	var many []kinemf.Option
	for i := range 29 {
		many = append(many, kinemf.WithDimension(fmt.Sprint("d", i), "v"))
	}
	long := func(n int) string { return strings.Repeat("a", n) }
	dim := func(name, value string) []kinemf.Option { return []kinemf.Option{kinemf.WithDimension(name, value)} }
	for _, c := range []struct {
		name, namespace, stream string
		opts                    []kinemf.Option
		says                    string // "" if it is right
	}{
		{"good", "a.-_/#: 09Z", "orders", many[:28], ""},
		{"longest", long(255), long(1024), dim(long(250), long(1024)), ""},
		{"no namespace", "", "orders", nil, "namespace"},
		{"blank namespace", "  ", "orders", nil, "namespace"},
		{"long namespace", long(256), "orders", nil, "namespace"},
		{"reserved namespace", "AWS/Kinesis", "orders", nil, "namespace"},
		{"colon namespace", ":a", "orders", nil, "namespace"},
		{"odd namespace", "a%", "orders", nil, "namespace"},
		{"no stream", "app", "", nil, "stream"},
		{"odd stream", "app", "\xff", nil, "stream"},
		{"long stream", "app", long(1025), nil, "stream"},
		{"no name", "app", "orders", dim("", "v"), "name"},
		{"colon name", "app", "orders", dim(":n", "v"), "name"},
		{"odd name", "app", "orders", dim("é", "v"), "name"},
		{"long name", "app", "orders", dim(long(251), "v"), "name"},
		{"metric's name", "app", "orders", dim("RequestTime", "v"), "taken"},
		{"code's name", "app", "orders", dim("ErrorCode", "v"), "taken"},
		{"format's name", "app", "orders", dim("_aws", "v"), "taken"},
		{"name twice", "app", "orders", []kinemf.Option{kinemf.WithDimension("n", "v"), kinemf.WithDimension("n", "w")}, "taken"},
		{"no value", "app", "orders", dim("n", ""), "value"},
		{"blank value", "app", "orders", dim("n", " "), "value"},
		{"odd value", "app", "orders", dim("n", "a\n"), "value"},
		{"long value", "app", "orders", dim("n", long(1025)), "value"},
		{"many dimensions", "app", "orders", many, "29 dimensions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			err := kinemf.New(&log, c.namespace, c.opts...).Write(c.stream, producer.Stats{ErrorsByCode: map[string]int64{"a": 1}})
			if c.says == "" {
				if err != nil || len(emftest.Parse(t, log.String())) != 2 {
					t.Error(err, log.String())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || log.Len() > 0 {
				t.Errorf("error %v, want one that says %q; written %q", err, c.says, log.String())
			}
		})
	}
	err := kinemf.New(nil, "", dim("", "")...).Write("orders", producer.Stats{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("error %v, want three complaints", err)
	}
}

// The metrics of the package's documentation are those that are written.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for row := range strings.Lines(string(doc)) {
		if f := strings.Fields(row); len(f) > 3 && slices.Contains([]string{"Count", "Bytes", "Milliseconds", "None"}, f[2]) {
			want[f[1]] = f[2]
		}
	}
	var log bytes.Buffer
	got := map[string]string{}
	for _, l := range write(t, kinemf.New(&log, "app"), &log, "orders", producer.Stats{
		UserRecordsPut: 1, KinesisRecordsSent: 1, PutRecordsCalls: 1, ErrorsByCode: map[string]int64{"a": 1},
	}) {
		for name, m := range l.Metrics {
			got[name] = m.Unit
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("written are\n%v\ndocumented are\n%v", got, want)
	}
}

// Of a real Producer in a storm, written time and again, the sums are its Stats.
func TestProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "orders", 4, kinesistest.WithFaults(kinesistest.Storm(3, kinesistest.Weather{Unavailable: .1, Entry: .2, MaxLatency: 50 * time.Millisecond})))
		p, err := producer.New(t.Context(), client, "orders", producer.WithAggregationMaxSize(1000), producer.WithAggregationLimit(1000), producer.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		w := kinemf.New(&log, "app")
		for range 20 {
			for i := range 50 {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i), Data: make([]byte, 100)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Write("orders", p.Stats()); err != nil {
				t.Fatal(err)
			}
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Write("orders", p.Stats()); err != nil {
			t.Fatal(err)
		}
		sums := map[string]float64{}
		for _, l := range emftest.Parse(t, log.String()) {
			for name, m := range l.Metrics {
				if name == "ErrorsByCode" {
					name += " " + l.Dimensions["ErrorCode"]
				}
				sums[name] += m.Value
			}
		}
		s := p.Stats()
		want := map[string]float64{
			"UserRecordsReceived": 1000, "UserRecordsPut": 1000, "UserRecordsDataPut": 100_000,
			"KinesisRecordsPut": float64(s.KinesisRecordsPut), "AllErrors": float64(s.EntryErrors),
			"PutRecordsCalls": float64(s.PutRecordsCalls), "CallErrors": float64(s.CallErrors),
		}
		for code, n := range s.ErrorsByCode {
			want["ErrorsByCode "+code] = float64(n)
		}
		if len(s.ErrorsByCode) < 2 {
			t.Fatalf("the storm was too calm: %+v", s)
		}
		for name, n := range want {
			if sums[name] != n {
				t.Errorf("%s adds up to %v, want %v", name, sums[name], n)
			}
		}
	})
}

// Lines of several goroutines do not mix.
func TestConcurrency(t *testing.T) {
	var log bytes.Buffer
	w := kinemf.New(&log, "app")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100 {
				if err := w.Write(fmt.Sprint("stream", i), producer.Stats{UserRecordsPut: int64(n), ErrorsByCode: map[string]int64{"a": int64(n)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sums := map[string]float64{}
	for _, l := range emftest.Parse(t, log.String()) {
		sums[l.Dimensions["StreamName"]] += l.Metrics["UserRecordsPut"].Value
	}
	for i := range 4 {
		if got := sums[fmt.Sprint("stream", i)]; got != 99 {
			t.Errorf("stream%d adds up to %v, want 99", i, got)
		}
	}
}

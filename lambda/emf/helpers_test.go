package emf_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/emf"
)

var shard = lambda.Shard{StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/orders", ID: "shardId-000000000000"}

// hooks are under the namespace Orders, and fail t where they log.
func hooks(t *testing.T, log *bytes.Buffer, opts ...emf.Option) lambda.Hooks {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	h, err := emf.New(log, "Orders", append(opts, emf.WithLogger(logger))...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Errorf("logged: %s", b)
	return len(b), nil
}

// line is a line of the embedded metric format, as CloudWatch reads it.
type line struct {
	timestamp  int64
	namespace  string
	dimensions map[string]string
	metrics    map[string]measured
}

type measured struct {
	value float64
	unit  string
}

// parse reads lines, and fails t where one is not as the specification wants it.
func parse(t *testing.T, log string) []line {
	t.Helper()
	if !strings.HasSuffix(log, "\n") {
		t.Fatalf("%q does not end with its line", log)
	}
	var all []line
	for raw := range strings.Lines(log) {
		all = append(all, parseLine(t, raw))
	}
	return all
}

func parseLine(t *testing.T, raw string) line {
	t.Helper()
	var root map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &root); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	var aws struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	strict := json.NewDecoder(bytes.NewReader(root["_aws"]))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&aws); err != nil {
		t.Fatalf("_aws: %v: %s", err, raw)
	}
	if len(aws.CloudWatchMetrics) != 1 || len(aws.CloudWatchMetrics[0].Dimensions) != 1 {
		t.Fatalf("want one directive with one set of dimensions: %s", raw)
	}
	d := aws.CloudWatchMetrics[0]
	l := line{aws.Timestamp, d.Namespace, map[string]string{}, map[string]measured{}}
	for _, name := range d.Dimensions[0] {
		var value string
		if err := json.Unmarshal(root[name], &value); err != nil || value == "" || l.dimensions[name] != "" {
			t.Errorf("dimension %s: %v: %s", name, err, raw)
		}
		l.dimensions[name] = value
	}
	for _, m := range d.Metrics {
		var value float64
		if err := json.Unmarshal(root[m.Name], &value); err != nil {
			t.Errorf("metric %s: %v: %s", m.Name, err, raw)
		}
		l.metrics[m.Name] = measured{value, m.Unit}
	}
	if n := len(d.Metrics); n < 1 || n > 100 || len(l.metrics) != n || len(l.dimensions) > 30 || len(root) != 1+len(l.dimensions)+n {
		t.Errorf("%d metrics, %d dimensions, %d members: %s", n, len(l.dimensions), len(root), raw)
	}
	return l
}

func (l line) check(t *testing.T, dimensions map[string]string, metrics map[string]measured) {
	t.Helper()
	if l.namespace != "Orders" || !maps.Equal(l.dimensions, dimensions) {
		t.Errorf("namespace %q, dimensions %v, want Orders, %v", l.namespace, l.dimensions, dimensions)
	}
	if !maps.Equal(l.metrics, metrics) {
		t.Errorf("metrics are\n%v, want\n%v", l.metrics, metrics)
	}
}

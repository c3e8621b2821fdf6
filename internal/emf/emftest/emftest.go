// Package emftest reads lines of the embedded metric format, for tests.
package emftest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Line is a line of the embedded metric format, as CloudWatch reads it.
type Line struct {
	Timestamp  int64 // milliseconds since 1970
	Namespace  string
	Dimensions map[string]string
	Metrics    map[string]Measured
}

// Measured is a metric's value.
type Measured struct {
	Value float64
	Unit  string
}

// Parse reads lines, and fails t where one is not as the specification wants it.
func Parse(t *testing.T, log string) []Line {
	t.Helper()
	if !strings.HasSuffix(log, "\n") {
		t.Fatalf("%q does not end with its line", log)
	}
	var all []Line
	for raw := range strings.Lines(log) {
		all = append(all, parseLine(t, raw))
	}
	return all
}

func parseLine(t *testing.T, raw string) Line {
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
	l := Line{aws.Timestamp, d.Namespace, map[string]string{}, map[string]Measured{}}
	for _, name := range d.Dimensions[0] {
		var value string
		if err := json.Unmarshal(root[name], &value); err != nil || value == "" || l.Dimensions[name] != "" {
			t.Errorf("dimension %s: %v: %s", name, err, raw)
		}
		l.Dimensions[name] = value
	}
	for _, m := range d.Metrics {
		var value float64
		if err := json.Unmarshal(root[m.Name], &value); err != nil {
			t.Errorf("metric %s: %v: %s", m.Name, err, raw)
		}
		if !slices.Contains([]string{"Count", "Bytes", "Milliseconds", "None"}, m.Unit) {
			t.Errorf("metric %s has unit %q", m.Name, m.Unit)
		}
		l.Metrics[m.Name] = Measured{value, m.Unit}
	}
	if n := len(d.Metrics); n < 1 || n > 100 || len(l.Metrics) != n || len(l.Dimensions) > 30 || len(root) != 1+len(l.Dimensions)+n {
		t.Errorf("%d metrics, %d dimensions, %d members: %s", n, len(l.Dimensions), len(root), raw)
	}
	return l
}

// Check fails t if the line is another one.
func (l Line) Check(t *testing.T, namespace string, dimensions map[string]string, metrics map[string]Measured) {
	t.Helper()
	if l.Namespace != namespace || !maps.Equal(l.Dimensions, dimensions) {
		t.Errorf("namespace %q, dimensions %v, want %q, %v", l.Namespace, l.Dimensions, namespace, dimensions)
	}
	if !maps.Equal(l.Metrics, metrics) {
		t.Errorf("metrics are\n%v, want\n%v", l.Metrics, metrics)
	}
}

// Package emf writes lines of CloudWatch's embedded metric format, and says what
// may stand in them.
package emf

// This file owns a line: its members, and the units of its metrics. What is to
// stand in it has been checked.

import (
	"encoding/json"
	"math"
	"time"
)

// Units of CloudWatch (API Reference, MetricDatum).
const (
	Count        = "Count"
	Bytes        = "Bytes"
	Milliseconds = "Milliseconds"
	None         = "None"
)

// Dimension is a dimension with its value.
type Dimension struct{ Name, Value string }

// Metric is a metric with its value.
type Metric struct {
	Name, Unit string
	Value      float64
}

// Millis is d in the unit [Milliseconds].
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Line is what CloudWatch makes metrics of: all with the same dimensions, in one
// set. Names of dimensions and metrics are different.
type Line struct {
	Namespace  string
	Time       time.Time
	Dimensions []Dimension // at most MaxDimensions
	Metrics    []Metric    // at most 100
}

// definition, directive and metadata are what the format calls so.
type definition struct {
	Name string
	Unit string
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type metadata struct {
	Timestamp         int64 // in milliseconds
	CloudWatchMetrics []directive
}

// AppendTo appends the line, with its end, to b. A metric whose value is no finite
// number is left out: CloudWatch takes none.
func (l Line) AppendTo(b []byte) []byte {
	root := map[string]any{}
	names := make([]string, 0, len(l.Dimensions))
	for _, d := range l.Dimensions {
		root[d.Name] = d.Value
		names = append(names, d.Name)
	}
	definitions := make([]definition, 0, len(l.Metrics))
	for _, m := range l.Metrics {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			continue
		}
		root[m.Name] = m.Value
		definitions = append(definitions, definition{m.Name, m.Unit})
	}
	root["_aws"] = metadata{l.Time.UnixMilli(), []directive{{l.Namespace, [][]string{names}, definitions}}}
	line, _ := json.Marshal(root) // strings and finite numbers always encode
	return append(append(b, line...), '\n')
}

package kinprom

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// This file owns the metrics that hooks count: their names, help, labels and
// buckets.

// set is one of each; doc.go says what they are.
type set struct {
	put, putBytes, failed, retries, unpacked *prometheus.CounterVec // of user records

	kinesis, kinesisBytes, units, errors *prometheus.CounterVec // of Kinesis records
	buffering, late, userPerKinesis      *prometheus.HistogramVec

	calls                                 *prometheus.CounterVec // of PutRecords calls
	duration, kinesisPerCall, userPerCall *prometheus.HistogramVec

	refreshes *prometheus.CounterVec

	all []prometheus.Collector
}

func newSet(shard bool) *set {
	s := &set{}
	stream := []string{"stream"}
	record := stream
	if shard {
		record = []string{"stream", "shard"}
	}
	with := func(labels []string, l string) []string { return append(slices.Clip(labels), l) }

	s.put = s.counter("user_records_put_total", "User records that are in the stream.", stream)
	s.putBytes = s.counter("user_records_put_bytes_total", "Bytes of data of the user records that are in the stream.", stream)
	s.failed = s.counter("user_records_failed_total", "User records that were handed back with an error.", with(stream, "reason"))
	s.retries = s.counter("user_record_retries_total", "Times that the user records put and failed were sent again.", stream)
	s.unpacked = s.counter("put_units_unpacked_total", "PUT payload units that the user records put would have been billed one by one.", stream)

	s.kinesis = s.counter("kinesis_records_total", "Kinesis records sent.", with(record, "verdict"))
	s.kinesisBytes = s.counter("kinesis_records_bytes_total", "Bytes of data of the Kinesis records sent.", with(record, "verdict"))
	s.units = s.counter("put_units_total", "PUT payload units that the Kinesis records stored are billed.", with(record, "verdict"))
	s.errors = s.counter("errors_total", "Kinesis records that were sent and not stored.", with(record, "code"))
	s.buffering = s.histogram("buffering_seconds", "From Put to the call, of the first user record of each Kinesis record sent.", record, seconds())
	s.late = s.histogram("late_seconds", "Part of the buffering that lies beyond the maximum buffered time.", record, seconds())
	s.userPerKinesis = s.histogram("user_records_per_kinesis_record", "User records in each Kinesis record sent.", record, counts(10_000))

	s.calls = s.counter("put_records_calls_total", "PutRecords calls.", with(stream, "code"))
	s.duration = s.histogram("put_records_duration_seconds", "Duration of PutRecords calls.", stream, seconds())
	s.kinesisPerCall = s.histogram("kinesis_records_per_call", "Kinesis records in each PutRecords call.", stream, counts(500))
	s.userPerCall = s.histogram("user_records_per_call", "User records in each PutRecords call.", stream, counts(100_000))

	s.refreshes = s.counter("shard_map_refreshes_total", "Attempts to list the stream's shards.", with(stream, "result"))
	return s
}

func (s *set) counter(name, help string, labels []string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	s.all = append(s.all, c)
	return c
}

func (s *set) histogram(name, help string, labels []string, buckets []float64) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	s.all = append(s.all, h)
	return h
}

// namespace is what every name starts with.
const namespace = "kinpack"

// seconds are the upper bounds of durations: from a call's few milliseconds to
// the time to live.
func seconds() []float64 {
	return []float64{.005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5, 10, 30}
}

// counts are the upper bounds 1, 2, 5, 10, 20, 50 and so on to last.
func counts(last float64) []float64 {
	var b []float64
	for ten := 1.0; ; ten *= 10 {
		for _, digit := range [...]float64{1, 2, 5} {
			if digit*ten > last {
				return b
			}
			b = append(b, digit*ten)
		}
	}
}

// collector is what is registered; Metrics itself has no methods of a Collector.
type collector struct{ m *Metrics }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, v := range c.m.set.all {
		v.Describe(out)
	}
	describeReadings(out)
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, v := range c.m.set.all {
		v.Collect(out)
	}
	c.m.gauges.collect(out)
}

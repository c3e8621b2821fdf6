package kinemf

import (
	"time"

	"github.com/kinpack/kinpack/producer"
)

// This file owns the metrics: names, units, and how they are had from Stats.

// CloudWatch's units.
const (
	count        = "Count"
	sizeBytes    = "Bytes"
	milliseconds = "Milliseconds"
	none         = "None"
)

// metric is one of a line. of reads it from the Stats since the last line; ok is
// false if there is none.
type metric struct {
	name, unit string
	of         func(*producer.Stats) (value float64, ok bool)
}

// measured is a metric with its value.
type measured struct {
	name, unit string
	value      float64
}

// measure returns the metrics that there are.
func measure(s *producer.Stats) []measured {
	var all []measured
	for _, m := range metrics() {
		if v, ok := m.of(s); ok {
			all = append(all, measured{m.name, m.unit, v})
		}
	}
	return all
}

func metrics() []metric {
	return append(append(counts(), gauges()...), means()...)
}

// counts are the metrics that add up.
func counts() []metric {
	n := func(name, unit string, of func(*producer.Stats) int64) metric {
		return metric{name, unit, func(s *producer.Stats) (float64, bool) { return float64(of(s)), true }}
	}
	return []metric{
		n("UserRecordsReceived", count, func(s *producer.Stats) int64 { return s.UserRecordsReceived }),
		n("UserRecordsPut", count, func(s *producer.Stats) int64 { return s.UserRecordsPut }),
		n("UserRecordsDataPut", sizeBytes, func(s *producer.Stats) int64 { return s.UserRecordsDataPut }),
		n("UserRecordsFailed", count, func(s *producer.Stats) int64 { return s.UserRecordsFailed }),
		n("UserRecordExpired", count, func(s *producer.Stats) int64 { return s.UserRecordsExpired }),
		n("UserRecordsHandedBack", count, func(s *producer.Stats) int64 { return s.UserRecordsHandedBack }),
		n("KinesisRecordsPut", count, func(s *producer.Stats) int64 { return s.KinesisRecordsPut }),
		n("KinesisRecordsDataPut", sizeBytes, func(s *producer.Stats) int64 { return s.KinesisRecordsDataPut }),
		n("AllErrors", count, func(s *producer.Stats) int64 { return s.EntryErrors }),
		n("PutUnits", count, func(s *producer.Stats) int64 { return s.PutUnits }),
		n("PutUnitsUnpacked", count, func(s *producer.Stats) int64 { return s.PutUnitsUnpacked }),
		n("WrongLandings", count, func(s *producer.Stats) int64 { return s.WrongLandings }),
		n("WrongLandingUnits", count, func(s *producer.Stats) int64 { return s.WrongLandingUnits }),
		n("PutRecordsCalls", count, func(s *producer.Stats) int64 { return s.PutRecordsCalls }),
		n("CallErrors", count, func(s *producer.Stats) int64 { return s.CallErrors }),
		n("MapRefreshes", count, func(s *producer.Stats) int64 { return s.MapRefreshes }),
		n("MapRefreshErrors", count, func(s *producer.Stats) int64 { return s.MapRefreshErrors }),
	}
}

// gauges are the metrics that are as they are.
func gauges() []metric {
	return []metric{
		{"UserRecordsPending", count, func(s *producer.Stats) (float64, bool) { return float64(s.UserRecordsPending), true }},
		{"BufferedBytes", sizeBytes, func(s *producer.Stats) (float64, bool) { return float64(s.BufferedBytes), true }},
		{"OldestAge", milliseconds, func(s *producer.Stats) (float64, bool) { return millis(s.OldestAge), true }},
		{"Shards", count, func(s *producer.Stats) (float64, bool) { return float64(s.Shards), true }},
		{"ServiceManaged", none, func(s *producer.Stats) (float64, bool) {
			if s.ServiceManaged {
				return 1, true
			}
			return 0, true
		}},
	}
}

// means are the metrics that the KPL averages.
func means() []metric {
	mean := func(name, unit string, of func(*producer.Stats) (sum float64, n int64)) metric {
		return metric{name, unit, func(s *producer.Stats) (float64, bool) {
			sum, n := of(s)
			if n == 0 {
				return 0, false
			}
			return sum / float64(n), true
		}}
	}
	return []metric{
		mean("RetriesPerRecord", count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsRetried), s.UserRecordsPut + s.UserRecordsFailed
		}),
		mean("BufferingTime", milliseconds, func(s *producer.Stats) (float64, int64) { return millis(s.BufferingTime), s.KinesisRecordsSent }),
		mean("LateTime", milliseconds, func(s *producer.Stats) (float64, int64) { return millis(s.LateTime), s.KinesisRecordsSent }),
		mean("RequestTime", milliseconds, func(s *producer.Stats) (float64, int64) { return millis(s.RequestTime), s.PutRecordsCalls }),
		mean("UserRecordsPerKinesisRecord", count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsSent), s.KinesisRecordsSent
		}),
		mean("KinesisRecordsPerPutRecordsRequest", count, func(s *producer.Stats) (float64, int64) {
			return float64(s.KinesisRecordsSent), s.PutRecordsCalls
		}),
		mean("UserRecordsPerPutRecordsRequest", count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsSent), s.PutRecordsCalls
		}),
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

package kinemf

import (
	"github.com/kinpack/kinpack/internal/emf"
	"github.com/kinpack/kinpack/producer"
)

// This file owns the metrics: names, units, and how they are had from Stats.

// metric is one of a line. of reads it from the Stats since the last line; ok is
// false if there is none.
type metric struct {
	name, unit string
	of         func(*producer.Stats) (value float64, ok bool)
}

// measure returns the metrics that there are.
func measure(s *producer.Stats) []emf.Metric {
	var all []emf.Metric
	for _, m := range metrics() {
		if v, ok := m.of(s); ok {
			all = append(all, emf.Metric{Name: m.name, Unit: m.unit, Value: v})
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
		n("UserRecordsReceived", emf.Count, func(s *producer.Stats) int64 { return s.UserRecordsReceived }),
		n("UserRecordsPut", emf.Count, func(s *producer.Stats) int64 { return s.UserRecordsPut }),
		n("UserRecordsDataPut", emf.Bytes, func(s *producer.Stats) int64 { return s.UserRecordsDataPut }),
		n("UserRecordsFailed", emf.Count, func(s *producer.Stats) int64 { return s.UserRecordsFailed }),
		n("UserRecordExpired", emf.Count, func(s *producer.Stats) int64 { return s.UserRecordsExpired }),
		n("UserRecordsHandedBack", emf.Count, func(s *producer.Stats) int64 { return s.UserRecordsHandedBack }),
		n("KinesisRecordsPut", emf.Count, func(s *producer.Stats) int64 { return s.KinesisRecordsPut }),
		n("KinesisRecordsDataPut", emf.Bytes, func(s *producer.Stats) int64 { return s.KinesisRecordsDataPut }),
		n("AllErrors", emf.Count, func(s *producer.Stats) int64 { return s.EntryErrors }),
		n("PutUnits", emf.Count, func(s *producer.Stats) int64 { return s.PutUnits }),
		n("PutUnitsUnpacked", emf.Count, func(s *producer.Stats) int64 { return s.PutUnitsUnpacked }),
		n("WrongLandings", emf.Count, func(s *producer.Stats) int64 { return s.WrongLandings }),
		n("WrongLandingUnits", emf.Count, func(s *producer.Stats) int64 { return s.WrongLandingUnits }),
		n("PutRecordsCalls", emf.Count, func(s *producer.Stats) int64 { return s.PutRecordsCalls }),
		n("CallErrors", emf.Count, func(s *producer.Stats) int64 { return s.CallErrors }),
		n("MapRefreshes", emf.Count, func(s *producer.Stats) int64 { return s.MapRefreshes }),
		n("MapRefreshErrors", emf.Count, func(s *producer.Stats) int64 { return s.MapRefreshErrors }),
	}
}

// gauges are the metrics that are as they are.
func gauges() []metric {
	return []metric{
		{"UserRecordsPending", emf.Count, func(s *producer.Stats) (float64, bool) { return float64(s.UserRecordsPending), true }},
		{"BufferedBytes", emf.Bytes, func(s *producer.Stats) (float64, bool) { return float64(s.BufferedBytes), true }},
		{"OldestAge", emf.Milliseconds, func(s *producer.Stats) (float64, bool) { return emf.Millis(s.OldestAge), true }},
		{"Shards", emf.Count, func(s *producer.Stats) (float64, bool) { return float64(s.Shards), true }},
		{"ServiceManaged", emf.None, func(s *producer.Stats) (float64, bool) {
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
		mean("RetriesPerRecord", emf.Count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsRetried), s.UserRecordsPut + s.UserRecordsFailed
		}),
		mean("BufferingTime", emf.Milliseconds, func(s *producer.Stats) (float64, int64) { return emf.Millis(s.BufferingTime), s.KinesisRecordsSent }),
		mean("LateTime", emf.Milliseconds, func(s *producer.Stats) (float64, int64) { return emf.Millis(s.LateTime), s.KinesisRecordsSent }),
		mean("RequestTime", emf.Milliseconds, func(s *producer.Stats) (float64, int64) { return emf.Millis(s.RequestTime), s.PutRecordsCalls }),
		mean("UserRecordsPerKinesisRecord", emf.Count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsSent), s.KinesisRecordsSent
		}),
		mean("KinesisRecordsPerPutRecordsRequest", emf.Count, func(s *producer.Stats) (float64, int64) {
			return float64(s.KinesisRecordsSent), s.PutRecordsCalls
		}),
		mean("UserRecordsPerPutRecordsRequest", emf.Count, func(s *producer.Stats) (float64, int64) {
			return float64(s.UserRecordsSent), s.PutRecordsCalls
		}),
	}
}

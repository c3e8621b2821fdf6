package kinemf

import (
	"time"

	"github.com/kinpack/kinpack/producer"
)

// This file owns the difference between two Stats.

// since returns what has happened between last and s, with the gauges of s. If a
// count of s is below last's, s is of a new Producer, and all of it has happened.
func since(last, s producer.Stats) producer.Stats {
	d := s // with the gauges
	restarted := false
	for _, f := range []func(*producer.Stats) *int64{
		func(s *producer.Stats) *int64 { return &s.UserRecordsReceived },
		func(s *producer.Stats) *int64 { return &s.UserRecordsPut },
		func(s *producer.Stats) *int64 { return &s.UserRecordsDataPut },
		func(s *producer.Stats) *int64 { return &s.UserRecordsFailed },
		func(s *producer.Stats) *int64 { return &s.UserRecordsExpired },
		func(s *producer.Stats) *int64 { return &s.UserRecordsHandedBack },
		func(s *producer.Stats) *int64 { return &s.UserRecordsRetried },
		func(s *producer.Stats) *int64 { return &s.KinesisRecordsPut },
		func(s *producer.Stats) *int64 { return &s.KinesisRecordsDataPut },
		func(s *producer.Stats) *int64 { return &s.PutUnits },
		func(s *producer.Stats) *int64 { return &s.PutUnitsUnpacked },
		func(s *producer.Stats) *int64 { return &s.WrongLandings },
		func(s *producer.Stats) *int64 { return &s.WrongLandingUnits },
		func(s *producer.Stats) *int64 { return &s.PutRecordsCalls },
		func(s *producer.Stats) *int64 { return &s.CallErrors },
		func(s *producer.Stats) *int64 { return &s.EntryErrors },
		func(s *producer.Stats) *int64 { return &s.KinesisRecordsSent },
		func(s *producer.Stats) *int64 { return &s.UserRecordsSent },
		func(s *producer.Stats) *int64 { return &s.MapRefreshes },
		func(s *producer.Stats) *int64 { return &s.MapRefreshErrors },
	} {
		*f(&d) -= *f(&last)
		restarted = restarted || *f(&d) < 0
	}
	for _, f := range []func(*producer.Stats) *time.Duration{
		func(s *producer.Stats) *time.Duration { return &s.BufferingTime },
		func(s *producer.Stats) *time.Duration { return &s.LateTime },
		func(s *producer.Stats) *time.Duration { return &s.RequestTime },
	} {
		*f(&d) -= *f(&last)
		restarted = restarted || *f(&d) < 0
	}
	if restarted {
		last, d = producer.Stats{}, s
	}
	d.ErrorsByCode = nil
	for code, n := range s.ErrorsByCode {
		if n -= last.ErrorsByCode[code]; n > 0 {
			if d.ErrorsByCode == nil {
				d.ErrorsByCode = map[string]int64{}
			}
			d.ErrorsByCode[code] = n
		}
	}
	return d
}

package producer

import (
	"maps"
	"time"
)

// Stats is what a Producer has done since New. The names are those of the KPL's
// metrics where it has them; what the KPL reports as an average is a sum here, to
// be divided by the count that its comment names.
type Stats struct {
	UserRecordsReceived   int64 // accepted by Put and TryPut
	UserRecordsPending    int64 // of these, neither put nor failed yet
	UserRecordsPut        int64 // in the stream
	UserRecordsDataPut    int64 // bytes of their data
	UserRecordsFailed     int64 // handed back with an error, for whatever reason
	UserRecordsExpired    int64 // of these, out of their time to live
	UserRecordsHandedBack int64 // of these, given up by Close
	UserRecordsRetried    int64 // sent again, each time counted (KPL: RetriesPerRecord, of those put and failed)

	KinesisRecordsPut     int64 // entries stored, wrong landings included
	KinesisRecordsDataPut int64 // bytes of their data
	PutUnits              int64 // PUT payload units (WithPutUnit) that they are billed
	PutUnitsUnpacked      int64 // what the user records put would have been billed one by one
	WrongLandings         int64 // aggregates stored where a KCL drops them, and sent again
	WrongLandingUnits     int64 // of PutUnits, those of wrong landings

	PutRecordsCalls    int64            // PutRecords calls made
	CallErrors         int64            // of these, failed as a whole
	EntryErrors        int64            // entries not stored, those of failed calls included (KPL: AllErrors)
	ErrorsByCode       map[string]int64 // the same by the service's code, "" for none; nil if there are none
	KinesisRecordsSent int64            // entries of all calls (KPL: KinesisRecordsPerPutRecordsRequest, of PutRecordsCalls)
	UserRecordsSent    int64            // in these (KPL: UserRecordsPerPutRecordsRequest, of PutRecordsCalls; UserRecordsPerKinesisRecord, of KinesisRecordsSent)

	BufferingTime time.Duration // from Put to the call, of the first user record of each entry, added up (of KinesisRecordsSent)
	LateTime      time.Duration // of that, what lies beyond WithMaxBufferedTime: acknowledgement, rate limit, backoff
	RequestTime   time.Duration // of the calls, added up (of PutRecordsCalls)

	BufferedBytes    int64         // in the gate now, see WithMaxBufferedBytes
	OldestAge        time.Duration // since the Put of the oldest user record that is neither put nor failed; 0 if there is none
	MapRefreshes     int64         // listings of the shards that succeeded
	MapRefreshErrors int64         // and that failed
	Shards           int64         // open shards in the map, 0 before the first
	ServiceManaged   bool          // the stream's distribution strategy is AUTO, as far as is known
}

// Stats returns the counts as they are now.
func (p *Producer) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.ErrorsByCode = maps.Clone(s.ErrorsByCode)
	s.UserRecordsPending = s.UserRecordsReceived - s.UserRecordsPut - s.UserRecordsFailed
	s.BufferedBytes = int64(p.gate.used)
	s.OldestAge = p.oldestAge()
	s.ServiceManaged = p.managed
	if p.shardMap != nil {
		s.Shards = int64(p.shardMap.Len())
	}
	return s
}

// oldestAge returns the age of the oldest record that is not finished.
func (p *Producer) oldestAge() time.Duration {
	oldest := never
	look := func(l *lane) {
		for _, batches := range [...][]*batch{l.underWay, l.back, l.queue[:min(1, len(l.queue))]} {
			for _, b := range batches {
				oldest = min(oldest, b.records[0].put)
			}
		}
	}
	for _, s := range p.shards {
		for _, l := range s.lanes {
			look(l)
		}
	}
	for _, l := range p.gone {
		look(l)
	}
	if oldest == never {
		return 0
	}
	return p.now() - oldest
}

// units returns what a Kinesis record of n bytes of data is billed.
func (p *Producer) units(n int) int { return p.packing.ceil(n) / p.packing.unit }

// called counts a call.
func (s *Stats) called(e *CallEnd) {
	s.PutRecordsCalls++
	s.KinesisRecordsSent += int64(e.KinesisRecords)
	s.UserRecordsSent += int64(e.UserRecords)
	s.RequestTime += e.Duration
	if e.Err != nil {
		s.CallErrors++
	}
}

// entryError counts an entry that was not stored.
func (s *Stats) entryError(code string) {
	s.EntryErrors++
	if s.ErrorsByCode == nil {
		s.ErrorsByCode = map[string]int64{}
	}
	s.ErrorsByCode[code]++
}

// finished counts the end of user records.
func (s *Stats) finished(e *Finished, out outcome) {
	n := int64(e.UserRecords)
	if out.kind == nil {
		s.UserRecordsPut += n
		s.UserRecordsDataPut += int64(e.Bytes)
		s.PutUnitsUnpacked += int64(e.UnitsUnpacked)
		return
	}
	s.UserRecordsFailed += n
	if out.kind == ErrExpired {
		s.UserRecordsExpired += n
	}
	if out.handedBack {
		s.UserRecordsHandedBack += n
	}
}

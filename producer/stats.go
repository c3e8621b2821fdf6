package producer

// Stats is what a Producer has done since New. The names are those of the KPL's
// metrics where it has them.
type Stats struct {
	UserRecordsReceived   int64 // accepted by Put and TryPut
	UserRecordsPending    int64 // of these, neither put nor failed yet
	UserRecordsPut        int64 // in the stream
	UserRecordsDataPut    int64 // bytes of their data
	UserRecordsFailed     int64 // handed back with an error, for whatever reason
	UserRecordsExpired    int64 // of these, out of their time to live
	UserRecordsHandedBack int64 // of these, given up by Close
	UserRecordsRetried    int64 // sent again, each time counted

	KinesisRecordsPut     int64 // entries stored, wrong landings included
	KinesisRecordsDataPut int64 // bytes of their data
	PutUnits              int64 // PUT payload units of 25,600 bytes that they are billed
	PutUnitsUnpacked      int64 // what the user records put would have been billed one by one
	PutRecordsCalls       int64
	EntryErrors           int64 // entries that a call did not store
	WrongLandings         int64 // aggregates stored where a KCL drops them, and sent again

	BufferedBytes    int64 // in the gate now, see WithMaxBufferedBytes
	MapRefreshes     int64 // listings of the shards that succeeded
	MapRefreshErrors int64 // and that failed
	Shards           int64 // open shards in the map, 0 before the first
}

// putUnit is the PUT payload unit in bytes: 25 KB (Kinesis Data Streams pricing).
const putUnit = 25600

// units returns what a Kinesis record of n bytes of data is billed.
func units(n int) int64 { return max(1, (int64(n)+putUnit-1)/putUnit) }

// Stats returns the counts as they are now.
func (p *Producer) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.UserRecordsPending = s.UserRecordsReceived - s.UserRecordsPut - s.UserRecordsFailed
	s.BufferedBytes = int64(p.gate.used)
	if p.shards != nil {
		s.Shards = int64(p.shards.Len())
	}
	return s
}

// stored counts an entry that a shard has taken.
func (s *Stats) stored(b *batch) {
	s.KinesisRecordsPut++
	s.KinesisRecordsDataPut += int64(len(b.sealed.Data))
	s.PutUnits += units(len(b.sealed.Data))
}

// count counts the end of a user record.
func (s *Stats) count(res *Result) {
	if res.Err == nil {
		s.UserRecordsPut++
		s.UserRecordsDataPut += int64(len(res.Record.Data))
		s.PutUnitsUnpacked += units(len(res.Record.Data))
		return
	}
	s.UserRecordsFailed++
	if e, ok := res.Err.(*PutError); ok && e.kind == ErrExpired {
		s.UserRecordsExpired++
	}
}

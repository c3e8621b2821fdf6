package inspect

// This file owns what is counted of a shard, and how much that is a second, by the
// arrival of its records.

import (
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	// What a shard takes a second (Kinesis Data Streams Developer Guide, Quotas and
	// limits); the bytes are those of data and partition keys.
	shardRecords = 1000
	shardBytes   = 1 << 20
	// nearLimit is the part of it in one second that is said to be near.
	nearLimit = 0.8
	// hotFactor is how many times the mean a hot shard takes, of at least hotRecords
	// Kinesis records.
	hotFactor  = 2
	hotRecords = 20
	// shortest is the least time that a rate is of.
	shortest = time.Second
)

type shardCount struct {
	shard                        *follow.Shard
	listed                       bool // when the sample began
	records, users, bytes, units int
	putBytes                     int // with partition keys
	first, last                  time.Time
	// empty is the first time that there was nothing to read, if that was before
	// the first record; tip is the last time that all was read.
	empty, tip time.Time

	second                   int64 // of the last record
	secondRecords, peak      int
	secondBytes, peakPutByte int
}

func (c *shardCount) add(r *follow.Record, users, units int) {
	if c.records == 0 {
		c.first = r.Arrival
	}
	c.last = r.Arrival
	put := len(r.Data) + len(r.PartitionKey)
	c.records++
	c.users += users
	c.bytes += len(r.Data)
	c.putBytes += put
	c.units += units
	if second := r.Arrival.Unix(); second != c.second {
		c.second, c.secondRecords, c.secondBytes = second, 0, 0
	}
	c.secondRecords++
	c.secondBytes += put
	c.peak, c.peakPutByte = max(c.peak, c.secondRecords), max(c.peakPutByte, c.secondBytes)
}

// perSecond returns by what counts of the shard are to be multiplied to have those a
// second; ok is false if nothing is known of that. since is as in NewSample. If the
// time starts or ends with a record, that is not counted.
func (c *shardCount) perSecond(since time.Time) (factor float64, ok bool) {
	if c.records == 0 {
		return 0, !c.tip.IsZero()
	}
	counted := c.records
	start, end := c.first, c.last
	switch {
	case !c.empty.IsZero() && c.empty.Before(start):
		start = c.empty
	case c.listed && !since.IsZero() && since.Before(start):
		start = since
	default:
		counted--
	}
	if c.tip.After(end) {
		end, counted = c.tip, c.records
	}
	if counted == 0 {
		return 0, false
	}
	return float64(counted) / float64(c.records) / max(end.Sub(start), shortest).Seconds(), true
}

// width is the part of all hash keys that a range has.
func width(r hashkey.Range) float64 {
	const all = 1 << 63 * 2.0
	return (float64(r.Last.Hi) - float64(r.First.Hi) + (float64(r.Last.Lo)-float64(r.First.Lo)+1)/all) / all
}

// Shard is what a report says of a shard.
type Shard struct {
	ID   string `json:"shardId"`
	Open bool   `json:"open"`
	// Counts are of the sample.
	KinesisRecords int `json:"kinesisRecords"`
	UserRecords    int `json:"userRecords"`
	DataBytes      int `json:"dataBytes"`
	PutUnits       int `json:"putUnits"`
	// Rates are by the time that the sample has of the shard; bytes are those that
	// count for its limit, with partition keys. Null is too little to tell.
	KinesisRecordsPerSecond *float64 `json:"kinesisRecordsPerSecond"`
	BytesPerSecond          *float64 `json:"bytesPerSecond"`
	// Peaks are those of one second.
	PeakKinesisRecords int `json:"peakKinesisRecordsPerSecond"`
	PeakBytes          int `json:"peakBytesPerSecond"`
	// Shares are parts of all rates.
	RecordShare float64 `json:"recordShare"`
	ByteShare   float64 `json:"byteShare"`
	UnitShare   float64 `json:"putUnitShare"`
	// OverMean says that it takes more than twice the mean of the shards, NearLimit
	// that it took 80 % of what a shard takes, in one second.
	OverMean  bool `json:"overTwiceTheMean"`
	NearLimit bool `json:"nearTheLimit"`
}

// shardReports returns a report of each shard that is known.
func (s *Sample) shardReports() []Shard {
	all := make([]Shard, len(s.order))
	factors := make([]float64, len(s.order))
	var records, bytes, units float64
	known := 0
	for i, c := range s.order {
		factor, ok := c.perSecond(s.since)
		all[i] = Shard{
			ID: c.shard.ID, Open: c.shard.Open, KinesisRecords: c.records, UserRecords: c.users, DataBytes: c.bytes, PutUnits: c.units,
			PeakKinesisRecords: c.peak, PeakBytes: c.peakPutByte,
			NearLimit: float64(c.peak) >= nearLimit*shardRecords || float64(c.peakPutByte) >= nearLimit*shardBytes,
		}
		if !ok {
			continue
		}
		known++
		factors[i] = factor
		perSecond, bytesPerSecond := factor*float64(c.records), factor*float64(c.putBytes)
		all[i].KinesisRecordsPerSecond, all[i].BytesPerSecond = &perSecond, &bytesPerSecond
		records, bytes, units = records+perSecond, bytes+bytesPerSecond, units+factor*float64(c.units)
	}
	for i, c := range s.order {
		r := &all[i]
		if records > 0 {
			r.RecordShare, r.ByteShare = factors[i]*float64(c.records)/records, factors[i]*float64(c.putBytes)/bytes
			r.UnitShare = factors[i] * float64(c.units) / units
			over := hotFactor / float64(known)
			r.OverMean = c.records >= hotRecords && (r.RecordShare > over || r.ByteShare > over)
		}
	}
	return all
}

// Workload is what goes into a stream, as far as the sample tells.
type Workload struct {
	// UserRecordsPerSecond is estimated by the arrival of what was sampled, over the
	// part of the hash keys that its shards have: as if the others took as much. 0
	// is too little to tell.
	UserRecordsPerSecond float64
	// UserRecords are some of those in the sample, at most 10,000, drawn at random.
	UserRecords []Drawn
	// OpenShards is how many shards of the stream were open at the start.
	OpenShards int
}

// Workload returns what goes into the stream. Of shards that follow each other it is
// the mean.
func (s *Sample) Workload() Workload {
	w := Workload{UserRecords: s.drawn.drawn}
	covered := 0.0
	for _, c := range s.order {
		if c.listed && c.shard.Open {
			w.OpenShards++
		}
		if factor, ok := c.perSecond(s.since); ok {
			w.UserRecordsPerSecond += factor * float64(c.users)
			covered += width(c.shard.HashKeys)
		}
	}
	if covered > 0 {
		w.UserRecordsPerSecond /= covered
	}
	return w
}

package inspect

// This file owns what a report is, and the hints in it.

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/kinpack/kinpack/bench/cost"
)

// Report is what a sample says. Its JSON names are stable.
type Report struct {
	KinesisRecords int `json:"kinesisRecords"`
	UserRecords    int `json:"userRecords"`
	DataBytes      int `json:"dataBytes"` // of the Kinesis records
	// UserRecordsPerSecond is that of [Workload].
	UserRecordsPerSecond float64 `json:"userRecordsPerSecond"`

	// Aggregates can be read; malformed ones are counted apart.
	Aggregates             int    `json:"aggregates"`
	AggregatedUserRecords  int    `json:"aggregatedUserRecords"`
	UserRecordsInAggregate Spread `json:"userRecordsPerAggregate"`
	UserRecordBytes        Spread `json:"userRecordDataBytes"`
	// PutUnits are those of provisioned streams, Steps those of on-demand ones.
	PutUnits Units `json:"putUnits"`
	Steps    Units `json:"onDemandSteps"`

	Writers []Writer `json:"writers"`
	// Lanes is how many lanes the aggregates of kinpack show: 1 is also the KPL.
	Lanes int `json:"lanes"`
	// KeylessUserRecords are those that were put without a key, packed or not.
	KeylessUserRecords int `json:"keylessUserRecords"`

	OpenShards int     `json:"openShards"`
	Shards     []Shard `json:"shards"`

	// Keys are the most frequent partition keys of user records. KeysEstimated says
	// that there are too many to count: then DistinctKeys, and each count, may be
	// larger.
	Keys          []Key `json:"hotKeys"`
	DistinctKeys  int   `json:"distinctKeys"`
	KeysEstimated bool  `json:"keysEstimated"`

	Dropped          Dropped     `json:"droppedByKCL"`
	MalformedRecords int         `json:"malformedRecords"`
	Malformed        []Malformed `json:"malformed"` // the first 10

	Hints []string `json:"hints"`
}

// Units is what records are billed by: whole units each.
type Units struct {
	Bytes    int     `json:"unitBytes"`
	Units    int     `json:"units"`
	Fill     float64 `json:"fill"`          // the part of them that is data
	Unpacked int     `json:"unitsUnpacked"` // of the same user records one by one
}

// Writer is the Kinesis records that one kind of writer makes.
type Writer struct {
	// Who is kpl, whose aggregates have the outer partition key a, as those of
	// kinpack with one lane; lanes of kinpack; other, whose outer keys are others;
	// or plain, not packed.
	Who            string  `json:"who"`
	KinesisRecords int     `json:"kinesisRecords"`
	UserRecords    int     `json:"userRecords"`
	PutUnits       int     `json:"putUnits"`
	Fill           float64 `json:"fill"`
	bytes          int
}

func (w *Writer) add(bytes, units, users int) {
	w.KinesisRecords++
	w.UserRecords += users
	w.PutUnits += units
	w.bytes += bytes
}

func (w *Writer) merge(o *Writer) {
	w.KinesisRecords += o.KinesisRecords
	w.UserRecords += o.UserRecords
	w.PutUnits += o.PutUnits
	w.bytes += o.bytes
}

func (w Writer) as(who string) Writer {
	w.Who, w.Fill = who, fill(w.bytes, w.PutUnits*cost.PutUnit)
	return w
}

// Key is a partition key of user records.
type Key struct {
	PartitionKey string  `json:"partitionKey"`
	Base64       []byte  `json:"partitionKeyBase64,omitempty"` // if it is not valid UTF-8
	UserRecords  int     `json:"userRecords"`
	Share        float64 `json:"share"` // of all user records
}

// Dropped is what a KCL drops: aggregates with a user record whose hash key lies
// outside of the shard.
type Dropped struct {
	Aggregates  int `json:"aggregates"`
	UserRecords int `json:"userRecords"`
	// Found is how many of the user records came a second time, in a record that is
	// not dropped. Incomplete says that there were too many to look for all.
	Found      int  `json:"userRecordsFoundAgain"`
	Incomplete bool `json:"incomplete"`
}

// Malformed names an aggregate that cannot be read.
type Malformed struct {
	ShardID        string `json:"shardId"`
	SequenceNumber string `json:"sequenceNumber"`
	Error          string `json:"error"`
}

const topKeys = 10

// laneOf returns which of kinpack's lanes has an outer partition key, from 0: a to z,
// then a1 and so on, up to 256 lanes (producer.WithLanes). The first is the KPL's.
func laneOf(outer string) (lane int, ok bool) {
	if outer == "" || outer[0] < 'a' || outer[0] > 'z' {
		return 0, false
	}
	lane = int(outer[0] - 'a')
	if outer = outer[1:]; outer == "" {
		return lane, true
	}
	round, err := strconv.Atoi(outer)
	if err != nil || round < 1 || strconv.Itoa(round) != outer || round > 256/26 {
		return 0, false
	}
	lane += 26 * round
	return lane, lane < 256
}

func fill(bytes, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(bytes) / float64(of)
}

// Report says what has been added so far.
func (s *Sample) Report() *Report {
	w := s.Workload()
	r := &Report{
		UserRecords: s.sizes.n, UserRecordsPerSecond: w.UserRecordsPerSecond, OpenShards: w.OpenShards,
		Aggregates: s.perPack.n, AggregatedUserRecords: s.perPack.sum,
		UserRecordsInAggregate: s.perPack.report(), UserRecordBytes: s.sizes.report(),
		KeylessUserRecords: s.keyless, Shards: s.shardReports(), Dropped: s.dropped,
		MalformedRecords: s.malformed, Malformed: append([]Malformed{}, s.places...),
	}
	units := 0
	for _, sh := range r.Shards {
		r.KinesisRecords += sh.KinesisRecords
		r.DataBytes += sh.DataBytes
		units += sh.PutUnits
	}
	r.PutUnits = Units{cost.PutUnit, units, fill(r.DataBytes, units*cost.PutUnit), s.unpacked[0]}
	r.Steps = Units{cost.Step, s.steps, fill(r.DataBytes, s.steps*cost.Step), s.unpacked[1]}
	s.reportWriters(r)
	s.reportKeys(r)
	for _, id := range s.droppedIDs {
		if _, ok := s.kept[id]; ok {
			r.Dropped.Found++
		}
	}
	r.Hints = r.hints()
	return r
}

func (s *Sample) reportWriters(r *Report) {
	var lanes, other Writer
	for _, key := range slices.Sorted(maps.Keys(s.writers)) {
		lane, ok := laneOf(key)
		if !ok {
			other = *s.writers[key]
			continue
		}
		r.Lanes = max(r.Lanes, lane+1)
		lanes.merge(s.writers[key])
	}
	who := "kpl"
	if r.Lanes > 1 {
		who = "lanes"
	}
	for _, w := range []Writer{lanes.as(who), other.as("other"), s.plain.as("plain")} {
		if w.KinesisRecords > 0 {
			r.Writers = append(r.Writers, w)
		}
	}
}

func (s *Sample) reportKeys(r *Report) {
	r.Keys = s.keys.top(topKeys)
	r.DistinctKeys, r.KeysEstimated = len(s.keys.counts), s.keys.lost > 0
	if r.KeysEstimated {
		r.DistinctKeys = maxKeys
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		k.Share = float64(k.UserRecords) / float64(r.UserRecords)
		k.encode()
	}
}

// ideal is how many PUT units the records would take if they filled them.
func (r *Report) ideal() int { return int(math.Ceil(float64(r.DataBytes) / cost.PutUnit)) }

const (
	poorFill = 0.5
	hotShare = 0.1 // of a partition key
)

// hints says what stands out, a line each.
func (r *Report) hints() []string {
	hints := []string{}
	hint := func(format string, a ...any) { hints = append(hints, fmt.Sprintf(format, a...)) }
	if r.KinesisRecords == 0 {
		hint("no records in the sample")
		return hints
	}
	if r.MalformedRecords > 0 {
		m := r.Malformed[0]
		hint("%s, lost to every reader; the first is %s of %s", count(r.MalformedRecords, "malformed aggregate"), m.SequenceNumber, m.ShardID)
	}
	r.hintDropped(hint)
	plain := r.UserRecords - r.AggregatedUserRecords
	switch {
	case plain > r.UserRecords/2 && r.PutUnits.Units > 2*r.ideal():
		hint("%.1f %% of the user records are not packed: well packed, the sample would take %s, not %d", 100*fill(plain, r.UserRecords), count(r.ideal(), "PUT unit"), r.PutUnits.Units)
	case r.PutUnits.Fill < poorFill && r.Lanes > 1 && r.ideal() < r.PutUnits.Units:
		hint("fill %.3f: a longer WithMaxBufferedTime, fewer lanes or keyless records would help", r.PutUnits.Fill)
	case r.PutUnits.Fill < poorFill && r.Aggregates > 0 && r.ideal() < r.PutUnits.Units:
		hint("fill %.3f: a longer WithMaxBufferedTime or keyless records would help", r.PutUnits.Fill)
	}
	if r.PutUnits.Units > r.PutUnits.Unpacked && r.Aggregates > 0 {
		hint("packing costs: one by one the user records would take %s, not %d", count(r.PutUnits.Unpacked, "PUT unit"), r.PutUnits.Units)
	}
	for _, s := range r.Shards {
		switch {
		case s.NearLimit:
			hint("%s took %d records and %d bytes in one second, of %d and %d that a shard takes: more shards, or better spread keys", s.ID, s.PeakKinesisRecords, s.PeakBytes, shardRecords, shardBytes)
		case s.OverMean:
			hint("%s takes %.1f %% of the records and %.1f %% of the bytes, more than twice the mean: better spread or keyless records would help", s.ID, 100*s.RecordShare, 100*s.ByteShare)
		}
	}
	if len(r.Keys) > 0 && r.DistinctKeys > 1 && r.Keys[0].Share >= hotShare {
		k := r.Keys[0]
		hint("partition key %.40q has %.1f %% of the user records, which go to one shard", k.PartitionKey, 100*k.Share)
	}
	if r.Lanes == 1 {
		hint("the aggregates have the outer partition key a: for a Lambda function with a ParallelizationFactor above 1 they are all one; WithLanes helps")
	}
	return hints
}

func (r *Report) hintDropped(hint func(string, ...any)) {
	d := r.Dropped
	if d.Aggregates == 0 {
		return
	}
	least := ""
	if d.Incomplete {
		least = "at least "
	}
	hint("a KCL drops %s, with %s, for a hash key outside of the shard; %s%d of these came a second time, in a record that it keeps",
		count(d.Aggregates, "aggregate"), count(d.UserRecords, "user record"), least, d.Found)
	if 2*d.Aggregates > r.Aggregates {
		hint("that is most aggregates: on a service-managed stream, and by a producer that does not know the shards, nothing should be packed for a KCL")
	}
}

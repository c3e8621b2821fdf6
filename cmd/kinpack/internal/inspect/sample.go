// Package inspect says what the Kinesis records of a stream are: who packs them and
// how well, where they land, and what they cost.
//
// A [Sample] takes records one by one, and [Sample.Report] tells. Nothing here talks
// to AWS, and nothing keeps a user record's data. Memory is bounded, whatever is
// added: a report says where that makes it an estimate.
package inspect

// This file owns what a sample counts of each record.

import (
	"hash/maphash"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
)

// Sample is what was seen of a stream. It is not safe for concurrent use.
type Sample struct {
	since  time.Time
	shards map[string]*shardCount
	order  []*shardCount // as they came up

	writers    map[string]*Writer // of aggregates, by lane; "" is any other outer partition key
	plain      Writer
	keyless    int    // user records
	steps      int    // on-demand steps
	perPack    spread // user records an aggregate
	sizes      spread // bytes of data of the user records
	units      cost.Billing
	unpacked   [2]int // PUT payload units and steps of the user records one by one
	malformed  int
	places     []Malformed
	keys       heavy
	drawn      reservoir
	dropped    Dropped
	droppedIDs []uint64            // user records of dropped aggregates
	kept       map[uint64]struct{} // the others
	seed       maphash.Seed
	users      []deaggregate.Record
}

const (
	// maxPlaces is how many malformed records are named.
	maxPlaces = 10
	// maxIDs bounds what is remembered to find user records again, 8 bytes each.
	maxIDs = 1 << 20
)

// NewSample returns an empty sample of a stream with these shards. If since is not
// zero, the sample is of all that arrived from then on. What it draws at random it
// draws by seed.
func NewSample(shards []*follow.Shard, since time.Time, seed uint64) *Sample {
	s := &Sample{
		since: since, shards: make(map[string]*shardCount), writers: make(map[string]*Writer),
		keys: newHeavy(maxKeys), drawn: newReservoir(seed), kept: make(map[uint64]struct{}), seed: maphash.MakeSeed(),
	}
	for _, sh := range shards {
		s.shard(sh).listed = true
	}
	return s
}

func (s *Sample) shard(sh *follow.Shard) *shardCount {
	c := s.shards[sh.ID]
	if c == nil {
		c = &shardCount{shard: sh}
		s.shards[sh.ID] = c
		s.order = append(s.order, c)
	}
	return c
}

// Tip notes that all records of a shard that there were at a time have been added.
func (s *Sample) Tip(sh *follow.Shard, at time.Time) {
	c := s.shard(sh)
	if c.tip = at; c.records == 0 && c.empty.IsZero() {
		c.empty = at
	}
}

// Add adds a Kinesis record. Those of a shard come in their order. Nothing of it is
// kept but, perhaps, the keys in it.
func (s *Sample) Add(r *follow.Record) {
	units, data := s.units.Units(len(r.Data), 0), len(r.Data)
	var err error
	s.users, err = deaggregate.Append(s.users[:0], r.PartitionKey, r.Data)
	users := len(s.users)
	if err != nil {
		users = 0
		if s.malformed++; len(s.places) < maxPlaces {
			s.places = append(s.places, Malformed{r.Shard.ID, r.SequenceNumber, err.Error()})
		}
	}
	s.shard(r.Shard).add(r, users, units)
	s.steps += s.units.Rounded(data, 0) / cost.Step
	w := &s.plain
	aggregate := err != nil || users == 0 || s.users[0].Aggregated
	if aggregate {
		w = s.writer(r.PartitionKey)
	}
	w.add(data, units, users)
	if err != nil {
		return
	}
	if aggregate {
		s.perPack.add(users)
	}
	for i := range s.users {
		s.user(&s.users[i])
	}
	s.land(r.Shard.HashKeys, aggregate)
}

// writer returns who writes aggregates under an outer partition key.
func (s *Sample) writer(outer string) *Writer {
	if _, ok := laneOf(outer); !ok {
		outer = ""
	}
	w := s.writers[outer]
	if w == nil {
		w = new(Writer)
		s.writers[outer] = w
	}
	return w
}

func (s *Sample) user(u *deaggregate.Record) {
	s.sizes.add(len(u.Data))
	s.unpacked[0] += s.units.Units(len(u.Data), 0)
	s.unpacked[1] += s.units.Rounded(len(u.Data), 0) / cost.Step
	if u.PartitionKey == wire.KeylessPartitionKey {
		s.keyless++
		s.drawn.add("", len(u.Data))
		return
	}
	key := u.PartitionKey[:min(len(u.PartitionKey), maxKeyBytes)]
	s.keys.add(key)
	s.drawn.add(key, len(u.Data))
}

// land applies the KCL's rule: an aggregate with a hash key outside of its shard is
// dropped whole. Its user records may be in the sample a second time.
func (s *Sample) land(keys hashkey.Range, aggregate bool) {
	outside := false
	for i := range s.users {
		outside = outside || aggregate && !keys.Contains(hashKey(&s.users[i]))
	}
	if outside {
		s.dropped.Aggregates++
		s.dropped.UserRecords += len(s.users)
	}
	for i := range s.users {
		if len(s.kept)+len(s.droppedIDs) >= maxIDs {
			s.dropped.Incomplete = true
			return
		}
		if id := s.id(&s.users[i]); outside {
			s.droppedIDs = append(s.droppedIDs, id)
		} else {
			s.kept[id] = struct{}{}
		}
	}
}

// id tells user records apart.
func (s *Sample) id(u *deaggregate.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	maphash.WriteComparable(&h, u.PartitionKey)
	maphash.WriteComparable(&h, u.ExplicitHashKey)
	_, _ = h.Write(u.Data)
	return h.Sum64()
}

// hashKey is what a user record is routed by. An explicit one that is none falls back
// to the partition key, as in package lambda: nobody can have routed by it.
func hashKey(u *deaggregate.Record) hashkey.Key {
	if u.HasExplicitHashKey {
		if k, err := hashkey.Parse(hashkey.Normalize(u.ExplicitHashKey)); err == nil {
			return k
		}
	}
	return hashkey.Of(u.PartitionKey)
}

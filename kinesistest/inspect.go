package kinesistest

// This file owns what a test may ask about the state, without going through
// the API of the service. All of it is copies.

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// Record is one stored Kinesis record.
type Record struct {
	// ShardID is the shard that took the record, and SequenceNumber what it
	// was given there: 56 decimal digits.
	ShardID, SequenceNumber string
	// PartitionKey and ExplicitHashKey are those of the put; the second is
	// empty if there was none.
	PartitionKey, ExplicitHashKey string
	// HashKey is where the record belongs, in decimal: the explicit hash key,
	// else the MD5 of the partition key.
	HashKey string
	// Data is a copy.
	Data []byte
	// ArrivalTime is in UTC, in milliseconds.
	ArrivalTime time.Time
}

// Shard is one shard of a stream.
type Shard struct {
	ID string
	// ParentID and AdjacentParentID are empty for the first shards of a
	// stream; only a merged shard has the second.
	ParentID, AdjacentParentID string
	// FirstHashKey and LastHashKey are the bounds of its range in decimal,
	// both included.
	FirstHashKey, LastHashKey string
	// Open is false once the shard has been split or merged.
	Open bool
}

// Contains says whether a hash key in decimal lies in the shard's range. It
// is false for what is not a hash key.
func (sh Shard) Contains(hashKey string) bool {
	k, err := hashkey.Parse(hashKey)
	if err != nil {
		return false
	}
	r, err := hashkey.ParseRange(sh.FirstHashKey, sh.LastHashKey)
	return err == nil && r.Contains(k)
}

// HashKey returns the hash key of a partition key in decimal: its MD5, as the
// service computes it for a record without an explicit hash key.
func HashKey(partitionKey string) string { return hashkey.Of(validText(partitionKey)).String() }

// Records returns all records of a stream in the order of their sequence
// numbers, which is the order they were put in. Those past the retention
// period of 24 hours are gone. It is empty for a stream that does not exist.
func (s *Server) Records(stream string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st := s.streams[stream]
	if st == nil {
		return nil
	}
	type stored struct {
		seq uint64
		rec Record
	}
	var all []stored
	for _, sh := range st.shards {
		sh.trim(now)
		for _, r := range sh.records {
			all = append(all, stored{r.seq, Record{
				ShardID: sh.id, SequenceNumber: st.seqNumber(sh, r.seq),
				PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitKey, HashKey: r.hash.String(),
				Data: bytes.Clone(r.data), ArrivalTime: r.arrival,
			}})
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return cmp.Compare(a.seq, b.seq) })
	records := make([]Record, len(all))
	for i, r := range all {
		records[i] = r.rec
	}
	return records
}

// Shards returns all shards of a stream that are open or can still be read,
// in the order of their ids. It is empty for a stream that does not exist or
// is still being created.
func (s *Server) Shards(stream string) []Shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st := s.streams[stream]
	if st == nil {
		return nil
	}
	var shards []Shard
	for _, sh := range st.listed(now) {
		out := Shard{
			ID:           sh.id,
			FirstHashKey: sh.keys.First.String(),
			LastHashKey:  sh.keys.Last.String(),
			Open:         sh.isOpen(),
		}
		if len(sh.parents) > 0 {
			out.ParentID = sh.parents[0].id
		}
		if len(sh.parents) > 1 {
			out.AdjacentParentID = sh.parents[1].id
		}
		shards = append(shards, out)
	}
	return shards
}

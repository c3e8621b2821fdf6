package kinesistest

// This file owns the state of one stream. Invariants: the open shards cover
// the hash key space without gap or overlap, in order of their ranges; a
// shard's place in shards is its number; whatever happens in a stream, a
// record or the opening or closing of a shard, takes the next sequence
// number, so all of them rise in the order of time and lineage.

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

type stream struct {
	name, arn string
	ordinal   uint64 // among all streams of the server: two of one name differ
	created   time.Time
	seqPrefix string
	mode      types.StreamMode
	strategy  types.RecordDistributionStrategy
	maxRecord int // bytes, data and partition key

	status  types.StreamStatus
	ready   time.Time          // when a passing status ends
	reshard func(at time.Time) // what UPDATING ends with

	seq    uint64   // the last one taken
	spread uint64   // records that AUTO found a shard for
	shards []*shard // all that there ever were
	open   []*shard // by range
}

type shard struct {
	index          int
	id             string
	keys           hashkey.Range
	parents        []*shard // none, one after a split, two after a merge
	opened, closed time.Time
	first, last    uint64 // sequence of opening and closing; last is 0 while open
	records        []record
	allowance      allowance // of WithThroughput
}

// record is one stored record. Its data is the store's own copy.
type record struct {
	seq                       uint64
	partitionKey, explicitKey string
	hash                      hashkey.Key
	data                      []byte
	arrival                   time.Time
}

// advance ends a passing status whose time has come. gone: the stream has
// been deleted.
func (st *stream) advance(now time.Time) (gone bool) {
	if st.status == types.StreamStatusActive || now.Before(st.ready) {
		return false
	}
	if st.status == types.StreamStatusDeleting {
		return true
	}
	if st.reshard != nil {
		st.reshard(st.ready)
		st.reshard = nil
	}
	st.status = types.StreamStatusActive
	return false
}

// serves says whether records can be put and read.
func (st *stream) serves() bool {
	return st.status == types.StreamStatusActive || st.status == types.StreamStatusUpdating
}

// listed returns the shards that the service shows: not those of a stream
// that is still being created, nor those closed before the retention period.
func (st *stream) listed(now time.Time) []*shard {
	if st.status == types.StreamStatusCreating {
		return nil
	}
	shards := make([]*shard, 0, len(st.shards))
	for _, sh := range st.shards {
		if !sh.expired(now) {
			shards = append(shards, sh)
		}
	}
	return shards
}

func (st *stream) next() uint64 {
	st.seq++
	return st.seq
}

// owner returns the open shard that takes k.
func (st *stream) owner(k hashkey.Key) *shard {
	i, found := slices.BinarySearchFunc(st.open, k, func(sh *shard, k hashkey.Key) int {
		return sh.keys.First.Compare(k)
	})
	if !found {
		i-- // the one that starts below k; the first starts at 0
	}
	return st.open[i]
}

func (st *stream) openShard(keys hashkey.Range, at time.Time, parents ...*shard) *shard {
	sh := &shard{index: len(st.shards), id: shardID(len(st.shards)), keys: keys, parents: parents, opened: at, first: st.next()}
	st.shards = append(st.shards, sh)
	i, _ := slices.BinarySearchFunc(st.open, keys.First, func(sh *shard, k hashkey.Key) int {
		return sh.keys.First.Compare(k)
	})
	st.open = slices.Insert(st.open, i, sh)
	return sh
}

func (st *stream) closeShard(sh *shard, at time.Time) {
	sh.closed, sh.last = at, st.next()
	st.open = slices.DeleteFunc(st.open, func(o *shard) bool { return o == sh })
}

// split closes sh; its upper child starts at k.
func (st *stream) split(sh *shard, k hashkey.Key, at time.Time) {
	st.closeShard(sh, at)
	st.openShard(hashkey.Range{First: sh.keys.First, Last: k.Prev()}, at, sh)
	st.openShard(hashkey.Range{First: k, Last: sh.keys.Last}, at, sh)
}

// merge closes a and b, of which a is the lower, and returns their child.
func (st *stream) merge(a, b *shard, at time.Time) *shard {
	st.closeShard(a, at)
	st.closeShard(b, at)
	return st.openShard(hashkey.Range{First: a.keys.First, Last: b.keys.Last}, at, a, b)
}

// rescale makes n even shards out of the open ones: a cut wherever a target
// range starts, then one merge after the other within each target range.
func (st *stream) rescale(n int, at time.Time) {
	targets := hashkey.Split(n)
	for _, target := range targets {
		if sh := st.owner(target.First); sh.keys.First != target.First {
			st.split(sh, target.First, at)
		}
	}
	for _, target := range targets {
		sh := st.owner(target.First)
		for sh.keys.Last != target.Last {
			sh = st.merge(sh, st.owner(sh.keys.Last.Next()), at)
		}
	}
}

func (sh *shard) isOpen() bool { return sh.last == 0 }

// openAt is isOpen, with what was done after t left out.
func (sh *shard) openAt(t time.Time) bool { return sh.isOpen() || sh.closed.After(t) }

// expired says whether nothing of sh can be read any more.
func (sh *shard) expired(now time.Time) bool {
	return !sh.isOpen() && sh.closed.Before(now.Add(-retention))
}

// trim forgets the records that are past the retention period.
func (sh *shard) trim(now time.Time) {
	horizon := now.Add(-retention)
	n := 0
	for n < len(sh.records) && sh.records[n].arrival.Before(horizon) {
		n++
	}
	clear(sh.records[:n])
	sh.records = sh.records[n:]
}

func shardID(index int) string { return fmt.Sprintf("shardId-%012d", index) }

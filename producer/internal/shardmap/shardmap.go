// Package shardmap finds the shard that a hash key goes to.
package shardmap

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// Shard is an open shard and the hash keys that it owns.
type Shard struct {
	ID string
	hashkey.Range
}

// Map is a stream's open shards. It does not change and covers the whole hash
// key space, each key once.
type Map struct {
	shards []Shard
	last   []hashkey.Key // of each shard
	// slots cuts the hash key space into equal parts, some two a shard, and
	// has the shard that each begins in, and the last shard at the end. Most parts
	// leave one or two shards to choose from, however many there are.
	slots []int32
	shift uint
}

// New makes a Map of a stream's open shards, in any order. It fails if they
// leave a gap or overlap: a listing taken in the middle of a reshard, which must
// not be used to predict anything.
func New(shards []Shard) (*Map, error) {
	if len(shards) == 0 {
		return nil, errors.New("no open shards")
	}
	m := &Map{shards: slices.Clone(shards)}
	slices.SortFunc(m.shards, func(a, b Shard) int { return a.First.Compare(b.First) })
	var want hashkey.Key
	for i, s := range m.shards {
		if s.First != want || i > 0 && want == (hashkey.Key{}) {
			return nil, fmt.Errorf("shard %s starts at hash key %s, want %s: the open shards leave a gap or overlap", s.ID, s.First, want)
		}
		want = s.Last.Next()
	}
	if want != (hashkey.Key{}) {
		return nil, fmt.Errorf("the open shards end at hash key %s, not at 2^128-1", want.Prev())
	}
	m.index()
	return m, nil
}

func (m *Map) index() {
	m.last = make([]hashkey.Key, len(m.shards))
	for i := range m.shards {
		m.last[i] = m.shards[i].Last
	}
	n := bits.Len(uint(len(m.shards)))
	m.shift = uint(64 - n)
	m.slots = make([]int32, 1<<n+1)
	shard := 0
	for i := range m.slots[:1<<n] {
		for m.last[shard].Hi < uint64(i)<<m.shift {
			shard++
		}
		m.slots[i] = int32(shard)
	}
	m.slots[1<<n] = int32(len(m.shards) - 1)
}

// Len returns the number of shards.
func (m *Map) Len() int { return len(m.shards) }

// At returns the i-th shard in the order of their ranges.
func (m *Map) At(i int) Shard { return m.shards[i] }

// Find returns the place of the shard that owns k.
func (m *Map) Find(k hashkey.Key) int {
	slot := k.Hi >> m.shift
	low, high := m.slots[slot], m.slots[slot+1]
	for low < high {
		middle := (low + high) / 2
		if l := &m.last[middle]; l.Hi < k.Hi || l.Hi == k.Hi && l.Lo < k.Lo {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return int(low)
}

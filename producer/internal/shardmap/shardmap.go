// Package shardmap finds the shard that a hash key goes to.
package shardmap

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// Shard is an open shard and the hash keys that it owns.
type Shard struct {
	ID string
	hashkey.Range
}

// Map is a stream's open shards. It does not change and covers the whole hash
// key space, each key once.
type Map struct{ shards []Shard }

// New makes a Map of a stream's open shards, in any order. It fails if they
// leave a gap or overlap: a listing taken in the middle of a reshard, which must
// not be used to predict anything.
func New(shards []Shard) (*Map, error) {
	if len(shards) == 0 {
		return nil, errors.New("no open shards")
	}
	m := &Map{slices.Clone(shards)}
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
	return m, nil
}

// Len returns the number of shards.
func (m *Map) Len() int { return len(m.shards) }

// At returns the i-th shard in the order of their ranges.
func (m *Map) At(i int) Shard { return m.shards[i] }

// Find returns the place of the shard that owns k.
func (m *Map) Find(k hashkey.Key) int {
	return sort.Search(len(m.shards), func(i int) bool { return k.Compare(m.shards[i].Last) <= 0 })
}

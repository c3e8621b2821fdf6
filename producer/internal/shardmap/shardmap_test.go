package shardmap_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

func key(lo uint64) hashkey.Key { return hashkey.Key{Lo: lo} }

func shard(id string, first, last hashkey.Key) shardmap.Shard {
	return shardmap.Shard{ID: id, Range: hashkey.Range{First: first, Last: last}}
}

func TestNew(t *testing.T) {
	top := hashkey.Max()
	whole := shard("w", hashkey.Key{}, top)
	low, mid, high := shard("a", key(0), key(99)), shard("b", key(100), key(199)), shard("c", key(200), top)
	for _, c := range []struct {
		name   string
		shards []shardmap.Shard
		want   string // the order of ids, or
		err    string // a part of the error
	}{
		{"none", nil, "", "no open shards"},
		{"single", []shardmap.Shard{whole}, "w", ""},
		{"in order", []shardmap.Shard{low, mid, high}, "abc", ""},
		{"out of order", []shardmap.Shard{high, low, mid}, "abc", ""},
		{"of one key", []shardmap.Shard{shard("z", key(0), key(0)), shard("y", key(1), top)}, "zy", ""},
		{"start missing", []shardmap.Shard{mid, high}, "", "shard b starts at hash key 100, want 0"},
		{"gap", []shardmap.Shard{low, high}, "", "shard c starts at hash key 200, want 100"},
		{"overlap", []shardmap.Shard{low, shard("x", key(99), top)}, "", "shard x starts at hash key 99, want 100"},
		{"end missing", []shardmap.Shard{low, mid}, "", "end at hash key 199"},
		{"end one short", []shardmap.Shard{low, shard("x", key(100), top.Prev())}, "", "not at 2^128-1"},
		{"duplicate", []shardmap.Shard{low, low, mid, high}, "", "shard a starts at hash key 0"},
		{"whole twice", []shardmap.Shard{whole, whole}, "", "shard w starts at hash key 0"},
		{"parent beside its children", []shardmap.Shard{whole, low, mid, high}, "", "gap or overlap"},
		{"children, then the whole", []shardmap.Shard{low, mid, high, shard("w", key(0), top)}, "", "gap or overlap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := slices.Clone(c.shards)
			m, err := shardmap.New(c.shards)
			if !slices.Equal(c.shards, given) {
				t.Error("New changed its argument")
			}
			if c.err != "" {
				if err == nil || m != nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("New: %v, %v, want an error with %q", m, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for i := range m.Len() {
				got += m.At(i).ID
			}
			if got != c.want {
				t.Errorf("shards %s, want %s", got, c.want)
			}
		})
	}
}

// Find at the first, the last and the middle key of every shard, for even and
// uneven maps.
func TestFind(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 64, 1000} {
		var shards []shardmap.Shard
		for _, r := range hashkey.Split(n) {
			shards = append(shards, shardmap.Shard{ID: r.First.String(), Range: r})
		}
		if n == 5 { // uneven
			shards[1].Last = shards[1].First
			shards[2].First = shards[1].Last.Next()
		}
		m, err := shardmap.New(shards)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range shards {
			for _, k := range []hashkey.Key{s.First, s.Mid(), s.Last} {
				if got := m.Find(k); got != i {
					t.Errorf("of %d shards %s is in %d, want %d", n, k, got, i)
				}
			}
			if got := m.Find(s.Last.Next()); got != (i+1)%n {
				t.Errorf("of %d shards the key after shard %d is in %d", n, i, got)
			}
		}
	}
}

// Find in maps whose shards are of very different sizes, as splits by key make them.
func TestFindUneven(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for range 300 {
		cuts := []hashkey.Key{{}}
		for range r.IntN(40) {
			cuts = append(cuts, hashkey.Key{Hi: r.Uint64() >> r.IntN(64), Lo: r.Uint64() >> r.IntN(64)})
		}
		slices.SortFunc(cuts, hashkey.Key.Compare)
		cuts = slices.Compact(cuts)
		var shards []shardmap.Shard
		for i, k := range cuts {
			last := hashkey.Max()
			if i+1 < len(cuts) {
				last = cuts[i+1].Prev()
			}
			shards = append(shards, shard(k.String(), k, last))
		}
		m, err := shardmap.New(shards)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range shards {
			for _, k := range []hashkey.Key{s.First, s.Mid(), s.Last} {
				if got := m.Find(k); got != i {
					t.Fatalf("of %d shards %s is in %d, want %d", len(shards), k, got, i)
				}
			}
		}
	}
}

package inspect

// This file owns the counters with bounded memory: distributions, frequent keys, and
// a random sample.

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Spread is how a number is distributed. Percentiles are values that came up: the
// least one that so much is not above.
type Spread struct {
	Mean float64 `json:"mean"`
	P50  int     `json:"p50"`
	P99  int     `json:"p99"`
	Max  int     `json:"max"`
}

// spread counts numbers, of which there are some millions of different ones at most.
type spread struct {
	n, sum int
	counts map[int]int
}

func (s *spread) add(v int) {
	if s.counts == nil {
		s.counts = make(map[int]int)
	}
	s.n++
	s.sum += v
	s.counts[v]++
}

func (s *spread) report() (r Spread) {
	if s.n == 0 {
		return r
	}
	r.Mean = float64(s.sum) / float64(s.n)
	below := 0
	for _, v := range slices.Sorted(maps.Keys(s.counts)) {
		before := below
		below += s.counts[v]
		if rank(s.n, 0.50) > before && rank(s.n, 0.50) <= below {
			r.P50 = v
		}
		if rank(s.n, 0.99) > before && rank(s.n, 0.99) <= below {
			r.P99 = v
		}
		r.Max = v
	}
	return r
}

func rank(n int, q float64) int { return max(1, int(math.Ceil(float64(n)*q))) }

const (
	// maxKeys is how many partition keys are told apart exactly.
	maxKeys = 100_000
	// maxKeyBytes is what 256 characters, the longest key of the service, have at
	// most; of what an aggregate has beyond that the head counts.
	maxKeyBytes = 1024
)

// heavy counts keys: exactly up to a number of different ones. From there on it is
// the Misra-Gries summary: a count is short by at most lost, and a key that is more
// than that is in it.
type heavy struct {
	counts map[string]int
	most   int
	lost   int
}

func newHeavy(most int) heavy { return heavy{counts: make(map[string]int), most: most} }

func (h *heavy) add(key string) {
	if c, ok := h.counts[key]; ok {
		h.counts[key] = c + 1
		return
	}
	if len(h.counts) < h.most {
		h.counts[strings.Clone(key)] = 1
		return
	}
	h.lost++
	for k, c := range h.counts {
		if c == 1 {
			delete(h.counts, k)
		} else {
			h.counts[k] = c - 1
		}
	}
}

// top returns the n most frequent keys.
func (h *heavy) top(n int) []Key {
	all := make([]Key, 0, len(h.counts))
	for k, c := range h.counts {
		all = append(all, Key{PartitionKey: k, UserRecords: c})
	}
	slices.SortFunc(all, func(a, b Key) int {
		return cmp.Or(cmp.Compare(b.UserRecords, a.UserRecords), strings.Compare(a.PartitionKey, b.PartitionKey))
	})
	return all[:min(n, len(all))]
}

// Drawn is a user record that was drawn at random.
type Drawn struct {
	// PartitionKey is empty for a record that was put without one.
	PartitionKey string
	DataBytes    int
}

// maxDrawn is how many user records are drawn.
const maxDrawn = 10_000

// reservoir draws records with equal chances (Vitter, algorithm R).
type reservoir struct {
	rnd   *rand.Rand
	seen  int
	drawn []Drawn
}

func newReservoir(seed uint64) reservoir {
	return reservoir{rnd: rand.New(rand.NewPCG(seed, 0))}
}

func (r *reservoir) add(key string, size int) {
	r.seen++
	if len(r.drawn) < maxDrawn {
		r.drawn = append(r.drawn, Drawn{strings.Clone(key), size})
	} else if i := r.rnd.IntN(r.seen); i < maxDrawn {
		r.drawn[i] = Drawn{strings.Clone(key), size}
	}
}

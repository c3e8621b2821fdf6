package inspect

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Percentiles are those of the sorted numbers.
func TestSpread(t *testing.T) {
	if r := new(spread).report(); r != (Spread{}) {
		t.Errorf("of nothing: %+v", r)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for n := 1; n < 500; n++ {
		var s spread
		var all []int
		sum := 0
		for range n {
			v := rnd.IntN(1 + rnd.IntN(200))
			s.add(v)
			all = append(all, v)
			sum += v
		}
		slices.Sort(all)
		want := Spread{float64(sum) / float64(n), all[(n+1)/2-1], all[int(math.Ceil(0.99*float64(n)))-1], all[n-1]}
		if r := s.report(); r != want {
			t.Fatalf("of %d: %+v, want %+v", n, r, want)
		}
	}
}

// Up to its size it counts exactly; beyond, a count is short by at most lost, which
// is at most the number of keys added by the size.
func TestHeavy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		most := 1 + rnd.IntN(50)
		h := newHeavy(most)
		zipf := rand.NewZipf(rnd, 1.1+rnd.Float64(), 1, uint64(1+rnd.IntN(300)))
		counts := map[string]int{}
		n := rnd.IntN(5000)
		for range n {
			key := fmt.Sprint(zipf.Uint64())
			counts[key]++
			h.add(key)
		}
		if h.lost > n/(most+1) || len(h.counts) > most || (h.lost == 0) != (len(counts) <= most) {
			t.Fatalf("%d keys, %d different, size %d: lost %d, has %d", n, len(counts), most, h.lost, len(h.counts))
		}
		for key, c := range counts {
			if got := h.counts[key]; got > c || got < c-h.lost {
				t.Fatalf("%s: %d, really %d, lost %d", key, got, c, h.lost)
			}
		}
		top := h.top(5)
		if !slices.IsSortedFunc(top, func(a, b Key) int { return b.UserRecords - a.UserRecords }) || len(top) != min(5, len(h.counts)) {
			t.Fatalf("%+v", top)
		}
		if len(top) > 0 && top[0].UserRecords != slices.Max(slices.Collect(maps.Values(h.counts))) {
			t.Fatalf("%+v", top)
		}
	}
}

// What is kept of keys does not hold on to the records that they were in.
func TestKeysAreCopied(t *testing.T) {
	key := []byte("key")
	h, r := newHeavy(2), newReservoir(1)
	h.add(string(key))
	r.add(string(key), 1)
	if _, ok := h.counts["key"]; !ok || r.drawn[0].PartitionKey != "key" {
		t.Errorf("%v, %v", h.counts, r.drawn)
	}
}

// Each record is drawn with the same chance, and the same seed draws the same.
func TestReservoir(t *testing.T) {
	const n = 3 * maxDrawn
	thirds := [3]int{}
	for seed := range uint64(5) {
		r, again := newReservoir(seed), newReservoir(seed)
		for i := range n {
			r.add(strings.Repeat("k", i%3), i)
			again.add(strings.Repeat("k", i%3), i)
		}
		if len(r.drawn) != maxDrawn || !slices.Equal(r.drawn, again.drawn) {
			t.Fatalf("%d drawn", len(r.drawn))
		}
		seen := map[int]bool{}
		for _, d := range r.drawn {
			if seen[d.DataBytes] || len(d.PartitionKey) != d.DataBytes%3 {
				t.Fatalf("%+v", d)
			}
			seen[d.DataBytes] = true
			thirds[d.DataBytes/maxDrawn]++
		}
	}
	for _, third := range thirds {
		if third < 5*maxDrawn/3*97/100 || third > 5*maxDrawn/3*103/100 {
			t.Errorf("%v", thirds)
		}
	}
}

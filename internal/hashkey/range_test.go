package hashkey_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// The shards of the golden data's four-shard stream.
var fourShards = [][2]string{
	{"0", "85070591730234615865843651857942052863"},
	{"85070591730234615865843651857942052864", "170141183460469231731687303715884105727"},
	{"170141183460469231731687303715884105728", "255211775190703847597530955573826158591"},
	{"255211775190703847597530955573826158592", max128},
}

func TestSplit(t *testing.T) {
	space := new(big.Int).Lsh(big.NewInt(1), 128)
	for _, n := range []int{1, 2, 3, 4, 7, 1000} {
		ranges := hashkey.Split(n)
		if len(ranges) != n {
			t.Fatalf("Split(%d) gives %d ranges", n, len(ranges))
		}
		step := new(big.Int).Div(space, big.NewInt(int64(n)))
		next := hashkey.Key{}
		for i, r := range ranges {
			if r.First != next {
				t.Errorf("Split(%d): range %d starts at %s, want %s", n, i, r.First, next)
			}
			if want := new(big.Int).Mul(step, big.NewInt(int64(i))); toBig(r.First).Cmp(want) != 0 {
				t.Errorf("Split(%d): range %d starts at %s, want %s", n, i, r.First, want)
			}
			if r.Last.Compare(r.First) <= 0 {
				t.Errorf("Split(%d): range %d ends at %s, before its start %s", n, i, r.Last, r.First)
			}
			next = r.Last.Next()
		}
		if last := ranges[n-1].Last; last != hashkey.Max() {
			t.Errorf("Split(%d) ends at %s", n, last)
		}
	}
	for _, n := range []int{0, -1} {
		if got := hashkey.Split(n); got != nil {
			t.Errorf("Split(%d) = %v, want nil", n, got)
		}
	}
	for i, r := range hashkey.Split(4) {
		if got := [2]string{r.First.String(), r.Last.String()}; got != fourShards[i] {
			t.Errorf("shard %d of 4 is %v, want %v", i, got, fourShards[i])
		}
	}
}

func TestParseRange(t *testing.T) {
	for i, bounds := range fourShards {
		r, err := hashkey.ParseRange(bounds[0], bounds[1])
		if err != nil || r != hashkey.Split(4)[i] {
			t.Errorf("ParseRange(%v) = %v, %v", bounds, r, err)
		}
	}
	if r, err := hashkey.ParseRange("7", "7"); err != nil || !r.Contains(hashkey.Key{Lo: 7}) {
		t.Errorf("a range of one hash key: %v, %v", r, err)
	}
	for _, c := range []struct{ first, last, want string }{
		{"", "1", "first hash key is empty: want a decimal number from 0 to 2^128-1"},
		{"01", "1", `first hash key "01" has a leading zero`},
		{"1", "x", `last hash key "x" is not a decimal number`},
		{"0", over128, "last hash key " + over128 + " is over 2^128-1"},
		{"8", "7", "hash key range ends at 7, before it starts at 8"},
		{over64, max64, "hash key range ends at " + max64 + ", before it starts at " + over64},
	} {
		r, err := hashkey.ParseRange(c.first, c.last)
		if err == nil || err.Error() != c.want {
			t.Errorf("ParseRange(%q, %q): error %v, want %s", c.first, c.last, err, c.want)
		}
		if r != (hashkey.Range{}) {
			t.Errorf("ParseRange(%q, %q) = %v with an error", c.first, c.last, r)
		}
	}
}

func TestContains(t *testing.T) {
	for i, r := range hashkey.Split(4) {
		for j, other := range hashkey.Split(4) {
			for _, k := range []hashkey.Key{other.First, other.Mid(), other.Last} {
				if got := r.Contains(k); got != (i == j) {
					t.Errorf("shard %d contains %s: %v", i, k, got)
				}
			}
		}
	}
	r := hashkey.Range{First: hashkey.Key{Lo: 5}, Last: hashkey.Key{Hi: 1, Lo: 2}}
	for k, want := range map[hashkey.Key]bool{
		{Lo: 4}: false, {Lo: 5}: true, {Lo: ^uint64(0)}: true, {Hi: 1}: true, {Hi: 1, Lo: 2}: true, {Hi: 1, Lo: 3}: false,
	} {
		if got := r.Contains(k); got != want {
			t.Errorf("Contains(%s) = %v, want %v", k, got, want)
		}
	}
}

// Mid is First + ceil((Last-First)/2), with carries in both halves.
func TestMid(t *testing.T) {
	ranges := []hashkey.Range{
		{First: hashkey.Key{Lo: 7}, Last: hashkey.Key{Lo: 7}},
		{First: hashkey.Key{Lo: 7}, Last: hashkey.Key{Lo: 8}},
		{First: hashkey.Key{Lo: 7}, Last: hashkey.Key{Lo: 9}},
		{First: hashkey.Key{Lo: ^uint64(0)}, Last: hashkey.Key{Hi: 1, Lo: 2}},
		{First: hashkey.Key{Lo: ^uint64(0) - 1}, Last: hashkey.Key{Hi: 2}},
		{First: hashkey.Key{Lo: 1}, Last: hashkey.Key{Hi: 1}},
		{First: hashkey.Max().Prev(), Last: hashkey.Max()},
		{Last: hashkey.Max()},
	}
	for _, n := range []int{3, 4, 7, 1000} {
		ranges = append(ranges, hashkey.Split(n)...)
	}
	for _, r := range ranges {
		want := new(big.Int).Sub(toBig(r.Last), toBig(r.First))
		want.Add(want, big.NewInt(1)).Rsh(want, 1).Add(want, toBig(r.First))
		if got := toBig(r.Mid()); got.Cmp(want) != 0 {
			t.Errorf("Mid of %s to %s is %s, want %s", r.First, r.Last, got, want)
		}
	}
	// The even split of the whole space is that of a stream of two shards.
	if got, want := (hashkey.Range{Last: hashkey.Max()}).Mid(), hashkey.Split(2)[1].First; got != want {
		t.Errorf("Mid of the whole space is %s, want %s", got, want)
	}
}

func TestOverlaps(t *testing.T) {
	key := func(n uint64) hashkey.Key { return hashkey.Key{Lo: n} }
	r := hashkey.Range{First: key(10), Last: key(20)}
	for _, c := range []struct {
		first, last uint64
		want        bool
	}{
		{0, 9, false}, {0, 10, true}, {0, 30, true}, {10, 10, true}, {12, 15, true}, {10, 20, true},
		{20, 20, true}, {20, 30, true}, {21, 30, false},
	} {
		o := hashkey.Range{First: key(c.first), Last: key(c.last)}
		if r.Overlaps(o) != c.want || o.Overlaps(r) != c.want {
			t.Errorf("10 to 20 and %d to %d overlap: %v, %v; want %v", c.first, c.last, r.Overlaps(o), o.Overlaps(r), c.want)
		}
	}
	for i, a := range hashkey.Split(4) {
		for j, b := range hashkey.Split(4) {
			if a.Overlaps(b) != (i == j) {
				t.Errorf("shards %d and %d of 4 overlap: %v", i, j, a.Overlaps(b))
			}
		}
	}
}

// At is First + floor(k * size / 2^128), by the oracle.
func TestRangeAt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	random := func() hashkey.Key {
		k := hashkey.Key{Hi: rnd.Uint64(), Lo: rnd.Uint64()}
		switch rnd.IntN(6) {
		case 0:
			k.Hi = 0
		case 1:
			k.Hi >>= rnd.IntN(64)
		case 2:
			return hashkey.Max()
		case 3:
			return hashkey.Key{}
		}
		return k
	}
	for range 20_000 {
		r := hashkey.Range{First: random(), Last: random()}
		if r.First.Compare(r.Last) > 0 {
			r.First, r.Last = r.Last, r.First
		}
		k := random()
		want := new(big.Int).Sub(toBig(r.Last), toBig(r.First))
		want.Add(want, big.NewInt(1)).Mul(want, toBig(k)).Rsh(want, 128).Add(want, toBig(r.First))
		if got := r.At(k); toBig(got).Cmp(want) != 0 || !r.Contains(got) {
			t.Fatalf("%v At %v = %v, want %v", r, k, got, want)
		}
	}
}

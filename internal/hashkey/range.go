package hashkey

import (
	"fmt"
	"math/bits"
)

// Range is the hash keys from First to Last, both of them included.
type Range struct{ First, Last Key }

// ParseRange reads the decimal bounds of a shard's range.
func ParseRange(first, last string) (Range, error) {
	f, err := Parse(first)
	if err != nil {
		return Range{}, fmt.Errorf("first %w", err)
	}
	l, err := Parse(last)
	if err != nil {
		return Range{}, fmt.Errorf("last %w", err)
	}
	if f.Compare(l) > 0 {
		return Range{}, fmt.Errorf("hash key range ends at %s, before it starts at %s", last, first)
	}
	return Range{f, l}, nil
}

// Contains says whether k lies in r.
func (r Range) Contains(k Key) bool {
	return r.First.Compare(k) <= 0 && k.Compare(r.Last) <= 0
}

// Mid returns the hash key in the middle, First + ceil((Last-First)/2): the
// start of the upper child of an even split.
func (r Range) Mid() Key {
	d := r.Last.minus(r.First)
	return r.First.plus(Key{d.Hi >> 1, d.Lo>>1 | d.Hi<<63}).plus(Key{0, d.Lo & 1})
}

// At returns the hash key of r that stands where k stands in the whole hash key
// space, rounded down: a random k gives a random key of r.
func (r Range) At(k Key) Key {
	// First + k*n/2^128, n being the number of keys in r; 2^128 as n gives k itself.
	n := r.Last.minus(r.First).Next()
	if n == (Key{}) {
		return r.First.plus(k)
	}
	h1, _ := bits.Mul64(k.Lo, n.Lo)
	h2, l2 := bits.Mul64(k.Lo, n.Hi)
	h3, l3 := bits.Mul64(k.Hi, n.Lo)
	h4, l4 := bits.Mul64(k.Hi, n.Hi)
	mid, c1 := bits.Add64(h1, l2, 0)
	_, c2 := bits.Add64(mid, l3, 0)
	lo, c3 := bits.Add64(l4, h2, c1)
	lo, c4 := bits.Add64(lo, h3, c2)
	return r.First.plus(Key{h4 + c3 + c4, lo})
}

func (k Key) plus(o Key) Key {
	lo, carry := bits.Add64(k.Lo, o.Lo, 0)
	return Key{k.Hi + o.Hi + carry, lo}
}

func (k Key) minus(o Key) Key {
	lo, borrow := bits.Sub64(k.Lo, o.Lo, 0)
	return Key{k.Hi - o.Hi - borrow, lo}
}

// Split cuts the whole key space into n even ranges, the last of which takes
// what is left over, as CreateStream does. It returns nil for n below 1.
func Split(n int) []Range {
	if n < 1 {
		return nil
	}
	// 2^128 / n, by long division of 1, 0, 0 in base 2^64.
	hi, rem := bits.Div64(1%uint64(n), 0, uint64(n))
	lo, _ := bits.Div64(rem, 0, uint64(n))
	step := Key{hi, lo}
	ranges := make([]Range, n)
	var first Key
	for i := range ranges {
		l, carry := bits.Add64(first.Lo, step.Lo, 0)
		next := Key{first.Hi + step.Hi + carry, l}
		ranges[i] = Range{first, next.Prev()}
		first = next
	}
	ranges[n-1].Last = Max()
	return ranges
}

// Overlaps says whether r and o have a hash key in common.
func (r Range) Overlaps(o Range) bool {
	return r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

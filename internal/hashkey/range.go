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
	lo, borrow := bits.Sub64(r.Last.Lo, r.First.Lo, 0)
	hi, _ := bits.Sub64(r.Last.Hi, r.First.Hi, borrow)
	odd := lo & 1
	lo, hi = lo>>1|hi<<63, hi>>1
	lo, carry := bits.Add64(lo, r.First.Lo, odd)
	return Key{hi + r.First.Hi + carry, lo}
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

package md5x

// A Way is one of the ways to make sums that this processor has.
type Way struct{ way way }

// Ways returns them all, the fastest first.
func Ways() (all []Way) {
	for _, w := range ways() {
		all = append(all, Way{w})
	}
	return all
}

func (w Way) String() string { return [...]string{"crypto", "avx2", "avx512"}[w.way] }

// Sum is the package's Sum in this way, even where another is faster.
func (w Way) Sum(sums [][16]byte, messages [][]byte) { w.way.sum(sums, messages) }

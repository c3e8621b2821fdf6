package chart

// This file owns which values of an axis are named. Names never overlap, and no two
// neighbours read the same unless the caller asked for them.

import "math"

const (
	tickGap   = 12 * px  // free between two names
	tickText  = 130 * px // a name, at most
	minorRoom = 45 * px  // of a decade with small marks, at least
)

// tick is a value on an axis. A name takes the axis from from to to; "": there was
// no room for it.
type tick struct {
	at       int
	name     string
	from, to int
}

// ticks is what is named on s. place gives the room that a name takes.
func (a *Axis) ticks(s scale, place func(at int, name string) (from, to int)) []tick {
	name := func(v float64) tick {
		t := tick{at: s.at(v)}
		if lines := fit(a.format(v), smallSize, tickText, 1); len(lines) > 0 {
			t.name = lines[0]
			t.from, t.to = place(t.at, t.name)
		}
		return t
	}
	if a.Ticks != nil {
		var out []tick
		for _, v := range a.Ticks {
			out = append(out, name(v))
		}
		return thinned(out)
	}
	var out []tick
	for _, values := range candidates(s) {
		out = out[:0]
		for _, v := range values {
			out = append(out, name(v))
		}
		if len(out) > 1 && distinct(out) {
			return out
		}
	}
	return thinned(out)
}

// distinct says whether the names stand free and differ.
func distinct(ts []tick) bool {
	for i, t := range ts[1:] {
		if t.name == ts[i].name || overlap(t, ts[i]) {
			return false
		}
	}
	return true
}

// thinned takes away the names that stand in the way of an earlier one.
func thinned(ts []tick) []tick {
	for i := range ts {
		for _, earlier := range ts[:i] {
			if earlier.name != "" && overlap(ts[i], earlier) {
				ts[i].name = ""
			}
		}
	}
	return ts
}

func overlap(a, b tick) bool { return a.from < b.to+tickGap && b.from < a.to+tickGap }

// candidates are sets of round values in the range of s, the densest first; at least
// one.
func candidates(s scale) [][]float64 {
	var out [][]float64
	if s.log {
		decades := decades(s)
		if some := within(s, multiples(s, 1, 2, 5)); len(some) > 3 && len(decades) <= 3 {
			out = append(out, some)
		}
		for _, every := range []int{1, 2, 3, 5, 10, 20, 50} {
			var some []float64
			for _, e := range decades {
				if e%every == 0 {
					some = append(some, decimal(1, e))
				}
			}
			if len(some) >= 2 {
				out = append(out, some)
			}
		}
		if len(decades) > 2 {
			return out
		}
	}
	for _, n := range []int{6, 5, 4, 3, 2} {
		out = append(out, linear(s, n))
	}
	return out
}

// decades are the powers of ten in the range of s.
func decades(s scale) []int {
	_, _, lo := digits(s.min)
	_, _, hi := digits(s.max)
	if decimal(1, lo) < s.min {
		lo++
	}
	var out []int
	for e := lo; e <= hi; e++ {
		out = append(out, e)
	}
	return out
}

// multiples are the given multiples of the powers of ten around the range of s.
func multiples(s scale, of ...int64) []float64 {
	_, _, lo := digits(s.min)
	_, _, hi := digits(s.max)
	var out []float64
	for e := lo; e <= hi; e++ {
		for _, n := range of {
			out = append(out, decimal(n, e))
		}
	}
	return out
}

// linear are about n values in equal steps.
func linear(s scale, n int) []float64 {
	digit, exp := roundUpParts((s.max - s.min) / float64(n))
	step := decimal(digit, exp)
	lo, hi := int64(math.Ceil(s.min/step-1e-6)), int64(math.Floor(s.max/step+1e-6))
	var out []float64
	for i := lo; i <= hi; i++ {
		out = append(out, decimal(i*digit, exp))
	}
	return out
}

// within are those of vs in the range of s.
func within(s scale, vs []float64) []float64 {
	var out []float64
	for _, v := range vs {
		if v >= s.min && v <= s.max {
			out = append(out, v)
		}
	}
	return out
}

// minors are the values between decades that get a small mark: on a logarithmic
// horizontal axis with room for them, unless the caller chose the ticks.
func (a *Axis) minors(s scale) []float64 {
	if !s.log || a.Ticks != nil || s.to-s.from < len(decades(s))*minorRoom {
		return nil
	}
	return within(s, multiples(s, 2, 3, 4, 5, 6, 7, 8, 9))
}

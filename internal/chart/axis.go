package chart

// This file owns an axis: what range it shows, where a value lies on it, and which
// of its values are named. Values are at most 10^100, so that differences and
// products stay finite.

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const largest = 1e100

// Axis says what one of the two directions of a chart shows.
type Axis struct {
	Label  string                 // the quantity and its unit, not blank
	Log    bool                   // logarithmic; values are above 0
	Min    float64                // with Max: the range, which holds all points; both 0: from the points
	Max    float64                // above Min
	Ticks  []float64              // values to name, in the range; nil: chosen
	Format func(v float64) string // how a value is written, always the same for a v; nil: [Number]
}

// format is v as the axis writes it.
func (a *Axis) format(v float64) string {
	if a.Format == nil {
		return Number(v)
	}
	return a.Format(v)
}

// fixed says whether the caller set the range.
func (a *Axis) fixed() bool { return a.Min != 0 || a.Max != 0 }

// check returns what is wrong with the axis; name is X or Y.
func (a *Axis) check(name string) error {
	var errs []error
	if strings.TrimSpace(a.Label) == "" {
		errs = append(errs, fmt.Errorf("%s axis: no Label", name))
	}
	if a.fixed() {
		bounds := errors.Join(a.checkValue(name+" axis: Min", a.Min), a.checkValue(name+" axis: Max", a.Max))
		if bounds == nil && (a.Min >= a.Max || near(a.Min, a.Max)) {
			bounds = fmt.Errorf("%s axis: Min %v and Max %v, want Max clearly above Min", name, a.Min, a.Max)
		}
		errs = append(errs, bounds)
	}
	for i, v := range a.Ticks {
		errs = append(errs, a.checkInside(fmt.Sprintf("%s axis: tick %d", name, i), v))
	}
	return errors.Join(errs...)
}

// checkValue returns what is wrong with a value; what is the word for it.
func (a *Axis) checkValue(what string, v float64) error {
	switch {
	case math.IsNaN(v) || math.Abs(v) > largest:
		return fmt.Errorf("%s is %v, want a number of at most %v", what, v, largest)
	case a.Log && v < 1/largest:
		return fmt.Errorf("%s is %v, want at least %v on a logarithmic axis", what, v, 1/largest)
	}
	return nil
}

// checkInside is checkValue for what has to lie in the range, if that is set.
func (a *Axis) checkInside(what string, v float64) error {
	err := a.checkValue(what, v)
	if err == nil && a.fixed() && (v < a.Min || v > a.Max) {
		return fmt.Errorf("%s is %v, want it in the axis' range of %v to %v", what, v, a.Min, a.Max)
	}
	return err
}

// near says whether there is no room between two values: not enough to draw on, or
// for the digits of a float64.
func near(lo, hi float64) bool {
	return hi-lo <= math.Max(math.Abs(lo), math.Abs(hi))/1e9 || hi-lo < 1/largest
}

// bounds is the range shown for values from lo to hi. A tight one ends at the values,
// another at round ones; and it starts at 0 if that costs less than half of it.
func (a *Axis) bounds(lo, hi float64, tight bool) (float64, float64) {
	if a.fixed() {
		return a.Min, a.Max
	}
	for _, v := range a.Ticks {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if a.Log {
		if near(lo, hi) {
			lo, hi = math.Max(lo/2, 1/largest), math.Max(hi*2, 4/largest)
		}
		if tight {
			return lo, hi
		}
		if hi > lo*4 {
			return math.Max(roundDown(lo), 1/largest), roundUp(hi)
		}
		return outward(lo, hi)
	}
	switch {
	case !near(lo, hi):
	case math.Abs(hi) < 10/largest:
		return 0, 1
	default:
		lo, hi = math.Min(0, lo*1.25), math.Max(0, hi*1.25)
	}
	if tight {
		return lo, hi
	}
	if lo > 0 && lo < hi/2 {
		lo = 0
	}
	return outward(lo, hi)
}

// outward widens a range to multiples of the step that its ticks will have.
func outward(lo, hi float64) (float64, float64) {
	step := roundUp((hi - lo) / 5)
	return float64(math.Floor(lo/step+1e-9) * step), float64(math.Ceil(hi/step-1e-9) * step)
}

// scale maps values to coordinates: min to from, max to to.
type scale struct {
	log      bool
	min, max float64
	from, to int
}

// at is where v lies. The part of the way is rounded to 10^-8 first: so far
// logarithms agree on every platform.
func (s scale) at(v float64) int {
	part := (v - s.min) / (s.max - s.min)
	if s.log {
		part = math.Log(v/s.min) / math.Log(s.max/s.min)
	}
	const whole = 100_000_000
	n := int64(math.Round(float64(math.Min(math.Max(part, 0), 1) * whole)))
	way := n * int64(s.to-s.from)
	if way < 0 {
		return s.from - int((-way+whole/2)/whole)
	}
	return s.from + int((way+whole/2)/whole)
}

// digits is the first digit of v > 0, whether others follow, and its power of ten.
func digits(v float64) (first int64, more bool, exp int) {
	mantissa, e, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	exp, _ = strconv.Atoi(e)
	return int64(mantissa[0] - '0'), len(mantissa) > 1, exp
}

// decimal is n times ten to the exp, as near as a float64 comes.
func decimal(n int64, exp int) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatInt(n, 10)+"e"+strconv.Itoa(exp), 64)
	return v
}

// roundUp is the least of 1, 2 or 5 times a power of ten that is not below v > 0.
func roundUp(v float64) float64 {
	n, exp := roundUpParts(v)
	return decimal(n, exp)
}

func roundUpParts(v float64) (n int64, exp int) {
	first, more, exp := digits(v)
	for _, n := range []int64{1, 2, 5} {
		if first < n || first == n && !more {
			return n, exp
		}
	}
	return 1, exp + 1
}

// roundDown is the greatest of 1, 2 or 5 times a power of ten that is not above v > 0.
func roundDown(v float64) float64 {
	first, _, exp := digits(v)
	switch {
	case first >= 5:
		return decimal(5, exp)
	case first >= 2:
		return decimal(2, exp)
	}
	return decimal(1, exp)
}

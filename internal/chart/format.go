package chart

// This file owns how numbers are written: short, and never as something they are
// not (12 is not $12.00, 0.9996 not 100 %).

import (
	"math"
	"strconv"
	"strings"
)

// Number is v to four significant digits, whole thousands grouped: "0.25", "1,095",
// "20,480", "1,234,567". Values from 10^15 on, and those below 10^-6, have an exponent.
func Number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0) || a >= 1e15 || a != 0 && a < 1e-6:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a >= 999.95:
		return fixed(v, 0)
	}
	return significant(v, 4)
}

// Count is [Number], but short from 100,000 on: "1,000", "20,480", "100k", "1.5M".
func Count(v float64) string { return short(v, 100_000) }

// Dollars is an amount: "$0.74", "$47.74", "$1,095", "$12k". Below 100 it has cents,
// below a cent two significant digits; from 10,000 on it is short. Whole amounts have
// no decimals.
func Dollars(v float64) string {
	a := math.Abs(v)
	s := ""
	switch {
	case a != 0 && a < 0.01:
		s = significant(a, 2)
	case a < 99.995:
		s = strings.TrimSuffix(strconv.FormatFloat(a, 'f', 2, 64), ".00")
	case a < 9_999.5:
		s = fixed(a, 0)
	default:
		s = short(a, 10_000)
	}
	if v < 0 {
		return "-$" + s
	}
	return "$" + s
}

// Percent is a part of one in percent, to one decimal: 0.755 is "75.5%". It has up to
// three decimals if it would else be "0%" or "100%" without being that.
func Percent(v float64) string {
	v *= 100
	s := fixed(v, 1)
	for d := 2; d <= 3 && (v != 0 && s == "0" || v < 100 && s == "100"); d++ {
		s = fixed(v, d)
	}
	return s + "%"
}

// Millis is v milliseconds to three significant digits, from 1,000 on in seconds:
// "0.5 ms", "100 ms", "1.5 s".
func Millis(v float64) string {
	if math.Abs(v) >= 999.5 {
		return Number(rounded(v/1000, 3)) + " s"
	}
	return Number(rounded(v, 3)) + " ms"
}

// short is Number below from, and beyond three significant digits with k, M, G or T.
func short(v, from float64) string {
	if a := math.Abs(v); math.Round(a) < from || a >= 1e14 || math.IsNaN(a) {
		return Number(v)
	}
	v = rounded(v, 3)
	for _, unit := range []struct {
		of   float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}} {
		if math.Abs(v) >= unit.of {
			return significant(v/unit.of, 3) + unit.name
		}
	}
	return significant(v/1000, 3) + "k"
}

// rounded is v to n significant digits.
func rounded(v float64, n int) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', n-1, 64), 64)
	return r
}

// significant is v to n significant digits, without an exponent.
func significant(v float64, n int) string {
	s := strconv.FormatFloat(rounded(v, n), 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

// fixed is v with at most n decimals, thousands grouped.
func fixed(v float64, n int) string {
	s := strconv.FormatFloat(v, 'f', n, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s = rest
		if s != "0" {
			sign = "-"
		}
	}
	whole, frac, dot := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		whole += "." + frac
	}
	return sign + whole
}

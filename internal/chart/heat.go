package chart

// This file owns a heat map: cells of a value by two categories. The number stands
// in each cell; the colour only guides the eye.

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Heat is a heat map. What is below the middle has a corner besides its colour.
type Heat struct {
	Title    string // not blank
	Subtitle string
	XLabel   string                 // what the columns are, not blank
	YLabel   string                 // what the rows are, not blank
	X, Y     []string               // columns from the left, rows from the top; different names
	Value    [][]float64            // Value[y][x]; NaN: an empty cell
	Format   func(v float64) string // what stands in a cell, always the same for a v; nil: [Number]
	Scale    Scale
}

// Scale says which colours values have: orange below Middle and blue above, in four
// steps, the stronger the farther. Min is at most Middle, Max at least, and Min below
// Max; if both are 0, they are as far from Middle as the farthest value, so that a
// small loss does not look like a great gain. A value beyond one has its colour.
type Scale struct {
	Middle, Min, Max float64
	Low, High        string // for the key: what it means to be below Middle, and above
}

const (
	rowText     = 200 * px // names of rows, at most
	rowLines    = 3
	columnLines = 3        // names of columns, at most
	cellWidth   = 130 * px // at most
	cellHeight  = 32 * px  // at least
	cellGap     = 2 * px
	swatch      = 30 * px  // width of a colour in the key
	keyText     = 200 * px // words of the key, at most
	cornerSize  = 7 * px
)

// SVG draws the map. The error names every value that can't be drawn. Safe for
// concurrent use as long as nobody changes the map.
func (h *Heat) SVG() ([]byte, error) {
	p, err := h.plan()
	if err != nil {
		return nil, fmt.Errorf("chart %.60q: %w", h.Title, err)
	}
	var out canvas
	out.begin(h.Title, h.Subtitle, h.desc(), heatCSS, p.height)
	p.drawHead(&out)
	y := p.top
	for i := range h.Y {
		p.drawRow(&out, i, y)
		y += p.heights[i]
	}
	p.drawKey(&out, y+22*px)
	return out.end(), nil
}

// check returns all that is wrong but for what has no room.
func (h *Heat) check() error {
	var errs []error
	for _, t := range []struct{ what, text string }{{"Title", h.Title}, {"XLabel", h.XLabel}, {"YLabel", h.YLabel}} {
		if strings.TrimSpace(t.text) == "" {
			errs = append(errs, fmt.Errorf("no %s", t.what))
		}
	}
	errs = append(errs, checkNames("X", h.X), checkNames("Y", h.Y), h.Scale.check())
	if len(h.Value) != len(h.Y) {
		errs = append(errs, fmt.Errorf("%d rows of values, want %d, as Y has", len(h.Value), len(h.Y)))
	}
	some := false
	for y, row := range h.Value {
		if len(row) != len(h.X) {
			errs = append(errs, fmt.Errorf("row %d: %d values, want %d, as X has", y, len(row), len(h.X)))
		}
		for x, v := range row {
			if math.Abs(v) > largest {
				errs = append(errs, fmt.Errorf("row %d, column %d: %v, want a number of at most %v", y, x, v, largest))
			}
			some = some || !math.IsNaN(v)
		}
	}
	if !some {
		errs = append(errs, errors.New("no values"))
	}
	return errors.Join(errs...)
}

// checkNames returns what is wrong with the categories of one side.
func checkNames(side string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s has no categories", side)
	}
	seen := map[string]bool{}
	for i, n := range names {
		if strings.TrimSpace(n) == "" || seen[n] {
			return fmt.Errorf("%s: category %d is %.60q, want all different and none blank", side, i, n)
		}
		seen[n] = true
	}
	return nil
}

func (s *Scale) check() error {
	for _, v := range []float64{s.Middle, s.Min, s.Max} {
		if math.IsNaN(v) || math.Abs(v) > largest {
			return fmt.Errorf("Scale: %v, want numbers of at most %v", v, largest)
		}
	}
	if s.fixed() && (s.Min >= s.Max || s.Middle < s.Min || s.Middle > s.Max) {
		return fmt.Errorf("Scale: Min %v, Middle %v, Max %v, want them in this order, Min below Max", s.Min, s.Middle, s.Max)
	}
	return nil
}

func (s *Scale) fixed() bool { return s.Min != 0 || s.Max != 0 }

// each calls f with all values.
func (h *Heat) each(f func(y, x int, v float64)) {
	for y, row := range h.Value {
		for x, v := range row {
			if !math.IsNaN(v) {
				f(y, x, v)
			}
		}
	}
}

func (h *Heat) format(v float64) string {
	if h.Format == nil {
		return Number(v)
	}
	return h.Format(v)
}

// desc says in words what the map shows.
func (h *Heat) desc() string {
	type cell struct {
		y, x int
		v    float64
	}
	var lo, hi cell
	first := true
	h.each(func(y, x int, v float64) {
		if first || v < lo.v {
			lo = cell{y, x, v}
		}
		if first || v > hi.v {
			hi = cell{y, x, v}
		}
		first = false
	})
	say := func(c cell) string { return h.format(c.v) + " at " + h.Y[c.y] + " and " + h.X[c.x] }
	return fmt.Sprintf("Heat map of %d rows, %s, and %d columns, %s. Lowest: %s. Highest: %s.",
		len(h.Y), h.YLabel, len(h.X), h.XLabel, say(lo), say(hi))
}

// color is the number of v's colour, 0 to 2*steps.
func (p *heatPlan) color(v float64) int {
	n := 0
	switch s := p.scale; {
	case v > s.Middle:
		n = int(math.Ceil(math.Min((v-s.Middle)/(s.Max-s.Middle), 1) * steps))
		return steps + max(n, 1)
	case v < s.Middle:
		n = int(math.Ceil(math.Min((s.Middle-v)/(s.Middle-s.Min), 1) * steps))
		return steps - max(n, 1)
	}
	return steps
}

func class(kind string, n int) string { return "kpc-" + kind + strconv.Itoa(n) }

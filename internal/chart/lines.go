package chart

// This file owns a line chart: what is asked of it, what is refused, and where its
// parts stand.

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Lines is a line chart. Each series is named at the end of its line, in its colour.
type Lines struct {
	Title    string // not blank
	Subtitle string
	X, Y     Axis
	Series   []Series // 1 to 8, in the order of the description
}

// Series is a line. It is told apart by its colour and the shape of its marks, which
// follow from Tone, and by Dashed, whose marks are hollow: no two series of a chart
// have both the same.
type Series struct {
	Name   string  // not blank, and no other's
	Points []Point // at least one; X never falls
	Dashed bool
	Tone   int // 1 to 8; 0: its place in the chart
}

// Point is a measured value.
type Point struct {
	X, Y float64
	Note string // shown at the pointer; "": the series' name and both values
}

const (
	plotHeight = 300 * px // at least
	nameWidth  = 200 * px // at most, then the name has several lines
	nameLines  = 4
	nameGap    = 4 * px  // between names
	markAt     = 22 * px // right of the plot, before a name
	nameAt     = 32 * px
	markApart  = 22 * px // marks of a line, at least
)

// SVG draws the chart. The error names every value that can't be drawn. Safe for
// concurrent use as long as nobody changes the chart.
func (c *Lines) SVG() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("chart %.60q: %w", c.Title, err)
	}
	p := c.plan()
	var out canvas
	out.begin(c.Title, c.Subtitle, c.desc(), linesCSS, p.height)
	p.drawAxes(&out)
	p.drawLines(&out)
	p.drawPoints(&out)
	return out.end(), nil
}

// check returns all that is wrong, of each series' points the first that is.
func (c *Lines) check() error {
	var errs []error
	if strings.TrimSpace(c.Title) == "" {
		errs = append(errs, errors.New("no Title"))
	}
	errs = append(errs, c.X.check("X"), c.Y.check("Y"))
	if n := len(c.Series); n == 0 || n > tones {
		errs = append(errs, fmt.Errorf("%d series, want 1 to %d", n, tones))
	}
	type look struct {
		tone   int
		dashed bool
	}
	names, looks := map[string]bool{}, map[look]string{}
	for i, s := range c.Series {
		if strings.TrimSpace(s.Name) == "" {
			errs = append(errs, fmt.Errorf("series %d: no Name", i))
		} else if names[s.Name] {
			errs = append(errs, fmt.Errorf("series %d: Name %.60q is another's", i, s.Name))
		}
		names[s.Name] = true
		if s.Tone < 0 || s.Tone > tones {
			errs = append(errs, fmt.Errorf("series %.60q: Tone %d, want 0 to %d", s.Name, s.Tone, tones))
		}
		l := look{s.tone(i), s.Dashed}
		if other, taken := looks[l]; taken {
			errs = append(errs, fmt.Errorf("series %.60q: Tone %d and Dashed %t as %.60q", s.Name, l.tone, l.dashed, other))
		}
		looks[l] = s.Name
		if err := c.checkPoints(s.Points); err != nil {
			errs = append(errs, fmt.Errorf("series %.60q: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Lines) checkPoints(ps []Point) error {
	if len(ps) == 0 {
		return errors.New("no points")
	}
	for i, p := range ps {
		err := errors.Join(
			c.X.checkInside(fmt.Sprintf("point %d: X", i), p.X),
			c.Y.checkInside(fmt.Sprintf("point %d: Y", i), p.Y))
		if err == nil && i > 0 && p.X < ps[i-1].X {
			err = fmt.Errorf("point %d: X is %v, below %v of the point before", i, p.X, ps[i-1].X)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tone is the series' tone at place i.
func (s *Series) tone(i int) int {
	if s.Tone == 0 {
		return i + 1
	}
	return s.Tone
}

// desc says in words what the chart shows.
func (c *Lines) desc() string {
	var b strings.Builder
	b.WriteString("Line chart of " + c.Y.title() + " over " + c.X.title() + ".")
	at := func(p Point) string { return c.Y.format(p.Y) + " at " + c.X.format(p.X) }
	for _, s := range c.Series {
		b.WriteString(" " + s.Name + ": ")
		if last := len(s.Points) - 1; last > 0 {
			b.WriteString("from " + at(s.Points[0]) + " to " + at(s.Points[last]) + ".")
		} else {
			b.WriteString(at(s.Points[0]) + ".")
		}
	}
	return b.String()
}

// title is the label with the kind of scale.
func (a *Axis) title() string {
	if a.Log {
		return a.Label + " (log scale)"
	}
	return a.Label
}

// note is what is shown at the pointer on point p of s.
func (c *Lines) note(s *Series, p Point) string {
	if p.Note != "" {
		return p.Note
	}
	return s.Name + "\n" + c.X.Label + ": " + c.X.format(p.X) + "\n" + c.Y.Label + ": " + c.Y.format(p.Y)
}

// plan is where the parts of a chart stand.
type plan struct {
	*Lines
	left, right, top, bottom int // of the plot
	height                   int // of the chart
	x, y                     scale
	xTicks, yTicks           []tick
	xTitle, yTitle           []string
	names                    [][]string // of the series, in lines
	nameY                    []int      // the middle of each
}

func (c *Lines) plan() *plan {
	p := &plan{Lines: c}
	widest, tallest := 0, 0
	for _, s := range c.Series {
		lines := fit(s.Name, textSize, nameWidth, nameLines)
		for _, l := range lines {
			widest = max(widest, textWidth(l, textSize))
		}
		tallest += nameHeight(lines)
		p.names = append(p.names, lines)
	}
	p.yTitle = fit(c.Y.title(), smallSize, width-2*pad, 2)
	p.top = headHeight(c.Title, c.Subtitle) + 10*px + len(p.yTitle)*smallStep + 16*px
	p.bottom = p.top + max(plotHeight, tallest)
	p.right = width - pad - widest - nameAt
	p.planAxes()
	p.xTitle = fit(c.X.title(), smallSize, p.right-p.left, 3)
	p.height = p.bottom + 26*px + len(p.xTitle)*smallStep + pad - 2*px
	p.planNames()
	return p
}

func nameHeight(lines []string) int { return len(lines)*textStep - 2*px + nameGap }

// planAxes finds the scales and their ticks; the vertical axis first, since its names
// say where the plot begins.
func (p *plan) planAxes() {
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, q := range s.Points {
			x0, x1 = math.Min(x0, q.X), math.Max(x1, q.X)
			y0, y1 = math.Min(y0, q.Y), math.Max(y1, q.Y)
		}
	}
	y0, y1 = p.Y.bounds(y0, y1, false)
	p.y = scale{p.Y.Log, y0, y1, p.bottom, p.top}
	p.yTicks = p.Y.ticks(p.y, func(at int, name string) (int, int) { return at - 6*px, at + 6*px })
	p.left = pad
	for _, t := range p.yTicks {
		p.left = max(p.left, pad+textWidth(t.name, smallSize)+10*px)
	}
	x0, x1 = p.X.bounds(x0, x1, true)
	p.x = scale{p.X.Log, x0, x1, p.left, p.right}
	p.xTicks = p.X.ticks(p.x, func(at int, name string) (int, int) {
		w := textWidth(name, smallSize)
		from := min(max(at-w/2, pad/2), width-pad/2-w)
		return from, from + w
	})
}

// planNames puts the series' names beside the ends of their lines.
func (p *plan) planNames() {
	labels := make([]label, len(p.Series))
	for i, s := range p.Series {
		last := s.Points[len(s.Points)-1]
		before := s.Points[max(0, len(s.Points)-2)]
		labels[i] = label{want: p.y.at(last.Y), tie: p.y.at(before.Y), height: nameHeight(p.names[i])}
	}
	p.nameY = spread(labels, p.top-10*px, p.bottom+10*px)
}

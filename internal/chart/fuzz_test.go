package chart_test

import (
	"testing"

	"github.com/kinpack/kinpack/internal/chart"
)

// Whatever comes in: an error, or a drawing that is well-formed.

func FuzzLines(f *testing.F) {
	f.Add("title", "sub", "label", "name", 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 2.0, true, false)
	f.Add("<&\"'>\x00\xff", "]]>", "\u202e\ufffe", "🙂 名前", -1e100, 1e100, 1e100, -1e100, -1e100, 1e100, 0.0, false, false)
	f.Add("t", "", "l", "n", 1e-100, 1e-100, 1e100, 1e100, 0.0, 0.0, 1.0, true, true)
	f.Add("t", "", "l", "n", 5e-324, 5e-324, 1.0, 5e-324, 0.0, 0.0, 1e-310, false, false)
	f.Fuzz(func(t *testing.T, title, subtitle, label, name string, x0, y0, x1, y1, lo, hi, tick float64, logX, logY bool) {
		c := &chart.Lines{Title: title, Subtitle: subtitle,
			X:      chart.Axis{Label: label, Log: logX, Ticks: []float64{tick}},
			Y:      chart.Axis{Label: label, Log: logY, Min: lo, Max: hi, Format: func(v float64) string { return chart.Dollars(v) + label }},
			Series: []chart.Series{{Name: name, Points: []chart.Point{{X: x0, Y: y0}, {X: x1, Y: y1, Note: label}}}, {Name: label, Dashed: true, Points: []chart.Point{{X: x1, Y: y0}}}}}
		if svg, err := c.SVG(); err == nil {
			read(t, svg)
		}
		c.X.Ticks = nil
		c.Y.Min, c.Y.Max = 0, 0
		if svg, err := c.SVG(); err == nil {
			read(t, svg)
		}
	})
}

func FuzzHeat(f *testing.F) {
	f.Add("title", "x", "y", "low", 1.0, -2.0, 0.0, 0.0, 0.0)
	f.Add("<&\"'>\x00\xff", "]]>", "\u202e\ufffe", "🙂 名前", 1e100, -1e100, 1e100, -1e100, 1e100)
	f.Fuzz(func(t *testing.T, title, x, y, low string, a, b, middle, lo, hi float64) {
		h := &chart.Heat{Title: title, Subtitle: low, XLabel: x, YLabel: y, X: []string{x, "x"}, Y: []string{y},
			Value: [][]float64{{a, b}}, Scale: chart.Scale{Middle: middle, Min: lo, Max: hi, Low: low, High: title}}
		if svg, err := h.SVG(); err == nil {
			read(t, svg)
		}
		h.Scale = chart.Scale{Middle: middle}
		if svg, err := h.SVG(); err == nil {
			read(t, svg)
		}
	})
}

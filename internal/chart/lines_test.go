package chart_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/chart"
)

// dollars is a chart over four decades with all kinds of series.
func dollars() *chart.Lines {
	c := &chart.Lines{
		Title:    "Packing 512-byte records cuts the bill by three quarters",
		Subtitle: "Provisioned, one producer process, at most 100 ms buffered",
		X:        chart.Axis{Label: "User records a second", Log: true, Format: chart.Count},
		Y:        chart.Axis{Label: "Dollars a month", Log: true, Format: chart.Dollars},
		Series:   []chart.Series{{Name: "unpacked"}, {Name: "kinpack"}, {Name: "the KPL's rule", Tone: 2, Dashed: true}},
	}
	for _, rate := range []float64{10, 100, 1000, 10000, 100000} {
		for i, unit := range []float64{36.79, 0.74, 0.79} {
			shards := math.Ceil(rate / []float64{1000, 2000, 2000}[i])
			y := float64(shards*10.95) + float64(rate*unit)/1000
			c.Series[i].Points = append(c.Series[i].Points, chart.Point{X: rate, Y: y})
		}
	}
	c.Series[1].Points[2].Note = "AWS's example & <ours>"
	return c
}

// fill is a chart with linear axes and more points than marks.
func fill() *chart.Lines {
	c := &chart.Lines{
		Title:  "More producers, less fill",
		X:      chart.Axis{Label: "Producer processes"},
		Y:      chart.Axis{Label: "Fill", Format: chart.Percent},
		Series: []chart.Series{{Name: "keyed"}, {Name: "keyless"}, {Name: "one", Points: []chart.Point{{X: 100, Y: 0.5}}}},
	}
	for n := 1.0; n <= 200; n += 3 {
		c.Series[0].Points = append(c.Series[0].Points, chart.Point{X: n, Y: 30 / (30 + n)})
		c.Series[1].Points = append(c.Series[1].Points, chart.Point{X: n, Y: 90 / (90 + n)})
	}
	return c
}

func drawn(t *testing.T, c *chart.Lines) []element {
	t.Helper()
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	es := read(t, svg)
	checkTexts(t, es)
	return es
}

func TestLinesGolden(t *testing.T) {
	for name, c := range map[string]*chart.Lines{"dollars.svg": dollars(), "fill.svg": fill()} {
		svg, err := c.SVG()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, svg)
		drawn(t, c)
	}
}

func TestLinesDescriptionAndNotes(t *testing.T) {
	es := drawn(t, dollars())
	want := "Line chart of Dollars a month (log scale) over User records a second (log scale)." +
		" unpacked: from $11.32 at 10 to $4,774 at 100k." +
		" kinpack: from $10.96 at 10 to $622 at 100k." +
		" the KPL's rule: from $10.96 at 10 to $626 at 100k."
	if es[2].text != want {
		t.Errorf("desc %q, want %q", es[2].text, want)
	}
	var notes []string
	for _, e := range es[2:] {
		if e.name == "title" {
			notes = append(notes, e.text)
		}
	}
	if len(notes) != 15 || notes[2] != "unpacked\nUser records a second: 1,000\nDollars a month: $47.74" || notes[7] != "AWS's example & <ours>" {
		t.Errorf("notes %q", notes)
	}
	if got := drawn(t, fill())[2].text; !strings.HasSuffix(got, " one: 50% at 100.") {
		t.Errorf("desc %q, want a series of one point at its end", got)
	}
}

// Without colour series differ by the shape of their marks and by dashes.
func TestLinesSeriesDifferWithoutColour(t *testing.T) {
	c := dollars()
	for i := range 5 {
		c.Series = append(c.Series, chart.Series{Name: fmt.Sprint(i), Tone: 4 + i, Points: c.Series[0].Points})
	}
	looks := map[string]bool{}
	for _, e := range drawn(t, c) {
		if class := e.attr["class"]; class == "kpc-mark" || class == "kpc-hollow" {
			looks[class+e.attr["d"]] = true
		}
	}
	if len(looks) != 8 {
		t.Errorf("%d looks of 8 series", len(looks))
	}
}

func TestLinesTicks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		axis   chart.Axis
		lo, hi float64
		want   string
	}{
		{"decades", chart.Axis{Log: true, Format: chart.Count}, 10, 1e6, "10 100 1,000 10,000 100k 1M"},
		{"from 0", chart.Axis{}, 3, 97, "0 20 40 60 80 100"},
		{"from 0 if that costs less than half", chart.Axis{}, 30, 97, "0 20 40 60 80 100"},
		{"far from 0", chart.Axis{Format: chart.Percent}, 0.95, 0.99, "95% 96% 97% 98% 99%"},
		{"around 0", chart.Axis{}, -12, 80, "-20 0 20 40 60 80"},
		{"below 0", chart.Axis{}, -12, -2, "-12 -10 -8 -6 -4 -2"},
		{"one and a half decades", chart.Axis{Log: true}, 12, 700, "10 20 50 100 200 500 1,000"},
		{"part of a decade", chart.Axis{Log: true}, 20000, 26000, "20,000 21,000 22,000 23,000 24,000 25,000 26,000"},
		{"around a decade", chart.Axis{Log: true}, 8, 14, "8 9 10 11 12 13 14"},
		{"many decades", chart.Axis{Log: true}, 1e-90, 1e90, "1e-80 1e-60 1e-40 1e-20 1 1e+20 1e+40 1e+60 1e+80"},
		{"one value", chart.Axis{}, 5, 5, "0 2 4 6 8"},
		{"one value below 0", chart.Axis{}, -5, -5, "-8 -6 -4 -2 0"},
		{"only 0", chart.Axis{}, 0, 0, "0 0.2 0.4 0.6 0.8 1"},
		{"next to nothing", chart.Axis{}, 1e-300, 5e-324, "0 0.2 0.4 0.6 0.8 1"},
		{"one value, log", chart.Axis{Log: true}, 5, 5, "2 4 6 8 10"},
		{"set", chart.Axis{Min: 10, Max: 20}, 12, 13, "10 12 14 16 18 20"},
		{"set, log", chart.Axis{Log: true, Min: 0.5, Max: 2000}, 12, 13, "1 10 100 1,000"},
		{"chosen by the caller", chart.Axis{Ticks: []float64{1, 512, 1024}}, 512, 600, "1 512 1,024"},
		{"chosen, too near", chart.Axis{Ticks: []float64{0, 1, 1000}}, 5, 600, "0 1,000"},
		{"coarse format", chart.Axis{Min: 100, Max: 103, Format: chart.Dollars}, 100, 103, "$100 $101 $102 $103"},
		{"format without differences", chart.Axis{Format: func(float64) string { return "x" }}, 1, 100, "x x x"},
		{"format without text", chart.Axis{Format: func(float64) string { return " " }}, 1, 100, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := fill()
			c.Y, c.Series = tc.axis, c.Series[:1]
			c.X.Format = func(float64) string { return "" }
			c.Y.Label = "y"
			c.Series[0].Points = []chart.Point{{X: 1, Y: tc.lo}, {X: 2, Y: tc.hi}}
			got := texts(drawn(t, c), "kpc-small")
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "y") || s == "Producer processes" })
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("ticks %q, want %q", s, tc.want)
			}
		})
	}
}

// Between decades there are small marks, if there is room for them and the caller did
// not choose the ticks.
func TestLinesMinorTicks(t *testing.T) {
	for _, tc := range []struct {
		name string
		axis chart.Axis
		want int // marks, with those of the ticks
	}{
		{"two decades", chart.Axis{Log: true, Min: 10, Max: 1000, Format: chart.Percent}, 7 + 16},
		{"many decades", chart.Axis{Log: true, Min: 1e-9, Max: 1e9}, 7},
		{"chosen", chart.Axis{Log: true, Min: 10, Max: 1000, Ticks: []float64{10, 1000}}, 2},
		{"linear", chart.Axis{Min: 0, Max: 1000}, 6},
	} {
		c := fill()
		c.X, c.Series = tc.axis, c.Series[2:]
		c.X.Label = "x"
		got := 0
		for _, e := range drawn(t, c) {
			if e.attr["class"] == "kpc-tick" {
				got++
			}
		}
		if got != tc.want {
			t.Errorf("%s: %d marks, want %d", tc.name, got, tc.want)
		}
	}
}

// Text of other scripts is wider, and bytes that are no text do no harm.
func TestLinesForeignText(t *testing.T) {
	c := dollars()
	c.Title = strings.Repeat("記録", 60) + "\x00\xff]]>"
	c.Series[0].Name = strings.Repeat("記", 40)
	c.Series[1].Name = "naïve <&\"'> (größer)"
	es := drawn(t, c)
	if got := texts(es, "kpc-title"); len(got) != 3 || !strings.HasSuffix(got[2], "…") {
		t.Errorf("title %q, want three lines and an ellipsis", got)
	}
	if got := texts(es, "kpc-title"); len([]rune(got[2])) > len([]rune(got[0])) {
		t.Errorf("title %q, want room for the ellipsis made in the last line", got)
	}
	if got := es[1].text; got != strings.Repeat("記録", 60)+"\ufffd\ufffd]]>" {
		t.Errorf("title %q, want all of it", got)
	}
	if got := texts(es, "kpc-name"); !slices.Contains(got, c.Series[1].Name) || len(got) != 6 {
		t.Errorf("names %q, want the first in four lines and the others in one", got)
	}
}

// The ways of the points are the values': ends at the ends, the middle in the middle.
func TestLinesPositions(t *testing.T) {
	c := dollars()
	c.Y.Min, c.Y.Max = 1, 10000
	c.Series = []chart.Series{{Name: "a", Points: []chart.Point{{X: 1, Y: 1}, {X: 10, Y: 100}, {X: 100, Y: 10000}}}}
	for _, log := range []bool{true, false} {
		c.X.Log, c.Y.Log = log, log
		if !log {
			c.Series[0].Points[1] = chart.Point{X: 50.5, Y: 5000.5}
		}
		var x, y []float64
		for _, e := range drawn(t, c) {
			if e.name == "circle" {
				var cx, cy float64
				fmt.Sscan(e.attr["cx"], &cx)
				fmt.Sscan(e.attr["cy"], &cy)
				x, y = append(x, cx), append(y, cy)
			}
		}
		if x[0] >= x[2] || y[0] != y[2]+300 || math.Abs(x[0]+x[2]-2*x[1]) > 0.2 || math.Abs(y[0]+y[2]-2*y[1]) > 0.2 {
			t.Errorf("log %t: points at %v, %v", log, x, y)
		}
	}
}

func TestLinesErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tc := range []struct {
		name  string
		spoil func(c *chart.Lines)
		want  []string
	}{
		{"blank", func(c *chart.Lines) { c.Title, c.X.Label, c.Y.Label, c.Series[1].Name = " ", "", "\n", "" },
			[]string{`chart " ": `, "no Title", "X axis: no Label", "Y axis: no Label", "series 1: no Name"}},
		{"no series", func(c *chart.Lines) { c.Series = nil }, []string{"0 series, want 1 to 8"}},
		{"nine series", func(c *chart.Lines) { c.Series = make([]chart.Series, 9) }, []string{"9 series, want 1 to 8"}},
		{"same name", func(c *chart.Lines) { c.Series[1].Name = "unpacked" }, []string{`series 1: Name "unpacked" is another's`}},
		{"same look", func(c *chart.Lines) { c.Series[2].Tone = 1; c.Series[2].Dashed = false },
			[]string{`series "the KPL's rule": Tone 1 and Dashed false as "unpacked"`}},
		{"tone", func(c *chart.Lines) { c.Series[0].Tone = 9; c.Series[1].Tone = -1 }, []string{"Tone 9, want 0 to 8", "Tone -1"}},
		{"no points", func(c *chart.Lines) { c.Series[1].Points = nil }, []string{`series "kinpack": no points`}},
		{"NaN", func(c *chart.Lines) { c.Series[1].Points[3].Y = nan }, []string{`series "kinpack": point 3: Y is NaN, want a number of at most 1e+100`}},
		{"Inf", func(c *chart.Lines) { c.Series[0].Points[4].X = inf }, []string{`series "unpacked": point 4: X is +Inf`}},
		{"-Inf", func(c *chart.Lines) { c.Y.Log = false; c.Series[0].Points[4].Y = -inf }, []string{"point 4: Y is -Inf"}},
		{"0 on log", func(c *chart.Lines) { c.Series[0].Points[0].Y = 0 }, []string{"point 0: Y is 0, want at least 1e-100 on a logarithmic axis"}},
		{"falling X", func(c *chart.Lines) { c.Series[0].Points[2].X = 20 }, []string{"point 2: X is 20, below 100 of the point before"}},
		{"Min over Max", func(c *chart.Lines) { c.Y.Min, c.Y.Max = 3, 2 }, []string{"Y axis: Min 3 and Max 2, want Max clearly above Min"}},
		{"Min near Max", func(c *chart.Lines) { c.X.Min, c.X.Max = 3, 3+1e-12 }, []string{"X axis: Min 3 and Max 3.000000000001, "}},
		{"bad Max", func(c *chart.Lines) { c.Y.Min, c.Y.Max = 3, inf }, []string{"Y axis: Max is +Inf"}},
		{"log Min", func(c *chart.Lines) { c.X.Max = 1e6 }, []string{"X axis: Min is 0, want at least 1e-100"}},
		{"outside", func(c *chart.Lines) { c.X.Min, c.X.Max = 10, 50000 }, []string{"point 4: X is 100000, want it in the axis' range of 10 to 50000"}},
		{"tick outside", func(c *chart.Lines) { c.X.Min, c.X.Max, c.X.Ticks = 1, 1e6, []float64{10, 1e7} }, []string{"X axis: tick 1 is 1e+07, want it in"}},
		{"bad tick", func(c *chart.Lines) { c.X.Ticks = []float64{10, nan, -1} }, []string{"X axis: tick 1 is NaN", "tick 2 is -1, want at least"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dollars()
			tc.spoil(c)
			svg, err := c.SVG()
			checkError(t, svg, err, tc.want...)
		})
	}
}

// phrase is n words of ordinary letters.
func phrase(r *rand.Rand, n int) string {
	words := strings.Fields("records with unique keys packed by rule of the library at 100 ms and 20,480 bytes kinpack unpacked")
	var out []string
	for range n {
		out = append(out, words[r.IntN(len(words))])
	}
	return strings.Join(out, " ")
}

// Texts never overlap and are never cut off, whatever the series, names and ranges.
func TestLinesTextsHaveRoom(t *testing.T) {
	formats := []func(float64) string{nil, chart.Count, chart.Dollars, chart.Percent, chart.Millis}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 6))
		c := &chart.Lines{Title: phrase(r, 1+r.IntN(40)), Subtitle: phrase(r, r.IntN(80)),
			X: chart.Axis{Label: phrase(r, 1+r.IntN(30)), Log: r.IntN(2) == 0, Format: formats[r.IntN(5)]},
			Y: chart.Axis{Label: phrase(r, 1+r.IntN(30)), Log: r.IntN(2) == 0, Format: formats[r.IntN(5)]}}
		decades := float64(r.IntN(13))
		for i := range 1 + r.IntN(8) {
			s := chart.Series{Name: fmt.Sprint(phrase(r, 1+r.IntN(12)), i), Dashed: r.IntN(2) == 0}
			for j := range 1 + r.IntN(9) {
				s.Points = append(s.Points, chart.Point{X: math.Pow(10, float64(j)*decades/9-2), Y: math.Pow(10, r.Float64()*decades-3)})
			}
			if i%2 == 1 && len(c.Series[0].Points) == len(s.Points) {
				copy(s.Points, c.Series[0].Points) // the same end
			}
			c.Series = append(c.Series, s)
		}
		if drawn(t, c); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Where names need more height than the plot has, the plot has theirs.
func TestLinesManyLongNames(t *testing.T) {
	c := dollars()
	points := c.Series[0].Points
	c.Series = nil
	for i := range 8 {
		c.Series = append(c.Series, chart.Series{Name: fmt.Sprint(i, strings.Repeat(" a name of four lines", 5)), Points: points})
	}
	if got := len(texts(drawn(t, c), "kpc-name")); got != 32 {
		t.Errorf("%d lines of names, want 32", got)
	}
}

// Of lines that end at one point the one that comes from above is named above.
func TestLinesOneEnd(t *testing.T) {
	c := dollars()
	end := chart.Point{X: 3, Y: 50}
	c.Series = []chart.Series{
		{Name: "from below", Points: []chart.Point{{X: 1, Y: 20}, end}},
		{Name: "from above", Points: []chart.Point{{X: 1, Y: 90}, end}},
	}
	at := map[string]float64{}
	for _, b := range boxes(drawn(t, c)) {
		at[b.text] = b.top
	}
	if at["from above"] >= at["from below"] {
		t.Errorf("names stand at %v", at)
	}
}

// Long names of the first and the last tick stay inside.
func TestLinesLongTicks(t *testing.T) {
	c := fill()
	c.X.Ticks = []float64{1, 199}
	c.X.Format = func(v float64) string { return chart.Number(v) + " producers here" }
	c.Y.Format = func(v float64) string { return chart.Number(v * 10) }
	c.Series = c.Series[:1]
	c.Series[0].Name = "a"
	if got := texts(drawn(t, c), "kpc-small"); !slices.Contains(got, "1 producers here") || !slices.Contains(got, "199 producers here") {
		t.Errorf("ticks %q", got)
	}
}

// Two charts of one page have different ids.
func TestLinesIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	a, b := dollars(), dollars()
	b.Series[0].Points[0].Y = 500
	for _, c := range []*chart.Lines{a, b, fill()} {
		for _, e := range drawn(t, c) {
			if id := e.attr["id"]; id != "" {
				if seen[id] {
					t.Errorf("id %q twice", id)
				}
				seen[id] = true
			}
		}
	}
}

package chart_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/chart"
)

// saving is a map with values on both sides, at the middle, and an empty cell.
func saving() *chart.Heat {
	return &chart.Heat{
		Title:    "Where packing pays",
		Subtitle: "Saving of the monthly bill, provisioned",
		XLabel:   "User records a second",
		YLabel:   "Record size",
		X:        []string{"10", "1,000", "100,000"},
		Y:        []string{"100 B", "5 KB", "20 KB"},
		Value:    [][]float64{{0.18, 0.54, 0.9}, {0, 0.2, math.NaN()}, {-0.457, -0.1, 0.26}},
		Format:   chart.Percent,
		Scale:    chart.Scale{Low: "packing costs more", High: "packing saves"},
	}
}

func drawnHeat(t *testing.T, h *chart.Heat) []element {
	t.Helper()
	svg, err := h.SVG()
	if err != nil {
		t.Fatal(err)
	}
	es := read(t, svg)
	checkTexts(t, es)
	return es
}

func TestHeatGolden(t *testing.T) {
	svg, err := saving().SVG()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "saving.svg", svg)
	es := drawnHeat(t, saving())
	if want := "Heat map of 3 rows, Record size, and 3 columns, User records a second. Lowest: -45.7% at 20 KB and 10. Highest: 90% at 100 B and 100,000."; es[2].text != want {
		t.Errorf("desc %q, want %q", es[2].text, want)
	}
	if got := strings.Join(texts(es, "kpc-cell"), " "); got != "18% 54% 90% 0% 20% -45.7% -10% 26%" {
		t.Errorf("cells %q", got)
	}
}

// colors are the colours of the cells and then of the key.
func colors(es []element) (cells, key string) {
	var all []string
	for _, e := range es {
		class := e.attr["class"]
		switch {
		case e.name == "rect" && strings.HasPrefix(class, "kpc-h"):
			all = append(all, class[len("kpc-h"):])
		case e.name == "path":
			all[len(all)-1] += "'"
		}
	}
	cut := len(texts(es, "kpc-cell"))
	return strings.Join(all[:cut], " "), strings.Join(all[cut:], " ")
}

func TestHeatScale(t *testing.T) {
	for _, tc := range []struct {
		name              string
		scale             chart.Scale
		values            []float64
		cells, key, texts string
	}{
		{"both sides alike", chart.Scale{}, []float64{-1, 0, 4, 1.5, -0.001}, "3' 4 8 6 3'", "0' 1' 2' 3' 4 5 6 7 8", "0 -4 4"},
		{"above only", chart.Scale{}, []float64{1, 2, 3, 4}, "5 6 7 8", "4 5 6 7 8", "0 4"},
		{"below only", chart.Scale{Middle: 4, Low: "less", High: "more"}, []float64{0, 1, 2, 3}, "0' 1' 2' 3'", "0' 1' 2' 3' 4", "less 4 0"},
		{"all at the middle", chart.Scale{Middle: 4}, []float64{4, 4}, "4 4", "4", "4"},
		{"set", chart.Scale{Middle: 1, Min: 0, Max: 5}, []float64{-7, 0.5, 2, 9}, "0' 2' 5 8", "0' 1' 2' 3' 4 5 6 7 8", "1 0 5"},
		{"set, no side below", chart.Scale{Min: 0, Max: 1, High: "more"}, []float64{0.25, 1}, "5 8", "4 5 6 7 8", "0 1 more"},
		{"beyond a side without room", chart.Scale{Min: 0, Max: 1}, []float64{-0.25, 1}, "0' 8", "0' 1' 2' 3' 4 5 6 7 8", "0 0 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := saving()
			h.X, h.Y, h.Scale, h.Format = nil, []string{"row"}, tc.scale, nil
			for i := range tc.values {
				h.X = append(h.X, fmt.Sprint("c", i))
			}
			h.Value = [][]float64{tc.values}
			es := drawnHeat(t, h)
			cells, key := colors(es)
			small := texts(es, "kpc-small")
			if got := strings.Join(small[2:], " "); cells != tc.cells || key != tc.key || got != tc.texts {
				t.Errorf("cells %q, key %q with %q; want %q, %q with %q", cells, key, got, tc.cells, tc.key, tc.texts)
			}
		})
	}
}

func TestHeatErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(h *chart.Heat)
		want  []string
	}{
		{"blank", func(h *chart.Heat) { h.Title, h.XLabel, h.YLabel = "", " ", "" }, []string{`chart "": `, "no Title", "no XLabel", "no YLabel"}},
		{"no categories", func(h *chart.Heat) { h.X, h.Y, h.Value = nil, nil, nil }, []string{"X has no categories", "Y has no categories", "no values"}},
		{"same category", func(h *chart.Heat) { h.X[2] = "10"; h.Y[1] = " " }, []string{`X: category 2 is "10"`, `Y: category 1 is " "`}},
		{"ragged", func(h *chart.Heat) { h.Value[1] = h.Value[1][:2] }, []string{"row 1: 2 values, want 3, as X has"}},
		{"rows", func(h *chart.Heat) { h.Value = h.Value[:2] }, []string{"2 rows of values, want 3, as Y has"}},
		{"Inf", func(h *chart.Heat) { h.Value[2][1] = math.Inf(-1) }, []string{"row 2, column 1: -Inf, want a number"}},
		{"all empty", func(h *chart.Heat) {
			h.X, h.Y, h.Value = []string{"a"}, []string{"b"}, [][]float64{{math.NaN()}}
		}, []string{"no values"}},
		{"scale", func(h *chart.Heat) { h.Scale = chart.Scale{Min: 1, Max: 1} }, []string{"Scale: Min 1, Middle 0, Max 1, want them in this order"}},
		{"middle above", func(h *chart.Heat) { h.Scale = chart.Scale{Min: 1, Middle: 3, Max: 2} }, []string{"Scale: Min 1, Middle 3, Max 2"}},
		{"NaN", func(h *chart.Heat) { h.Scale.Middle = math.NaN() }, []string{"Scale: NaN, want numbers"}},
		{"wide number", func(h *chart.Heat) { h.Format = func(v float64) string { return strings.Repeat("9", 40) } }, []string{`value "9999`, "no room in the"}},
		{"wide name", func(h *chart.Heat) { h.X[0] = strings.Repeat("name ", 40) }, []string{`column "name `, "no room for the name in", "3 lines"}},
		{"broken name", func(h *chart.Heat) { h.X[0] = strings.Repeat("9", 40) }, []string{`column "999`}},
		{"columns", func(h *chart.Heat) {
			h.X, h.Y, h.Value = nil, h.Y[:1], [][]float64{make([]float64, 500)}
			for i := range 500 {
				h.X = append(h.X, strconv.Itoa(i))
			}
		}, []string{"no room for the name in 0 pixels"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := saving()
			tc.spoil(h)
			svg, err := h.SVG()
			checkError(t, svg, err, tc.want...)
		})
	}
}

func TestHeatTextsHaveRoom(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 6))
		h := &chart.Heat{Title: phrase(r, 1+r.IntN(40)), Subtitle: phrase(r, r.IntN(80)),
			XLabel: phrase(r, 1+r.IntN(30)), YLabel: phrase(r, 1+r.IntN(30)), Format: chart.Percent,
			Scale: chart.Scale{Low: phrase(r, r.IntN(12)), High: phrase(r, r.IntN(12))}}
		for i := range 1 + r.IntN(8) {
			h.X = append(h.X, fmt.Sprint(100*i, " B"))
		}
		for i := range 1 + r.IntN(9) {
			h.Y = append(h.Y, fmt.Sprint(phrase(r, 1+r.IntN(20)), i))
			row := make([]float64, len(h.X))
			for j := range row {
				row[j] = r.Float64() - 0.3
			}
			h.Value = append(h.Value, row)
		}
		if drawnHeat(t, h); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

package chart_test

import (
	"fmt"
	"regexp"

	"github.com/kinpack/kinpack/internal/chart"
)

func ExampleLines_SVG() {
	c := &chart.Lines{
		Title: "The bill of AWS's example",
		X:     chart.Axis{Label: "User records a second", Log: true, Format: chart.Count},
		Y:     chart.Axis{Label: "Dollars a month", Format: chart.Dollars},
		Series: []chart.Series{
			{Name: "unpacked", Points: []chart.Point{{X: 100, Y: 14.63}, {X: 1000, Y: 47.74}}},
			{Name: "kinpack", Points: []chart.Point{{X: 100, Y: 11.02}, {X: 1000, Y: 11.70}}},
		},
	}
	svg, err := c.SVG()
	if err != nil {
		fmt.Println(err)
		return
	}
	desc := regexp.MustCompile("<desc.*>(.*)</desc>").FindSubmatch(svg)
	fmt.Printf("%s\n", desc[1])
	// Output: Line chart of Dollars a month over User records a second (log scale). unpacked: from $14.63 at 100 to $47.74 at 1,000. kinpack: from $11.02 at 100 to $11.70 at 1,000.
}

func ExampleHeat_SVG() {
	h := &chart.Heat{
		Title:  "Where packing pays",
		XLabel: "User records a second", X: []string{"10", "1,000"},
		YLabel: "Record size", Y: []string{"512 B", "20 KB"},
		Value:  [][]float64{{0.03, 0.755}, {-0.02, -0.1}},
		Format: chart.Percent,
		Scale:  chart.Scale{Low: "packing costs more", High: "packing saves"},
	}
	h.Value[1] = h.Value[1][:1]
	_, err := h.SVG()
	fmt.Println(err)
	// Output: chart "Where packing pays": row 1: 1 values, want 2, as X has
}

func ExampleDollars() {
	fmt.Println(chart.Dollars(0.74), chart.Dollars(11.7), chart.Dollars(1095), chart.Dollars(12_000))
	fmt.Println(chart.Count(1000), chart.Count(100_000), chart.Percent(0.755), chart.Millis(1500))
	// Output:
	// $0.74 $11.70 $1,095 $12k
	// 1,000 100k 75.5% 1.5 s
}

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/kinpack/kinpack/internal/plan"
)

// This file owns the page of cost: one file, which loads nothing.

//go:embed cost.html
var costPage string

// page writes the page with its charts.
func (c *costFlags) page(e *estimate, s streams) error {
	charts, err := e.charts()
	if err != nil {
		return err
	}
	var page bytes.Buffer
	err = template.Must(template.New("cost").Parse(costPage)).Execute(&page, map[string]any{
		"Title": "What " + e.sentence() + " cost", "Question": e.sentence(), "Conditions": e.conditions(),
		"Rows": e.rows(), "Conclusions": e.conclusions(), "Charts": charts,
	})
	if err != nil {
		return err
	}
	f, err := c.html.create()
	if err != nil {
		return err
	}
	if f == nil {
		_, err = s.out.Write(page.Bytes())
		return err
	}
	_, err = f.Write(page.Bytes())
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		fmt.Fprintf(s.err, "%s written\n", c.html.name)
	}
	return err
}

// charts are those of this workload.
func (e *estimate) charts() ([]template.HTML, error) {
	w, mode := e.of, e.terms.Stream.Mode
	asked := w
	if e.Workload.Shards == 0 {
		asked.Shards = 0 // as many as are needed at each rate
	}
	named := []plan.Named{{Name: "these", Workload: asked}}
	if !w.Keys.None {
		named = append(named, plan.Named{Name: "keyless", Workload: asked.Keyless()})
	}
	rates := around(w.Rate)
	dollars, err := plan.DollarsOverRate(e.terms, named, rates)
	if err != nil {
		return nil, err
	}
	buffers := []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, w.Buffer}
	slices.Sort(buffers)
	fits := slices.DeleteFunc(slices.Clone(rates), func(rate float64) bool { return rate > w.Rate && rate > 0.9*w.Rate*w.Room() })
	fill, wait, err := plan.OverBuffer(mode, w, fits, slices.Compact(buffers))
	if err != nil {
		return nil, err
	}
	producers := []int{1, 2, 5, 10, 20, 50, 100, 200, w.Producers}
	slices.Sort(producers)
	shards := []int{1, 10, 100, w.Shards}
	slices.Sort(shards)
	hosts, err := plan.OverProducers(mode, w, slices.Compact(producers), slices.Compact(shards))
	if err != nil {
		return nil, err
	}
	pays, err := plan.WherePays(mode, w.Buffer, []int{100, 512, 1024, 2048, 5120, 10_240, 15_000, 20_480, 25_600}, []float64{1, 3, 10, 30, 100, 300, 1000})
	if err != nil {
		return nil, err
	}
	var all []template.HTML
	for _, c := range []interface{ SVG() ([]byte, error) }{dollars, fill, wait, hosts, pays} {
		svg, err := c.SVG()
		if err != nil {
			return nil, err
		}
		all = append(all, template.HTML(svg))
	}
	return all, nil
}

// around returns rates from a hundredth to a hundred times of one, itself among
// them.
func around(rate float64) (all []float64) {
	for _, factor := range []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100} {
		if r := rate * factor; r >= 1e-6 && r <= max(rate, 200_000) {
			all = append(all, r)
		}
	}
	return all
}

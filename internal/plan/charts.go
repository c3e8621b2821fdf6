package plan

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/chart"
)

// This file owns the charts of what packing saves: for the README, and for one
// user's own workload.

// Terms are how a stream is kept and at what prices.
type Terms struct {
	Stream cost.Stream
	Prices cost.Prices
	// More, if not nil, is what comes to the stream's bill.
	More func(f Sent, shards int) (cost.Bill, error)
}

// Sent is a flow, with what is not billed by the stream.
type Sent struct {
	cost.Flow
	Keys   float64 // bytes of partition keys a second, in the flow or not
	Packed bool
}

// Bill returns what a flow costs a month, in a stream that has the shards of the
// terms or more if it needs more.
func (t Terms) Bill(f Sent) (cost.Bill, error) {
	b, err := Bill(f.Flow, t.Stream, t.Prices)
	if err != nil || t.More == nil {
		return b, err
	}
	more, err := t.More(f, max(b.Shards, t.Stream.ShardsNeeded(f.Flow)))
	return b.Plus(more), err
}

func (t Terms) String() string {
	return fmt.Sprintf("%s, %s", t.Prices.Region, t.Stream.Mode)
}

// PackAll packs several workloads for a stream, as many at a time as there are
// processors.
func PackAll(all []Workload, s cost.Stream) ([]*Packing, error) {
	out, errs := make([]*Packing, len(all)), make([]error, len(all))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				_, out[i], errs[i] = all[i].PackFor(s)
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Named is a workload with the name of its line.
type Named struct {
	Name string
	Workload
}

// DollarsOverRate draws what workloads cost a month at other rates than theirs, as
// they are and packed.
func DollarsOverRate(t Terms, all []Named, rates []float64) (*chart.Lines, error) {
	c := &chart.Lines{
		Title: "Dollars a month over the rate", Subtitle: t.String(),
		X: rateAxis(), Y: chart.Axis{Label: "US dollars a month", Log: true, Format: chart.Dollars},
	}
	for i, n := range all {
		ways := make([]Workload, len(rates))
		for j, rate := range rates {
			ways[j] = n.Workload
			ways[j].Rate = rate
		}
		packings, err := PackAll(ways, t.Stream)
		if err != nil {
			return nil, err
		}
		one := chart.Series{Name: n.Name + ", one by one", Dashed: true, Tone: i + 1}
		packed := chart.Series{Name: n.Name + ", packed", Tone: i + 1}
		for j, w := range ways {
			flow, err := w.Unpacked()
			if err != nil {
				return nil, err
			}
			before, err := t.Bill(Sent{flow, w.KeyFlow(), false})
			if err != nil {
				return nil, err
			}
			after, err := t.Bill(packings[j].Sent(w.Rate))
			if err != nil {
				return nil, err
			}
			one.Points = append(one.Points, chart.Point{X: w.Rate, Y: before.TotalUSD()})
			packed.Points = append(packed.Points, chart.Point{X: w.Rate, Y: after.TotalUSD()})
		}
		c.Series = append(c.Series, one, packed)
	}
	return c, nil
}

func rateAxis() chart.Axis {
	return chart.Axis{Label: "user records a second", Log: true, Format: chart.Count}
}

// OverBuffer draws how a workload fills what is billed and how long its user records
// wait, over the rate, by maximum buffered times.
func OverBuffer(mode cost.Mode, w Workload, rates []float64, buffers []time.Duration) (fill, wait *chart.Lines, err error) {
	w = w.Complete()
	about := w.about() + ", by the maximum buffered time"
	fill = &chart.Lines{Title: filled(mode) + " over the rate", Subtitle: about, X: rateAxis(), Y: fillAxis(mode)}
	wait = &chart.Lines{Title: "Median wait over the rate", Subtitle: about, X: rateAxis(),
		Y: chart.Axis{Label: "milliseconds from Put to the result", Format: chart.Number}}
	for _, buffer := range buffers {
		ways := make([]Workload, len(rates))
		for i, rate := range rates {
			ways[i] = w
			ways[i].Rate, ways[i].Buffer = rate, buffer
		}
		packings, err := PackAll(ways, cost.Stream{Mode: mode})
		if err != nil {
			return nil, nil, err
		}
		f, m := chart.Series{Name: buffer.String()}, chart.Series{Name: buffer.String()}
		for i, p := range packings {
			f.Points = append(f.Points, chart.Point{X: rates[i], Y: p.FillOf(mode)})
			m.Points = append(m.Points, chart.Point{X: rates[i], Y: float64(p.Quantile(0.5)) / float64(time.Millisecond)})
		}
		fill.Series, wait.Series = append(fill.Series, f), append(wait.Series, m)
	}
	return fill, wait, nil
}

// filled names what FillOf is.
func filled(mode cost.Mode) string {
	if mode == cost.Provisioned {
		return "Fill of the PUT payload units"
	}
	return "Fill of the billed bytes"
}

func fillAxis(mode cost.Mode) chart.Axis {
	label := "part of the units that is filled"
	if mode != cost.Provisioned {
		label = "part of the billed bytes that is the user records' data"
	}
	return chart.Axis{Label: label, Max: 1, Ticks: []float64{0, 0.25, 0.5, 0.75, 1}, Format: chart.Percent}
}

// about says which workload it is, but for its rate.
func (w Workload) about() string {
	keys := "keyed"
	if w.Keys.None {
		keys = "keyless"
	}
	shards := "1 shard"
	if w.Shards > 1 {
		shards = fmt.Sprint(w.Shards, " shards")
	}
	data, _ := w.MeanBytes()
	return fmt.Sprintf("%s bytes, %s, %s", chart.Number(float64(int(data+0.5))), keys, shards)
}

// OverProducers draws how units fill when the rate comes from more and more
// processes, with keys and without, for several numbers of shards.
func OverProducers(mode cost.Mode, w Workload, producers, shards []int) (*chart.Lines, error) {
	w = w.withDefaults()
	data, _ := w.MeanBytes()
	c := &chart.Lines{
		Title:    filled(mode) + " over the number of producers",
		Subtitle: fmt.Sprintf("%s user records a second of %s bytes in all, within %v", chart.Count(w.Rate), chart.Number(float64(int(data+0.5))), w.Buffer),
		X:        chart.Axis{Label: "producer processes", Log: true, Format: chart.Count}, Y: fillAxis(mode),
	}
	add := func(name string, w Workload) error {
		ways := make([]Workload, len(producers))
		for i, n := range producers {
			ways[i] = w
			ways[i].Producers = n
		}
		packings, err := PackAll(ways, cost.Stream{Mode: mode})
		s := chart.Series{Name: name}
		for i := range packings {
			s.Points = append(s.Points, chart.Point{X: float64(producers[i]), Y: packings[i].FillOf(mode)})
		}
		c.Series = append(c.Series, s)
		return err
	}
	keyless := w.Keyless()
	keyless.Shards = shards[len(shards)-1]
	if err := add("keyless, any shards", keyless); err != nil {
		return nil, err
	}
	keyed := w
	if keyed.Keys.None {
		keyed.Keys = Keys{Bytes: UniqueBytes}
	}
	for _, n := range shards {
		keyed.Shards = n
		name := fmt.Sprintf("keyed, %d shards", n)
		if n == 1 {
			name = "keyed, 1 shard"
		}
		if err := add(name, keyed); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// WherePays draws what part of the billed amount packing saves, by the size of the
// user records and by how many of them one producer has for one shard: of the PUT
// payload units of a provisioned stream, of the bytes of an on-demand one.
func WherePays(mode cost.Mode, buffer time.Duration, sizes []int, rates []float64) (*chart.Heat, error) {
	c := &chart.Heat{
		Title:    "PUT payload units saved by packing",
		Subtitle: fmt.Sprintf("provisioned, keys of %d bytes, within %v", UniqueBytes, buffer),
		XLabel:   "user records a second, of one producer for one shard", YLabel: "bytes of a user record",
		Format: func(v float64) string { return strconv.Itoa(int(100*v+100.5)-100) + "%" },
		Scale:  chart.Scale{Middle: 0, Min: -1, Max: 1, Low: "costs more", High: "saves"},
	}
	unit := 0
	if mode != cost.Provisioned {
		c.Title, unit = "Billed bytes saved by packing", cost.Step
		c.Subtitle = fmt.Sprintf("on-demand, keys of %d bytes, within %v", UniqueBytes, buffer)
	}
	var ways []Workload
	for _, size := range sizes {
		for _, rate := range rates {
			w := Of(rate, size, 1, Keys{})
			w.Buffer = buffer
			if unit != 0 {
				w.Unit = unit
			}
			ways = append(ways, w)
		}
	}
	packings, err := PackAll(ways, cost.Stream{Mode: mode})
	if err != nil {
		return nil, err
	}
	for _, rate := range rates {
		c.X = append(c.X, chart.Number(rate))
	}
	for i, size := range sizes {
		c.Y = append(c.Y, chart.Number(float64(size)))
		row := make([]float64, len(rates))
		for j := range rates {
			w, p := ways[i*len(rates)+j], packings[i*len(rates)+j]
			flow, err := w.Unpacked()
			if err != nil {
				return nil, err
			}
			if row[j] = 1 - p.Flow(w.Rate).PutUnitsPerSecond/flow.PutUnitsPerSecond; mode != cost.Provisioned {
				row[j] = 1 - p.Flow(w.Rate).RoundedBytesPerSecond/flow.RoundedBytesPerSecond
			}
			if row[j] > -0.005 && row[j] < 0 { // written as 0, so shown as 0
				row[j] = 0
			}
		}
		c.Value = append(c.Value, row)
	}
	return c, nil
}

package bench_test

import (
	"sync"
	"testing"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/producer"
)

// The figures are those of the workload, not of the time that it takes here: each
// is run once, in virtual time, and gives the same however often it is asked for.

// BenchmarkExample is AWS's example, 1,000 user records a second of 512 bytes.
func BenchmarkExample(b *testing.B) { all(b, examples()) }

// BenchmarkSteady goes through sizes, rates and shards, keyed and keyless.
func BenchmarkSteady(b *testing.B) { all(b, steady()) }

// BenchmarkProducers has the rate come from more and more processes.
func BenchmarkProducers(b *testing.B) { all(b, hosts()) }

// BenchmarkBuffer goes through maximum buffered times.
func BenchmarkBuffer(b *testing.B) { all(b, buffers()) }

// BenchmarkRealData is earthquakes and flights.
func BenchmarkRealData(b *testing.B) { all(b, realSets()) }

// BenchmarkFlood is user records as fast as they are taken.
func BenchmarkFlood(b *testing.B) { all(b, floods()) }

// BenchmarkOnDemand cuts aggregates by the 1,024 bytes of an on-demand stream.
func BenchmarkOnDemand(b *testing.B) { all(b, onDemand()) }

func all(b *testing.B, workloads []workload) {
	for _, w := range workloads {
		b.Run(w.name(), func(b *testing.B) { w.benchmark(b) })
	}
}

func examples() (all []workload) {
	for _, keys := range []string{"one", "unique", "none"} {
		all = append(all, of(1000, 512, 1, keys))
	}
	return all
}

func steady() (all []workload) {
	for _, size := range []int{100, 512, 2048, 5120, 10_240, 20_480} {
		for _, rate := range []float64{10, 100, 1000, 10_000, 100_000} {
			for _, shards := range []int{1, 4, 20, 100} {
				if rate*float64(size+60) > float64(shards)*(1<<20) {
					continue // more than the shards take
				}
				for _, keys := range []string{"unique", "none"} {
					all = append(all, of(rate, size, shards, keys))
				}
			}
		}
	}
	return all
}

func hosts() (all []workload) {
	for _, rate := range []float64{1000, 10_000} {
		for _, producers := range []int{1, 2, 5, 10, 20, 50, 100, 200} {
			for _, keys := range []string{"unique", "none"} {
				all = append(all, of(rate, 512, 10, keys).from(producers))
			}
		}
	}
	return all
}

func buffers() (all []workload) {
	for _, rate := range []float64{100, 1000, 10_000} {
		for _, buffer := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second} {
			for _, keys := range []string{"unique", "none"} {
				all = append(all, of(rate, 512, 4, keys).within(buffer))
			}
		}
	}
	return all
}

func realSets() (all []workload) {
	for _, name := range []string{"earthquakes", "flights"} {
		for _, rate := range []float64{100, 1000, 10_000} {
			all = append(all, ofData(rate, name, 10))
		}
	}
	return all
}

func floods() (all []workload) {
	for _, size := range []int{100, 512, 2048, 5120, 10_240, 15_000, 20_480} {
		for _, shards := range []int{1, 4} {
			all = append(all, floodOf(size, shards, "unique"))
		}
	}
	return all
}

func onDemand() (all []workload) {
	for _, size := range []int{100, 512, 2048} {
		for _, keys := range []string{"unique", "none"} {
			all = append(all, of(1000, size, 4, keys).cutBy(producer.PutUnitOnDemand))
		}
	}
	return all
}

// compared is a workload packed by kinpack and by the KPL's rule.
type compared struct{ kinpack, kpl *plan.Packing }

var results sync.Map // of compared by name: b.N plays no part

func (w workload) benchmark(b *testing.B) {
	known, ok := results.Load(w.name())
	if !ok {
		var c compared
		asTest(b, func(t *testing.T) { c = compared{w.throughTheProducer(t), w.byTheKPL()} })
		known = c
		results.Store(w.name(), c)
	}
	c := known.(compared)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(c.kinpack.UnitsPerMillion(), "units/M")
	b.ReportMetric(c.kpl.UnitsPerMillion(), "KPL-units/M")
	b.ReportMetric(c.kinpack.Fill(), "fill")
	b.ReportMetric(c.kpl.Fill(), "KPL-fill")
	if w.flood {
		return // there is no rate to price
	}
	b.ReportMetric(ms(c.kinpack.Quantile(0.5)), "p50-ms")
	b.ReportMetric(ms(c.kpl.Quantile(0.5)), "KPL-p50-ms")
	for _, mode := range []cost.Mode{cost.Provisioned, cost.OnDemand} {
		d, err := w.dollars(c, mode)
		if err != nil {
			b.Fatal(err)
		}
		prefix := ""
		if mode == cost.OnDemand {
			prefix = "on-demand-"
		}
		b.ReportMetric(d.unpacked, prefix+"$/month-unpacked")
		b.ReportMetric(d.kinpack, prefix+"$/month")
		b.ReportMetric(d.kpl, prefix+"KPL-$/month")
		b.ReportMetric(d.saved(), prefix+"saved-%")
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// dollars is what a workload costs a month.
type dollars struct{ unpacked, kinpack, kpl float64 }

// saved is in percent.
func (d dollars) saved() float64 { return 100 * (1 - d.kinpack/d.unpacked) }

// dollars prices a workload in the default region: with its shards, or more if the
// user records need more as they are, and one consumer.
func (w workload) dollars(c compared, mode cost.Mode) (d dollars, err error) {
	prices, err := cost.PricesIn(region)
	if err != nil {
		return d, err
	}
	price := func(f cost.Flow) (usd float64) {
		bill, e := plan.Bill(f, cost.Stream{Mode: mode, Shards: w.Shards, Consumers: 1}, prices)
		if e != nil {
			err = e
		}
		return bill.TotalUSD()
	}
	unpacked, e := w.Unpacked()
	if e != nil {
		return d, e
	}
	d = dollars{price(unpacked), price(c.kinpack.Flow(w.Rate)), price(c.kpl.Flow(w.Rate))}
	return d, err
}

const region = "us-east-1"

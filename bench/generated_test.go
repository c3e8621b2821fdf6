package bench_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/chart"
	"github.com/kinpack/kinpack/internal/plan"
)

var write = flag.Bool("write", false, "write the tables and the charts anew")

// The tables and the charts in the repository are what is made now. They are drawn
// from producer.Forecast; TestForecastIsTheProducer says why that is as good as the
// producer itself.
func TestGenerated(t *testing.T) {
	drawings, err := drawings()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range drawings {
		svg, err := c.SVG()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, name+".svg", svg)
	}
	full, err := table(tableSizes, tableRates)
	if err != nil {
		t.Fatal(err)
	}
	between(t, "README.md", "table", full)
	example, err := exampleTable()
	if err != nil {
		t.Fatal(err)
	}
	between(t, "README.md", "example", example)
	brief, err := table([]int{100, 512, 2048}, []float64{1000, 10_000})
	if err != nil {
		t.Fatal(err)
	}
	between(t, "../README.md", "table", brief)
}

// same compares a file, or writes it.
func same(t *testing.T, name string, want []byte) {
	t.Helper()
	if *write {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what go generate makes (%v)", name, err)
	}
}

// between compares, or writes, what stands between two marks in a file.
func between(t *testing.T, name, mark, want string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first, last := "<!-- "+mark+": made by go generate ./bench -->\n", "<!-- end of "+mark+" -->\n"
	before, rest, ok := strings.Cut(string(text), first)
	_, after, ok2 := strings.Cut(rest, last)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q ... %q", name, first, last)
	}
	same(t, name, []byte(before+first+want+last+after))
}

// drawing is a chart.
type drawing interface{ SVG() ([]byte, error) }

func terms() (plan.Terms, error) {
	p, err := cost.PricesIn(region)
	return plan.Terms{Stream: cost.Stream{Consumers: 1}, Prices: p}, err
}

// drawings are the charts, by the names of their files.
func drawings() (map[string]drawing, error) {
	t, err := terms()
	if err != nil {
		return nil, err
	}
	dollars, err := plan.DollarsOverRate(t, []plan.Named{
		{Name: "100 B", Workload: plan.Of(0, 100, 0, plan.Keys{})},
		{Name: "512 B", Workload: plan.Of(0, 512, 0, plan.Keys{})},
		{Name: "2 KB", Workload: plan.Of(0, 2048, 0, plan.Keys{})},
	}, decades(10, 100_000))
	if err != nil {
		return nil, err
	}
	fill, wait, err := plan.OverBuffer(cost.Provisioned, plan.Of(0, 512, 4, plan.Keys{}), decades(10, 5000),
		[]time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second})
	if err != nil {
		return nil, err
	}
	producers, err := plan.OverProducers(cost.Provisioned, plan.Of(10_000, 512, 0, plan.Keys{}), []int{1, 2, 5, 10, 20, 50, 100, 200}, []int{6, 20, 100})
	if err != nil {
		return nil, err
	}
	all := map[string]drawing{"dollars": dollars, "fill": fill, "wait": wait, "producers": producers}
	for name, mode := range map[string]cost.Mode{"pays": cost.Provisioned, "pays-on-demand": cost.OnDemand} {
		heat, err := plan.WherePays(mode, 100*time.Millisecond,
			[]int{100, 512, 1024, 1100, 2048, 5120, 10_240, 12_800, 15_000, 20_480, 25_600, 30_000}, []float64{1, 3, 10, 30, 100, 300, 1000})
		if err != nil {
			return nil, err
		}
		all[name] = heat
	}
	return all, nil
}

// decades returns 1, 2 and 5 of each decade from first to last.
func decades(first, last float64) (all []float64) {
	for d := first; d <= last; d *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if d*m <= last {
				all = append(all, d*m)
			}
		}
	}
	return all
}

var (
	tableSizes = []int{100, 512, 2048, 5120, 10_240, 20_480}
	tableRates = []float64{10, 100, 1000, 10_000, 100_000}
)

// table prices one producer's user records of several sizes at several rates.
func table(sizes []int, rates []float64) (string, error) {
	t, err := terms()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| user records | a second | one by one | KPL's rule | kinpack, keyed | keyless | saved | fill | median wait |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, size := range sizes {
		for _, rate := range rates {
			w := workload{Workload: plan.Of(rate, size, 0, plan.Keys{}).Complete()}
			keyless := plan.Of(rate, size, 0, plan.Keys{None: true})
			packings, err := plan.PackAll([]plan.Workload{w.Workload, keyless}, t.Stream)
			if err != nil {
				return "", err
			}
			one, err := w.Unpacked()
			if err != nil {
				return "", err
			}
			var usd [4]float64
			for i, f := range []cost.Flow{one, w.byTheKPL().Flow(rate), packings[0].Flow(rate), packings[1].Flow(rate)} {
				bill, err := t.Bill(plan.Sent{Flow: f})
				if err != nil {
					return "", err
				}
				usd[i] = bill.TotalUSD()
			}
			fmt.Fprintf(&b, "| %s B | %s | %s | %s | %s | %s | %.0f %% | %.2f | %s |\n", chart.Number(float64(size)), chart.Number(rate),
				dollar(usd[0]), dollar(usd[1]), dollar(usd[2]), dollar(usd[3]), 100*(1-usd[2]/usd[0]), packings[0].Fill(), millis(packings[0].Quantile(0.5)))
		}
	}
	return b.String(), nil
}

// exampleTable is AWS's example, from more and more producers.
func exampleTable() (string, error) {
	t, err := terms()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| 1,000 x 512 B a second | shard | PUT payload units | total | median wait |\n|---|---|---|---|---|\n")
	line := func(name string, f cost.Flow, wait time.Duration) error {
		bill, err := plan.Bill(f, t.Stream, t.Prices)
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** | %s |\n", name, dollar(bill.USD(cost.ShardHours)), dollar(bill.USD(cost.PutUnits)), dollar(bill.TotalUSD()), millis(wait))
		return err
	}
	w := plan.Of(1000, 512, 1, plan.Keys{})
	one, err := w.Unpacked()
	if err != nil {
		return "", err
	}
	if err := line("one by one", one, 0); err != nil {
		return "", err
	}
	big, err := plan.Of(10, 51_200, 1, plan.Keys{}).Unpacked()
	if err != nil {
		return "", err
	}
	if err := line("as 10 records of 50 KB", big, 0); err != nil {
		return "", err
	}
	for _, c := range []struct {
		name      string
		keys      plan.Keys
		producers int
	}{
		{"kinpack, one partition key", keyings["one"], 1}, {"kinpack, keys of 36 bytes, each another", keyings["unique"], 1}, {"kinpack, keyless", keyings["none"], 1},
		{"kinpack, keys each another, from 10 producers", keyings["unique"], 10}, {"from 50 producers", keyings["unique"], 50}, {"keyless, from 50 producers", keyings["none"], 50},
	} {
		w.Keys, w.Producers = c.keys, c.producers
		p, err := w.Pack()
		if err != nil {
			return "", err
		}
		if err := line(c.name, p.Flow(w.Rate), p.Quantile(0.5)); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// dollar is an amount to the cent.
func dollar(usd float64) string {
	cents := cost.Cents(usd)
	return fmt.Sprintf("$%s.%02d", chart.Number(float64(cents/100)), cents%100)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}

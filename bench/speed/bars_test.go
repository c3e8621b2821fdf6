package speed_test

// This file owns the bars: ratios between two ways, measured in turns in this process.
// They are figures of the machine, so nothing fails for one that is missed.

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

var (
	barsOn     = flag.Bool("bars", false, "measure the bars; with -v and -timeout 0")
	barsRounds = flag.Int("bars.rounds", 5, "how often each bar is measured")
)

// bar is a ratio that is wanted: what a record takes by one way over what it takes by
// another. The faster way is below where there is a least ratio, else above.
type bar struct {
	name   string
	least  float64 // 0: none
	most   float64 // 0: none
	above  func(*testing.B)
	below  func(*testing.B) // nil: what above reports is the ratio
	metric string           // "": perRecord
	value  func(*testing.T) float64
}

// TestBars prints each bar's smallest, median and greatest value of some rounds:
//
//	go test -run TestBars -bars -v -timeout 0 ./bench/speed
//	go test -run TestBars/unpack -bars -bars.rounds 3 -benchtime 300ms -v ./bench/speed
func TestBars(t *testing.T) {
	if !*barsOn {
		t.Skip("only with -bars")
	}
	vectors := "no AVX2"
	switch {
	case wide():
		vectors = "AVX-512"
	case cpu.X86.HasAVX2:
		vectors = "AVX2"
	}
	fmt.Fprintf(t.Output(), "%s, %s, %d cores, %s\n", processor(), vectors, runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(t.Output(), "%-40s %9s %7s %7s %7s\n", "", "wanted", "min", "median", "max")
	for _, bars := range [][]bar{codecBars(), producerBars(), wireBars(t), heapBars()} {
		for _, b := range bars {
			t.Run(b.name, func(t *testing.T) { b.print(t, t.Output()) })
		}
	}
}

// wide says whether digests are made with AVX-512, which GODEBUG=cpu.avx512f=off
// turns off.
func wide() bool { return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL }

func (b *bar) print(t *testing.T, w io.Writer) {
	var values []float64
	for range *barsRounds {
		values = append(values, b.round(t))
	}
	slices.Sort(values)
	median := values[len(values)/2]
	wanted, verdict := fmt.Sprintf(">= %g", b.least), ""
	missed := median < b.least
	if b.most > 0 {
		wanted, missed = fmt.Sprintf("<= %g", b.most), median > b.most
	}
	if missed {
		verdict = "missed"
	}
	fmt.Fprintf(w, "%-40s %9s %7.3f %7.3f %7.3f %s\n", b.name, wanted, values[0], median, values[len(values)-1], verdict)
}

// round measures above, below, below and above.
func (b *bar) round(t *testing.T) float64 {
	switch {
	case b.value != nil:
		return b.value(t)
	case b.below == nil:
		return b.measure(t, b.above)
	}
	above := b.measure(t, b.above)
	below := b.measure(t, b.below) + b.measure(t, b.below)
	return (above + b.measure(t, b.above)) / below
}

func (b *bar) measure(t *testing.T, f func(*testing.B)) float64 {
	metric := b.metric
	if metric == "" {
		metric = perRecord
	}
	v := testing.Benchmark(f).Extra[metric]
	if v == 0 {
		t.Fatalf("the benchmark has failed, or reports no %s", metric)
	}
	return v
}

// codecBars: one aggregate is as fast as it was before there was a way to hash many,
// and many are hashed together.
func codecBars() (all []bar) {
	for i, l := range synthetic(100, 512, 2048) {
		one := func(way string) func(*testing.B) { return func(b *testing.B) { unpackOne(b, l, way) } }
		all = append(all, bar{name: "unpack/one/" + l.name, least: []float64{2.2, 1.5, 1.35}[i], above: one("proto"), below: one("kinpack")})
		for _, n := range batchSizes {
			many := func(way string) func(*testing.B) { return func(b *testing.B) { unpackMany(b, l, n, way) } }
			least := []float64{3.5, 3, 3}[i]
			if wide() {
				least = []float64{5, 4, 4}[i]
			}
			all = append(all, bar{name: fmt.Sprintf("unpack/%d-together/%s", n, l.name), least: least, above: many("proto"), below: many("batch")})
		}
	}
	for i, l := range synthetic(100, 512, 2048) {
		one := func(way string) func(*testing.B) { return func(b *testing.B) { packOne(b, l, way) } }
		all = append(all, bar{name: "pack/one/" + l.name, least: []float64{2.2, 1.5, 1.3}[i], above: one("proto"), below: one("kinpack")})
	}
	l := ofSize(100, manyKeys)
	for _, n := range batchSizes {
		many := func(way string) func(*testing.B) { return func(b *testing.B) { packMany(b, l, n, way) } }
		least := 3.0
		if wide() {
			least = 4
		}
		all = append(all, bar{name: fmt.Sprintf("pack/%d-together/%s", n, l.name), least: least, above: many("proto"), below: many("batch")})
	}
	return all
}

// producerBars: the whole producer with a Client that answers at once.
func producerBars() (all []bar) {
	for _, shards := range []int{16, 4, 1} {
		for i, l := range synthetic(100, 512) {
			all = append(all, bar{name: fmt.Sprintf("producer/%d-shards/%s", shards, l.name), most: []float64{0.9, 0.7}[i],
				above: func(b *testing.B) { floodInstant(b, l, shards) }, below: func(b *testing.B) { packAlone(b, l) }})
		}
	}
	l := ofSize(100, manyKeys)
	for _, room := range []string{"default", "ample"} {
		grown := func(shards int) func(*testing.B) { return func(b *testing.B) { floodRoom(b, l, shards, room) } }
		all = append(all, bar{name: "growth/16-to-1000-shards/" + room + "-room", most: 1.15, above: grown(1000), below: grown(16)})
	}
	few, many := ofSize(100, 10), ofSize(100, 1_000_000)
	keyed := func(l *load) func(*testing.B) { return func(b *testing.B) { floodInstant(b, l, 16) } }
	return append(all, bar{name: "growth/10-to-1000000-keys", most: 1.5, above: keyed(many), below: keyed(few)})
}

// wireBars: over TLS, to a server that speaks HTTP/2.
func wireBars(t *testing.T) (all []bar) {
	r := startServer(t, serverConfig{Shards: 4})
	for i, l := range synthetic(100, 512, 2048) {
		by := func(wire string) func(*testing.B) { return func(b *testing.B) { floodTLS(b, r, l, wire) } }
		all = append(all,
			bar{name: "tls/cbor/" + l.name, least: []float64{1.3, 1.8, 1.8}[i], above: by("stock"), below: by("cbor")},
			bar{name: "tls/json/" + l.name, least: []float64{1.2, 1.4, 1.4}[i], above: by("stock"), below: by("json")},
			bar{name: "tls/cbor-wire-bytes/" + l.name, most: 1.03, above: by("cbor"), metric: perPackedByte})
	}
	return all
}

// heapBars: over TLS to a server that reads and does not answer.
func heapBars() (all []bar) {
	for _, shards := range heapShards {
		for _, l := range synthetic(100, 2048) {
			for _, wire := range wireNames()[1:] {
				all = append(all, bar{name: fmt.Sprintf("heap/%s/%d-shards/%s", wire, shards, l.name), most: 1.5,
					value: func(t *testing.T) float64 { return peakHeap(t, readsAll, shards, l, wire) }})
			}
		}
	}
	return all
}

// processor returns its name, where there is a file that tells.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // else its architecture has to do
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}

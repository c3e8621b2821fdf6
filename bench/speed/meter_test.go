package speed_test

// This file owns how things are measured: in turns, and by the processor time of
// the whole process, garbage collection included.

import (
	"fmt"
	"testing"
	"time"

	"github.com/kinpack/kinpack/internal/cputime"
)

// perRecord is the metric that all ratios are made of.
const perRecord = "cpu-ns/record"

// turns runs f by every way twice, forth and back (A B C C B A), so that a change of
// the machine's speed hits all of them.
func turns(b *testing.B, name string, ways []string, f func(b *testing.B, way string)) {
	turnsOf(b, name, "by", ways, f)
}

// turnsOf is turns where the ways differ in something else.
func turnsOf(b *testing.B, name, what string, ways []string, f func(b *testing.B, way string)) {
	n := len(ways)
	for i := range 2 * n {
		way := ways[min(i, 2*n-1-i)]
		b.Run(fmt.Sprintf("%s/turn=%d/%s=%s", name, i/n+1, what, way), func(b *testing.B) { f(b, way) })
	}
}

// meter adds processor time up.
type meter struct{ used, from time.Duration }

func (m *meter) start() { m.from = cputime.Used() }
func (m *meter) stop()  { m.used += cputime.Used() - m.from }

// report says what each of n user records took.
func (m *meter) report(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	b.ReportMetric(float64(m.used.Nanoseconds())/float64(n), perRecord)
	if m.used > 0 { // it is known, and the clock has ticked
		b.ReportMetric(float64(n)/m.used.Seconds(), "records/cpu-s")
	}
}

// loop measures one round of n user records, again and again, once its buffers have
// grown.
func loop(b *testing.B, n int, round func()) {
	round()
	b.ReportAllocs()
	var m meter
	m.start()
	for b.Loop() {
		round()
	}
	m.stop()
	m.report(b, b.N*n)
}

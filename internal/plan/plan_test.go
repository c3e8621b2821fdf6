package plan_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/chart"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/producer"
)

func pack(t *testing.T, w plan.Workload) *plan.Packing {
	t.Helper()
	p, err := w.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is packed is what the producer makes of it, scaled to the rate.
func TestPack(t *testing.T) {
	p := pack(t, plan.Of(1000, 512, 1, plan.Keys{}))
	if p.PerAggregate() != 91 || math.Abs(p.Fill()-0.992) > 0.001 || math.Abs(p.UnitsPerMillion()-1e6*2/91) > 1e-6 {
		t.Errorf("%v user records a Kinesis record, fill %v", p.PerAggregate(), p.Fill())
	}
	f := p.Flow(1000)
	if f.UserRecordsPerSecond != 1000 || math.Abs(f.PutUnitsPerSecond-2000./91) > 1e-9 || f.KeyBytesPerSecond != 0 || p.KeyFlow(1000) >= 12 {
		t.Errorf("%+v", f)
	}
	if f.RoundedBytesPerSecond < f.DataBytesPerSecond || math.Abs(f.KinesisRecordsPerSecond-1000./91) > 1e-9 {
		t.Errorf("%+v", f)
	}
	if m, most := p.Quantile(0.5), p.Quantile(1); m < 40*time.Millisecond || m > 50*time.Millisecond || most > 100*time.Millisecond || p.Quantile(0) != 0 {
		t.Errorf("waits of %v to %v, median %v", p.Quantile(0), most, m)
	}
	if q := new(plan.Packing).Quantile(0.5); q != 0 {
		t.Errorf("nothing waited %v", q)
	}
	// Ten producers pack a tenth each, and worse.
	w := plan.Of(1000, 512, 1, plan.Keys{})
	w.Producers = 10
	if q := pack(t, w); q.UnitsPerMillion() < 4*p.UnitsPerMillion() {
		t.Errorf("10 producers take %.0f units a million, 1 takes %.0f", q.UnitsPerMillion(), p.UnitsPerMillion())
	}
	// A long buffered time and few records: something is sent all the same.
	w = plan.Of(0.001, 10, 1, plan.Keys{})
	w.Buffer = 7 * 24 * time.Hour
	if q := pack(t, w); q.KinesisRecords == 0 || q.PerAggregate() < 400 {
		t.Errorf("%d Kinesis records of %v", q.KinesisRecords, q.PerAggregate())
	}
	// Records larger than a stream takes by default.
	if q := pack(t, plan.Of(1, 5<<20, 10, plan.Keys{})); q.Units != 205*q.KinesisRecords {
		t.Errorf("%d units of %d Kinesis records", q.Units, q.KinesisRecords)
	}
}

func TestBilling(t *testing.T) {
	w := plan.Of(1000, 512, 1, plan.Keys{})
	w.Billing = cost.Billing{PutUnitBytes: 500, KeyCounts: true}
	p := pack(t, w)
	if f := p.Flow(1000); f.KeyBytesPerSecond == 0 || p.Fill() > 1 || p.Fill() < 0.9 {
		t.Errorf("%+v, fill %v", f, p.Fill())
	}
	f, err := w.Unpacked()
	if err != nil || f.PutUnitsPerSecond != 2000 || f.KeyBytesPerSecond != 36_000 {
		t.Errorf("%+v, %v", f, err)
	}
	w.Billing = cost.Billing{}
	if f, err := w.Unpacked(); err != nil || f.PutUnitsPerSecond != 1000 || f.KeyBytesPerSecond != 0 || w.KeyFlow() != 36_000 {
		t.Errorf("%+v, %v", f, err)
	}
}

// A stream that is too small is billed with as many shards as it takes.
func TestBill(t *testing.T) {
	prices, err := cost.PricesIn("us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	f := cost.Flow{KinesisRecordsPerSecond: 2500}
	for _, c := range []struct {
		mode          cost.Mode
		shards, wants int
	}{{cost.Provisioned, 0, 3}, {cost.Provisioned, 2, 3}, {cost.Provisioned, 5, 5}, {cost.OnDemand, 0, 0}} {
		if b, err := plan.Bill(f, cost.Stream{Mode: c.mode, Shards: c.shards}, prices); err != nil || b.Shards != c.wants {
			t.Errorf("%+v: %d shards, %v", c, b.Shards, err)
		}
	}
}

// Of many shards some are forecast, over several buffered times.
func TestManyShards(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		size   int
		buffer time.Duration
	}{{40_000, 512, time.Second}, {410_000, 512, 100 * time.Millisecond}, {1e6, 20, 100 * time.Millisecond}, {500, 512, 100 * time.Millisecond}} {
		some, many := plan.Of(c.rate/20, c.size, 50, plan.Keys{}), plan.Of(c.rate, c.size, 1000, plan.Keys{})
		some.Buffer, many.Buffer = c.buffer, c.buffer
		a, b := pack(t, some).UnitsPerMillion(), pack(t, many).UnitsPerMillion()
		if d := a/b - 1; d > 0.02 || d < -0.02 {
			t.Errorf("%+v: %.0f units a million on 50 shards, %.0f on 1,000", c, a, b)
		}
	}
}

// Records of somebody's own, with and without keys.
func TestRecords(t *testing.T) {
	w := plan.Workload{Rate: 100, Records: []producer.Record{
		{PartitionKey: "abc", Data: make([]byte, 100)}, {Data: make([]byte, 300)},
	}}.Complete()
	if data, key := w.MeanBytes(); data != 200 || key != 2 {
		t.Errorf("%v bytes and keys of %v", data, key)
	}
	if f, err := w.Unpacked(); err != nil || f.DataBytesPerSecond != 20_000 || w.KeyFlow() != 100*(3+plan.UniqueBytes)/2. {
		t.Errorf("%+v, %v; keys %v", f, err, w.KeyFlow())
	}
	if r := w.Record(3); r.PartitionKey != "" || len(r.Data) != 300 {
		t.Errorf("%+v", r)
	}
	if p := pack(t, w); p.PerAggregate() < 2 {
		t.Errorf("%v user records a Kinesis record", p.PerAggregate())
	}
}

func TestKeys(t *testing.T) {
	distinct := func(k plan.Keys) int {
		seen := map[string]bool{}
		w := plan.Of(1, 1, 1, k)
		for i := range 2000 {
			key := w.Record(i).PartitionKey
			if k.Bytes > 0 && len(key) != k.Bytes {
				t.Fatalf("%q, want %d bytes", key, k.Bytes)
			}
			seen[key] = true
		}
		return len(seen)
	}
	for _, c := range []struct {
		keys plan.Keys
		want int
	}{{plan.Keys{}, 2000}, {plan.Keys{Bytes: 256}, 2000}, {plan.Keys{Distinct: 7, Bytes: 16}, 7}, {plan.Keys{None: true}, 1}} {
		if got := distinct(c.keys); got != c.want {
			t.Errorf("%+v: %d keys, want %d", c.keys, got, c.want)
		}
	}
	if a, b := plan.Of(1, 1, 1, plan.Keys{}).Record(5), plan.Of(9, 9, 9, plan.Keys{}).Record(5); a.PartitionKey != b.PartitionKey {
		t.Errorf("%q, %q", a.PartitionKey, b.PartitionKey)
	}
}

// Shards that are not given are as many as the packed bytes need.
func TestComplete(t *testing.T) {
	for _, c := range []struct {
		w    plan.Workload
		want int
	}{
		{plan.Workload{Rate: 1000, Size: 512}, 1},
		{plan.Workload{Rate: 10_000, Size: 512}, 6},
		{plan.Workload{Rate: 10_000, Size: 512, Keys: plan.Keys{None: true}}, 5},
		{plan.Workload{Rate: 10_000, Size: 512, Shards: 3}, 3},
		{plan.Workload{Rate: 1e9, Size: 1 << 20}, 100_000},
	} {
		w := c.w.Complete()
		if w.Shards != c.want || w.Producers != 1 || w.Buffer != 100*time.Millisecond || w.Unit != producer.PutUnit {
			t.Errorf("%+v: want %d shards", w, c.want)
		}
		if room := w.Room(); c.w.Shards == 0 && c.want < 100_000 && room < 1 {
			t.Errorf("%+v: room for %v of the rate", w, room)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		w    plan.Workload
		want string
	}{
		{plan.Workload{Size: 1}, "a rate of 0 "},
		{plan.Workload{Rate: math.NaN()}, "a rate of NaN"},
		{plan.Workload{Rate: 1, Size: -1}, "user records of -1 bytes"},
		{plan.Workload{Rate: 1, Size: 11 << 20}, "user records of 11534336 bytes"},
		{plan.Workload{Rate: 1, Keys: plan.Keys{Bytes: 257}}, "partition keys of 257 bytes"},
		{plan.Workload{Rate: 1, Keys: plan.Keys{Distinct: -1}}, "-1 partition keys"},
		{plan.Workload{Rate: 1, Shards: -1}, "-1 shards"},
		{plan.Workload{Rate: 1, Producers: -1}, "-1 producers"},
	} {
		for _, err := range []error{second(c.w.Pack()), second(c.w.Unpacked())} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v, want %q", c.w, err, c.want)
			}
		}
	}
	w := plan.Workload{Rate: 1, Size: 1, Buffer: -1}
	if _, err := w.Pack(); err == nil || !strings.Contains(err.Error(), "WithMaxBufferedTime") {
		t.Errorf("%v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func terms(t *testing.T, mode cost.Mode) plan.Terms {
	t.Helper()
	p, err := cost.PricesIn("us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Terms{Prices: p, Stream: cost.Stream{Mode: mode, Consumers: 1}}
}

// Dollars rise with the rate, and packed they are fewer.
func TestDollarsOverRate(t *testing.T) {
	c, err := plan.DollarsOverRate(terms(t, cost.Provisioned), []plan.Named{{Name: "x", Workload: plan.Of(1, 512, 0, plan.Keys{})}}, []float64{100, 1000, 10_000})
	if err != nil {
		t.Fatal(err)
	}
	one, packed := c.Series[0], c.Series[1]
	if len(c.Series) != 2 || len(one.Points) != 3 || one.Tone != packed.Tone || !one.Dashed || packed.Dashed {
		t.Fatalf("%+v", c.Series)
	}
	if cost.Cents(one.Points[1].Y) != 4774 || cost.Cents(packed.Points[1].Y) != 1176 {
		t.Errorf("at 1,000: %v and %v", one.Points[1], packed.Points[1])
	}
	for i := range one.Points {
		if one.Points[i].Y < packed.Points[i].Y || i > 0 && one.Points[i].Y <= one.Points[i-1].Y {
			t.Errorf("%v, packed %v", one.Points[i], packed.Points[i])
		}
	}
	drawn(t, c)
}

func TestOverBuffer(t *testing.T) {
	w := plan.Of(1, 512, 4, plan.Keys{None: true})
	fill, wait, err := plan.OverBuffer(cost.Provisioned, w, []float64{10, 1000}, []time.Duration{50 * time.Millisecond, time.Second})
	if err != nil {
		t.Fatal(err)
	}
	short, long := fill.Series[0].Points, fill.Series[1].Points
	if short[0].Y >= long[0].Y || short[0].Y >= short[1].Y || long[1].Y < 0.98 {
		t.Errorf("fill %v, %v", short, long)
	}
	if a, b := wait.Series[0].Points, wait.Series[1].Points; a[0].Y >= b[0].Y || a[0].Y > 50 || b[1].Y > 60 {
		t.Errorf("wait %v, %v", a, b)
	}
	if !strings.Contains(fill.Subtitle, "512 bytes, keyless, 4 shards") {
		t.Error(fill.Subtitle)
	}
	drawn(t, fill)
	drawn(t, wait)
}

func TestOverProducers(t *testing.T) {
	for _, keys := range []plan.Keys{{}, {None: true}} {
		c, err := plan.OverProducers(cost.Provisioned, plan.Of(1000, 512, 1, keys), []int{1, 10}, []int{1, 10})
		if err != nil {
			t.Fatal(err)
		}
		keyless, one, ten := c.Series[0].Points, c.Series[1].Points, c.Series[2].Points
		if len(c.Series) != 3 || keyless[0].Y < 0.98 || one[0].Y < 0.98 || ten[0].Y > 0.3 || keyless[1].Y > 0.3 {
			t.Errorf("%+v", c.Series)
		}
		drawn(t, c)
	}
}

// Small records save most, and full ones nothing.
func TestWherePays(t *testing.T) {
	for _, mode := range []cost.Mode{cost.Provisioned, cost.OnDemand} {
		c, err := plan.WherePays(mode, 100*time.Millisecond, []int{100, 1024, 25_600}, []float64{1, 1000})
		if err != nil {
			t.Fatal(err)
		}
		if v := c.Value; v[0][1] < 0.8 || v[0][0] > 0.1 || v[2][0] != 0 || v[2][1] > 0 || v[2][1] < -0.01 {
			t.Errorf("%v: %v", mode, v)
		}
		if onDemand := mode == cost.OnDemand; onDemand != (c.Value[1][1] < 0) {
			t.Errorf("%v: records of 1,024 bytes: %v", mode, c.Value[1][1])
		}
		for v, want := range map[float64]string{0.456: "46%", 0: "0%", -0.034: "-3%", 1: "100%"} {
			if got := c.Format(v); got != want {
				t.Errorf("%v is %s, want %s", v, got, want)
			}
		}
		drawn(t, c)
	}
}

func drawn(t *testing.T, c interface{ SVG() ([]byte, error) }) {
	t.Helper()
	if svg, err := c.SVG(); err != nil || len(svg) < 1000 {
		t.Errorf("%d bytes, %v", len(svg), err)
	}
}

// What cannot be packed or priced cannot be drawn.
func TestChartErrors(t *testing.T) {
	good, bad := plan.Of(1, 512, 1, plan.Keys{}), plan.Of(1, -1, 1, plan.Keys{})
	unpriced := plan.Terms{Prices: cost.Prices{Region: "nowhere"}}
	named := func(w plan.Workload) []plan.Named { return []plan.Named{{Name: "x", Workload: w}} }
	_, _, overBuffer := plan.OverBuffer(cost.Provisioned, bad, []float64{1}, []time.Duration{1})
	for i, err := range []error{
		second[*chart.Lines](plan.DollarsOverRate(terms(t, cost.Provisioned), named(bad), []float64{1})),
		second[*chart.Lines](plan.DollarsOverRate(unpriced, named(good), []float64{1})),
		overBuffer,
		second[*chart.Lines](plan.OverProducers(cost.Provisioned, bad, []int{1}, []int{1})),
		second[*chart.Heat](plan.WherePays(cost.Provisioned, 1, []int{-1}, []float64{1})),
	} {
		if err == nil {
			t.Errorf("%d: no error", i)
		}
	}
}

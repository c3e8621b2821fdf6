package cost_test

import (
	"math"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

func TestCents(t *testing.T) {
	for usd, want := range map[float64]int64{
		0: 0, 0.004: 0, 0.005: 1, 0.0149999: 1, 0.015: 2, 1.005: 101, 2.675: 268, 1e6 + 0.005: 100_000_001, 47.7420: 4774,
		-0.005: 0, -0.006: -1, -1.25: -125, 29.199999999999996: 2920,
	} {
		if got := cost.Cents(usd); got != want {
			t.Errorf("%v dollars are %d cents, want %d", usd, got, want)
		}
	}
}

func TestBill(t *testing.T) {
	f := steady(t, 1000, 512, 36)
	stream := billOf(t, cost.Stream{}, f, virginia)
	road, err := cost.Network{Path: cost.NAT}.Bill(f, prices(t, virginia))
	if err != nil {
		t.Fatal(err)
	}
	all := stream.Plus(road)
	if all.Shards != 1 || all.Currency != "USD" || len(all.Lines) != 4 || !near(all.TotalUSD(), stream.TotalUSD()+road.TotalUSD()) {
		t.Errorf("got %+v of %+v and %+v", all, stream, road)
	}
	if got := all.USD(cost.ShardHours, cost.NATHours, cost.DataIn); !near(got, 10.95+32.85) {
		t.Errorf("shard and gateway hours: %v", got)
	}
	if got := all.USD(); got != 0 {
		t.Errorf("no item: %v", got)
	}
	// Five lines, so that there may be room for more.
	long := billOf(t, cost.Stream{FanOutConsumers: 1, RetentionHours: 25}, f, virginia)
	first := long.Plus(road)
	long.Plus(stream)
	first.Lines[0].USD++
	if first.Lines[5].Item != cost.NATHours || near(first.Lines[0].USD, long.Lines[0].USD) {
		t.Error("Plus shares lines")
	}
}

// What does not depend on the flow stays, the rest doubles with it, in all modes.
func TestTwiceTheFlow(t *testing.T) {
	fixed := map[cost.Item]bool{cost.ShardHours: true, cost.StreamHours: true, cost.FanOutHours: true, cost.ExtendedHours: true,
		cost.LongTermRetrieval: true, cost.PrivateLinkHours: true, cost.NATHours: true}
	for mode := cost.Provisioned; mode <= cost.Advantage; mode++ {
		s := cost.Stream{Mode: mode, Shards: 1000, Consumers: 3, FanOutConsumers: 2, RetentionHours: 1000, RetrievedGBPerMonth: 5}
		f := steady(t, 20_000, 3000, 10)
		one, two := billOf(t, s, f, virginia), billOf(t, s, f.Times(2), virginia)
		for path := cost.PrivateLink; path <= cost.NAT; path++ {
			for i, b := range []*cost.Bill{&one, &two} {
				road, err := cost.Network{Path: path}.Bill(f.Times(float64(i+1)), prices(t, virginia))
				if err != nil {
					t.Fatal(err)
				}
				*b = b.Plus(road)
			}
		}
		if len(one.Lines) != len(two.Lines) {
			t.Fatalf("%s: lines %+v and %+v", mode, one.Lines, two.Lines)
		}
		for i, l := range one.Lines {
			want := 2 * l.USD
			if fixed[l.Item] {
				want = l.USD
			}
			if got := two.Lines[i]; got.Item != l.Item || !near(got.USD, want) || l.USD <= 0 {
				t.Errorf("%s: %+v for twice %+v", mode, got, l)
			}
		}
	}
}

// Whatever is asked: no panic, and either an error or a bill that adds up, whose
// lines are numbers, that is no cheaper for more of the same, and no dearer for
// fewer readers, without keeping, or for the same bytes in one record.
func FuzzBill(f *testing.F) {
	f.Add(1000.0, 512, 36, 0, 1, 0, 0, 24.0, 0.0, 730.0, 25_600, 1024, false)
	f.Add(3.0, 200<<10, 10, 2, 0, 2, 1, 8760.0, 7.0, 744.0, 0, 0, true)
	f.Add(math.Inf(1), -1, 2000, 9, -1, -1, -1, math.NaN(), -1.0, 1e300, -1, -1, true)
	f.Add(1e12, 10<<20, 1024, 1, 1_000_000, 100_000, 100_000, 8760.0, 1e12, 744.0, 1, 1, true)
	f.Fuzz(func(t *testing.T, rate float64, data, key, mode, shards, consumers, fanOut int, retention, retrieved, hours float64, unit, step int, keyCounts bool) {
		billing := cost.Billing{PutUnitBytes: unit, StepBytes: step, KeyCounts: keyCounts}
		if units, rounded := billing.Units(data, key), billing.Rounded(data, key); units < 1 || rounded < 1 {
			t.Fatalf("%d units, %d bytes rounded", units, rounded)
		}
		flow, err := cost.Steady(rate, data, key, billing)
		if err != nil {
			flow = cost.Flow{UserRecordsPerSecond: rate, KinesisRecordsPerSecond: rate, DataBytesPerSecond: float64(data)}
		}
		s := cost.Stream{Mode: cost.Mode(mode), Shards: shards, Consumers: consumers, FanOutConsumers: fanOut,
			RetentionHours: retention, RetrievedGBPerMonth: retrieved, HoursPerMonth: hours}
		if n := s.ShardsNeeded(flow); n < 1 {
			t.Fatalf("%d shards", n)
		}
		p := prices(t, virginia)
		for path := cost.Direct; path <= cost.NAT; path++ {
			check(t, func(f cost.Flow) (cost.Bill, error) {
				return cost.Network{Path: path, Encoding: cost.Encoding(mode), AvailabilityZones: shards, HoursPerMonth: hours}.Bill(f, p)
			}, flow)
		}
		check(t, func(f cost.Flow) (cost.Bill, error) {
			return cost.Lambda{Shards: shards, BatchSize: consumers, WindowSeconds: retention, MemoryMB: unit,
				MillisecondsPerInvocation: retrieved, HoursPerMonth: hours}.Bill(f, p)
		}, flow)
		bill, ok := check(t, func(f cost.Flow) (cost.Bill, error) { return s.Bill(f, p) }, flow)
		if !ok {
			return
		}
		for name, change := range map[string]func(*cost.Stream){
			"no consumer":  func(s *cost.Stream) { s.Consumers = 0 },
			"no fan-out":   func(s *cost.Stream) { s.FanOutConsumers = 0 },
			"no retention": func(s *cost.Stream) { s.RetentionHours = 0 },
			"no retrieval": func(s *cost.Stream) { s.RetrievedGBPerMonth = 0 },
		} {
			less := s
			change(&less)
			if b, err := less.Bill(flow, p); err != nil || b.TotalUSD() > bill.TotalUSD()*(1+1e-9) {
				t.Errorf("%s: %v, %v, dearer than %v", name, b.TotalUSD(), err, bill.TotalUSD())
			}
		}
		if half, err := cost.Steady(2*rate, data/2, key, billing); err == nil && data%2 == 0 && key == 0 {
			if b, err := s.Bill(half, p); err == nil && b.TotalUSD() < bill.TotalUSD()*(1-1e-9) {
				t.Errorf("in halves: %v, whole: %v", b.TotalUSD(), bill.TotalUSD())
			}
		}
	})
}

// check bills a flow and twice of it.
func check(t *testing.T, price func(cost.Flow) (cost.Bill, error), f cost.Flow) (bill cost.Bill, ok bool) {
	t.Helper()
	bill, err := price(f)
	if err != nil {
		if bill.Lines != nil {
			t.Errorf("%v: a bill besides: %+v", err, bill)
		}
		return bill, false
	}
	var sum float64
	for _, l := range bill.Lines {
		if !(l.Quantity >= 0) || !(l.USD >= 0) || math.IsInf(l.USD, 0) || l.USD != l.Quantity*l.PriceUSD || l.Item == "" || l.Unit == "" {
			t.Errorf("line %+v", l)
		}
		sum += l.USD
	}
	if got := bill.TotalUSD(); got != sum {
		t.Errorf("total %v, sum of the lines %v", got, sum)
	}
	if twice, err := price(f.Times(2)); err == nil && twice.TotalUSD() < sum*(1-1e-9) {
		t.Errorf("twice the flow: %v, once %v", twice.TotalUSD(), sum)
	}
	return bill, true
}

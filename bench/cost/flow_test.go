package cost_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		billing        cost.Billing
		data, key      int
		units, rounded int
	}{
		{data: 25_600, units: 1, rounded: 25_600},
		{data: 25_601, units: 2, rounded: 26_624},
		{data: 51_200, units: 2, rounded: 51_200},
		{data: 51_201, units: 3, rounded: 52_224},
		{data: 1 << 20, units: 41, rounded: 1 << 20},
		{data: 10 << 20, units: 410, rounded: 10 << 20},
		{data: 0, units: 1, rounded: 1024},
		{data: 1, units: 1, rounded: 1024},
		{data: 4608, units: 1, rounded: 5120}, // AWS's example of on-demand: 4.5 KB are 5
		{data: -1, key: -1, units: 1, rounded: 1024},
		{data: math.MaxInt, units: 20_972, rounded: 1 << 29},
		{cost.Billing{PutUnitBytes: math.MaxInt, StepBytes: 1<<30 - 1, KeyCounts: true}, math.MaxInt, math.MaxInt, 1, 1<<31 - 2},
		{data: 25_600, key: 1, units: 1, rounded: 25_600},
		{cost.Billing{KeyCounts: true}, 25_600, 1, 2, 26_624},
		{cost.Billing{KeyCounts: true}, 25_600, -1, 1, 25_600},
		{cost.Billing{KeyCounts: true}, -25_600, 25_601, 2, 26_624},
		{cost.Billing{PutUnitBytes: 1000, StepBytes: 10}, 1001, 0, 2, 1010},
	} {
		if got := c.billing.Units(c.data, c.key); got != c.units {
			t.Errorf("%+v: %d+%d bytes are %d units, want %d", c.billing, c.data, c.key, got, c.units)
		}
		if got := c.billing.Rounded(c.data, c.key); got != c.rounded {
			t.Errorf("%+v: %d+%d bytes are rounded to %d, want %d", c.billing, c.data, c.key, got, c.rounded)
		}
	}
}

func TestSteady(t *testing.T) {
	got, err := cost.Steady(2.5, 30_000, 36, cost.Billing{KeyCounts: true})
	want := cost.Flow{UserRecordsPerSecond: 2.5, KinesisRecordsPerSecond: 2.5, DataBytesPerSecond: 75_000,
		KeyBytesPerSecond: 90, PutUnitsPerSecond: 5, RoundedBytesPerSecond: 2.5 * 30_720}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// A mixture is the mean of what it is made of, and its rate is kept to the bit.
func TestOf(t *testing.T) {
	sizes := []cost.Size{{100, 1}, {100, 3}, {30_000, 2}}
	got, err := cost.Of(3000, sizes, cost.Billing{})
	want := cost.Flow{UserRecordsPerSecond: 3000, KinesisRecordsPerSecond: 3000, DataBytesPerSecond: 30_200_000,
		KeyBytesPerSecond: 6000, PutUnitsPerSecond: 4000, RoundedBytesPerSecond: 1000 * (1024 + 1024 + 30_720)}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err = cost.Of(1000, make([]cost.Size, 15), cost.Billing{}); got.KinesisRecordsPerSecond != 1000 || err != nil {
		t.Errorf("%v records a second, %v", got.KinesisRecordsPerSecond, err)
	}
}

func TestOfRefuses(t *testing.T) {
	one := []cost.Size{{}}
	for _, c := range []struct {
		rate    float64
		sizes   []cost.Size
		billing cost.Billing
		want    []string
	}{
		{-1, one, cost.Billing{}, []string{"-1 records a second, want 0 to 1e+12"}},
		{math.NaN(), one, cost.Billing{}, []string{"NaN records a second"}},
		{math.Inf(1), one, cost.Billing{}, []string{"+Inf records a second"}},
		{1, nil, cost.Billing{}, []string{"0 sizes of records, want at least 1"}},
		{1, []cost.Size{{}, {-1, 0}}, cost.Billing{}, []string{"record 1 has -1 bytes of data and 0 of partition key, want 0 to 10485760 and 0 to 1024"}},
		{1, []cost.Size{{10<<20 + 1, 0}}, cost.Billing{}, []string{"10485761 bytes of data"}},
		{1, []cost.Size{{0, -1}}, cost.Billing{}, []string{"-1 of partition key"}},
		{1, []cost.Size{{0, 1025}}, cost.Billing{}, []string{"1025 of partition key"}},
		{-2, nil, cost.Billing{PutUnitBytes: -1, StepBytes: -3}, []string{"-2 records", "-1 bytes a PUT payload unit, want 0", "-3 bytes a step", "0 sizes"}},
	} {
		f, err := cost.Of(c.rate, c.sizes, c.billing)
		refused(t, err, c.want)
		if f != (cost.Flow{}) {
			t.Errorf("%v: a flow besides: %+v", err, f)
		}
	}
}

// refused checks that an error says all of it.
func refused(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, "cost: ") {
			t.Errorf("line %q of the error does not say whose it is", line)
		}
	}
}

func TestTimes(t *testing.T) {
	f := cost.Flow{UserRecordsPerSecond: 1, KinesisRecordsPerSecond: 2, DataBytesPerSecond: 3, KeyBytesPerSecond: 4,
		PutUnitsPerSecond: 5, RoundedBytesPerSecond: 6, CallsPerSecond: 7}
	want := cost.Flow{UserRecordsPerSecond: 2, KinesisRecordsPerSecond: 4, DataBytesPerSecond: 6, KeyBytesPerSecond: 8,
		PutUnitsPerSecond: 10, RoundedBytesPerSecond: 12, CallsPerSecond: 14}
	if got := f.Times(2); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := f.Plus(f); got != want {
		t.Errorf("plus itself: %+v, want %+v", got, want)
	}
}

// A flow that says how many calls there are, and one that does not: 500 records or
// 5 MiB a call.
func TestPlusOfCalls(t *testing.T) {
	known := cost.Flow{CallsPerSecond: 2}
	for _, c := range []struct {
		other cost.Flow
		want  float64
	}{
		{cost.Flow{KinesisRecordsPerSecond: 1500}, 5},
		{cost.Flow{KinesisRecordsPerSecond: 500, DataBytesPerSecond: 9 << 20, KeyBytesPerSecond: 1 << 20}, 4},
	} {
		if got := known.Plus(c.other).CallsPerSecond; got != c.want {
			t.Errorf("%v calls a second, want %v", got, c.want)
		}
		if got := c.other.Plus(known).CallsPerSecond; got != c.want {
			t.Errorf("the other way round: %v calls a second, want %v", got, c.want)
		}
		if got := c.other.Plus(c.other).CallsPerSecond; got != 0 {
			t.Errorf("%v calls a second of flows that say nothing of them", got)
		}
	}
}

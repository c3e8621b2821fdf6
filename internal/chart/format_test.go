package chart_test

import (
	"math"
	"testing"

	"github.com/kinpack/kinpack/internal/chart"
)

func TestFormats(t *testing.T) {
	for _, tc := range []struct {
		name   string
		format func(float64) string
		want   map[float64]string
	}{
		{"Number", chart.Number, map[float64]string{
			0: "0", 0.25: "0.25", 1: "1", 1.23456: "1.235", 999.94: "999.9", 999.96: "1,000", 1095: "1,095", 20480: "20,480",
			1234567: "1,234,567", -1234.4: "-1,234", -0.5: "-0.5", 1e15: "1e+15", 1e-6: "0.000001", 1e-7: "1e-07",
			math.Inf(1): "+Inf", math.Copysign(0, -1): "0"}},
		{"Count", chart.Count, map[float64]string{
			0: "0", 10: "10", 1000: "1,000", 20480: "20,480", 99999: "99,999", 100_000: "100k", 123_456: "123k", 999_499: "999k",
			999_960: "1M", 1_500_000: "1.5M", 2e9: "2G", 3.14159e12: "3.14T", -250_000: "-250k", 1e15: "1e+15", 0.5: "0.5"}},
		{"Dollars", chart.Dollars, map[float64]string{
			0: "$0", 0.74: "$0.74", 11.69: "$11.69", 47.736: "$47.74", 0.1: "$0.10", 1: "$1", 99.994: "$99.99", 99.996: "$100",
			153.6: "$154", 1095: "$1,095", 9999.4: "$9,999", 9999.6: "$10k", 12_000: "$12k", 12_345: "$12.3k", 999_960: "$1M",
			0.0004567: "$0.00046", 0.00999: "$0.01", -3.5: "-$3.50", -20_000: "-$20k", math.Copysign(0, -1): "$0"}},
		{"Percent", chart.Percent, map[float64]string{
			0: "0%", 0.755: "75.5%", 1: "100%", 0.9996: "99.96%", 0.99996: "99.996%", 0.9999999: "100%", 0.0002: "0.02%", 0.00002: "0.002%", 1e-9: "0%",
			-0.032: "-3.2%", 1.5: "150%", -12.5: "-1,250%", -1e-9: "0%"}},
		{"Millis", chart.Millis, map[float64]string{
			0: "0 ms", 0.5: "0.5 ms", 1.234: "1.23 ms", 100: "100 ms", 999.4: "999 ms", 999.6: "1 s", 1500: "1.5 s", 60_000: "60 s", 12_345_678: "12,300 s"}},
	} {
		for v, want := range tc.want {
			if got := tc.format(v); got != want {
				t.Errorf("%s(%v) = %q, want %q", tc.name, v, got, want)
			}
		}
		if got := tc.format(math.NaN()); len(got) < 3 {
			t.Errorf("%s(NaN) = %q", tc.name, got)
		}
	}
}

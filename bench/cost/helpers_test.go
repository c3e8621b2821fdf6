package cost_test

import (
	"fmt"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

func dollars(usd float64) string {
	cents := cost.Cents(usd)
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}

func prices(t testing.TB, region string) cost.Prices {
	t.Helper()
	p, err := cost.PricesIn(region)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func steady(t testing.TB, rate float64, data, key int) cost.Flow {
	t.Helper()
	f, err := cost.Steady(rate, data, key, cost.Billing{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func billOf(t testing.TB, s cost.Stream, f cost.Flow, region string) cost.Bill {
	t.Helper()
	b, err := s.Bill(f, prices(t, region))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package cost_test

import (
	"slices"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

// Every region can price a stream as most are, and its prices are in the order of
// magnitude of us-east-1's.
func TestRegions(t *testing.T) {
	regions := cost.Regions()
	if !slices.IsSorted(regions) || !slices.Contains(regions, virginia) || len(slices.Compact(slices.Clone(regions))) != len(regions) {
		t.Errorf("regions %q", regions)
	}
	base := billOf(t, cost.Stream{}, steady(t, 1000, 512, 36), virginia)
	for _, region := range regions {
		p := prices(t, region)
		if p.Region != region || p.AsOf == "" {
			t.Errorf("%s: region %q as of %q", region, p.Region, p.AsOf)
		}
		bill := billOf(t, cost.Stream{}, steady(t, 1000, 512, 36), region)
		for i, l := range bill.Lines {
			if ratio := l.PriceUSD / base.Lines[i].PriceUSD; ratio < 1 || ratio > 2 {
				t.Errorf("%s: %s at %v, %v times that of %s", region, l.Item, l.PriceUSD, ratio, virginia)
			}
		}
	}
}

func TestUnknownRegion(t *testing.T) {
	p, err := cost.PricesIn("eu-east-1")
	refused(t, err, []string{`no prices of region "eu-east-1", want one of ap-northeast-1, eu-central-1`})
	if p != (cost.Prices{}) {
		t.Errorf("prices besides: %+v", p)
	}
}

// What a caller changes is the caller's.
func TestPricesAreCopies(t *testing.T) {
	p := prices(t, virginia)
	p.Provisioned.ShardHourUSD = 1
	if got := prices(t, virginia).Provisioned.ShardHourUSD; got != 0.015 {
		t.Error(got)
	}
	cost.Regions()[0] = "mars"
	if got := cost.Regions()[0]; got == "mars" {
		t.Error(got)
	}
}

// us-east-1, price by price (Kinesis Data Streams pricing and Lambda pricing, 2026-11).
func TestVirginia(t *testing.T) {
	want := cost.Prices{
		Region: virginia, AsOf: "2026-11",
		Provisioned: cost.ProvisionedPrices{ShardHourUSD: 0.015, PutUnitsUSDPerMillion: 0.014, ExtendedShardHourUSD: 0.020, LongTermUSDPerGBMonth: 0.023,
			LongTermRetrievalUSDPerGB: 0.021, FanOutConsumerShardHourUSD: 0.015, FanOutUSDPerGB: 0.013},
		OnDemand: cost.OnDemandPrices{StreamHourUSD: 0.04, InUSDPerGB: 0.08, OutUSDPerGB: 0.04, FanOutUSDPerGB: 0.05,
			ExtendedUSDPerGBMonth: 0.10, LongTermUSDPerGBMonth: 0.023},
		Advantage: cost.OnDemandPrices{InUSDPerGB: 0.032, OutUSDPerGB: 0.016, FanOutUSDPerGB: 0.016,
			ExtendedUSDPerGBMonth: 0.023, LongTermUSDPerGBMonth: 0.023},
		Network: cost.NetworkPrices{PrivateLinkHourUSD: 0.01, PrivateLinkUSDPerGB: 0.01, NATHourUSD: 0.045, NATUSDPerGB: 0.045},
		Lambda:  cost.LambdaPrices{RequestsUSDPerMillion: 0.20, DurationUSDPerGBSecond: 0.0000166667},
	}
	if got := prices(t, virginia); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A stream of 1,000 records a second of 1 KB with one consumer and two days of
// retention elsewhere, by hand from the prices.
func TestElsewhere(t *testing.T) {
	provisioned := cost.Stream{Consumers: 1, RetentionHours: 48}
	for _, c := range []struct {
		region string
		stream cost.Stream
		want   string
	}{
		{"us-west-2", cost.Stream{Consumers: 1}, "47.74"},                       // 10.95 + 36.792
		{"us-west-2", cost.Stream{Mode: cost.OnDemand, Consumers: 1}, "329.95"}, // 29.20 + 2506.2561*0.12
		{"eu-west-1", provisioned, "72.56"},                                     // 730*0.040 + 43.362
		{"eu-central-1", provisioned, "76.65"},                                  // 730*0.042 + 45.990
		{"ap-northeast-1", provisioned, "89.72"},                                // 730*0.0455 + 56.502
		{"ap-northeast-1", cost.Stream{FanOutConsumers: 1}, "127.33"},           // 730*0.039 + 56.502 + 2506.2561*0.0169
		{"ap-northeast-1", cost.Stream{Mode: cost.OnDemand, Consumers: 1}, "428.94"},
	} {
		if got := dollars(billOf(t, c.stream, steady(t, 1000, 1024, 0), c.region).TotalUSD()); got != c.want {
			t.Errorf("%s, %+v: %s, want %s", c.region, c.stream, got, c.want)
		}
	}
}

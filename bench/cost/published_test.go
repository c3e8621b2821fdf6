package cost_test

import (
	"math"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

// published is an example with figures that somebody printed.
type published struct {
	source string
	rate   float64
	bytes  int
	stream cost.Stream
	region string
	shards int
	lines  map[cost.Item]string // what is printed of the lines
	total  string
}

const (
	pricingPage   = "https://aws.amazon.com/kinesis/data-streams/pricing/"
	calculator    = "https://calculator.aws, "
	cloudfront    = "https://github.com/awslabs/aws-cloudfront-extensions docs/en/cost.md, August 2022"
	kilobyte      = 1024
	virginia      = "us-east-1"
	ohio          = "us-east-2"
	thirtyOneDays = 744
)

func examples() []published {
	return []published{
		{"AWS's example of one producer, unpacked", 1000, 512, cost.Stream{Shards: 1}, virginia, 1,
			map[cost.Item]string{cost.ShardHours: "10.95", cost.PutUnits: "36.79"}, "47.74"},
		{"AWS's example of one producer, packed", 10, 51_200, cost.Stream{Shards: 1}, virginia, 1,
			map[cost.Item]string{cost.ShardHours: "10.95", cost.PutUnits: "0.74"}, "11.69"},
		// 267,840,000 records are 535,680,000 units.
		{pricingPage + ", provisioned, 31 days", 100, 35 * kilobyte, cost.Stream{HoursPerMonth: thirtyOneDays}, virginia, 4,
			map[cost.Item]string{cost.ShardHours: "44.64", cost.PutUnits: "7.50"}, "52.14"},
		{pricingPage + ", provisioned, a day", 100, 35 * kilobyte, cost.Stream{HoursPerMonth: 24}, virginia, 4,
			map[cost.Item]string{cost.ShardHours: "1.44", cost.PutUnits: "0.24"}, "1.68"},
		{calculator + "an estimate of 16.67 records of 3 KB for 3 consumers", 16.67, 3 * kilobyte, cost.Stream{Consumers: 3}, virginia, 1,
			map[cost.Item]string{cost.ShardHours: "10.95", cost.PutUnits: "0.61"}, "11.56"},
		// 9.76 shards for what is read, 10 for the records.
		{calculator + "an estimate of 10,000 records of 0.5 KB for 4 consumers", 10_000, 512, cost.Stream{Consumers: 4}, virginia, 10,
			map[cost.Item]string{cost.ShardHours: "109.50", cost.PutUnits: "367.92"}, "477.42"},
		// What is printed of it is the lines.
		{calculator + "an estimate of 200 records a minute of 50 KB for 4 consumers", 200. / 60, 50 * kilobyte,
			cost.Stream{Consumers: 4, RetentionHours: 168}, "eu-west-1", 1,
			map[cost.Item]string{cost.ShardHours: "12.41", cost.PutUnits: "0.29", cost.ExtendedHours: "16.79"}, "29.49"},
		// A fifth more shards than needed; 250.63 GB are read.
		{calculator + "service version 0.0.95, provisioned, 10 consumers, 10 with fan-out", 10, 10 * kilobyte,
			cost.Stream{Shards: 2, Consumers: 10, FanOutConsumers: 10}, ohio, 2, nil, "273.85"},
		{calculator + "service version 0.0.95, on-demand, 10 consumers, 10 with fan-out", 10, 10 * kilobyte,
			cost.Stream{Mode: cost.OnDemand, Consumers: 10, FanOutConsumers: 10}, ohio, 0,
			map[cost.Item]string{cost.StreamHours: "29.20"}, "274.81"},
		// The calculator shows 3,079.73; 25 MB a second both ways make 3,079.69.
		{calculator + "service version 0.0.95, advantage, 2 consumers", 3, 200 * kilobyte,
			cost.Stream{Mode: cost.Advantage, Consumers: 2}, ohio, 0, nil, "3079.69"},
		{calculator + "an estimate of 578 records of up to 1 KB for 3 consumers", 578, kilobyte,
			cost.Stream{Mode: cost.OnDemand, Consumers: 3}, virginia, 0, nil, "318.92"},
		{cloudfront, 60, 2 * kilobyte, cost.Stream{Shards: 1, RetentionHours: 168}, virginia, 1, nil, "27.76"},
		{"a bill of us-west-2, September 2026: 432 stream-hours", 0, 0,
			cost.Stream{Mode: cost.OnDemand, HoursPerMonth: 432}, "us-west-2", 0, nil, "17.28"},
		{"a bill of us-west-2: the stream-hours of 31 days", 0, 0,
			cost.Stream{Mode: cost.OnDemand, HoursPerMonth: thirtyOneDays}, "us-west-2", 0, nil, "29.76"},
	}
}

// What others printed, to the cent.
func TestPublished(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.source, func(t *testing.T) {
			bill := billOf(t, e.stream, steady(t, e.rate, e.bytes, 0), e.region)
			if got := dollars(bill.TotalUSD()); got != e.total {
				t.Errorf("total %s, want %s: %+v", got, e.total, bill.Lines)
			}
			for item, want := range e.lines {
				if got := dollars(bill.USD(item)); got != want {
					t.Errorf("%s %s, want %s", item, got, want)
				}
			}
			if bill.Shards != e.shards || bill.Currency != "USD" {
				t.Errorf("%d shards, want %d; in %s", bill.Shards, e.shards, bill.Currency)
			}
		})
	}
}

// awslabs/clickstream-analytics-on-aws, docs/en/plan-deployment/cost.md, prints whole
// dollars: provisioned streams of 2 and 10 shards at 10, 100 and 1,000 records a
// second of 1 KB.
func TestPublishedInDollars(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		shards int
		want   float64
	}{{10, 2, 22}, {100, 2, 26}, {1000, 10, 146}} {
		bill := billOf(t, cost.Stream{Shards: c.shards}, steady(t, c.rate, kilobyte, 0), virginia)
		if got := math.Round(bill.TotalUSD()); got != c.want {
			t.Errorf("%v records a second on %d shards: $%v, want $%v", c.rate, c.shards, got, c.want)
		}
	}
}

// EveryMundo/aws-kinesis-client, docs/why-we-created-this-package.md: 1,000 units a
// second for 30 days, at 0.014 and 0.0224 US dollars a million. It prints 36.28 for
// 36.288.
func TestPublishedUnitsOfThirtyDays(t *testing.T) {
	for price, want := range map[float64]string{0.014: "36.29", 0.0224: "58.06"} {
		p := prices(t, virginia)
		p.Provisioned.PutUnitsUSDPerMillion = price
		bill, err := cost.Stream{HoursPerMonth: 720}.Bill(steady(t, 1000, kilobyte, 0), p)
		if err != nil {
			t.Fatal(err)
		}
		if got := dollars(bill.USD(cost.PutUnits)); got != want {
			t.Errorf("at %v: %s, want %s", price, got, want)
		}
	}
}

// The examples of https://aws.amazon.com/lambda/pricing/. What is free there each
// month, 1 million requests and 400,000 GB-seconds, is taken off here.
func TestPublishedLambda(t *testing.T) {
	for _, c := range []struct {
		name               string
		requests           float64 // a month
		hours              float64
		mb                 int
		milliseconds       float64
		free               bool
		request, gbSeconds string
	}{
		{"mobile backend", 3e6, 730, 1536, 120, true, "0.40", "2.33"},
		{"telemetry of 10,000 vehicles each hour", 10_000 * 24 * 31, thirtyOneDays, 1024, 2000, false, "1.49", "248.00"},
		{"support tickets", 6e6, 730, 4096, 280, true, "1.00", "105.33"},
		// AWS prints 333.34 for 333.334.
		{"functions of tenants", 10e6, 730, 1024, 2000, false, "2.00", "333.33"},
	} {
		l := cost.Lambda{Shards: 1, InvocationsPerSecond: c.requests / c.hours / 3600, HoursPerMonth: c.hours,
			MemoryMB: c.mb, MillisecondsPerInvocation: c.milliseconds}
		bill, err := l.Bill(cost.Flow{}, prices(t, virginia))
		if err != nil {
			t.Fatal(err)
		}
		requests, seconds := bill.Lines[0], bill.Lines[1]
		if c.free {
			requests.USD -= requests.PriceUSD
			seconds.USD -= 400_000 * seconds.PriceUSD
		}
		if dollars(requests.USD) != c.request || dollars(seconds.USD) != c.gbSeconds {
			t.Errorf("%s: %s and %s, want %s and %s", c.name, dollars(requests.USD), dollars(seconds.USD), c.request, c.gbSeconds)
		}
	}
}

// Endpoints in two zones: awslabs/clickstream-analytics-on-aws, $14.6. A NAT gateway:
// basavytix.com/blog/aws-nat-gateway-pricing, $32.85 for 730 hours, and
// cloudburn.io/blog/aws-nat-gateway-pricing, $32.40 for 720 in us-east-2.
func TestPublishedNetwork(t *testing.T) {
	for _, c := range []struct {
		network cost.Network
		region  string
		item    cost.Item
		want    string
	}{
		{cost.Network{Path: cost.PrivateLink, AvailabilityZones: 2}, virginia, cost.PrivateLinkHours, "14.60"},
		{cost.Network{Path: cost.NAT}, virginia, cost.NATHours, "32.85"},
		{cost.Network{Path: cost.NAT, HoursPerMonth: 720}, ohio, cost.NATHours, "32.40"},
	} {
		bill, err := c.network.Bill(cost.Flow{}, prices(t, c.region))
		if err != nil {
			t.Fatal(err)
		}
		if got := dollars(bill.USD(c.item)); got != c.want || dollars(bill.TotalUSD()) != c.want {
			t.Errorf("%+v: %s, want %s", c.network, got, c.want)
		}
	}
}

package cost

// This file owns the prices, and where each was read. One that no source was found
// for is 0, and what needs it is refused.

import (
	"fmt"
	"slices"
	"strings"
)

// Prices is what a region costs. It is plain data: change it to what your contract
// says, or fill in another region. A price of 0 is one that is not known.
type Prices struct {
	Region      string // as AWS writes it: us-east-1
	AsOf        string // when the prices were read: a date, or what is known of it
	Provisioned ProvisionedPrices
	OnDemand    OnDemandPrices
	Advantage   OnDemandPrices
	Network     NetworkPrices
	Lambda      LambdaPrices
}

// ProvisionedPrices are those of Provisioned.
type ProvisionedPrices struct {
	ShardHourUSD               float64
	PutUnitsUSDPerMillion      float64 // PUT payload units
	ExtendedShardHourUSD       float64 // retention over 24 hours, in addition to ShardHourUSD
	LongTermUSDPerGBMonth      float64 // of what is older than 7 days
	LongTermRetrievalUSDPerGB  float64
	FanOutConsumerShardHourUSD float64
	FanOutUSDPerGB             float64
}

// OnDemandPrices are those of OnDemand or Advantage.
type OnDemandPrices struct {
	StreamHourUSD         float64 // Advantage has none
	InUSDPerGB            float64
	OutUSDPerGB           float64
	FanOutUSDPerGB        float64
	ExtendedUSDPerGBMonth float64 // of what is older than 24 hours, up to 7 days
	LongTermUSDPerGBMonth float64 // of what is older than 7 days
}

// NetworkPrices are those of the road to Kinesis.
type NetworkPrices struct {
	PrivateLinkHourUSD  float64 // an interface endpoint in one availability zone
	PrivateLinkUSDPerGB float64 // either way, the first PB a month
	NATHourUSD          float64 // a NAT gateway
	NATUSDPerGB         float64 // either way
}

// LambdaPrices are those of functions on x86 processors.
type LambdaPrices struct {
	RequestsUSDPerMillion  float64
	DurationUSDPerGBSecond float64 // the first 6 billion GB-seconds a month
}

// PricesIn returns the prices of a region, as far as they are known: see the source
// of table. The error names a region that is not, and those that are.
func PricesIn(region string) (Prices, error) {
	for _, p := range table() {
		if p.Region == region {
			return p, nil
		}
	}
	return Prices{}, fmt.Errorf("cost: no prices of region %q, want one of %s", region, strings.Join(Regions(), ", "))
}

// Regions returns the regions that PricesIn knows, sorted.
func Regions() []string {
	var names []string
	for _, p := range table() {
		names = append(names, p.Region)
	}
	slices.Sort(names)
	return names
}

// table is as of November 2026. Sources:
//
//   - us-east-1: AWS's pages "Kinesis Data Streams pricing" and "Lambda pricing",
//     2026-11; fan-out and retention of advantage as in us-east-2. Network:
//     awslabs/clickstream-analytics-on-aws, docs/en/plan-deployment/cost.md, and AWS's
//     page "AWS PrivateLink pricing".
//   - us-east-2: the Price List API (AmazonKinesis, regionCode us-east-2) by group and
//     operation as quoted in public notes on AWS's pricing calculator, service version
//     0.0.95, 2026, with three estimates of the calculator that these prices meet (see
//     TestPublished). Lambda: AWS's page "Lambda pricing". NAT:
//     cloudburn.io/blog/aws-nat-gateway-pricing, 2026-02-24.
//   - us-west-2: EveryMundo/aws-kinesis-client, docs/why-we-created-this-package.md (PUT
//     payload units, from AWS's page); unison.cloud/reducing-kinesis-cost (shard-hour
//     as $10.95 a month, GB in and out, long-term); stream-hour from a bill of September
//     2026 (USW2-OnDemand-StreamHour at $0.040).
//   - eu-west-1: AWS's page, read 2017-05-29 for a public cost model together with
//     eu-central-1, whose two prices are still the same in 2026; extended retention
//     from an estimate of AWS's calculator with the same two prices.
//   - eu-central-1: the Price List, read 2026-04-24, and AWS's page of 2026 for a public
//     comparison of log transports (shard-hour, PUT payload units); infracost/infracost
//     issue 3200, 2024-09-05 (extended retention, from AWS's page).
//   - ap-northeast-1: the Price List API, read 2026-09-23, by usage type APN1-... (shard-
//     hour, PUT payload units, PrivateLink, NAT, Lambda); okimurak/til,
//     aws/kinesis/blackbelt.md (extended retention, fan-out); public notes on Tokyo's
//     prices of 2026 (on-demand).
func table() []Prices {
	lambda := LambdaPrices{RequestsUSDPerMillion: 0.20, DurationUSDPerGBSecond: 0.0000166667}
	ohio := Prices{
		Region: "us-east-2",
		AsOf:   "2026",
		Provisioned: ProvisionedPrices{
			ShardHourUSD:               0.015,
			PutUnitsUSDPerMillion:      0.014,
			ExtendedShardHourUSD:       0.020,
			FanOutConsumerShardHourUSD: 0.015,
			FanOutUSDPerGB:             0.013,
		},
		OnDemand: OnDemandPrices{
			StreamHourUSD:         0.04,
			InUSDPerGB:            0.08,
			OutUSDPerGB:           0.04,
			FanOutUSDPerGB:        0.05,
			ExtendedUSDPerGBMonth: 0.10,
			LongTermUSDPerGBMonth: 0.023,
		},
		Advantage: OnDemandPrices{
			InUSDPerGB:            0.032,
			OutUSDPerGB:           0.016,
			FanOutUSDPerGB:        0.016,
			ExtendedUSDPerGBMonth: 0.023,
			LongTermUSDPerGBMonth: 0.023,
		},
		Network: NetworkPrices{NATHourUSD: 0.045, NATUSDPerGB: 0.045},
		Lambda:  lambda,
	}
	virginia := ohio
	virginia.Region, virginia.AsOf = "us-east-1", "2026-11"
	virginia.Provisioned.LongTermUSDPerGBMonth = 0.023
	virginia.Provisioned.LongTermRetrievalUSDPerGB = 0.021
	virginia.Network.PrivateLinkHourUSD = 0.01
	virginia.Network.PrivateLinkUSDPerGB = 0.01
	return []Prices{
		virginia,
		ohio,
		{
			Region:      "us-west-2",
			AsOf:        "2026-09",
			Provisioned: ProvisionedPrices{ShardHourUSD: 0.015, PutUnitsUSDPerMillion: 0.014},
			OnDemand:    OnDemandPrices{StreamHourUSD: 0.04, InUSDPerGB: 0.08, OutUSDPerGB: 0.04, LongTermUSDPerGBMonth: 0.023},
		},
		{
			Region:      "eu-west-1",
			AsOf:        "2017-05-29",
			Provisioned: ProvisionedPrices{ShardHourUSD: 0.017, PutUnitsUSDPerMillion: 0.0165, ExtendedShardHourUSD: 0.023},
		},
		{
			Region:      "eu-central-1",
			AsOf:        "2026-04-24",
			Provisioned: ProvisionedPrices{ShardHourUSD: 0.018, PutUnitsUSDPerMillion: 0.0175, ExtendedShardHourUSD: 0.024},
		},
		{
			Region: "ap-northeast-1",
			AsOf:   "2026-09-23",
			Provisioned: ProvisionedPrices{
				ShardHourUSD:               0.0195,
				PutUnitsUSDPerMillion:      0.0215,
				ExtendedShardHourUSD:       0.026,
				FanOutConsumerShardHourUSD: 0.0195,
				FanOutUSDPerGB:             0.0169,
			},
			OnDemand: OnDemandPrices{StreamHourUSD: 0.052, InUSDPerGB: 0.104, OutUSDPerGB: 0.052},
			Network:  NetworkPrices{PrivateLinkHourUSD: 0.014, PrivateLinkUSDPerGB: 0.01, NATHourUSD: 0.062, NATUSDPerGB: 0.062},
			Lambda:   lambda,
		},
	}
}

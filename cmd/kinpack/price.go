package main

import "github.com/kinpack/kinpack/bench/cost"

// units returns the PUT payload units that a Kinesis record of n bytes costs.
func units(n int) int { return cost.Billing{}.Units(n, 0) }

// dollarsAMonth prices 1,000 user records a second on one shard in us-east-1, at the
// PUT payload units that this many user records took.
func dollarsAMonth(units, userRecords int) float64 {
	const perSecond = 1000
	prices, err := cost.PricesIn("us-east-1")
	if err != nil {
		panic(err)
	}
	f := cost.Flow{PutUnitsPerSecond: perSecond * float64(units) / float64(userRecords)}
	bill, err := cost.Stream{Shards: 1}.Bill(f, prices)
	if err != nil {
		panic(err)
	}
	return bill.TotalUSD()
}

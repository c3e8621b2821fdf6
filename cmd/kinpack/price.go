package main

// Prices in us-east-1, provisioned mode (Kinesis Data Streams pricing, 2026-11).
const (
	putUnitBytes      = 25600 // a PUT payload unit is 25 KB of data
	dollarsPerUnit    = 0.014 / 1e6
	dollarsPerShard   = 0.015 * 730 // a month of 730 hours
	secondsPerMonth   = 2_628_000
	demoRecordsPerSec = 1000
)

// units returns the PUT payload units that a Kinesis record of n bytes costs.
func units(n int) int { return max(1, (n+putUnitBytes-1)/putUnitBytes) }

// dollarsAMonth prices 1,000 user records a second on one shard, at the PUT
// payload units that this many user records took.
func dollarsAMonth(units, userRecords int) float64 {
	return dollarsPerShard + demoRecordsPerSec*secondsPerMonth*dollarsPerUnit*float64(units)/float64(userRecords)
}

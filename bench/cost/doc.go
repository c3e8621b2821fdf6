// Package cost says what an Amazon Kinesis data stream costs a month, with the
// road to it and the Lambda function that reads it. It is arithmetic only: nothing
// is read or sent.
//
//	flow, err := cost.Steady(1000, 512, 36, cost.Billing{}) // 1,000 records/s of 512 B
//	prices, err := cost.PricesIn("us-east-1")
//	bill, err := cost.Stream{Shards: 1}.Bill(flow, prices)
//	fmt.Println(bill.TotalUSD(), bill.USD(cost.PutUnits)) // 47.742, of which 36.792
//
// A [Flow] is what goes into a stream a second. How user records are packed into it
// is not this package's matter: take it from a producer's Stats, from a measurement,
// or unpacked from [Steady] and [Of]. [Stream], [Network] and [Lambda] make a [Bill]
// of it, at [Prices] that can be changed. Everything is a plain value, safe for
// concurrent use; nothing keeps what it is given.
//
// # Units
//
// US dollars, before tax. A month has 730 hours, that is 2,628,000 seconds, as in
// AWS's pricing calculator; AWS's pages reckon with months of 30 and 31 days, too:
// HoursPerMonth 720 and 744. A GB-month is a GB that is kept all month, however long
// that is.
//
// KB, MB and GB are 1,024, 1,024^2 and 1,024^3 bytes. AWS's calculator divides by
// 1,024 from the KB of a record to the GB that it bills, and AWS's page rounds
// "1 KB (1,024 bytes)".
//
// Nothing is rounded before the end. AWS's calculator rounds what it shows to cents
// and adds up that, and its pages round in between: a cent may be missing there.
//
// # How a stream is billed
//
//   - Provisioned: shard-hours, and PUT payload units: each stored record's data in
//     steps of 25 KB, at least one. Reading is free. Retention of more than 24 hours
//     is a second price on each shard-hour, all that is older than 7 days GB-months
//     in addition.
//   - On-demand standard: stream-hours, GB in with each record rounded up to 1 KB, and
//     GB out, not rounded, for each consumer. Retention of more than 24 hours is
//     GB-months, at two prices: up to 7 days, and beyond.
//   - On-demand advantage: the same without the stream-hours, at lower prices, and at
//     least 25 MB a second in and 25 MB a second out are billed. The commitment is
//     the account's in a region: for several streams price all flows together
//     ([Flow.Plus]).
//   - Enhanced fan-out is consumer-shard-hours and GB in provisioned mode, and GB
//     otherwise.
//
// Not written anywhere, and so decided here: a partition key is not billed unless
// [Billing] says so, and never in what is read and kept; what is kept is not rounded
// to 1 KB; reading data older than 7 days is data out where the price list has no
// price of its own, that is in both on-demand modes; fan-out counts for the
// commitment.
//
// # What is not in it
//
// Free tiers, discounts and tiers of volume; taxes; data transfer between
// availability zones and regions, and to the internet; KMS calls of an encrypted
// stream; CloudWatch metrics and logs; DynamoDB tables of checkpoints and leases;
// provisioned pollers of Lambda; failures and retries, unless they are in the flow.
// A flow is steady and spread evenly over the shards: a stream that has to take
// peaks needs more Shards than ShardsNeeded says.
package cost

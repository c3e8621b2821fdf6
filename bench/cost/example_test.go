package cost_test

import (
	"fmt"

	"github.com/kinpack/kinpack/bench/cost"
)

// AWS's example of what packing saves: 1,000 records a second of 512 bytes on one
// shard, as they are, and as ten records of 51,200 bytes.
func Example() {
	prices, err := cost.PricesIn("us-east-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	stream := cost.Stream{Shards: 1}
	unpacked, _ := cost.Steady(1000, 512, 0, cost.Billing{})
	packed, _ := cost.Steady(10, 51_200, 0, cost.Billing{})
	packed.UserRecordsPerSecond = 1000
	for _, flow := range []cost.Flow{unpacked, packed} {
		bill, err := stream.Bill(flow, prices)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, l := range bill.Lines {
			fmt.Printf("%8.2f %s at %v USD: %.2f\n", l.Quantity, l.Unit, l.PriceUSD, l.USD)
		}
		fmt.Printf("%d cents a month, %d of them for PUT payload units\n",
			cost.Cents(bill.TotalUSD()), cost.Cents(bill.USD(cost.PutUnits)))
	}
	// Output:
	//   730.00 shard-hour at 0.015 USD: 10.95
	//  2628.00 million units at 0.014 USD: 36.79
	// 4774 cents a month, 3679 of them for PUT payload units
	//   730.00 shard-hour at 0.015 USD: 10.95
	//    52.56 million units at 0.014 USD: 0.74
	// 1169 cents a month, 74 of them for PUT payload units
}

// On-demand rounds each record up to 1 KB, so small records cost what they do not
// weigh.
func ExampleStream_Bill_onDemand() {
	prices, err := cost.PricesIn("us-east-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, size := range []int{100, 1024, 1025} {
		flow, _ := cost.Steady(1000, size, 0, cost.Billing{})
		bill, err := cost.Stream{Mode: cost.OnDemand, Consumers: 1}.Bill(flow, prices)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%4d bytes: in %.2f, out %.2f, all %.2f\n", size, bill.USD(cost.DataIn), bill.USD(cost.DataOut), bill.TotalUSD())
	}
	// Output:
	//  100 bytes: in 200.50, out 9.79, all 239.49
	// 1024 bytes: in 200.50, out 100.25, all 329.95
	// 1025 bytes: in 401.00, out 100.35, all 530.55
}

// Too few shards, and what is enough.
func ExampleStream_ShardsNeeded() {
	flow, _ := cost.Steady(1500, 700, 36, cost.Billing{})
	prices, _ := cost.PricesIn("us-east-1")
	_, err := cost.Stream{Shards: 1}.Bill(flow, prices)
	fmt.Println(err)
	fmt.Println(cost.Stream{}.ShardsNeeded(flow), cost.Stream{Consumers: 5}.ShardsNeeded(flow))
	// Output:
	// cost: 1 shards, want at least 2 for 1500 records and 1.104e+06 bytes a second with 0 consumers
	// 2 3
}

// What one record costs, in PUT payload units and in bytes of an on-demand stream.
func ExampleBilling() {
	fmt.Println(cost.Billing{}.Units(25_600, 36), cost.Billing{KeyCounts: true}.Units(25_600, 36))
	fmt.Println(cost.Billing{}.Rounded(4608, 36))
	// Output:
	// 1 2
	// 5120
}

// A sample stands for a stream of which it is.
func ExampleOf() {
	sample := []cost.Size{{Data: 300, Key: 8}, {Data: 500, Key: 8}, {Data: 30_000, Key: 8}}
	flow, err := cost.Of(900, sample, cost.Billing{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(flow.DataBytesPerSecond, flow.PutUnitsPerSecond)
	// Output: 9.24e+06 1200
}

// Fifty hosts of 20 records a second each, that send what they have packed ten times
// a second: every packet is a unit, however full.
func ExampleFlow_Times() {
	host := cost.Flow{
		UserRecordsPerSecond:    20,
		KinesisRecordsPerSecond: 10,
		DataBytesPerSecond:      20 * 512,
		KeyBytesPerSecond:       10,
		PutUnitsPerSecond:       10,
		RoundedBytesPerSecond:   10 * 2048,
	}
	prices, _ := cost.PricesIn("us-east-1")
	bill, err := cost.Stream{Shards: 1}.Bill(host.Times(50), prices)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", bill.TotalUSD())
	// Output: 29.35
}

// A contract's own price, and a region that is not in the table.
func ExamplePrices() {
	prices, _ := cost.PricesIn("us-east-1")
	prices.Region = "mars-north-1"
	prices.Provisioned.ShardHourUSD *= 0.9
	flow, _ := cost.Steady(1000, 512, 0, cost.Billing{})
	bill, err := cost.Stream{}.Bill(flow, prices)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", bill.TotalUSD())
	// Output: 46.65
}

func ExamplePricesIn() {
	_, err := cost.PricesIn("mars-north-1")
	fmt.Println(err)
	fmt.Println(cost.Regions())
	// Output:
	// cost: no prices of region "mars-north-1", want one of ap-northeast-1, eu-central-1, eu-west-1, us-east-1, us-east-2, us-west-2
	// [ap-northeast-1 eu-central-1 eu-west-1 us-east-1 us-east-2 us-west-2]
}

// The road costs more than the stream: base64 adds a third, and every record its
// members and its answer.
func ExampleNetwork_Bill() {
	prices, _ := cost.PricesIn("us-east-1")
	flow, _ := cost.Steady(1000, 512, 36, cost.Billing{})
	for _, network := range []cost.Network{
		{Path: cost.NAT},
		{Path: cost.NAT, Encoding: cost.CBOR},
		{Path: cost.PrivateLink, Encoding: cost.CBOR, AvailabilityZones: 2},
	} {
		bill, err := network.Bill(flow, prices)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.2f for hours, %.2f for data\n", bill.Lines[0].USD, bill.Lines[1].USD)
	}
	// Output:
	// 32.85 for hours, 95.07 for data
	// 32.85 for hours, 74.58 for data
	// 14.60 for hours, 16.57 for data
}

// Packed, the same user records come in fewer invocations; the GB-seconds that they
// need themselves stay.
func ExampleLambda_Bill() {
	prices, _ := cost.PricesIn("us-east-1")
	unpacked, _ := cost.Steady(1000, 512, 36, cost.Billing{})
	packed, _ := cost.Steady(10, 51_200, 1, cost.Billing{})
	packed.UserRecordsPerSecond = 1000
	function := cost.Lambda{Shards: 1, MemoryMB: 512, MillisecondsPerInvocation: 20, MillisecondsPerUserRecord: 0.1}
	for _, flow := range []cost.Flow{unpacked, packed} {
		bill, err := function.Bill(flow, prices)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.0f invocations a second: %.2f for requests, %.2f for duration\n",
			function.Invocations(flow), bill.USD(cost.LambdaRequests), bill.USD(cost.LambdaDuration))
	}
	// Output:
	// 10 invocations a second: 5.26 for requests, 6.57 for duration
	// 1 invocations a second: 0.53 for requests, 2.63 for duration
}

// Half a cent goes up, whatever its binary fraction is.
func ExampleCents() {
	fmt.Println(cost.Cents(47.742), cost.Cents(2.675))
	// Output: 4774 268
}

package cost

// This file owns Bill. A line's USD is its Quantity times its PriceUSD and a total
// the sum of its lines; cents are made for showing only.

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Item is what a line of a bill is for.
type Item string

// The items of bills.
const (
	ShardHours        Item = "shard hours"                    // Provisioned
	PutUnits          Item = "PUT payload units"              // Provisioned
	StreamHours       Item = "stream hours"                   // OnDemand
	DataIn            Item = "data in"                        // OnDemand, Advantage
	DataOut           Item = "data out"                       // OnDemand, Advantage: of Stream.Consumers
	CommittedIn       Item = "committed data in, not used"    // Advantage
	CommittedOut      Item = "committed data out, not used"   // Advantage
	FanOutHours       Item = "fan-out consumer-shard hours"   // Provisioned
	FanOutData        Item = "fan-out data out"               // all modes
	ExtendedHours     Item = "extended retention shard hours" // Provisioned, over 24 hours
	ExtendedStorage   Item = "extended retention"             // OnDemand, Advantage, 24 hours to 7 days
	LongTermStorage   Item = "long-term retention"            // all modes, over 7 days
	LongTermRetrieval Item = "long-term retrieval"            // all modes
	PrivateLinkHours  Item = "PrivateLink endpoint hours"     // Network
	PrivateLinkData   Item = "PrivateLink data"               // Network
	NATHours          Item = "NAT gateway hours"              // Network
	NATData           Item = "NAT gateway data"               // Network
	LambdaRequests    Item = "Lambda requests"                // Lambda
	LambdaDuration    Item = "Lambda duration"                // Lambda
)

// Line is one thing that is billed.
type Line struct {
	Item     Item
	Quantity float64 // of Unit, a month
	Unit     string  // what PriceUSD is for
	PriceUSD float64 // US dollars a Unit
	USD      float64 // US dollars a month, Quantity times PriceUSD, not rounded
}

// Bill is what something costs a month.
type Bill struct {
	Currency string // "USD"
	Shards   int    // that are billed; 0 if none are
	Lines    []Line
}

// TotalUSD returns the sum of all lines in US dollars, not rounded.
func (b Bill) TotalUSD() float64 {
	var usd float64
	for _, l := range b.Lines {
		usd += l.USD
	}
	return usd
}

// USD returns the sum of the lines of the given items in US dollars, not rounded.
func (b Bill) USD(items ...Item) float64 {
	var usd float64
	for _, l := range b.Lines {
		if slices.Contains(items, l.Item) {
			usd += l.USD
		}
	}
	return usd
}

// Plus returns both bills as one: the lines of b, then those of c, of which it
// shares none.
func (b Bill) Plus(c Bill) Bill {
	return Bill{Currency: "USD", Shards: b.Shards + c.Shards, Lines: slices.Concat(b.Lines, c.Lines)}
}

// Cents returns US dollars as whole cents, half a cent up. Cents of a total may
// differ by some from the sum of the lines' cents.
func Cents(usd float64) int64 {
	// Half a cent in decimals may be a little less in binary.
	cents := usd * 100
	return int64(math.Floor(cents + 0.5 + 1e-6 + 1e-12*math.Abs(cents)))
}

// biller adds up a bill, and what is in its way.
type biller struct {
	bill   Bill
	region string
	errs   []error
}

func newBiller(p Prices) *biller {
	return &biller{bill: Bill{Currency: "USD"}, region: p.Region}
}

// add adds a line. A price of 0 is not known: what needs it cannot be billed.
func (b *biller) add(item Item, quantity float64, unit string, priceUSD float64) {
	switch {
	case math.IsNaN(priceUSD) || priceUSD < 0 || priceUSD > maxAmount:
		b.errs = append(b.errs, fmt.Errorf("cost: price of %s is %v US dollars, want 0 to %v", item, priceUSD, float64(maxAmount)))
	case priceUSD == 0 && quantity > 0:
		b.errs = append(b.errs, fmt.Errorf("cost: no price of %s in region %q is known", item, b.region))
	}
	b.bill.Lines = append(b.bill.Lines, Line{item, quantity, unit, priceUSD, quantity * priceUSD})
}

// done returns the bill, or what was in its way.
func (b *biller) done() (Bill, error) {
	if err := errors.Join(b.errs...); err != nil {
		return Bill{}, err
	}
	return b.bill, nil
}

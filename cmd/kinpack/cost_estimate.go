package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/chart"
	"github.com/kinpack/kinpack/internal/plan"
)

// This file owns what cost computes.

// estimate is what a workload costs.
type estimate struct {
	Workload     question `json:"workload"`
	Unpacked     way      `json:"unpacked"`
	Packed       *way     `json:"packed,omitempty"`
	SavedUSD     *usd     `json:"savedUSD,omitempty"`
	SavedPercent *percent `json:"savedPercent,omitempty"`
	Hints        []string `json:"hints,omitempty"`

	terms plan.Terms
	of    plan.Workload
}

// question is the workload that is priced.
type question struct {
	RatePerSecond  float64 `json:"userRecordsPerSecond"`
	RecordBytes    float64 `json:"userRecordBytes"`   // the mean, if they differ
	KeyBytes       float64 `json:"partitionKeyBytes"` // 0: keyless
	Keyless        bool    `json:"keyless"`
	DistinctKeys   int     `json:"partitionKeys"` // 0: each record its own, or those of the sample
	Producers      int     `json:"producers"`
	BufferMillis   float64 `json:"maxBufferedTimeMs"`
	Stream         string  `json:"stream,omitempty"`
	Shards         int     `json:"shards,omitempty"` // as given
	Region         string  `json:"region"`
	PricesOf       string  `json:"pricesOf"`
	Mode           string  `json:"mode"`
	RetentionHours float64 `json:"retentionHours"`
	Consumers      int     `json:"consumers"`
	FanOut         int     `json:"fanOutConsumers"`
	LambdaMB       int     `json:"lambdaMB,omitempty"`
	LambdaMillis   float64 `json:"lambdaMsPerUserRecord,omitempty"`
	BatchSize      int     `json:"batchSize,omitempty"`
	Network        string  `json:"network,omitempty"`
	Zones          int     `json:"availabilityZones,omitempty"`
	Encoding       string  `json:"encoding,omitempty"`
	PutUnitBytes   int     `json:"putUnitBytes"`
	KeyCounts      bool    `json:"partitionKeyCounts"`
	HoursPerMonth  float64 `json:"hoursPerMonth"`
	Currency       string  `json:"currency"`
}

// way is one way to send it.
type way struct {
	KinesisRecords float64  `json:"kinesisRecordsPerSecond"`
	PerRecord      float64  `json:"userRecordsPerKinesisRecord"`
	Bytes          float64  `json:"bytesPerSecond"`
	Units          float64  `json:"putUnitsPerSecond,omitempty"` // of a provisioned stream, as are
	Fill           float64  `json:"fill,omitempty"`
	Shards         int      `json:"shards,omitempty"`
	MedianMillis   float64  `json:"medianWaitMs"`
	P99Millis      float64  `json:"p99WaitMs"`
	ShardUSD       usd      `json:"shardUSD"`
	PutUSD         usd      `json:"putUSD"`
	OtherUSD       usd      `json:"otherUSD"`
	TotalUSD       usd      `json:"totalUSD"`
	Lines          []amount `json:"lines"`
}

// amount is a line of the bill.
type amount struct {
	Item     string  `json:"item"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	PriceUSD float64 `json:"priceUSD"`
	USD      usd     `json:"usd"`
}

// usd is an amount in whole cents.
type usd int64

func dollars(v float64) usd {
	if v < 0 {
		return -usd(cost.Cents(-v))
	}
	return usd(cost.Cents(v))
}

func (u usd) parts() (sign string, whole, cents int) {
	if u < 0 {
		sign, u = "-", -u
	}
	return sign, int(u / 100), int(u % 100)
}

// number is the amount as a number of dollars.
func (u usd) number() string {
	sign, whole, cents := u.parts()
	return fmt.Sprintf("%s%d.%02d", sign, whole, cents)
}

// String groups thousands.
func (u usd) String() string {
	sign, whole, cents := u.parts()
	return fmt.Sprintf("%s$%s.%02d", sign, thousands(whole), cents)
}

func (u usd) MarshalJSON() ([]byte, error) { return []byte(u.number()), nil }

// percent is written with one decimal.
type percent float64

func (p percent) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(p), 'f', 1, 64), nil
}

func (c *costFlags) question(w plan.Workload, prices cost.Prices) question {
	data, key := w.MeanBytes()
	if w.Keys.None {
		key = 0
	}
	q := question{
		RatePerSecond: w.Rate, RecordBytes: data, KeyBytes: key, Keyless: w.Keys.None, DistinctKeys: w.Keys.Distinct,
		Producers: w.Producers, BufferMillis: millis(w.Buffer), Stream: c.stream, Shards: w.Shards, Region: prices.Region, PricesOf: prices.AsOf,
		Mode: c.mode.String(), RetentionHours: float64(c.retention), Consumers: c.consumers, FanOut: c.fanOut,
		PutUnitBytes: c.putUnit, KeyCounts: c.keyCounts, HoursPerMonth: c.hours, Currency: "USD",
	}
	if c.lambda > 0 {
		q.LambdaMB, q.LambdaMillis, q.BatchSize = c.lambda, c.lambdaMs, c.batch
	}
	if c.network != "direct" {
		q.Network, q.Zones, q.Encoding = c.network, c.zones, c.encoding
	}
	return q
}

// estimate prices a workload.
func (c *costFlags) estimate(w plan.Workload, prices cost.Prices) (*estimate, error) {
	e := &estimate{
		Workload: c.question(w, prices),
		terms: plan.Terms{Prices: prices, More: c.around(prices), Stream: cost.Stream{
			Mode: c.mode, Shards: w.Shards, Consumers: c.consumers, FanOutConsumers: c.fanOut, RetentionHours: float64(c.retention), HoursPerMonth: c.hours}},
		of: w,
	}
	if c.mode != cost.Provisioned {
		e.terms.Stream.Shards = 0
	}
	flow, err := w.Unpacked()
	if err != nil {
		return nil, oneLine(err)
	}
	if err := c.enough(e, flow); err != nil {
		return nil, err
	}
	if e.Unpacked, err = e.way(plan.Sent{Flow: flow, Keys: w.KeyFlow()}, c.putUnit); err != nil || c.noPack {
		return e, err
	}
	of, p, err := w.PackFor(e.terms.Stream)
	if err != nil {
		return nil, oneLine(err)
	}
	flow = p.Flow(w.Rate)
	if need := e.terms.Stream.ShardsNeeded(flow); c.mode == cost.Provisioned && w.Shards > 0 && need > w.Shards {
		return nil, usageError{fmt.Errorf("%s %d: these records need %d, even packed", c.shardsName(), w.Shards, need)}
	}
	packed, err := e.way(p.Sent(w.Rate), c.putUnit)
	if err != nil {
		return nil, err
	}
	e.of = of
	packed.MedianMillis, packed.P99Millis = millis(p.Quantile(0.5)), millis(p.Quantile(0.99))
	saved, part := e.Unpacked.TotalUSD-packed.TotalUSD, percent(0)
	if e.Unpacked.TotalUSD > 0 {
		part = percent(100 * float64(saved) / float64(e.Unpacked.TotalUSD))
	}
	e.Packed, e.SavedUSD, e.SavedPercent = &packed, &saved, &part
	return e, c.hint(e, w)
}

// enough says what there is to say of the shards that the records need one by one.
func (c *costFlags) enough(e *estimate, flow cost.Flow) error {
	if c.mode != cost.Provisioned {
		return nil
	}
	given, need := e.of.Shards, e.terms.Stream.ShardsNeeded(flow)
	if given > 0 && need > given {
		if c.noPack {
			return usageError{fmt.Errorf("%s %d: these records need %d", c.shardsName(), given, need)}
		}
		e.Hints = append(e.Hints, fmt.Sprintf("One by one they need %s, which these are the costs of.", plural(need, "shard")))
	}
	flow.KeyBytesPerSecond = e.of.KeyFlow()
	if keyed := e.terms.Stream.ShardsNeeded(flow); keyed > max(given, need) {
		e.Hints = append(e.Hints, fmt.Sprintf("One by one, with their partition keys, they need %s; as in AWS's own examples these costs leave the keys out.", plural(keyed, "shard")))
	}
	return nil
}

// shardsName says where the number of shards is from.
func (c *costFlags) shardsName() string {
	if c.given["shards"] {
		return "--shards"
	}
	return "the stream's shards are"
}

// oneLine makes one line of what packages have to say of the flags.
func oneLine(err error) error {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	for _, prefix := range []string{"cost: ", "producer: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return usageError{errors.New(text)}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// way prices one way.
func (e *estimate) way(f plan.Sent, unitBytes int) (way, error) {
	bill, err := e.terms.Bill(f)
	if err != nil {
		return way{}, oneLine(err)
	}
	w := way{
		KinesisRecords: f.KinesisRecordsPerSecond, PerRecord: f.UserRecordsPerSecond / f.KinesisRecordsPerSecond, Bytes: f.DataBytesPerSecond,
		ShardUSD: dollars(bill.USD(cost.ShardHours)), PutUSD: dollars(bill.USD(cost.PutUnits)), TotalUSD: dollars(bill.TotalUSD()),
	}
	w.OtherUSD = dollars(bill.TotalUSD() - bill.USD(cost.ShardHours, cost.PutUnits))
	if e.terms.Stream.Mode == cost.Provisioned {
		w.Shards, w.Units, w.Fill = bill.Shards, f.PutUnitsPerSecond, f.DataBytesPerSecond/(f.PutUnitsPerSecond*float64(unitBytes))
	}
	for _, l := range bill.Lines {
		w.Lines = append(w.Lines, amount{string(l.Item), l.Quantity, l.Unit, l.PriceUSD, dollars(l.USD)})
	}
	return w, nil
}

// around returns what prices the road to the stream and the function behind it.
func (c *costFlags) around(prices cost.Prices) func(plan.Sent, int) (cost.Bill, error) {
	return func(f plan.Sent, shards int) (bill cost.Bill, err error) {
		if c.lambda > 0 {
			l := cost.Lambda{Shards: shards, BatchSize: c.batch, MemoryMB: c.lambda, MillisecondsPerUserRecord: c.lambdaMs, HoursPerMonth: c.hours}
			if bill, err = l.Bill(f.Flow, prices); err != nil {
				return bill, err
			}
		}
		n := cost.Network{AvailabilityZones: c.zones, HoursPerMonth: c.hours, ExplicitHashKeys: f.Packed}
		n.Path, _ = pathOf(c.network)
		n.Encoding, _ = encodingOf(c.encoding)
		f.KeyBytesPerSecond = f.Keys // they travel, whether they are billed or not
		// A producer collects for a call as long as it buffers, one way and the other.
		f.CallsPerSecond = min(f.KinesisRecordsPerSecond, max(f.KinesisRecordsPerSecond/500, (f.DataBytesPerSecond+f.Keys)/(5<<20), float64(c.producers)/c.buffer.Seconds()))
		more, err := n.Bill(f.Flow, prices)
		return bill.Plus(more), err
	}
}

func pathOf(name string) (p cost.Path, ok bool) {
	switch name {
	case "direct":
		return cost.Direct, true
	case "nat":
		return cost.NAT, true
	case "privatelink":
		return cost.PrivateLink, true
	}
	return 0, false
}

func encodingOf(name string) (e cost.Encoding, ok bool) {
	switch name {
	case "json":
		return cost.JSON, true
	case "cbor":
		return cost.CBOR, true
	}
	return 0, false
}

// hint says what would save more, if something would, and what is in the way.
func (c *costFlags) hint(e *estimate, w plan.Workload) error {
	if e.Unpacked.TotalUSD <= e.Packed.TotalUSD {
		e.Hints = append(e.Hints, "Packing does not pay here.")
	}
	if shards := max(e.of.Shards, e.Packed.Shards); c.lambda > 0 && w.Rate*c.lambdaMs/1000 > float64(shards) {
		e.Hints = append(e.Hints, fmt.Sprintf("The function works for %s s in each second, but one invocation a shard runs at a time: it takes %s, or a ParallelizationFactor with as many lanes.",
			decimal(w.Rate*c.lambdaMs/1000), plural(int(math.Ceil(w.Rate*c.lambdaMs/1000)), "shard")))
	}
	try := func(what string, w plan.Workload) error {
		_, p, err := w.PackFor(e.terms.Stream)
		if err != nil {
			return oneLine(err)
		}
		bill, err := e.terms.Bill(p.Sent(w.Rate))
		if total := dollars(bill.TotalUSD()); err == nil && float64(total) < 0.98*float64(e.Packed.TotalUSD) && total < e.Unpacked.TotalUSD {
			e.Hints = append(e.Hints, fmt.Sprintf("%s it would be %v a month, with a median wait of %s.", what, total, chart.Millis(millis(p.Quantile(0.5)))))
		}
		return err
	}
	if !w.Keys.None {
		if err := try("Without keys (--keyless), so without an order,", w.Keyless()); err != nil {
			return err
		}
	}
	if w.Buffer < time.Second {
		w.Buffer = time.Second
		return try("Buffered for up to a second (--buffer 1s)", w)
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
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
	Workload     workloadJSON `json:"workload"`
	Unpacked     way          `json:"unpacked"`
	Packed       *way         `json:"packed,omitempty"`
	SavedUSD     *usd         `json:"savedUSD,omitempty"`
	SavedPercent *percent     `json:"savedPercent,omitempty"`
	Hints        []string     `json:"hints,omitempty"`

	terms plan.Terms
	of    plan.Workload
}

// workloadJSON is the question.
type workloadJSON struct {
	RatePerSecond  float64 `json:"userRecordsPerSecond"`
	RecordBytes    float64 `json:"userRecordBytes"` // the mean, if they differ
	KeyBytes       float64 `json:"partitionKeyBytes"`
	Keyless        bool    `json:"keyless"`
	DistinctKeys   int     `json:"partitionKeys"` // 0: each record its own
	Producers      int     `json:"producers"`
	BufferMillis   float64 `json:"maxBufferedTimeMs"`
	Stream         string  `json:"stream,omitempty"`
	Region         string  `json:"region"`
	PricesOf       string  `json:"pricesOf"`
	Mode           string  `json:"mode"`
	RetentionHours float64 `json:"retentionHours"`
	Consumers      int     `json:"consumers"`
	FanOut         int     `json:"fanOutConsumers"`
	HoursPerMonth  float64 `json:"hoursPerMonth"`
	Currency       string  `json:"currency"`
}

// way is one way to send it.
type way struct {
	KinesisRecords float64  `json:"kinesisRecordsPerSecond"`
	PerRecord      float64  `json:"userRecordsPerKinesisRecord"`
	Units          float64  `json:"putUnitsPerSecond"`
	Bytes          float64  `json:"bytesPerSecond"`
	Fill           float64  `json:"fill"`
	MedianMillis   float64  `json:"medianWaitMs"`
	P99Millis      float64  `json:"p99WaitMs"`
	Shards         int      `json:"shards,omitempty"`
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

// usd is written to the cent.
type usd float64

func (u usd) cents() string {
	c := cost.Cents(float64(u))
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
}

// String groups thousands.
func (u usd) String() string {
	c := cost.Cents(float64(u))
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s$%s.%02d", sign, thousands(int(c/100)), c%100)
}

func (u usd) MarshalJSON() ([]byte, error) { return []byte(u.cents()), nil }

// percent is written with one decimal.
type percent float64

func (p percent) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(p), 'f', 1, 64), nil
}

// estimate prices a workload.
func (c *costFlags) estimate(w plan.Workload, prices cost.Prices) (*estimate, error) {
	data, key := w.MeanBytes()
	e := &estimate{
		Workload: workloadJSON{
			RatePerSecond: w.Rate, RecordBytes: data, KeyBytes: key, Keyless: w.Keys.None, DistinctKeys: w.Keys.Distinct,
			Producers: w.Producers, BufferMillis: millis(w.Buffer), Stream: c.stream, Region: prices.Region, PricesOf: prices.AsOf,
			Mode: c.mode.String(), RetentionHours: float64(c.retention), Consumers: c.consumers, FanOut: c.fanOut, HoursPerMonth: c.hours, Currency: "USD",
		},
		terms: plan.Terms{Prices: prices, Stream: cost.Stream{
			Mode: c.mode, Shards: w.Shards, Consumers: c.consumers, FanOutConsumers: c.fanOut, RetentionHours: float64(c.retention), HoursPerMonth: c.hours}},
		of: w,
	}
	flow, err := w.Unpacked()
	if err != nil {
		return nil, oneLine(err)
	}
	if need := e.terms.Stream.ShardsNeeded(flow); c.mode == cost.Provisioned && w.Shards > 0 && need > w.Shards {
		if c.noPack {
			return nil, usageError{fmt.Errorf("--shards %d: these records need %d", w.Shards, need)}
		}
		e.Hints = append(e.Hints, fmt.Sprintf("One by one they need %s, which these are the costs of.", plural(need, "shard")))
	}
	if e.Unpacked, err = c.column(e, flow, w.KeyFlow()); err != nil {
		return nil, err
	}
	keyed := flow
	keyed.KeyBytesPerSecond = w.KeyFlow()
	if need := e.terms.Stream.ShardsNeeded(keyed); c.mode == cost.Provisioned && need > e.Unpacked.Shards {
		e.Hints = append(e.Hints, fmt.Sprintf("One by one, with their partition keys, they need %s; like AWS's own examples these costs leave the keys out.", plural(need, "shard")))
	}
	if c.noPack {
		return e, nil
	}
	p, err := w.Pack()
	if err != nil {
		return nil, oneLine(err)
	}
	flow = p.Flow(w.Rate)
	if need := e.terms.Stream.ShardsNeeded(flow); c.mode == cost.Provisioned && w.Shards > 0 && need > w.Shards {
		return nil, usageError{fmt.Errorf("--shards %d: these records need %d, even packed", w.Shards, need)}
	}
	packed, err := c.column(e, flow, p.KeyFlow(w.Rate))
	if err != nil {
		return nil, err
	}
	packed.MedianMillis, packed.P99Millis = millis(p.Quantile(0.5)), millis(p.Quantile(0.99))
	saved, part := e.Unpacked.TotalUSD-packed.TotalUSD, percent(0)
	if e.Unpacked.TotalUSD > 0 {
		part = percent(100 * saved / e.Unpacked.TotalUSD)
	}
	e.Packed, e.SavedUSD, e.SavedPercent = &packed, &saved, &part
	return e, c.hint(e, w)
}

// oneLine makes one line of what the model has to say of the flags.
func oneLine(err error) error {
	return usageError{errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// column prices one way, whose partition keys take so many bytes a second.
func (c *costFlags) column(e *estimate, f cost.Flow, keys float64) (way, error) {
	bill, err := e.bill(c, f, keys)
	if err != nil {
		return way{}, oneLine(err)
	}
	col := way{
		KinesisRecords: f.KinesisRecordsPerSecond, PerRecord: f.UserRecordsPerSecond / f.KinesisRecordsPerSecond, Units: f.PutUnitsPerSecond,
		Bytes: f.DataBytesPerSecond, Fill: f.DataBytesPerSecond / (f.PutUnitsPerSecond * float64(c.putUnit)), Shards: bill.Shards,
		ShardUSD: usd(bill.USD(cost.ShardHours)), PutUSD: usd(bill.USD(cost.PutUnits)), TotalUSD: usd(bill.TotalUSD()),
	}
	col.OtherUSD = col.TotalUSD - col.ShardUSD - col.PutUSD
	for _, l := range bill.Lines {
		col.Lines = append(col.Lines, amount{string(l.Item), l.Quantity, l.Unit, l.PriceUSD, usd(l.USD)})
	}
	return col, nil
}

// bill is the stream's, and that of what stands before and behind it.
func (e *estimate) bill(c *costFlags, f cost.Flow, keys float64) (cost.Bill, error) {
	bill, err := plan.Bill(f, e.terms.Stream, e.terms.Prices)
	if err != nil {
		return bill, err
	}
	shards := max(bill.Shards, e.terms.Stream.ShardsNeeded(f))
	if c.lambda > 0 {
		l := cost.Lambda{Shards: shards, BatchSize: c.batch, MemoryMB: c.lambda, MillisecondsPerUserRecord: c.lambdaMs, HoursPerMonth: c.hours}
		more, err := l.Bill(f, e.terms.Prices)
		if err != nil {
			return bill, err
		}
		bill = bill.Plus(more)
	}
	n := cost.Network{Path: cost.Direct, AvailabilityZones: c.zones, HoursPerMonth: c.hours, ExplicitHashKeys: f.KinesisRecordsPerSecond < f.UserRecordsPerSecond}
	switch c.network {
	case "nat":
		n.Path = cost.NAT
	case "privatelink":
		n.Path = cost.PrivateLink
	}
	if c.encoding == "cbor" {
		n.Encoding = cost.CBOR
	}
	f.KeyBytesPerSecond = keys // they travel, whether they are billed or not
	more, err := n.Bill(f, e.terms.Prices)
	return bill.Plus(more), err
}

// hint says what would save more, if something would.
func (c *costFlags) hint(e *estimate, w plan.Workload) error {
	if e.Unpacked.TotalUSD <= e.Packed.TotalUSD+0.005 {
		e.Hints = append(e.Hints, "Packing does not pay here.")
	}
	try := func(what string, w plan.Workload) error {
		p, err := w.Pack()
		if err != nil {
			return err
		}
		bill, err := e.bill(c, p.Flow(w.Rate), p.KeyFlow(w.Rate))
		if total := usd(bill.TotalUSD()); err == nil && total < 0.98*e.Packed.TotalUSD && total < e.Unpacked.TotalUSD {
			e.Hints = append(e.Hints, fmt.Sprintf("%s it would be %v a month, with a median wait of %s.", what, total, chart.Millis(millis(p.Quantile(0.5)))))
		}
		return err
	}
	if !w.Keys.None {
		keyless := w
		keyless.Keys = plan.Keys{None: true}
		keyless.Records = nil
		for _, r := range w.Records {
			r.PartitionKey, r.ExplicitHashKey = "", ""
			keyless.Records = append(keyless.Records, r)
		}
		if err := try("Without keys (--keyless), so without an order,", keyless); err != nil {
			return err
		}
	}
	if w.Buffer < time.Second {
		w.Buffer = time.Second
		return try("Buffered for up to a second (--buffer 1s)", w)
	}
	return nil
}

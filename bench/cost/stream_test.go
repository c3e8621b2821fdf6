package cost_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

const gb = 1 << 30

// everySecond is a flow of a GB a month of 730 hours times n, in records of a whole
// number of KB.
func everySecond(n float64) cost.Flow {
	bytes := n * gb / 2_628_000
	return cost.Flow{UserRecordsPerSecond: 1, KinesisRecordsPerSecond: 1, DataBytesPerSecond: bytes,
		RoundedBytesPerSecond: bytes, PutUnitsPerSecond: 1}
}

// What is billed, line by line, with round numbers: a GB a month is 1/30.4 a day.
func TestStreamLines(t *testing.T) {
	prices := cost.Prices{
		Provisioned: cost.ProvisionedPrices{ShardHourUSD: 1, PutUnitsUSDPerMillion: 2, ExtendedShardHourUSD: 3, LongTermUSDPerGBMonth: 4,
			LongTermRetrievalUSDPerGB: 5, FanOutConsumerShardHourUSD: 6, FanOutUSDPerGB: 7},
		OnDemand: cost.OnDemandPrices{StreamHourUSD: 11, InUSDPerGB: 12, OutUSDPerGB: 13, FanOutUSDPerGB: 14,
			ExtendedUSDPerGBMonth: 15, LongTermUSDPerGBMonth: 16},
		Advantage: cost.OnDemandPrices{StreamHourUSD: 99, InUSDPerGB: 22, OutUSDPerGB: 23, FanOutUSDPerGB: 24,
			ExtendedUSDPerGBMonth: 25, LongTermUSDPerGBMonth: 26},
	}
	const committed = 25 * 2_628_000 / 1024. // GB
	f := everySecond(730)                    // a GB an hour
	f.RoundedBytesPerSecond *= 2
	for _, c := range []struct {
		name   string
		stream cost.Stream
		want   []cost.Line
	}{
		{"provisioned", cost.Stream{}, []cost.Line{
			{cost.ShardHours, 730, "shard-hour", 1, 730}, {cost.PutUnits, 2.628, "million units", 2, 5.256}}},
		{"shared consumers are free", cost.Stream{Consumers: 2, RetentionHours: 24}, []cost.Line{
			{cost.ShardHours, 730, "shard-hour", 1, 730}, {cost.PutUnits, 2.628, "million units", 2, 5.256}}},
		{"provisioned, all there is", cost.Stream{Shards: 3, FanOutConsumers: 2, RetentionHours: 170, RetrievedGBPerMonth: 9}, []cost.Line{
			{cost.ShardHours, 2190, "shard-hour", 1, 2190}, {cost.PutUnits, 2.628, "million units", 2, 5.256},
			{cost.FanOutHours, 4380, "consumer-shard-hour", 6, 26280}, {cost.FanOutData, 1460, "GB", 7, 10220},
			{cost.ExtendedHours, 2190, "shard-hour", 3, 6570},
			{cost.LongTermStorage, 2, "GB-month", 4, 8}, {cost.LongTermRetrieval, 9, "GB", 5, 45}}},
		{"provisioned, 7 days", cost.Stream{RetentionHours: 168, HoursPerMonth: 720}, []cost.Line{
			{cost.ShardHours, 720, "shard-hour", 1, 720}, {cost.PutUnits, 2.592, "million units", 2, 5.184},
			{cost.ExtendedHours, 720, "shard-hour", 3, 2160}}},
		{"on-demand", cost.Stream{Mode: cost.OnDemand, Shards: 3}, []cost.Line{
			{cost.StreamHours, 730, "stream-hour", 11, 8030}, {cost.DataIn, 1460, "GB", 12, 17520}, {cost.DataOut, 0, "GB", 13, 0}}},
		{"on-demand, all there is", cost.Stream{Mode: cost.OnDemand, Consumers: 2, FanOutConsumers: 3, RetentionHours: 8760, RetrievedGBPerMonth: 9}, []cost.Line{
			{cost.StreamHours, 730, "stream-hour", 11, 8030}, {cost.DataIn, 1460, "GB", 12, 17520}, {cost.DataOut, 1460, "GB", 13, 18980},
			{cost.FanOutData, 2190, "GB", 14, 30660}, {cost.ExtendedStorage, 144, "GB-month", 15, 2160},
			{cost.LongTermStorage, 8592, "GB-month", 16, 137472}, {cost.LongTermRetrieval, 9, "GB", 13, 117}}},
		{"on-demand, 30 hours", cost.Stream{Mode: cost.OnDemand, RetentionHours: 30}, []cost.Line{
			{cost.StreamHours, 730, "stream-hour", 11, 8030}, {cost.DataIn, 1460, "GB", 12, 17520}, {cost.DataOut, 0, "GB", 13, 0},
			{cost.ExtendedStorage, 6, "GB-month", 15, 90}}},
		{"advantage, all there is", cost.Stream{Mode: cost.Advantage, Consumers: 2, FanOutConsumers: 3, RetentionHours: 170, RetrievedGBPerMonth: 10}, []cost.Line{
			{cost.DataIn, 1460, "GB", 22, 32120}, {cost.DataOut, 1460, "GB", 23, 33580}, {cost.FanOutData, 2190, "GB", 24, 52560},
			{cost.CommittedIn, committed - 1460, "GB", 22, (committed - 1460) * 22},
			{cost.CommittedOut, committed - 3660, "GB", 23, (committed - 3660) * 23},
			{cost.ExtendedStorage, 144, "GB-month", 25, 3600}, {cost.LongTermStorage, 2, "GB-month", 26, 52},
			{cost.LongTermRetrieval, 10, "GB", 23, 230}}},
		{"advantage, more than is committed", cost.Stream{Mode: cost.Advantage, Consumers: 100, HoursPerMonth: 73}, []cost.Line{
			{cost.DataIn, 146, "GB", 22, 3212}, {cost.DataOut, 7300, "GB", 23, 167900},
			{cost.CommittedIn, committed/10 - 146, "GB", 22, (committed/10 - 146) * 22}}},
	} {
		bill, err := c.stream.Bill(f, prices)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.EqualFunc(bill.Lines, c.want, alike) {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, bill.Lines, c.want)
		}
	}
}

func alike(a, b cost.Line) bool {
	return a.Item == b.Item && a.Unit == b.Unit && a.PriceUSD == b.PriceUSD && near(a.Quantity, b.Quantity) && near(a.USD, b.USD)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

func TestShardsNeeded(t *testing.T) {
	for _, c := range []struct {
		records, data, keys float64
		consumers, want     int
	}{
		{0, 0, 0, 0, 1},
		{1000, 0, 0, 0, 1},
		{1000.001, 0, 0, 0, 2},
		{1000.0000001, 0, 0, 0, 1}, // a rate that was computed
		{0, 1 << 20, 0, 2, 1},
		{0, 1<<20 + 1, 0, 2, 2},
		{0, 1 << 20, 1, 0, 2},
		{0, 1 << 20, 0, 3, 2},
		{0, 1 << 20, 0, 4, 2},
		{0, 1<<20 - 1, 1, 5, 3},
		{100, 100 * 35 * 1024, 0, 2, 4},
		{1e12 + 2000, 0, 0, 0, 1_000_000_000},
		{math.Inf(1), 0, 0, 0, 1_000_000_000},
		{math.NaN(), math.Inf(-1), 0, -3, 1},
		{-1, -1, -1, 1, 1},
	} {
		f := cost.Flow{KinesisRecordsPerSecond: c.records, DataBytesPerSecond: c.data, KeyBytesPerSecond: c.keys}
		if got := (cost.Stream{Consumers: c.consumers}).ShardsNeeded(f); got != c.want {
			t.Errorf("%+v: %d shards, want %d", c, got, c.want)
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	bad := math.NaN()
	for _, c := range []struct {
		stream cost.Stream
		flow   cost.Flow
		want   []string
	}{
		{cost.Stream{Shards: 1}, cost.Flow{KinesisRecordsPerSecond: 1001, DataBytesPerSecond: 5}, []string{"1 shards, want at least 2 for 1001 records and 5 bytes a second with 0 consumers"}},
		{cost.Stream{Shards: 2, Consumers: 7}, cost.Flow{DataBytesPerSecond: 1 << 20}, []string{"2 shards, want at least 4", "7 consumers"}},
		{cost.Stream{Shards: -1}, cost.Flow{}, []string{"-1 shards, want 0 to 1e+06"}},
		{cost.Stream{Shards: 1_000_001}, cost.Flow{}, []string{"1.000001e+06 shards"}},
		{cost.Stream{Consumers: -1, FanOutConsumers: 100_001}, cost.Flow{}, []string{"-1 consumers, want 0 to 100000", "100001 fan-out consumers"}},
		{cost.Stream{RetentionHours: 23.9}, cost.Flow{}, []string{"23.9 hours of retention, want 24 to 8760"}},
		{cost.Stream{RetentionHours: 8761}, cost.Flow{}, []string{"8761 hours of retention"}},
		{cost.Stream{RetentionHours: bad, RetrievedGBPerMonth: bad, HoursPerMonth: bad}, cost.Flow{}, []string{"NaN hours of retention", "NaN GB retrieved a month", "NaN hours a month"}},
		{cost.Stream{RetrievedGBPerMonth: -1, HoursPerMonth: 745}, cost.Flow{}, []string{"-1 GB retrieved a month", "745 hours a month, want 0 to 744"}},
		{cost.Stream{HoursPerMonth: -1}, cost.Flow{}, []string{"-1 hours a month"}},
		{cost.Stream{Mode: 3}, cost.Flow{}, []string{"mode 3, want 0 to 2"}},
		{cost.Stream{Mode: -1}, cost.Flow{}, []string{"mode -1"}},
		{cost.Stream{}, cost.Flow{-1, -2, -3, -4, -5, -6, -7}, []string{"-1 user records a second, want 0 to 1e+12", "-2 Kinesis records", "-3 bytes of data",
			"-4 bytes of partition keys", "-5 PUT payload units", "-6 rounded bytes", "-7 calls"}},
		{cost.Stream{}, cost.Flow{UserRecordsPerSecond: bad, CallsPerSecond: math.Inf(1)}, []string{"NaN user records", "+Inf calls"}},
	} {
		bill, err := c.stream.Bill(c.flow, prices(t, virginia))
		refused(t, err, c.want)
		if len(bill.Lines) > 0 {
			t.Errorf("%v: a bill besides: %+v", err, bill)
		}
	}
}

// A price that is not known is an error where it is needed, and only there.
func TestPriceNotKnown(t *testing.T) {
	f := steady(t, 10, 1000, 10)
	frankfurt := prices(t, "eu-central-1")
	for _, c := range []struct {
		stream cost.Stream
		want   []string
	}{
		{cost.Stream{Mode: cost.OnDemand}, []string{`no price of stream hours in region "eu-central-1"`, "no price of data in"}},
		{cost.Stream{Mode: cost.Advantage}, []string{"no price of data in", "no price of committed data in, not used", "no price of committed data out, not used"}},
		{cost.Stream{FanOutConsumers: 1}, []string{"no price of fan-out consumer-shard hours", "no price of fan-out data out"}},
		{cost.Stream{RetentionHours: 169, RetrievedGBPerMonth: 1}, []string{"no price of long-term retention", "no price of long-term retrieval"}},
	} {
		_, err := c.stream.Bill(f, frankfurt)
		refused(t, err, c.want)
	}
	if _, err := (cost.Stream{RetentionHours: 168}).Bill(f, frankfurt); err != nil {
		t.Error(err)
	}
	tokyo := prices(t, "ap-northeast-1")
	tokyo.OnDemand.OutUSDPerGB = 0
	if _, err := (cost.Stream{Mode: cost.OnDemand}).Bill(f, tokyo); err != nil {
		t.Errorf("nothing is read: %v", err)
	}
	for _, price := range []float64{-1, math.NaN(), math.Inf(1)} {
		frankfurt.Provisioned.ShardHourUSD = price
		_, err := cost.Stream{}.Bill(f, frankfurt)
		refused(t, err, []string{"price of shard hours is", "want 0 to 1e+12"})
	}
}

func TestMode(t *testing.T) {
	for mode, name := range map[cost.Mode]string{cost.Provisioned: "provisioned", cost.OnDemand: "on-demand", cost.Advantage: "advantage"} {
		text, err := mode.MarshalText()
		if mode.String() != name || string(text) != name || err != nil {
			t.Errorf("%d: %s, %s, %v", int(mode), mode, text, err)
		}
		got := cost.Mode(-1)
		if err := got.UnmarshalText(text); got != mode || err != nil {
			t.Errorf("%s: %d, %v", name, int(got), err)
		}
	}
	if got := cost.Mode(7).String(); got != "Mode(7)" {
		t.Error(got)
	}
	if _, err := cost.Mode(-1).MarshalText(); err == nil {
		t.Error("mode -1 has a text")
	}
	mode := cost.OnDemand
	refused(t, mode.UnmarshalText([]byte("ondemand")), []string{`mode "ondemand", want provisioned, on-demand or advantage`})
	if mode != cost.OnDemand {
		t.Error("changed by what was refused")
	}
}

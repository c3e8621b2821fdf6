package cost

// This file owns Stream, how a flow is kept and read, and its bill.

import (
	"errors"
	"fmt"
	"math"
)

// Mode is the capacity mode of a stream.
type Mode int

// The modes.
const (
	Provisioned Mode = iota // shards, at a price an hour
	OnDemand                // on-demand standard: at prices a GB and an hour
	Advantage               // on-demand advantage: at prices a GB, with a commitment
)

var modes = [...]string{"provisioned", "on-demand", "advantage"}

// String returns "provisioned", "on-demand" or "advantage".
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modes) {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return modes[m]
}

// MarshalText returns String as bytes. The error names a mode that is none.
func (m Mode) MarshalText() ([]byte, error) {
	if m < 0 || int(m) >= len(modes) {
		return nil, fmt.Errorf("cost: mode %d, want 0 to %d", int(m), len(modes)-1)
	}
	return []byte(modes[m]), nil
}

// UnmarshalText sets the mode to what String returned, for flag.TextVar. The error
// names what is no mode.
func (m *Mode) UnmarshalText(text []byte) error {
	for i, name := range modes {
		if name == string(text) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("cost: mode %q, want provisioned, on-demand or advantage", text)
}

const (
	// HoursPerMonth are those of AWS's pricing calculator, 2,628,000 seconds.
	HoursPerMonth = 730

	maxHours  = 31 * 24
	dayHours  = 24
	weekHours = 7 * 24
	yearHours = 365 * 24 // the longest retention (Developer Guide, Quotas and limits)
	maxCount  = 100_000  // of consumers, and 10 times that of shards: far from any quota

	shardRecords  = 1000    // in, a second (Developer Guide, Quotas and limits)
	shardBytes    = 1 << 20 // in, a second, keys included (the same)
	shardBytesOut = 2 << 20 // out, a second, for all consumers without fan-out (the same)

	gigabyte       = 1 << 30
	committedBytes = 25 << 20 // a second, each way, of Advantage (Kinesis Data Streams pricing)
)

// Stream is how a flow is kept and read. The zero value is a provisioned stream
// with as many shards as needed, 24 hours of retention and no consumer.
type Stream struct {
	Mode Mode
	// Shards of a provisioned stream, 0 to 1,000,000; 0: ShardsNeeded. Other modes
	// have no use for it.
	Shards int
	// Consumers share the read throughput through GetRecords, 0 to 100,000. The
	// event source mapping of a Lambda function is one.
	Consumers int
	// FanOutConsumers are registered for enhanced fan-out, 0 to 100,000.
	FanOutConsumers int
	// RetentionHours is 24 to 8,760; 0: 24.
	RetentionHours float64
	// RetrievedGBPerMonth is what is read of data older than 7 days, 0 to 1e12.
	RetrievedGBPerMonth float64
	// HoursPerMonth is over 0 to 744; 0: 730.
	HoursPerMonth float64
}

// ShardsNeeded returns how many shards f needs if it is spread over them evenly, at
// least 1: of 1,000 records and 1 MiB a second in, partition keys included, and 2
// MiB a second out for all Consumers together. What is negative or no number needs
// none.
func (s Stream) ShardsNeeded(f Flow) int {
	return max(1,
		whole(f.KinesisRecordsPerSecond/shardRecords),
		whole(f.bytes()/shardBytes),
		whole(f.bytes()*float64(max(s.Consumers, 0))/shardBytesOut))
}

// whole rounds up, but not for what binary fractions add, and to a billion at most.
func whole(x float64) int {
	if !(x > 0) {
		return 0
	}
	return int(min(math.Ceil(x*(1-1e-9)), 1e9))
}

// Bill returns what the stream costs a month if f goes on all the time, before tax.
// The error joins all that is wrong: what is out of range, fewer Shards than needed,
// a price that p does not have for the mode.
func (s Stream) Bill(f Flow, p Prices) (Bill, error) {
	if err := errors.Join(f.validate(), s.validate(f)); err != nil {
		return Bill{}, err
	}
	b := newBiller(p)
	if s.Mode == Provisioned {
		s.provisioned(b, f, p.Provisioned)
	} else {
		s.onDemand(b, f, p)
	}
	return b.done()
}

func (s Stream) provisioned(b *biller, f Flow, p ProvisionedPrices) {
	b.bill.Shards = s.Shards
	if s.Shards == 0 {
		b.bill.Shards = s.ShardsNeeded(f)
	}
	hours := hours(s.HoursPerMonth)
	shardHours := float64(b.bill.Shards) * hours
	b.add(ShardHours, shardHours, "shard-hour", p.ShardHourUSD)
	b.add(PutUnits, f.PutUnitsPerSecond*3600*hours/1e6, "million units", p.PutUnitsUSDPerMillion)
	if s.FanOutConsumers > 0 {
		n := float64(s.FanOutConsumers)
		b.add(FanOutHours, n*shardHours, "consumer-shard-hour", p.FanOutConsumerShardHourUSD)
		b.add(FanOutData, n*gigabytes(f.DataBytesPerSecond, hours), "GB", p.FanOutUSDPerGB)
	}
	if s.RetentionHours > dayHours {
		b.add(ExtendedHours, shardHours, "shard-hour", p.ExtendedShardHourUSD)
	}
	s.longTerm(b, f, p.LongTermUSDPerGBMonth, p.LongTermRetrievalUSDPerGB)
}

func (s Stream) onDemand(b *biller, f Flow, all Prices) {
	p := all.Advantage
	hours := hours(s.HoursPerMonth)
	if s.Mode == OnDemand {
		p = all.OnDemand
		b.add(StreamHours, hours, "stream-hour", p.StreamHourUSD)
	}
	data := gigabytes(f.DataBytesPerSecond, hours)
	in := gigabytes(f.RoundedBytesPerSecond, hours)
	out, fanOut := float64(s.Consumers)*data, float64(s.FanOutConsumers)*data
	b.add(DataIn, in, "GB", p.InUSDPerGB)
	b.add(DataOut, out, "GB", p.OutUSDPerGB)
	if s.FanOutConsumers > 0 {
		b.add(FanOutData, fanOut, "GB", p.FanOutUSDPerGB)
	}
	if s.Mode == Advantage {
		least := gigabytes(committedBytes, hours)
		if more := least - in; more > 0 {
			b.add(CommittedIn, more, "GB", p.InUSDPerGB)
		}
		if more := least - out - fanOut - s.RetrievedGBPerMonth; more > 0 {
			b.add(CommittedOut, more, "GB", p.OutUSDPerGB)
		}
	}
	if s.RetentionHours > dayHours {
		kept := min(s.RetentionHours, weekHours) - dayHours
		b.add(ExtendedStorage, gigabytes(f.DataBytesPerSecond, kept), "GB-month", p.ExtendedUSDPerGBMonth)
	}
	s.longTerm(b, f, p.LongTermUSDPerGBMonth, p.OutUSDPerGB)
}

func (s Stream) longTerm(b *biller, f Flow, perGBMonth, perGB float64) {
	if s.RetentionHours > weekHours {
		b.add(LongTermStorage, gigabytes(f.DataBytesPerSecond, s.RetentionHours-weekHours), "GB-month", perGBMonth)
	}
	if s.RetrievedGBPerMonth > 0 {
		b.add(LongTermRetrieval, s.RetrievedGBPerMonth, "GB", perGB)
	}
}

func (s Stream) validate(f Flow) error {
	errs := []error{
		between("shards", float64(s.Shards), 0, 10*maxCount),
		between("consumers", float64(s.Consumers), 0, maxCount),
		between("fan-out consumers", float64(s.FanOutConsumers), 0, maxCount),
		between("GB retrieved a month", s.RetrievedGBPerMonth, 0, maxAmount),
		between("hours a month", s.HoursPerMonth, 0, maxHours),
	}
	if s.RetentionHours != 0 {
		errs = append(errs, between("hours of retention", s.RetentionHours, dayHours, yearHours))
	}
	if _, err := s.Mode.MarshalText(); err != nil {
		errs = append(errs, err)
	}
	if need := s.ShardsNeeded(f); s.Mode == Provisioned && s.Shards > 0 && s.Shards < need {
		errs = append(errs, fmt.Errorf("cost: %d shards, want at least %d for %v records and %v bytes a second with %d consumers",
			s.Shards, need, f.KinesisRecordsPerSecond, f.bytes(), s.Consumers))
	}
	return errors.Join(errs...)
}

// hours returns the hours of a month, given or AWS's.
func hours(given float64) float64 {
	if given == 0 {
		return HoursPerMonth
	}
	return given
}

// gigabytes returns what comes together of bytes a second in some hours.
func gigabytes(bytesPerSecond, hours float64) float64 {
	return bytesPerSecond * 3600 * hours / gigabyte
}

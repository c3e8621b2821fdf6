package cost

// This file owns Flow, what goes into a stream a second, and how the size of a
// record becomes what is billed. What the constructors return can be priced.

import (
	"errors"
	"fmt"
	"math"
)

const (
	// PutUnit is the PUT payload unit of a provisioned stream in bytes: 25 KB
	// (Kinesis Data Streams pricing).
	PutUnit = 25_600
	// Step is what an on-demand stream's records are rounded up to, in bytes: 1 KB
	// (Kinesis Data Streams pricing).
	Step = 1024

	maxData = 10 << 20 // the largest record that a stream can be set to take (API Reference, PutRecords)
	maxSize = 1 << 29  // far more than that: two of them rounded up are an int of 32 bits
	maxKey  = 256 * 4  // bytes of 256 code points (API Reference, PutRecordsRequestEntry)

	callRecords = 500     // API Reference, PutRecords
	callBytes   = 5 << 20 // what the KPL and kinpack send at most by default, keys included

	maxAmount = 1e12 // of anything a second: what is made of it stays finite
)

// Billing says how the size of a stored record becomes what is billed. The zero
// value is AWS's rule.
type Billing struct {
	// PutUnitBytes is the PUT payload unit in bytes; 0 is PutUnit.
	PutUnitBytes int
	// StepBytes is what on-demand rounds a record up to, in bytes; 0 is Step.
	StepBytes int
	// KeyCounts adds the partition key to the size of what is put. Whether AWS does
	// is not documented; its own examples fit only if it does not.
	KeyCounts bool
}

// Units returns the PUT payload units of a record: its size in units, rounded up,
// at least 1. Sizes are bytes, 0 to 512 MiB; what is out of that counts as its end.
func (b Billing) Units(dataBytes, keyBytes int) int {
	return b.steps(dataBytes, keyBytes, orElse(b.PutUnitBytes, PutUnit))
}

// Rounded returns what an on-demand stream bills for a record, in bytes: its size
// rounded up to whole steps, at least one. Sizes are those of Units.
func (b Billing) Rounded(dataBytes, keyBytes int) int {
	step := orElse(b.StepBytes, Step)
	return step * b.steps(dataBytes, keyBytes, step)
}

func (b Billing) steps(dataBytes, keyBytes, step int) int {
	n := min(max(dataBytes, 0), maxSize)
	if b.KeyCounts {
		n += min(max(keyBytes, 0), maxSize)
	}
	return max(1, n/step+min(1, n%step))
}

func (b Billing) validate() error {
	return errors.Join(
		between("bytes a PUT payload unit", float64(b.PutUnitBytes), 0, maxAmount),
		between("bytes a step", float64(b.StepBytes), 0, maxAmount),
	)
}

// orElse returns n, or def if n says nothing.
func orElse(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Size is the size of a stored record in bytes: of its data, 0 to 10 MiB, and of
// its partition key in UTF-8, 0 to 1,024.
type Size struct{ Data, Key int }

// Flow is what goes into a stream a second, all the time. Every amount is 0 to 1e12.
type Flow struct {
	UserRecordsPerSecond    float64 // what the application puts
	KinesisRecordsPerSecond float64 // entries stored
	DataBytesPerSecond      float64 // of their data
	KeyBytesPerSecond       float64 // of their (outer) partition keys
	PutUnitsPerSecond       float64 // the sum of their Billing.Units: for Provisioned
	RoundedBytesPerSecond   float64 // the sum of their Billing.Rounded: for OnDemand and Advantage
	// CallsPerSecond is how many PutRecords requests there are; 0: as few as 500
	// records and 5 MiB a call allow. Only Network asks.
	CallsPerSecond float64
}

// Steady returns the flow of records that are not packed and all have one size:
// ratePerSecond of them a second, with dataBytes of data (0 to 10 MiB) and a
// partition key of keyBytes (0 to 1,024). The error names what is out of range.
func Steady(ratePerSecond float64, dataBytes, keyBytes int, b Billing) (Flow, error) {
	return Of(ratePerSecond, []Size{{dataBytes, keyBytes}}, b)
}

// Of returns the flow of records that are not packed and have the given sizes, one
// as often as the other: ratePerSecond of all of them a second. It is for a data
// set, or a sample. The error names what is out of range.
func Of(ratePerSecond float64, sizes []Size, b Billing) (Flow, error) {
	err := errors.Join(between("records a second", ratePerSecond, 0, maxAmount), b.validate())
	if len(sizes) == 0 {
		err = errors.Join(err, errors.New("cost: 0 sizes of records, want at least 1"))
	}
	if err != nil {
		return Flow{}, err
	}
	var f Flow
	for i, s := range sizes {
		if s.Data < 0 || s.Data > maxData || s.Key < 0 || s.Key > maxKey {
			return Flow{}, fmt.Errorf("cost: record %d has %d bytes of data and %d of partition key, want 0 to %d and 0 to %d",
				i, s.Data, s.Key, maxData, maxKey)
		}
		f = f.Plus(Flow{
			UserRecordsPerSecond:    1,
			KinesisRecordsPerSecond: 1,
			DataBytesPerSecond:      float64(s.Data),
			KeyBytesPerSecond:       float64(s.Key),
			PutUnitsPerSecond:       float64(b.Units(s.Data, s.Key)),
			RoundedBytesPerSecond:   float64(b.Rounded(s.Data, s.Key)),
		})
	}
	f = f.Times(ratePerSecond / float64(len(sizes)))
	f.UserRecordsPerSecond, f.KinesisRecordsPerSecond = ratePerSecond, ratePerSecond // not a fraction less
	return f, nil
}

// Times returns n times the flow: that of n producer processes if f is the flow of
// one of them. Each packs what it puts itself, so f is not an n-th of the flow that
// a single process would have.
func (f Flow) Times(n float64) Flow {
	f.UserRecordsPerSecond *= n
	f.KinesisRecordsPerSecond *= n
	f.DataBytesPerSecond *= n
	f.KeyBytesPerSecond *= n
	f.PutUnitsPerSecond *= n
	f.RoundedBytesPerSecond *= n
	f.CallsPerSecond *= n
	return f
}

// Plus returns both flows together, those of unlike producers of a stream. If only
// one of them says how many calls there are, the other's are estimated.
func (f Flow) Plus(g Flow) Flow {
	if f.CallsPerSecond > 0 || g.CallsPerSecond > 0 {
		f.CallsPerSecond = f.calls() + g.calls()
	}
	f.UserRecordsPerSecond += g.UserRecordsPerSecond
	f.KinesisRecordsPerSecond += g.KinesisRecordsPerSecond
	f.DataBytesPerSecond += g.DataBytesPerSecond
	f.KeyBytesPerSecond += g.KeyBytesPerSecond
	f.PutUnitsPerSecond += g.PutUnitsPerSecond
	f.RoundedBytesPerSecond += g.RoundedBytesPerSecond
	return f
}

// calls is how many PutRecords requests there are a second.
func (f Flow) calls() float64 {
	if f.CallsPerSecond > 0 {
		return f.CallsPerSecond
	}
	return max(f.KinesisRecordsPerSecond/callRecords, f.bytes()/callBytes)
}

// bytes is what counts for the limits of a shard and of a call.
func (f Flow) bytes() float64 { return f.DataBytesPerSecond + f.KeyBytesPerSecond }

func (f Flow) validate() error {
	return errors.Join(
		between("user records a second", f.UserRecordsPerSecond, 0, maxAmount),
		between("Kinesis records a second", f.KinesisRecordsPerSecond, 0, maxAmount),
		between("bytes of data a second", f.DataBytesPerSecond, 0, maxAmount),
		between("bytes of partition keys a second", f.KeyBytesPerSecond, 0, maxAmount),
		between("PUT payload units a second", f.PutUnitsPerSecond, 0, maxAmount),
		between("rounded bytes a second", f.RoundedBytesPerSecond, 0, maxAmount),
		between("calls a second", f.CallsPerSecond, 0, maxAmount),
	)
}

// between reports a number that is out of range, or none.
func between(what string, v, low, high float64) error {
	if math.IsNaN(v) || v < low || v > high {
		return fmt.Errorf("cost: %v %s, want %v to %v", v, what, low, high)
	}
	return nil
}

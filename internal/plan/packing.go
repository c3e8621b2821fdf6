package plan

import (
	"slices"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/producer"
)

// Packing is what became of user records, counted Kinesis record by Kinesis
// record. The zero value is empty.
type Packing struct {
	UserRecords, KinesisRecords int
	UserData                    int // bytes of the user records' data; 0 if not told
	Data, Keys                  int // bytes of the Kinesis records
	Units                       int // PUT payload units
	Rounded                     int // bytes as an on-demand stream bills them

	billing cost.Billing
	waited  []time.Duration
	sorted  bool
}

// NewPacking returns an empty Packing.
func NewPacking(b cost.Billing) *Packing { return &Packing{billing: b} }

// Add counts a Kinesis record of so many user records, and bytes of data and key.
func (p *Packing) Add(userRecords, data, key int) {
	p.UserRecords += userRecords
	p.KinesisRecords++
	p.Data += data
	p.Keys += key
	p.Units += p.billing.Units(data, key)
	p.Rounded += p.billing.Rounded(data, key)
}

// Wait counts how long user records waited from Put to their result.
func (p *Packing) Wait(waited ...time.Duration) {
	p.waited = append(p.waited, waited...)
	p.sorted = false
}

// Quantile returns how long the part q of the user records waited at most: 0.5
// for the median. It is 0 if nothing is known.
func (p *Packing) Quantile(q float64) time.Duration {
	if len(p.waited) == 0 {
		return 0
	}
	if !p.sorted {
		slices.Sort(p.waited)
		p.sorted = true
	}
	return p.waited[min(int(q*float64(len(p.waited))), len(p.waited)-1)]
}

// Fill is what part of its PUT payload units the data takes: 0 to 1.
func (p *Packing) Fill() float64 {
	unit := p.billing.PutUnitBytes
	if unit == 0 {
		unit = cost.PutUnit
	}
	return float64(p.Data) / float64(p.Units*unit)
}

// FillOf is what a mode bills by that is used: Fill of a provisioned stream, and of
// an on-demand one what part of the billed bytes is data of user records.
func (p *Packing) FillOf(mode cost.Mode) float64 {
	if mode == cost.Provisioned {
		return p.Fill()
	}
	return float64(p.UserData) / float64(p.Rounded)
}

// UnitsPerMillion is how many PUT payload units a million user records cost.
func (p *Packing) UnitsPerMillion() float64 { return 1e6 * float64(p.Units) / float64(p.UserRecords) }

// PerAggregate is how many user records there are in a Kinesis record.
func (p *Packing) PerAggregate() float64 { return float64(p.UserRecords) / float64(p.KinesisRecords) }

// Flow returns what goes into the stream at a rate of user records a second, with
// the partition keys if they are billed, as Workload.Unpacked does.
func (p *Packing) Flow(rate float64) cost.Flow {
	each := rate / float64(p.UserRecords)
	f := cost.Flow{
		UserRecordsPerSecond:    rate,
		KinesisRecordsPerSecond: each * float64(p.KinesisRecords),
		DataBytesPerSecond:      each * float64(p.Data),
		PutUnitsPerSecond:       each * float64(p.Units),
		RoundedBytesPerSecond:   each * float64(p.Rounded),
	}
	if p.billing.KeyCounts {
		f.KeyBytesPerSecond = p.KeyFlow(rate)
	}
	return f
}

// Sent returns Flow with the partition keys beside it.
func (p *Packing) Sent(rate float64) Sent { return Sent{p.Flow(rate), p.KeyFlow(rate), true} }

// KeyFlow returns the bytes of partition keys a second.
func (p *Packing) KeyFlow(rate float64) float64 {
	return rate / float64(p.UserRecords) * float64(p.Keys)
}

// settling is the first part of a run, in which things settle: it is not counted.
const settling = 4

// Options returns the settings of its producers: nothing expires.
func (w Workload) Options() []producer.Option {
	w = w.withDefaults()
	opts := []producer.Option{producer.WithMaxBufferedTime(w.Buffer), producer.WithPutUnit(w.Unit), producer.WithRecordTTL(0)}
	largest := w.Size
	for _, r := range w.Records {
		largest = max(largest, len(r.Data))
	}
	if largest > defaultRecord {
		opts = append(opts, producer.WithMaxRecordSize(10<<20))
	}
	return opts
}

// defaultRecord is what a stream takes by default with any partition key, in bytes.
const defaultRecord = 1<<20 - 1024

// Pack returns what the producers make of the workload. The error says what is out
// of range.
func (w Workload) Pack() (*Packing, error) {
	w = w.withDefaults()
	if err := w.validate(); err != nil {
		return nil, err
	}
	w = w.Complete()
	load := w.load()
	data, _ := w.MeanBytes()
	for {
		out, came := NewPacking(w.Billing), 0
		load.Record = func(i int) producer.Record { came = i; return w.Record(i) }
		err := producer.Forecast(load, func(p producer.Packed) {
			if came >= load.UserRecords/settling {
				out.Add(p.UserRecords, p.Bytes, p.KeyBytes)
				out.Wait(p.Waited...)
				out.UserData += int(float64(p.UserRecords)*data + 0.5)
			}
		}, w.Options()...)
		if err != nil || out.KinesisRecords > 0 {
			return out, err
		}
		load.UserRecords *= 2 // nothing was sent yet: few records, that wait for long
	}
}

// PackFor packs the workload for a stream. Shards that it leaves open are as many as
// the stream then needs, or, of an on-demand stream, twice that and at least 4 (a
// new one has 4, and room for twice its peak: Developer Guide, Choose the capacity
// mode). It returns the workload with them.
func (w Workload) PackFor(s cost.Stream) (Workload, *Packing, error) {
	open := w.Shards == 0
	w = w.Complete()
	if open && s.Mode != cost.Provisioned {
		w.Shards = min(max(4, 2*w.Shards), maxShards)
	}
	for {
		p, err := w.Pack()
		if err != nil || !open || s.Mode != cost.Provisioned {
			return w, p, err
		}
		need := s.ShardsNeeded(p.Flow(w.Rate))
		if need <= w.Shards || need > maxShards {
			return w, p, nil
		}
		w.Shards = need
	}
}

// Bill returns what a flow costs a month in a stream that has s.Shards, or more if
// it needs more.
func Bill(f cost.Flow, s cost.Stream, p cost.Prices) (cost.Bill, error) {
	if s.Mode == cost.Provisioned {
		s.Shards = max(s.Shards, s.ShardsNeeded(f))
	}
	return s.Bill(f, p)
}

package cost

// This file owns Lambda, the function that reads a stream.

import (
	"errors"
	"math"
)

const (
	eventLimit  = 6 << 20 // bytes of a synchronous invocation (Lambda quotas)
	eventRecord = 532     // bytes of a record in the event, without key and data (Lambda Developer Guide, the Kinesis event)
	pollSeconds = 1.0     // Lambda polls a shard once a second (Lambda Developer Guide, using Lambda with Kinesis)

	maxBatch       = 10_000  // Lambda API Reference, CreateEventSourceMapping
	maxWindow      = 300     // seconds (the same)
	maxFactor      = 10      // the same
	defaultBatch   = 100     // the same
	minMemory      = 128     // MB, the default (Lambda quotas)
	maxMemory      = 10_240  // MB (the same)
	maxMillisecond = 900_000 // the longest timeout (the same)
)

// Lambda is a function that an event source mapping invokes with what it reads of a
// stream. The mapping's reading is Stream's matter: it is one of its Consumers. Free
// requests and GB-seconds are not taken off.
type Lambda struct {
	// Shards of the stream, 1 to 1,000,000.
	Shards int
	// BatchSize is the most Kinesis records of an invocation, 0 to 10,000; 0: 100.
	BatchSize int
	// WindowSeconds is the maximum batching window, 0 to 300.
	WindowSeconds float64
	// ParallelizationFactor is 0 to 10; 0: 1. It parts a shard by the outer partition
	// key, so no more of it counts than there are lanes: 1 with the KPL's "a".
	ParallelizationFactor int
	// InvocationsPerSecond, 0 to 1e12, if known; 0: Invocations estimates it.
	InvocationsPerSecond float64
	// MemoryMB is 128 to 10,240; 0: 128.
	MemoryMB int
	// MillisecondsPerInvocation is how long one takes besides its user records, and
	// MillisecondsPerUserRecord what each of those adds; 0 to 900,000 together.
	MillisecondsPerInvocation float64
	MillisecondsPerUserRecord float64
	// HoursPerMonth is over 0 to 744; 0: 730.
	HoursPerMonth float64
}

// Invocations returns how many there are a second, at most: as many as the batch
// size or 6 MB of event (base64, 532 bytes a record besides) make of the records,
// or as a poll of each shard once a second or once a window finds some. The shards
// are taken to be alike, and l to be in range.
func (l Lambda) Invocations(f Flow) float64 {
	if l.InvocationsPerSecond > 0 {
		return l.InvocationsPerSecond
	}
	records := f.KinesisRecordsPerSecond
	event := records*eventRecord + (f.DataBytesPerSecond+records)*4/3 + f.KeyBytesPerSecond
	polls := float64(max(l.Shards, 1)*orElse(l.ParallelizationFactor, 1)) / max(pollSeconds, l.WindowSeconds)
	full := max(records/float64(orElse(l.BatchSize, defaultBatch)), event/eventLimit)
	return min(records, max(polls, full))
}

// Bill returns what the function costs a month if f goes on all the time, before
// tax: requests and GB-seconds. An invocation is billed in whole milliseconds. The
// error joins all that is wrong: what is out of range, and a price that p does not
// have.
func (l Lambda) Bill(f Flow, p Prices) (Bill, error) {
	if err := errors.Join(f.validate(), l.validate()); err != nil {
		return Bill{}, err
	}
	invocations := l.Invocations(f)
	var milliseconds float64 // of an invocation
	if invocations > 0 {
		milliseconds = l.MillisecondsPerInvocation + l.MillisecondsPerUserRecord*f.UserRecordsPerSecond/invocations
	}
	if err := between("milliseconds an invocation", milliseconds, 0, maxMillisecond); err != nil {
		return Bill{}, err
	}
	milliseconds = math.Ceil(milliseconds - 1e-9)
	requests := invocations * 3600 * hours(l.HoursPerMonth)
	gb := float64(orElse(l.MemoryMB, minMemory)) / 1024
	b := newBiller(p)
	b.add(LambdaRequests, requests/1e6, "million requests", p.Lambda.RequestsUSDPerMillion)
	b.add(LambdaDuration, requests*milliseconds/1000*gb, "GB-second", p.Lambda.DurationUSDPerGBSecond)
	return b.done()
}

func (l Lambda) validate() error {
	errs := []error{
		between("shards", float64(l.Shards), 1, 10*maxCount),
		between("records a batch", float64(l.BatchSize), 0, maxBatch),
		between("seconds of window", l.WindowSeconds, 0, maxWindow),
		between("as ParallelizationFactor", float64(l.ParallelizationFactor), 0, maxFactor),
		between("invocations a second", l.InvocationsPerSecond, 0, maxAmount),
		between("milliseconds an invocation", l.MillisecondsPerInvocation, 0, maxMillisecond),
		between("milliseconds a user record", l.MillisecondsPerUserRecord, 0, maxMillisecond),
		between("hours a month", l.HoursPerMonth, 0, maxHours),
	}
	if l.MemoryMB != 0 {
		errs = append(errs, between("MB of memory", float64(l.MemoryMB), minMemory, maxMemory))
	}
	return errors.Join(errs...)
}

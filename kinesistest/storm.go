package kinesistest

// This file owns faults by chance. What goes wrong with a request depends on
// the seed and its number alone, whatever else is under way.

import (
	"context"
	"math/rand/v2"
	"time"
)

// Weather is how likely it is that something goes wrong, for [Storm]. The
// probabilities are from 0, never, to 1, always; the zero value is fair
// weather.
type Weather struct {
	// The chances of a request to fail: they are tried in this order, and the
	// first that comes true counts.

	// Unavailable: 500 InternalFailure or 503 ServiceUnavailable.
	Unavailable float64
	// Throttled: 400 ProvisionedThroughputExceededException for the whole
	// request.
	Throttled float64
	// Denied: 400 ExpiredTokenException or AccessDeniedException.
	Denied float64
	// Reset: the connection breaks before the request is carried out.
	Reset float64
	// NoAnswer: the request is not carried out, and the call lasts until its
	// context ends, for ever if it does not.
	NoAnswer float64
	// Lost: the request is carried out, and the answer is lost: the connection
	// breaks, or there is a 5xx in its place, or, if NoAnswer is above 0, none.
	Lost float64
	// Late: the caller gets a failure as with Lost, and the request is carried
	// out later, as [Fault.Late] says.
	Late float64

	// Entry is the chance of each entry of a PutRecords to fail with
	// InternalFailure or ProvisionedThroughputExceededException.
	Entry float64
	// Truncated is the chance of a PutRecords that some entries at the end,
	// at least one, miss from its answer.
	Truncated float64
	// Reshard is the chance that a request, of any stream, finds its stream
	// being changed by [Server.Reshard].
	Reshard float64

	// MaxLatency is what the latency of a request, and that of its answer, stay
	// below: each is anything from 0 on, evenly. 0 is none.
	MaxLatency time.Duration
	// MaxLate is what the time that a Late request is late stays below: it is
	// anything from 1 ms on, evenly. Up to 1 ms it is 1 ms.
	MaxLate time.Duration
}

// Storm returns a [Faults] that makes requests fail by chance, for [WithFaults]
// or [Server.SetFaults]. The same seed, Weather and [Request.Number] give the
// same fault, but for the number of entries; which shards a reshard finds to
// change depends on the ones before. It has no state, so that one may serve
// several Servers. [Server.SetFaults] with nil ends it; what is late then comes
// within MaxLate.
func Storm(seed uint64, w Weather) Faults {
	return func(_ context.Context, r Request) Fault {
		rnd := rand.New(rand.NewPCG(seed, r.Number))
		f := w.failure(rnd)
		f.Delay, f.AnswerDelay = upTo(w.MaxLatency, rnd), upTo(w.MaxLatency, rnd)
		if r.PutRecords != nil {
			w.hitEntries(&f, len(r.PutRecords.Records), rnd)
		}
		// The last, since it takes from rnd as many numbers as the shards need.
		if r.Stream != "" && chance(w.Reshard, rnd) {
			_, _ = r.Server.Reshard(r.Stream, rnd) // it may be under way already, or no such stream
		}
		return f
	}
}

func (w Weather) failure(rnd *rand.Rand) (f Fault) {
	switch {
	case chance(w.Unavailable, rnd):
		f.Failure = unavailable(rnd)
	case chance(w.Throttled, rnd):
		f.Failure = APIError(400, codeThrottled)
	case chance(w.Denied, rnd):
		f.Failure = APIError(400, "ExpiredTokenException")
		if chance(0.5, rnd) {
			f.Failure = APIError(400, "AccessDeniedException")
		}
	case chance(w.Reset, rnd):
		f.Failure = ConnectionReset()
	case chance(w.NoAnswer, rnd):
		f.Failure = NoAnswer()
	case chance(w.Lost, rnd):
		f.Failure, f.Applied = w.lost(rnd), true
	case chance(w.Late, rnd):
		f.Failure, f.Late = w.lost(rnd), time.Millisecond+upTo(w.MaxLate-time.Millisecond, rnd)
	}
	return f
}

// lost returns what may come in place of the answer of a request that is
// carried out.
func (w Weather) lost(rnd *rand.Rand) Failure {
	switch n := rnd.IntN(3); {
	case n == 0:
		return unavailable(rnd)
	case n == 1 && w.NoAnswer > 0:
		return NoAnswer()
	}
	return ConnectionReset()
}

func (w Weather) hitEntries(f *Fault, n int, rnd *rand.Rand) {
	if n > 0 && chance(w.Truncated, rnd) {
		f.Unanswered = 1 + rnd.IntN(n)
	}
	for i := range n {
		if !chance(w.Entry, rnd) {
			continue
		}
		if f.Entries == nil {
			f.Entries = map[int]string{}
		}
		f.Entries[i] = codeThrottled
		if chance(0.5, rnd) {
			f.Entries[i] = codeInternal
		}
	}
}

func unavailable(rnd *rand.Rand) Failure {
	if chance(0.5, rnd) {
		return APIError(500, codeInternal)
	}
	return APIError(503, "ServiceUnavailable")
}

func chance(p float64, rnd *rand.Rand) bool { return rnd.Float64() < p }

// upTo returns anything from 0 to below d.
func upTo(d time.Duration, rnd *rand.Rand) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(rnd.Int64N(int64(d)))
}

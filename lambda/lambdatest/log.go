package lambdatest

// This file owns the record of what happened, for tests to look at.

import (
	"slices"
	"sync"
	"time"
)

// Invocation is one invocation of the function that was not refused.
type Invocation struct {
	// Number counts the mapping's invocations in the order of their starts, from 1.
	Number int
	// ShardID and Lane, from 0, say whose batch it was.
	ShardID string
	Lane    int
	// Sandbox is the number of the sandbox, from 1, in the order of their starts.
	// ColdStart says that this was its first invocation.
	Sandbox   int
	ColdStart bool
	RequestID string
	// Attempt is 1 for the first invocation since the checkpoint last moved.
	Attempt int
	// Refused is how often the invocation was throttled before.
	Refused int
	// Records are those of the event, in order.
	Records []Record
	// Window is the tumbling window, if there are any; Final says that it was the
	// last invocation of it, Early that it was ended early.
	Window       *Window
	Final, Early bool
	// Start is when the function was called and End when the mapping had its
	// answer, or did no longer wait for it. End is zero while it is under way.
	Start, End time.Time
	Outcome    Outcome
	// Done is how many of the records are done with: all of them, those before
	// the lowest one that a partial answer reports, or none.
	Done int
	// Answer is what the function returned, nil with an error.
	Answer []byte
	// Err is why it is not a success: the function's own error, or what is wrong
	// with the answer. It is nil for Partial.
	Err error
}

type journal struct {
	mu          sync.Mutex
	invocations []*Invocation
	failures    []OnFailure
}

// start adds an invocation and gives it its number.
func (j *journal) start(inv *Invocation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	inv.Number = len(j.invocations) + 1
	j.invocations = append(j.invocations, inv)
}

func (j *journal) end(inv *Invocation, now time.Time, v verdict, answer []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	inv.End, inv.Outcome, inv.Err, inv.Answer = now, v.outcome, v.err, answer
	switch v.outcome {
	case Succeeded:
		inv.Done = len(inv.Records)
	case Partial:
		inv.Done = v.done
	}
}

func (j *journal) givenUp(doc OnFailure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failures = append(j.failures, doc)
}

// Invocations returns all invocations so far, in the order of their starts. What
// they point to is shared: nobody writes to it. The mapping keeps all of them, with
// their records, for as long as it lives.
func (m *Mapping) Invocations() []Invocation {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	all := make([]Invocation, len(m.log.invocations))
	for i, inv := range m.log.invocations {
		all[i] = *inv
	}
	return all
}

// OnFailures returns all on-failure documents so far, in order, whether there is a
// destination or not.
func (m *Mapping) OnFailures() []OnFailure {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	return slices.Clone(m.log.failures)
}

// Seen returns in how many events each record has been, by its event ID:
// "shardId-000000000000:" and the sequence number. Records that were never in one
// are not there.
func (m *Mapping) Seen() map[string]int {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	seen := map[string]int{}
	for _, inv := range m.log.invocations {
		for i := range inv.Records {
			seen[inv.ShardID+":"+inv.Records[i].SequenceNumber]++
		}
	}
	return seen
}

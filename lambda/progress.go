package lambda

// This file owns what is known of one outer record: which of its user records
// are decided, how often the others were tried, and how it is recognised when it
// comes again.
//
// What is forgotten too early runs twice; what is forgotten too late is skipped
// in a deliberate replay and so lost. In doubt, forget.

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/internal/redriven"
)

// progress is how far the user records of one outer record have come. An
// aggregate that can't be read counts as one user record.
type progress struct {
	done  set
	tries map[int]try // of those that failed and are not decided
}

// try is what is known of a user record that failed.
type try struct {
	attempts int    // handler calls
	own      bool   // the last one was for this record alone, or named it
	failure  string // the text of the last failure
}

// decide counts a user record as done.
func (p *progress) decide(i int) {
	p.done.add(i)
	delete(p.tries, i)
}

// fail counts an attempt and returns what is known then.
func (p *progress) fail(i int, own bool, failure string) try {
	t := p.tries[i]
	t = try{t.attempts + 1, own, failure}
	if p.tries == nil {
		p.tries = make(map[int]try)
	}
	p.tries[i] = t
	return t
}

func (p *progress) clone() progress {
	return progress{p.done.clone(), maps.Clone(p.tries)}
}

// empty says that there is nothing to remember.
func (p *progress) empty() bool {
	return p.done.prefix == 0 && p.done.more == nil && len(p.tries) == 0
}

// merge adds what another invocation knew of the same outer record.
func (p *progress) merge(q *progress) {
	p.done.union(&q.done)
	for i, t := range q.tries {
		if t.attempts > p.tries[i].attempts {
			if p.tries == nil {
				p.tries = make(map[int]try)
			}
			p.tries[i] = t
		}
	}
	for i := range p.tries {
		if p.done.has(i) {
			delete(p.tries, i)
		}
	}
}

// entry is what is known of one outer record.
type entry struct {
	sequence string
	content  content
	records  int // how many user records it holds
	progress progress
	// round tells this handling of the outer record from another one, such as a
	// deliberate replay. It is drawn when something is first known of it.
	round uint32
	saved bool // the Checkpoint has had it
}

// merge adds what another invocation knew of the same handling of the same outer
// record, or returns false if it was another one.
func (e *entry) merge(f *entry) bool {
	if e.round != f.round || e.records != f.records || !e.content.same(f.content) {
		return false
	}
	e.progress.merge(&f.progress)
	return true
}

// content is what tells an outer record from another with the same sequence
// number: a stream that was deleted and made again may use one twice, and a redrive
// brings parts of one, which may hold the same bytes.
type content struct {
	arrival int64 // milliseconds
	digest  [8]byte
}

// clockSlack is by how many milliseconds two readings of one arrival may differ:
// the runtime's decoder cuts off what others round.
const clockSlack = 2

func contentOf(o *events.KinesisEventRecord) content {
	h := sha256.New()
	key := o.Kinesis.PartitionKey
	h.Write(binary.AppendUvarint(nil, uint64(len(key))))
	h.Write([]byte(key))
	h.Write(o.Kinesis.Data)
	if redriven.Is(o.EventName) {
		h.Write([]byte(o.EventName))
	}
	return content{arrivalOf(o), [8]byte(h.Sum(nil))}
}

// arrivalOf returns the arrival in milliseconds, 0 for none.
func arrivalOf(o *events.KinesisEventRecord) int64 {
	if t := o.Kinesis.ApproximateArrivalTimestamp.Time; !t.IsZero() {
		return t.UnixMilli()
	}
	return 0
}

func (c content) same(d content) bool {
	diff := c.arrival - d.arrival
	return c.digest == d.digest && -clockSlack <= diff && diff <= clockSlack
}

// size is about how much memory the entry takes, in bytes.
func (e *entry) size() int {
	n := 200 + len(e.sequence) + 8*len(e.progress.done.more)
	for _, t := range e.progress.tries {
		n += 100 + len(t.failure)
	}
	return n
}

// arrivalTime is the other way round.
func arrivalTime(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli).UTC()
}

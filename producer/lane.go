package producer

import (
	"math"
	"time"

	"github.com/kinpack/kinpack/aggregate"
)

// lane is a queue of a shard: the records of some of its partition keys, in the
// order of their Puts. Pure: it takes the time and starts nothing.
//
// Of the queue only the last batch takes records, and only the first is sent
// next. What failed comes back by way of back; in an ordered lane when nothing is
// under way any more that might follow it.
type lane struct {
	shard    *shard
	index    int    // among the shard's lanes
	key      string // the outer partition key of its aggregates
	packing  *packing
	spares   *spares
	alone    bool // each record goes by itself
	wrap     bool // a lone record goes as an aggregate of one
	ordered  bool // a partition key has one record under way at a time
	inFlight int  // batches under way at most; of no account if alone

	queue    []*batch
	first    [2]*batch // of queue, as long as it is short
	back     []*batch
	underWay []*batch
	flying   map[string]bool // partition keys under way by themselves, if ordered
	packed   int             // of those under way, not by themselves
	lined    bool            // in the shard's ready
	turn     int64           // bytes sent, or what counts as such: the least goes first

	// What came in since the batch before the open one was begun.
	since   [2]time.Duration // beginnings of that one and of the open one
	arrived [2]int           // bytes
}

// open returns the batch that takes records, or nil.
func (l *lane) open() *batch {
	if n := len(l.queue); n > 0 && !l.queue[n-1].closed {
		return l.queue[n-1]
	}
	return nil
}

// add appends a record at the end of the queue. flushed says that somebody waits
// for it. changed says whether the lane has to be looked at.
func (l *lane) add(r *record, data []byte, now time.Duration, flushed bool) (changed bool) {
	if l.alone || r.lone() {
		l.closeOpen(now)
		l.push(newAlone(r, data, l.shard.Range))
		return true
	}
	for {
		b := l.open()
		if b == nil {
			b = l.begin(now)
			changed = true
		}
		ripe := b.ripe
		if l.addTo(b, r, data, now, flushed) {
			return changed || flushed || b.ripe != ripe
		}
		l.closeOpen(now)
		changed = true
	}
}

// begin opens a batch.
func (l *lane) begin(now time.Duration) *batch {
	b := l.spares.newBatch(l.packing, len(l.key))
	b.due = math.MaxInt64
	l.push(b)
	l.since, l.arrived = [2]time.Duration{l.since[1], now}, [2]int{l.arrived[1], 0}
	if l.arrived[0] == 0 { // the first ever: take it for a burst
		l.since[0] = now
	}
	return b
}

// push puts a batch at the end of the queue.
func (l *lane) push(b *batch) {
	if len(l.queue) == 0 {
		l.queue = l.first[:0]
	}
	before := cap(l.queue)
	l.queue = append(l.queue, b)
	if cap(l.queue) != before {
		l.first = [2]*batch{} // it has moved, and what it leaves behind would be kept
	}
}

// addTo adds a record to an open batch, or says that this is full.
func (l *lane) addTo(b *batch, r *record, data []byte, now time.Duration, flushed bool) bool {
	if len(b.records) >= l.packing.maxCount {
		return false
	}
	size := b.packer.Size()
	atEdge, err := b.pack(r, data, l.packing, len(l.key), &l.shard.Range)
	if err != nil {
		return false
	}
	l.arrived[1] += b.packer.Size() - size
	b.due = min(b.due, r.put+l.packing.linger)
	if flushed {
		b.due, b.flushed = min(b.due, now), true
	}
	if atEdge && !b.ripe && 2*l.packing.ceil(b.packer.cut.Size()+len(l.key)) >= l.packing.target {
		b.ripe = !b.worthWaiting(l.packing, len(l.key), now, l.rate(now))
	}
	return true
}

// rate returns what comes in, in bytes a nanosecond, +Inf for a burst: since the
// open batch was begun, or the one before it. That may be long ago, if keyless
// records have been elsewhere meanwhile.
func (l *lane) rate(now time.Duration) float64 {
	return max(float64(l.arrived[0]+l.arrived[1])/float64(now-l.since[0]), float64(l.arrived[1])/float64(now-l.since[1]))
}

// closeOpen ends the open batch, if there is one: it goes as it is, or up to the
// best point, and the rest of it begins the next one.
func (l *lane) closeOpen(now time.Duration) {
	b := l.open()
	if b == nil {
		return
	}
	b.closed = true
	n := b.cutAt(l.packing, len(l.key), now)
	if n == len(b.records) {
		return
	}
	rest := l.begin(now)
	for i := range b.records[n:] {
		r := &b.records[n+i]
		if !l.addTo(rest, r, b.data(r), now, false) {
			panic("producer: a part of an aggregate does not fit")
		}
	}
	l.arrived[1] = 0 // it had come in before
	b.packer.Truncate(b.packer.cut)
	clear(b.records[n:])
	b.records = b.records[:n]
}

// freeze ends the first batch.
func (l *lane) freeze(now time.Duration) {
	if !l.queue[0].closed {
		l.closeOpen(now)
	}
}

// free says whether the lane's order allows another batch to go.
func (l *lane) free() bool {
	if l.ordered && (len(l.back) > 0 || l.alone && l.packed > 0) {
		return false
	}
	return l.alone || len(l.underWay) < l.inFlight
}

// ready says whether the first batch may go as far as it is concerned. One that is
// stays open until it does, so that it fills while it waits.
func (l *lane) ready(now time.Duration) bool {
	if len(l.queue) == 0 {
		return false
	}
	b := l.queue[0]
	if l.alone && l.ordered && l.flying[b.records[0].partitionKey] {
		return false
	}
	return b.closed || b.ripe || now >= b.due
}

// due returns when the first batch becomes ready by itself, or never.
func (l *lane) due() time.Duration {
	if len(l.queue) == 0 || l.queue[0].closed {
		return never
	}
	return l.queue[0].due
}

const never = time.Duration(math.MaxInt64)

// nextBytes returns how many bytes the first batch would go with.
func (l *lane) nextBytes(now time.Duration) int {
	b := l.queue[0]
	if b.closed {
		return b.bytes(len(b.records), len(l.key))
	}
	return b.bytes(b.cutAt(l.packing, len(l.key), now), len(l.key))
}

// start takes the first batch under way.
func (l *lane) start(now time.Duration) *batch {
	l.freeze(now)
	b := l.queue[0]
	l.queue = pop(l.queue)
	l.underWay = append(l.underWay, b)
	for i := range b.records {
		b.records[i].attempts++
	}
	b.flies = l.alone && l.ordered && !b.records[0].keyless()
	switch {
	case !l.alone:
		l.packed++
	case b.flies:
		if l.flying == nil {
			l.flying = map[string]bool{}
		}
		l.flying[b.records[0].partitionKey] = true
	}
	b.alone, b.wrap, b.sent = l.alone, l.wrap && !b.records[0].lone(), now
	return b
}

// ended says that a batch is no longer under way.
func (l *lane) ended(b *batch) {
	for i := range l.underWay {
		if l.underWay[i] == b {
			last := len(l.underWay) - 1
			l.underWay[i], l.underWay[last] = l.underWay[last], nil
			l.underWay = l.underWay[:last]
			break
		}
	}
	if b.flies {
		delete(l.flying, b.records[0].partitionKey)
	}
	if !b.alone {
		l.packed--
	}
}

// giveBack takes a record that was out and has to go again: before all that is in
// the queue, behind what was given back before it.
func (l *lane) giveBack(r *record, data []byte, now time.Duration, flushed bool) {
	if l.alone || r.lone() {
		l.back = append(l.back, newAlone(r, data, l.shard.Range))
		return
	}
	if n := len(l.back); n > 0 && l.back[n-1].packer != nil && l.addTo(l.back[n-1], r, data, now, flushed) {
		return
	}
	b := l.spares.newBatch(l.packing, len(l.key))
	b.due = now // it has waited for neighbours before
	l.back = append(l.back, b)
	if !l.addTo(b, r, data, now, flushed) {
		panic("producer: a record does not fit an empty aggregate: " + aggregate.ErrFull.Error())
	}
}

// queueBack puts what was given back in front of the queue. It is called when all
// that may come back is. The last of it takes in the first of the queue, if that
// saves a PUT payload unit, and what comes in, if the queue is empty.
func (l *lane) queueBack(now time.Duration) {
	last := l.back[len(l.back)-1]
	for _, b := range l.back {
		b.closed = true
	}
	if last.packer != nil && len(last.records) < l.packing.maxCount {
		last.closed = len(l.queue) > 0
		if len(l.queue) > 0 && l.saves(last, l.queue[0]) {
			next := l.queue[0]
			last.closed = next.closed
			last.flushed = last.flushed || next.flushed
			for i := range next.records {
				r := &next.records[i]
				if !l.addTo(last, r, next.data(r), now, false) {
					panic("producer: two aggregates do not fit into one")
				}
			}
			l.spares.putBatch(next)
			l.queue = l.queue[1:]
		}
	}
	l.queue = append(l.back, l.queue...)
	l.back, l.first = nil, [2]*batch{}
}

// saves says whether a and b cost fewer units as one, which they may become. Two
// key tables need no more room as one.
func (l *lane) saves(a, b *batch) bool {
	if b.packer == nil || len(a.records)+len(b.records) > l.packing.maxCount {
		return false
	}
	k, outer := l.packing, len(l.key)
	// Its index makes a record's fields longer by up to 2 bytes each, in a longer table.
	m, n, both := a.packer.Size()+outer, b.packer.Size()+outer, a.packer.Size()+b.packer.Size()+outer+6*len(b.records)
	return both <= k.limit && k.ceil(both) < k.ceil(m)+k.ceil(n)
}

// take hands out everything that waits, oldest first.
func (l *lane) take() []*batch {
	all := append(l.back, l.queue...)
	l.back, l.queue, l.first = nil, nil, [2]*batch{}
	return all
}

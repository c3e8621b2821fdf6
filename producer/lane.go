package producer

import (
	"crypto/md5"
	"errors"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// record is a user record under way. Its data lies in the batch that holds it.
type record struct {
	partitionKey, explicitHashKey string
	hashKey                       hashkey.Key
	size, end                     int // of the data: its length, and where it ends in the batch's body
	put                           time.Time
	epoch                         *epoch
	done                          func(Result)
	attempts                      int
	maybeStored                   bool
	lastErr                       error
}

// batch is user records that go out as one Kinesis record. They are packed when
// they are put, so that its size is exact and their data is copied once.
type batch struct {
	builder aggregate.Builder
	records []record
	due     time.Time // when it is ready even if it is not full
	sealed  aggregate.Sealed
}

// add packs r, or returns aggregate.ErrFull.
func (b *batch) add(r record, data []byte) error {
	err := b.builder.Add(aggregate.Record{PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitHashKey, Data: data})
	if err != nil {
		return err
	}
	r.size, r.end = len(data), len(b.builder.Body())
	b.records = append(b.records, r)
	return nil
}

// data returns the data of the i-th record, in the packed body until seal and in
// the sealed bytes from then on.
func (b *batch) data(i int) []byte {
	r := &b.records[i]
	body, end := b.builder.Body(), r.end
	switch {
	case b.sealed.Aggregated:
		end += len(b.sealed.Data) - md5.Size - len(body)
		body = b.sealed.Data
	case b.sealed.Data != nil:
		return b.sealed.Data
	}
	return body[end-r.size : end : end]
}

// seal makes the Kinesis record to send.
func (b *batch) seal() {
	b.sealed = b.builder.Seal(make([]byte, 0, b.builder.Size()))
}

// spares are batches to use again, with the buffers that they have grown.
type spares []*batch

// What is kept for later: the buffers of 64 batches of 51,200 bytes, with up to
// 1,024 records each.
const (
	maxSpares       = 64
	maxSpareBody    = 2 * aggregate.DefaultMaxSize
	maxSpareRecords = 1024
)

func (s *spares) get() *batch {
	n := len(*s)
	if n == 0 {
		return new(batch)
	}
	b := (*s)[n-1]
	*s = (*s)[:n-1]
	return b
}

// put takes a batch whose records are finished or packed elsewhere. What was
// sealed lives on in their Results; a body that one of them shows must not come
// here.
func (s *spares) put(b *batch) {
	if len(*s) == maxSpares || cap(b.builder.Body()) > maxSpareBody || cap(b.records) > maxSpareRecords {
		return
	}
	b.builder.Reset()
	clear(b.records)
	b.records, b.sealed = b.records[:0], aggregate.Sealed{}
	*s = append(*s, b)
}

// lane is the queue of one shard; the plain lane, whose shard has no ID, is that
// of all records while there is no map. Pure: it takes the time and starts nothing.
type lane struct {
	shard   shardmap.Shard
	size    int           // what an aggregate may reach
	linger  time.Duration // the maximum buffered time
	spares  *spares       // of the Producer
	open    *batch        // being filled, or nil
	full    []*batch      // to be sent, oldest first
	back    []*batch      // to be sent before them: they were out already
	unacked int           // batches under way or parked

	failures  int       // in a row
	notBefore time.Time // end of the backoff
	queued    bool      // in the outbox
	wakeAt    time.Time // what timer is set to, zero for nothing
	timer     *time.Timer
}

func (l *lane) plain() bool { return l.shard.ID == "" }

// add appends a record. flushed says that somebody waits for it: its batch is
// due at once.
func (l *lane) add(r record, data []byte, now time.Time, flushed bool) {
	due := r.put.Add(l.linger)
	if flushed {
		due = now
	}
	if l.open != nil {
		if err := l.open.add(r, data); err == nil {
			if due.Before(l.open.due) {
				l.open.due = due
			}
			return
		}
		l.closeOpen()
	}
	l.open = l.newBatch(r, data)
	l.open.due = due
	if l.plain() { // nobody knows its neighbours: it goes alone
		l.closeOpen()
	}
}

// newBatch starts a batch with a record, which an empty one always takes.
func (l *lane) newBatch(r record, data []byte) *batch {
	b := l.spares.get()
	b.builder.MaxSize = l.size
	if err := b.add(r, data); err != nil {
		panic("producer: a record that Put has checked: " + err.Error())
	}
	return b
}

// pack appends a record to batches, of which the last may have room for it.
func (l *lane) pack(batches []*batch, r record, data []byte) []*batch {
	if n := len(batches); n > 0 && !l.plain() && !errors.Is(batches[n-1].add(r, data), aggregate.ErrFull) {
		return batches
	}
	return append(batches, l.newBatch(r, data))
}

// queueBack puts what was out already in front of what is newer. It is called
// when all that may come back is, so that it moves the queue once.
func (l *lane) queueBack() {
	l.full = append(l.back, l.full...)
	l.back = nil
}

// closeOpen moves the open batch to those to be sent.
func (l *lane) closeOpen() {
	if l.open != nil {
		l.full = append(l.full, l.open)
		l.open = nil
	}
}

// sendable says whether the lane's next batch may go. One that is due stays open
// until it does, so that it fills while it waits.
func (l *lane) sendable(now time.Time) bool {
	ready := len(l.full) > 0 || l.open != nil && !now.Before(l.open.due)
	return ready && l.unacked == 0 && !now.Before(l.notBefore)
}

// next returns the batches that may be under way together: the first, and of
// the plain lane as many as have different partition keys.
func (l *lane) next() []*batch {
	if len(l.full) == 0 || !l.plain() {
		return l.full[:min(1, len(l.full))]
	}
	seen := make(map[string]bool)
	for i, b := range l.full {
		key := b.records[0].partitionKey
		if i == maxCallRecords || seen[key] {
			return l.full[:i]
		}
		seen[key] = true
	}
	return l.full
}

// start takes the first batch, b, under way.
func (l *lane) start(b *batch) {
	l.full[0] = nil // the array lives on
	l.full = l.full[1:]
	l.unacked++
	for i := range b.records {
		b.records[i].attempts++
	}
}

// wake returns when the lane becomes sendable if nothing else happens, zero for
// never or already.
func (l *lane) wake(now time.Time) (at time.Time) {
	switch {
	case l.unacked > 0:
		return at
	case len(l.full) > 0:
		at = l.notBefore
	case l.open != nil:
		at = later(l.open.due, l.notBefore)
	}
	if !at.After(now) {
		return time.Time{}
	}
	return at
}

// take hands out everything that waits, oldest first.
func (l *lane) take() []*batch {
	l.closeOpen()
	all := append(l.back, l.full...)
	l.back, l.full = nil, nil
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

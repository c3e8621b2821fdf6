package producer

import (
	"runtime/debug"
	"time"
)

// This file owns the end of a record: its room goes back, its done runs, and
// those who wait for it in Flush or Close learn of it.

// epoch counts the records put between one Flush and the next whose dones have
// not run yet. flushed is closed when this one and all earlier ones are at zero.
type epoch struct {
	live    int
	flushed chan struct{}
}

// outcome is what became of some records of a batch.
type outcome struct {
	kind       error  // nil if they are put, else what their PutErrors wrap
	cause      error  // what their last attempt failed with; nil for what they remember
	answer     answer // where they are, if they are anywhere
	whole      bool   // it is all that the batch holds
	handedBack bool   // given up by Close
}

// group is records of one batch with one outcome, whose dones are to be called.
type group struct {
	batch   *batch
	records []record
	outcome outcome
	event   Finished
}

// maxIdleGroups is how long a list of told groups may get before it is shortened,
// and one of finished groups that is kept for later.
const maxIdleGroups = 64

// awaited says whether a Flush or Close waits for r.
func (p *Producer) awaited(r *record) bool { return r.epoch != p.epochs[len(p.epochs)-1] }

// finish ends records, which are in b or were. The mutex is held.
func (p *Producer) finish(b *batch, records []record, out outcome, now time.Duration) {
	if len(records) == 0 {
		return
	}
	e := Finished{Stream: p.stream, ShardID: out.answer.shardID, UserRecords: len(records)}
	room := 0
	oldest := now
	for i := range records {
		r := &records[i]
		room += charged(int(r.size), r.partitionKey, r.explicitHashKey)
		e.Bytes += int(r.size)
		e.UnitsUnpacked += p.units(int(r.size))
		e.Retries += int(max(0, r.attempts-1))
		oldest = min(oldest, r.put)
	}
	e.Age = now - oldest
	p.gate.leave(room)
	p.stats.finished(&e, out)
	p.pressed = false
	if p.told > maxIdleGroups && p.told > len(p.groups)/2 {
		n := copy(p.groups, p.groups[p.told:])
		clear(p.groups[n:])
		p.groups, p.told = p.groups[:n], 0
	}
	p.groups = append(p.groups, group{b, records, out, e})
	if !p.telling {
		p.telling = true
		p.wg.Go(p.tell)
	}
}

// telling is how far the dones of a group have been called.
type telling struct {
	group
	next int
}

// tell calls the dones, until there is none, from where an earlier goroutine has
// stopped.
func (p *Producer) tell() {
	p.teller.enter()
	for p.tellGroup() {
	}
}

// tellGroup calls the dones of one group, and says whether there was one.
func (p *Producer) tellGroup() (more bool) {
	t := &p.current
	if t.next == len(t.records) && !p.nextGroup(t) {
		return false
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		more = true
		if v := recover(); v != nil {
			p.cfg.logger.Error("kinpack: a done panicked", "stream", p.stream, "panic", v, "stack", string(debug.Stack()))
		} else { // it ended the goroutine with runtime.Goexit, as a test's FailNow does
			p.wg.Go(p.tell)
		}
	}()
	for t.next < len(t.records) {
		i := t.next
		t.next++
		if t.records[i].done != nil {
			t.records[i].done(t.result(i))
		}
	}
	returned = true
	return true
}

// nextGroup makes the next group t's, after it has dealt with the one that t
// has told.
func (p *Producer) nextGroup(t *telling) bool {
	p.mu.Lock()
	for i := range t.records {
		t.records[i].epoch.live--
	}
	if t.outcome.whole {
		p.spares.putBatch(t.batch)
	}
	*t = telling{}
	p.advance()
	if p.told == len(p.groups) {
		p.groups, p.told, p.telling = p.groups[:0], 0, false
		if cap(p.groups) > maxIdleGroups {
			p.groups = nil
		}
		p.teller.leave()
		p.mu.Unlock()
		return false
	}
	t.group = p.groups[p.told]
	p.groups[p.told] = group{}
	p.told++
	p.mu.Unlock()
	if len(p.cfg.hooks) > 0 {
		if t.outcome.kind != nil {
			t.event.Err = t.result(0).Err
		}
		p.cfg.hooks.finished(p.ctx, t.event)
	}
	return true
}

// result is the Result of the i-th record.
func (g *group) result(i int) Result {
	r := &g.records[i]
	res := Result{
		Record:   Record{PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitHashKey, Data: g.batch.data(r)},
		Attempts: int(r.attempts),
		ShardID:  g.outcome.answer.shardID, SequenceNumber: g.outcome.answer.sequenceNumber,
	}
	if res.SequenceNumber != "" {
		res.SubSequenceNumber, res.Aggregated = i, g.batch.aggregated
	}
	if g.outcome.kind != nil {
		cause := g.outcome.cause
		if cause == nil {
			cause = r.lastErr
		}
		res.Err, res.MaybeStored = putError(g.outcome.kind, cause, res.Attempts), r.maybeStored
	}
	return res
}

// advance closes the epochs that are over. The mutex is held.
func (p *Producer) advance() {
	for len(p.epochs) > 1 && p.epochs[0].live == 0 {
		close(p.epochs[0].flushed)
		p.epochs = p.epochs[1:]
	}
}

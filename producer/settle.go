package producer

import (
	"errors"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// This file owns the verdict on what was sent: stored, stored where a KCL drops
// it, to be sent again, or failed. Everything in it is called with the mutex held.

// parked is an aggregate that was stored by a shard whose range is not known yet.
type parked struct {
	entry
	answer answer
}

var errWrongShard = errors.New("stored by a shard that does not own all of its keys")

// settle judges the answers to a call.
func (p *Producer) settle(call []entry, answers []answer) {
	now := p.now()
	for i, e := range call {
		p.judge(e, answers[i], now)
	}
}

// judge decides on one entry and releases its lane, unless it has to be parked.
func (p *Producer) judge(e entry, a answer, now time.Duration) {
	if a.err != nil {
		p.failed(e, a, now)
		p.acknowledged(e.lane, e.batch, now)
		return
	}
	if r, known := p.ranges[a.shardID]; known || e.lane.shard.managed || a.shardID == e.lane.shard.ID {
		p.landed(e, a, r, now)
		return
	}
	// The map is older than the shard that took it.
	// No reader filters a plain record. One that is wrapped was sent by its own key,
	// so it fits, unless the stream has become service-managed; without a map that
	// may not be found out for long.
	if !e.batch.aggregated || len(e.batch.records) == 1 && !e.lane.shard.predicted() {
		p.refresh()
		p.success(e, a, now)
		return
	}
	p.parked = append(p.parked, parked{e, a})
	p.refresh()
	p.judgeParked(now)
}

// landed judges an entry stored by a shard of range r: the landing rule.
func (p *Producer) landed(e entry, a answer, r hashkey.Range, now time.Duration) {
	s := e.lane.shard
	if s.managed || a.shardID == s.ID || !e.batch.aggregated || owns(r, e.batch) {
		p.success(e, a, now)
		return
	}
	p.stored(e, a, WrongLanding)
	if !s.closed { // the map says it should have gone there: it is wrong
		s.fail(now)
		p.refresh()
	}
	p.suspect(e.batch)
	for i := range e.batch.records {
		r := &e.batch.records[i]
		r.wrongLandings = min(r.wrongLandings+1, maxWrongLandings)
	}
	p.again(e, errWrongShard, true, now)
	p.acknowledged(e.lane, e.batch, now)
}

// owns says whether r holds the hash keys of all the batch's records.
func owns(r hashkey.Range, b *batch) bool {
	for i := range b.records {
		if !r.Contains(b.records[i].hashKey) {
			return false
		}
	}
	return true
}

// judgeParked judges what is parked by the ranges known now, and hands back what
// is out of time.
func (p *Producer) judgeParked(now time.Duration) {
	all := p.parked
	p.parked = nil
	for _, k := range all {
		if r, known := p.ranges[k.answer.shardID]; known {
			p.landed(k.entry, k.answer, r, now)
			continue
		}
		if !p.gaveUp && !p.expired(&k.batch.records[0], now) {
			p.parked = append(p.parked, k)
			continue
		}
		p.stored(k.entry, k.answer, LandingUnknown)
		for i := range k.batch.records {
			k.batch.records[i].maybeStored = true
		}
		out := outcome{kind: ErrLandingUnknown, answer: k.answer, whole: true, handedBack: p.gaveUp}
		p.acknowledged(k.lane, k.batch, now)
		p.finish(k.batch, k.batch.records, out, now)
	}
}

// success finishes an entry's records as put.
func (p *Producer) success(e entry, a answer, now time.Duration) {
	e.lane.shard.failures = 0
	p.stored(e, a, Stored)
	p.acknowledged(e.lane, e.batch, now)
	p.finish(e.batch, e.batch.records, outcome{answer: a, whole: true}, now)
}

// stored counts an entry that a shard has taken.
func (p *Producer) stored(e entry, a answer, v Verdict) {
	n := len(e.batch.kept)
	units := int64(p.units(n))
	p.stats.KinesisRecordsPut++
	p.stats.KinesisRecordsDataPut += int64(n)
	p.stats.PutUnits += units
	if v == WrongLanding {
		p.stats.WrongLandings++
		p.stats.WrongLandingUnits += units
	}
	p.tellEntry(e, a, v)
}

// failed sends an entry's records again after a backoff, or fails them at once
// if that is pointless.
func (p *Producer) failed(e entry, a answer, now time.Duration) {
	p.stats.entryError(code(a.err))
	p.tellEntry(e, a, NotStored)
	if p.gaveUp || !fatal(a.err) && !(p.cfg.failIfThrottled && throttled(a.err)) {
		e.lane.shard.fail(now)
		p.again(e, a.err, a.unknown, now)
		return
	}
	p.finish(e.batch, e.batch.records, outcome{kind: ErrRefused, cause: a.err, whole: true}, now)
	if noStream(a.err) && p.shardMap != nil {
		p.forget(now)
	}
}

// again routes an entry's records anew, in front of what is newer; those whose
// time is up it hands back.
func (p *Producer) again(e entry, err error, maybeStored bool, now time.Duration) {
	var lost []record
	kind := ErrExpired
	if p.gaveUp {
		kind = ErrClosed
	}
	lanes := make([]*lane, 0, 4)
	var home *lane // of the keyless ones
	for i := range e.batch.records {
		r := &e.batch.records[i]
		r.maybeStored, r.lastErr = r.maybeStored || maybeStored, err
		if p.gaveUp || p.expired(r, now) {
			lost = append(lost, *r)
			continue
		}
		p.stats.UserRecordsRetried++
		l := home
		if l == nil || !r.keyless() {
			l = p.route(r, now)
		}
		if r.keyless() {
			home = l
		}
		l.giveBack(r, e.batch.data(r), now, p.awaited(r))
		if n := len(lanes); n == 0 || lanes[n-1] != l {
			lanes = append(lanes, l)
		}
	}
	if len(lost) == 0 {
		// Its lane still counts it as under way, until it is acknowledged.
		e.batch.moved = true
	}
	for _, l := range lanes {
		p.kick(l, now)
	}
	p.finish(e.batch, lost, outcome{kind: kind, handedBack: p.gaveUp}, now)
}

// expired says whether a record's time to live is over.
func (p *Producer) expired(r *record, now time.Duration) bool { return now >= p.expiry(r) }

// expiry returns when it is.
func (p *Producer) expiry(r *record) time.Duration {
	if p.cfg.recordTTL == 0 || p.cfg.recordTTL > never-r.put {
		return never
	}
	return r.put + p.cfg.recordTTL
}

// expire hands back what has waited in l for too long. It is called when the
// lane's turn comes, or would but for the rate limit, so at most a call and a
// backoff late, and says whether it found anything.
func (p *Producer) expire(l *lane, now time.Duration) bool {
	if len(l.queue) == 0 || !p.expired(&l.queue[0].records[0], now) {
		return false
	}
	l.closeOpen(now)
	n := 0
	for ; n < len(l.queue) && p.expired(&l.queue[n].records[0], now); n++ {
		b := l.queue[n]
		kept := 0
		for i := range b.records {
			if !p.expired(&b.records[i], now) {
				kept++
			}
		}
		if kept == 0 {
			p.finish(b, b.records, outcome{kind: ErrExpired, whole: true}, now)
			continue
		}
		var lost []record
		for i := range b.records {
			if r := &b.records[i]; p.expired(r, now) {
				lost = append(lost, *r)
			} else {
				l.giveBack(r, b.data(r), now, p.awaited(r))
			}
		}
		p.finish(b, lost, outcome{kind: ErrExpired}, now)
	}
	clear(l.queue[:n])
	l.queue = l.queue[n:]
	if len(l.back) > 0 {
		l.queueBack(now)
	}
	if at := l.due(); at > now && at != never { // what was cut off
		p.wakeBy(l.shard, at, now)
	}
	return true
}

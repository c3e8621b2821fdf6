package producer

import (
	"errors"
	"math/rand/v2"
	"slices"
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
	now := time.Now()
	for i, e := range call {
		p.judge(e, answers[i], now)
	}
}

// judge decides on one entry and releases its lane, unless it has to be parked.
func (p *Producer) judge(e entry, a answer, now time.Time) {
	if a.err != nil {
		p.failed(e, a, now)
		p.acknowledged(e.lane, now)
		return
	}
	p.stats.stored(e.batch)
	if r, known := p.ranges[a.shardID]; a.shardID == e.lane.shard.ID || known {
		p.landed(e, a, r, now)
		return
	}
	// The map is older than the shard that took it.
	p.refresh()
	// No reader filters a plain record, and one that is wrapped was sent by its own key.
	if len(e.batch.records) == 1 {
		p.success(e, a, now)
		return
	}
	p.parked = append(p.parked, parked{e, a})
	p.judgeParked(now)
}

// landed judges an aggregate stored by a shard of range r: the landing rule.
func (p *Producer) landed(e entry, a answer, r hashkey.Range, now time.Time) {
	if a.shardID != e.lane.shard.ID && e.batch.sealed.Aggregated && !owns(r, e.batch) {
		p.stats.WrongLandings++
		if slices.Contains(p.lanes, e.lane) { // the map says it should have gone there: it is wrong
			e.lane.fail(now)
			p.refresh()
		}
		p.again(e, errWrongShard, true, now)
		p.acknowledged(e.lane, now)
		return
	}
	p.success(e, a, now)
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
func (p *Producer) judgeParked(now time.Time) {
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
		for i := range k.batch.records {
			r := &k.batch.records[i]
			r.maybeStored = true
			if p.gaveUp {
				p.stats.UserRecordsHandedBack++
			}
			p.finish(k.batch, i, where(k.entry, k.answer, i, putError(ErrLandingUnknown, nil, r.attempts)))
		}
		p.acknowledged(k.lane, now)
	}
}

// success finishes an entry's records as put.
func (p *Producer) success(e entry, a answer, now time.Time) {
	e.lane.failures = 0
	for i := range e.batch.records {
		p.finish(e.batch, i, where(e, a, i, nil))
	}
	p.spares.put(e.batch)
	p.acknowledged(e.lane, now)
}

// where is a Result that says where a record is stored.
func where(e entry, a answer, i int, err *PutError) Result {
	res := Result{ShardID: a.shardID, SequenceNumber: a.sequenceNumber, SubSequenceNumber: i, Aggregated: e.batch.sealed.Aggregated}
	if err != nil {
		res.Err = err
	}
	return res
}

// failed sends an entry's records again after a backoff, or fails them at once
// if that is pointless.
func (p *Producer) failed(e entry, a answer, now time.Time) {
	p.stats.EntryErrors++
	if p.gaveUp || !fatal(a.err) {
		e.lane.fail(now)
		p.again(e, a.err, a.unknown, now)
		return
	}
	for i := range e.batch.records {
		p.finish(e.batch, i, Result{Err: putError(ErrRefused, a.err, e.batch.records[i].attempts)})
	}
}

// again routes an entry's records anew, in front of what is newer; those whose
// time is up it hands back.
func (p *Producer) again(e entry, err error, maybeStored bool, now time.Time) {
	var lanes []*lane
	for i := range e.batch.records {
		r := &e.batch.records[i]
		r.maybeStored, r.lastErr = r.maybeStored || maybeStored, err
		switch {
		case p.gaveUp:
			p.handBack(e.batch, i, Result{Err: putError(ErrClosed, err, r.attempts)})
		case p.expired(r, now):
			p.finish(e.batch, i, Result{Err: putError(ErrExpired, err, r.attempts)})
		default:
			p.stats.UserRecordsRetried++
			l := p.route(r.hashKey)
			l.back = l.pack(l.back, *r, e.batch.data(i))
			if !slices.Contains(lanes, l) {
				lanes = append(lanes, l)
			}
		}
	}
	p.spares.put(e.batch)
	for _, l := range lanes {
		p.kick(l, now)
	}
}

// expired says whether a record's time to live is over.
func (p *Producer) expired(r *record, now time.Time) bool {
	return p.cfg.recordTTL > 0 && now.Sub(r.put) >= p.cfg.recordTTL
}

// expire hands back what has waited in l for too long. It is called when the
// lane's turn comes, so at most a call and a backoff late.
func (p *Producer) expire(l *lane, now time.Time) {
	if len(l.full) == 0 {
		l.closeOpen()
	}
	var rest []*batch
	n := 0
	for ; n < len(l.full) && p.expired(&l.full[n].records[0], now); n++ {
		b := l.full[n]
		for i := range b.records {
			if r := &b.records[i]; p.expired(r, now) {
				p.finish(b, i, Result{Err: putError(ErrExpired, r.lastErr, r.attempts)})
			} else {
				rest = l.pack(rest, *r, b.data(i))
			}
		}
	}
	if n > 0 {
		l.full = append(rest, l.full[n:]...)
	}
}

// fail counts a failure in a row and starts the backoff. Several batches of one
// call are one failure.
func (l *lane) fail(now time.Time) {
	if now.Before(l.notBefore) {
		return
	}
	l.failures++
	l.notBefore = now.Add(backoff(l.failures))
}

// backoff returns how long to wait after the n-th failure in a row: full jitter
// up to 50 ms, doubling to 5 s.
func backoff(n int) time.Duration {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	limit := most
	if n < 8 {
		limit = min(most, first<<(n-1))
	}
	return rand.N(limit) + 1
}

package producer

import (
	"slices"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// This file owns which lane a record belongs to, and when a lane is looked at.
// Everything in it is called with the mutex held.

func (p *Producer) newLane(s shardmap.Shard) *lane {
	return &lane{shard: s, size: p.cfg.aggregateSize, linger: p.cfg.maxBufferedTime, spares: &p.spares}
}

// route returns the lane of a hash key.
func (p *Producer) route(k hashkey.Key) *lane {
	if p.shards == nil {
		return p.lanes[0]
	}
	return p.lanes[p.shards.Find(k)]
}

// install makes m the map: lanes of shards that stay go on, what waits in the
// others moves to the lanes that now own its keys.
func (p *Producer) install(m *shardmap.Map, now time.Time) {
	old := make(map[string]*lane, len(p.lanes))
	for _, l := range p.lanes {
		old[l.shard.ID] = l
	}
	before := p.lanes
	p.shards, p.lanes = m, make([]*lane, m.Len())
	for i := range p.lanes {
		s := m.At(i)
		if l := old[s.ID]; l != nil && l.shard == s {
			p.lanes[i] = l
			delete(old, s.ID)
		} else {
			p.lanes[i] = p.newLane(s)
		}
	}
	for _, l := range before {
		if old[l.shard.ID] == l {
			p.retire(l, now)
		}
	}
	for _, l := range p.lanes {
		p.kick(l, now)
	}
}

// retire empties a lane whose shard is no longer open.
func (p *Producer) retire(l *lane, now time.Time) {
	for _, b := range l.take() {
		for i, r := range b.records {
			p.route(r.hashKey).add(r, b.data(i), now, p.awaited(r))
		}
		p.spares.put(b)
	}
	p.setTimer(l, time.Time{}, now)
	if l.unacked > 0 {
		p.gone = append(p.gone, l)
	}
}

// held says whether l has to wait for an older lane, which has batches under way
// with keys that are l's now: they might have to be sent again, and go first.
func (p *Producer) held(l *lane) bool {
	return slices.ContainsFunc(p.gone, func(g *lane) bool { return g.shard.Overlaps(l.shard.Range) })
}

// sendable says whether l's next batch may go now.
func (p *Producer) sendable(l *lane, now time.Time) bool { return l.sendable(now) && !p.held(l) }

// kick looks at a lane that has changed: hands it to a worker if it can send,
// and sets its timer if it can later.
func (p *Producer) kick(l *lane, now time.Time) {
	if len(l.back) > 0 && l.unacked == 0 && !p.held(l) {
		l.queueBack()
	}
	if !l.queued && p.sendable(l, now) {
		l.queued = true
		p.outbox = append(p.outbox, l)
		p.hire()
	}
	p.setTimer(l, l.wake(now), now)
}

// setTimer has l kicked at a time, or never if that is zero.
func (p *Producer) setTimer(l *lane, at, now time.Time) {
	if l.wakeAt.Equal(at) {
		return
	}
	if !l.wakeAt.IsZero() && l.timer.Stop() {
		p.wg.Done()
	}
	l.wakeAt = at
	if at.IsZero() {
		return
	}
	p.wg.Add(1)
	l.timer = time.AfterFunc(at.Sub(now), func() {
		defer p.wg.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.wakeAt.Equal(at) { // else it was set anew while this one was starting
			l.wakeAt = time.Time{}
			p.kick(l, time.Now())
		}
	})
}

// acknowledged says that one batch of l is no longer under way.
func (p *Producer) acknowledged(l *lane, now time.Time) {
	l.unacked--
	if l.unacked > 0 {
		return
	}
	if i := slices.Index(p.gone, l); i >= 0 {
		p.gone = slices.Delete(p.gone, i, i+1)
		for _, heir := range p.lanes {
			if heir.shard.Overlaps(l.shard.Range) {
				p.kick(heir, now)
			}
		}
		return
	}
	p.kick(l, now)
}

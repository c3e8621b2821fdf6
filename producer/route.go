package producer

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/bucket"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// This file owns which lane a record belongs to, and when a lane is looked at.
// Everything in it is called with the mutex held.

// newShard makes a shard with its lanes, of which each partition key has one.
func (p *Producer) newShard(of shardmap.Shard) *shard {
	s := &shard{Shard: of, lanes: make([]*lane, p.cfg.lanes)}
	if s.predicted() && p.cfg.rateLimit > 0 {
		share := float64(p.cfg.rateLimit) / 100
		s.bucket = bucket.New(shardRecords*share, shardBytes*share)
	}
	lanes := make([]lane, len(s.lanes))
	for i := range s.lanes {
		s.lanes[i] = &lanes[i]
		lanes[i] = lane{shard: s, index: i, key: p.laneKeys[i], packing: &p.packing, spares: &p.spares}
	}
	p.setMode(s)
	return s
}

// setMode says how s's lanes pack and order their records.
func (p *Producer) setMode(s *shard) {
	s.managed = p.managed && !s.predicted()
	for _, l := range s.lanes {
		l.inFlight = p.cfg.inFlightPerLane
		l.ordered = l.inFlight == 1 && !s.managed
		l.alone = !p.aggregation || !s.predicted() && !(s.managed && p.cfg.managedAggregation)
		// On a service-managed stream a KCL drops aggregates, of one too.
		l.wrap = len(s.lanes) > 1 && p.aggregation && !(s.managed && l.alone)
		if s.managed {
			l.inFlight = p.cfg.maxInFlight
		}
	}
}

// route returns the lane of a record.
func (p *Producer) route(r *record, now time.Duration) *lane {
	if r.keyless() {
		return p.keylessLane(now)
	}
	i := 0
	if len(p.shards) > 1 {
		i = p.shardMap.Find(r.hashKey)
	}
	if n := p.cfg.lanes; n > 1 {
		i = i*n + int(xxhash.Sum64String(r.partitionKey)%uint64(n))
	}
	return p.lanes[i]
}

// install makes shards the ones that are written to: those that stay go on, what
// waits in the others moves to the lanes that now own its keys.
func (p *Producer) install(m *shardmap.Map, now time.Duration) {
	p.generation++
	before := p.shards
	kept := map[shardmap.Shard]*shard{}
	if m == nil { // the whole stream is one
		p.shards = []*shard{p.newShard(shardmap.Shard{Range: hashkey.Range{Last: hashkey.Max()}})}
	} else {
		for _, s := range before {
			kept[s.Shard] = s
		}
		p.shards = make([]*shard, m.Len())
		for i := range p.shards {
			if p.shards[i] = kept[m.At(i)]; p.shards[i] == nil {
				p.shards[i] = p.newShard(m.At(i))
			}
		}
		clear(kept)
		for _, s := range p.shards {
			kept[s.Shard] = s
		}
	}
	p.lanes = make([]*lane, 0, len(p.shards)*p.cfg.lanes)
	for _, s := range p.shards {
		p.lanes = append(p.lanes, s.lanes...)
	}
	p.shardMap = m
	p.keyless = keyless{next: p.keyless.next}
	for _, s := range before {
		if kept[s.Shard] != s {
			p.retire(s, now)
		}
	}
	for _, s := range p.shards {
		p.kickAll(s, now)
	}
}

// retire empties a shard that is no longer written to.
func (p *Producer) retire(s *shard, now time.Duration) {
	s.closed = true
	p.setTimer(s, 0, now)
	for _, l := range s.lanes {
		p.requeue(l, now)
		if len(l.underWay) > 0 {
			p.gone = append(p.gone, l)
		}
	}
}

// requeue puts what waits in a lane where it belongs by now. What was due because
// the gate is full is so there too.
func (p *Producer) requeue(l *lane, now time.Duration) {
	for _, b := range l.take() {
		for i := range b.records {
			r := &b.records[i]
			p.route(r, now).add(r, b.data(r), now, p.pressed || p.awaited(r))
		}
		p.spares.putBatch(b)
	}
}

// held says whether l has to wait for an older lane of its partition keys, which
// has batches under way that might have to be sent again, and go first.
func (p *Producer) held(l *lane) bool {
	return len(p.gone) > 0 && slices.ContainsFunc(p.gone, func(g *lane) bool {
		return g.ordered && g.index == l.index && g.shard.Overlaps(l.shard.Range)
	})
}

// kick looks at a lane that has changed.
func (p *Producer) kick(l *lane, now time.Duration) {
	s := l.shard
	if s.closed {
		return
	}
	if len(l.back) > 0 && (!l.ordered || len(l.underWay) == 0 && !p.held(l)) {
		l.queueBack(now)
	}
	if !l.lined && l.ready(now) && l.free() && !p.held(l) {
		s.line(l)
	}
	if at := l.due(); at > now && at != never { // lined or not: what it was lined for may be gone
		p.wakeBy(s, at, now)
	}
	p.offer(s, now)
}

func (p *Producer) kickAll(s *shard, now time.Duration) {
	for _, l := range s.lanes {
		p.kick(l, now)
	}
}

// offer hands a shard to a worker if it can send, or sets its timer if it can
// later.
func (p *Producer) offer(s *shard, now time.Duration) {
	if s.queued || len(s.ready) == 0 {
		return
	}
	if s.notBefore > now {
		p.wakeBy(s, s.notBefore, now)
		return
	}
	l, at := s.next(now)
	for l != nil && at > now && p.expire(l, now) {
		l, at = s.next(now)
	}
	switch {
	case l == nil:
	case at > now:
		// It is cut now: one that grew on while it waits for the limit would have
		// to wait for more and more.
		l.freeze(now)
		p.wakeBy(s, min(at, p.expiry(&l.queue[0].records[0])), now)
	default:
		s.queued = true
		p.outbox = append(p.outbox, s)
		p.hire()
	}
}

// wakeBy has a shard's lanes looked at by a time, or earlier.
func (p *Producer) wakeBy(s *shard, at, now time.Duration) {
	if s.wakeAt == 0 || at < s.wakeAt {
		p.setTimer(s, at, now)
	}
}

// setTimer has a shard's lanes looked at at a time, or never if that is 0.
func (p *Producer) setTimer(s *shard, at, now time.Duration) {
	// Not only while wakeAt is set: a run that came late may have cleared it.
	stopped := s.timer != nil && s.timer.Stop()
	s.wakeAt = at
	if at == 0 {
		if stopped {
			p.wg.Done()
		}
		return
	}
	if !stopped {
		p.wg.Add(1)
	}
	if s.timer != nil {
		s.timer.Reset(at - now)
		return
	}
	s.timer = time.AfterFunc(at-now, func() {
		defer p.wg.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		// A Reset may have come while this one was starting: it comes again then.
		if now := p.now(); s.wakeAt != 0 && now >= s.wakeAt {
			s.wakeAt = 0
			p.kickAll(s, now)
			p.relieve()
		}
	})
}

// acknowledged says that a batch of l is no longer under way.
func (p *Producer) acknowledged(l *lane, b *batch, now time.Duration) {
	l.ended(b)
	if b.moved {
		p.spares.putBatch(b)
	}
	if !l.shard.closed {
		p.kick(l, now)
		return
	}
	if len(l.underWay) > 0 {
		return
	}
	if i := slices.Index(p.gone, l); i >= 0 {
		p.gone = slices.Delete(p.gone, i, i+1)
	}
	for _, heir := range p.shards {
		if heir.Overlaps(l.shard.Range) {
			p.kick(heir.lanes[l.index], now)
		}
	}
}

package producer

import "time"

// keyless is where records without a partition key go: one lane until its
// aggregate is full or due, then the next.
type keyless struct {
	lane  *lane
	batch *batch // the one that it was chosen for, nil for the next it opens
	next  int    // among all lanes of all shards
}

// keylessLooks is how many lanes are looked at for one that can send at once.
const keylessLooks = 8

// keylessLane returns the lane of the next keyless record.
func (p *Producer) keylessLane(now time.Duration) *lane {
	k := &p.keyless
	var stay *lane
	if k.lane != nil {
		b := k.lane.open()
		if k.batch == nil {
			k.batch = b
		}
		if b != nil && b == k.batch && !b.ripe && !b.flushed {
			stay = k.lane
			if k.lane.shard.notBefore <= now {
				return stay
			}
		}
	}
	n := len(p.shards) * p.cfg.lanes
	for i := range min(n, keylessLooks) {
		l := p.laneAt((k.next + i) % n)
		if len(l.underWay) == 0 && len(l.back) == 0 && !l.lined && l.shard.notBefore <= now {
			k.next += i
			stay = nil
			break
		}
	}
	if stay != nil {
		return stay
	}
	k.lane = p.laneAt(k.next % n)
	k.next = k.next%n + 1
	k.batch = k.lane.open()
	return k.lane
}

// laneAt returns the i-th lane: the shards follow each other, so that all of
// them get as much, and after them comes their next lane.
func (p *Producer) laneAt(i int) *lane {
	return p.shards[i%len(p.shards)].lanes[i/len(p.shards)]
}

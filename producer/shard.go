package producer

import (
	"math/rand/v2"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/producer/internal/bucket"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// shard is an open shard: its lanes, its rate limit, its backoff. While there is
// no map, and on a service-managed stream, one that has no ID and all hash keys
// stands for the whole stream. Pure, but for its timer, which route.go sets.
type shard struct {
	shardmap.Shard
	lanes   []*lane
	bucket  bucket.Bucket
	managed bool // it stands for a service-managed stream, where hash keys say nothing
	closed  bool // it is no longer in the map

	failures  int           // in a row
	notBefore time.Duration // end of the backoff

	ready  []*lane // that may send but for the limit; they take turns
	queued bool    // in the outbox
	timer  *time.Timer
	wakeAt time.Duration // what timer is set to, 0 for nothing
}

// quantum is what a turn is worth to a lane, in bytes.
const quantum = aggregate.DefaultMaxSize

// predicted says whether the shard is one that hash keys were looked up for.
func (s *shard) predicted() bool { return s.ID != "" }

// turn returns the lane whose turn it is, by deficit round robin over the bytes
// of their next batches, and when it may go, which is now or later. It returns nil
// if none is ready.
func (s *shard) turn(now time.Duration) (l *lane, at time.Duration) {
	for len(s.ready) > 0 {
		l := s.ready[0]
		if !l.ready(now) || !l.free() { // what it had is gone
			s.leave()
			continue
		}
		n := l.nextBytes(now)
		if len(s.ready) > 1 && l.deficit < n {
			l.deficit += quantum
			s.ready = append(s.ready[1:], l)
			continue
		}
		return l, now + s.bucket.Wait(now, n)
	}
	return nil, 0
}

// leave takes the first lane out of ready.
func (s *shard) leave() {
	s.ready[0].waiting = false
	s.ready[0] = nil
	s.ready = s.ready[1:]
}

// start sends the next batch of the lane whose turn it is.
func (s *shard) start(l *lane, now time.Duration) *batch {
	n := l.nextBytes(now)
	s.bucket.Take(now, n)
	l.deficit = max(0, l.deficit-n)
	return l.start(now)
}

// fail counts a failure in a row and starts the backoff. Several batches of one
// call are one failure.
func (s *shard) fail(now time.Duration) {
	if now < s.notBefore {
		return
	}
	s.failures++
	s.notBefore = now + backoff(s.failures)
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

package producer

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

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

	ready  []*lane // that may send but for the limit; they take turns,
	turn   int64   // and this was the last one's
	queued bool    // in the outbox
	timer  *time.Timer
	wakeAt time.Duration // what timer is set to, 0 for nothing
}

// predicted says whether the shard is one that hash keys were looked up for.
func (s *shard) predicted() bool { return s.ID != "" }

// line puts a lane into ready. It does not save up turns that it did not need.
func (s *shard) line(l *lane) {
	l.lined, l.turn = true, max(l.turn, s.turn)
	s.ready = append(s.ready, l)
}

// next returns the lane whose turn it is, the one that has sent the fewest bytes
// since they compete, and when it may go, which is now or later. It returns nil if
// none is ready.
func (s *shard) next(now time.Duration) (l *lane, at time.Duration) {
	s.ready = slices.DeleteFunc(s.ready, func(l *lane) bool {
		l.lined = l.ready(now) && l.free() // what it had may be gone
		return !l.lined
	})
	if len(s.ready) == 0 {
		return nil, 0
	}
	l = slices.MinFunc(s.ready, func(a, b *lane) int { return cmp.Compare(a.turn, b.turn) })
	return l, now + s.bucket.Wait(now, l.nextBytes(now))
}

// start sends the next batch of the lane whose turn it is.
func (s *shard) start(l *lane, now time.Duration) *batch {
	n := l.nextBytes(now)
	s.bucket.Take(now, n)
	s.turn = l.turn
	l.turn += int64(n)
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

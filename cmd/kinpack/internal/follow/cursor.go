package follow

// This file owns where reading stands in a shard, and when the shard's next turn is.
// It is pure: it takes the time.

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// cursor is a shard that is being read. During a turn it belongs to that.
type cursor struct {
	shard *Shard
	start Position

	iterator *string
	// last is the sequence number of the last record read; until there is one,
	// since is when the first iterator was asked for, by the service's clock.
	last  string
	since time.Time
	known bool      // to the service: it was listed, had an iterator, or is settled
	found time.Time // when its turns began

	idle     int // pages without a record in a row, at the tip
	failures failures

	due   time.Time
	order uint64 // among those due at one time
}

const (
	// callPause keeps to the 5 reads a second that a shard takes.
	callPause = 200 * time.Millisecond
	// shardBytesPerSecond is what a shard gives to readers.
	shardBytesPerSecond = 2_000_000
	// tipPause is the pause once all has been read; it doubles to lastTipPause
	// while nothing comes.
	tipPause     = 250 * time.Millisecond
	lastTipPause = time.Second
	// A pause after a failure is anything from callPause up to firstBackoff, doubled
	// each time up to lastBackoff.
	firstBackoff = 400 * time.Millisecond
	lastBackoff  = 10 * time.Second
	// patience is how long one thing may fail for other reasons than throttling.
	patience = 5 * time.Minute
	// settled is when a shard has surely become known to all of the service.
	settled = time.Hour
)

// read notes a page that came in, of so many records and bytes, and returns the
// pause after it.
func (c *cursor) read(records, bytes int, tip bool) time.Duration {
	c.failures = failures{}
	pause := callPause
	switch {
	case records > 0:
		c.idle = 0
		if tip {
			pause = tipPause
		}
	case tip:
		pause = min(tipPause<<min(c.idle, 10), lastTipPause)
		c.idle++
	}
	return max(pause, time.Duration(bytes)*time.Second/shardBytesPerSecond)
}

// failures are those of one thing in a row.
type failures struct {
	count int
	// spent is how long trying and the pauses took since it was throttled last. It
	// is no difference of times, since in between the caller may take all day.
	spent time.Duration
}

// add notes a failure that took some time, and returns the pause after it. over
// says that it has failed for too long; being throttled does not count.
func (f *failures) add(throttled bool, took time.Duration) (pause time.Duration, over bool) {
	f.count++
	pause = max(callPause, rand.N(min(firstBackoff<<min(f.count-1, 10), lastBackoff)))
	if f.spent += took; throttled {
		f.spent = 0
	}
	over = f.spent > patience
	f.spent += pause
	return pause, over
}

// queue is the shards that wait for their next turn, the one due first on top.
type queue struct {
	cursors []*cursor
	pushed  uint64
}

func (q *queue) put(c *cursor, due time.Time) {
	q.pushed++
	c.due, c.order = due, q.pushed
	heap.Push(q, c)
}

// take removes the first cursor if it is due.
func (q *queue) take(now time.Time) (*cursor, bool) {
	if len(q.cursors) == 0 || q.cursors[0].due.After(now) {
		return nil, false
	}
	return heap.Pop(q).(*cursor), true
}

// Len, Less, Swap, Push and Pop are for package heap.
func (q *queue) Len() int { return len(q.cursors) }

func (q *queue) Less(i, j int) bool {
	a, b := q.cursors[i], q.cursors[j]
	if d := a.due.Compare(b.due); d != 0 {
		return d < 0
	}
	return a.order < b.order
}

func (q *queue) Swap(i, j int) { q.cursors[i], q.cursors[j] = q.cursors[j], q.cursors[i] }

func (q *queue) Push(x any) { q.cursors = append(q.cursors, x.(*cursor)) }

func (q *queue) Pop() any {
	last := len(q.cursors) - 1
	c := q.cursors[last]
	q.cursors[last] = nil
	q.cursors = q.cursors[:last]
	return c
}

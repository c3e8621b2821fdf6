package follow

// This file owns what happens when a call fails, and what a listing mends: shards
// that are not found, or that end without a child.

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// failed takes in a turn that failed.
func (r *reader) failed(ctx context.Context, got result) error {
	c := got.cursor
	if err := ctx.Err(); err != nil {
		return err
	}
	pause, over := c.failures.add(throttled(got.err), got.took)
	switch {
	case over, !passes(got.err) && !notFound(got.err):
		return fmt.Errorf("read %s of stream %s: %w", c.shard.ID, r.stream, got.err)
	case notFound(got.err):
		r.missing = append(r.missing, c)
		c.due = got.at.Add(pause)
	default:
		r.queue.put(c, got.at.Add(pause))
	}
	return nil
}

// listed takes in a listing. It may have begun before what it was needed for: then
// there is another one.
func (r *reader) listed(got result) error {
	r.listing = false
	pause, over := r.listings.add(got.err != nil && throttled(got.err), got.took)
	r.listDue = got.at.Add(pause)
	if got.err != nil {
		if over || !passes(got.err) {
			return got.err
		}
		return nil
	}
	shards := r.wanted(got.listing)
	r.open(r.lineage.listed(shards, false, func(*Shard) bool { return false }))
	r.find(shards, got.at)
	r.childless = slices.DeleteFunc(r.childless, func(id string) bool { return len(r.lineage[id].children) > 0 })
	waits := r.lineage.waits()
	switch {
	case !r.needsListing():
		r.listings = failures{}
	case !over:
	case len(r.childless) > 0:
		return fmt.Errorf("%s of stream %s has ended, and the stream lists no shard that follows it", r.childless[0], r.stream)
	case waits != nil:
		return fmt.Errorf("%s of stream %s follows shards that the stream does not list: %s", waits.ID, r.stream, waits.Parents)
	}
	return nil
}

// find looks for the missing shards. What the service once knew and does not list is
// past the retention period, and has ended; the listing has what follows it. Others
// may come.
func (r *reader) find(shards []*Shard, now time.Time) {
	listed := make(map[string]bool, len(shards))
	for _, s := range shards {
		listed[s.ID] = true
	}
	missing := r.missing
	r.missing = nil
	for _, c := range missing {
		c.known = c.known || listed[c.shard.ID] || now.Sub(c.found) > settled
		if c.known && !listed[c.shard.ID] {
			r.open(r.lineage.end(c.shard.ID, nil))
			continue
		}
		c.iterator = nil
		r.queue.put(c, c.due)
	}
}

package lambda

// This file owns what goes from one invocation of a batch to the next, by the
// process's memory and, if there is one, the Checkpoint.
//
// With a Checkpoint that can be read, the memory counts only for what the
// Checkpoint also has, or never got: what another process has finished and
// deleted there must not be skipped when someone replays it. Without one, or
// while it fails, the memory is all there is.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kinpack/kinpack/internal/sequence"
)

const (
	maxLoad = 5 * time.Second // for the Load of an invocation, or a quarter of the time left
	maxSave = 5 * time.Second // for Save or Delete, if there is no deadline
)

// recalled is what earlier invocations left for a batch.
type recalled struct {
	known map[string]entry // by sequence number
	// items are the sequence numbers in the Checkpoint that are of this batch,
	// beyond the entries in them that are of outer records past its end.
	items  []string
	beyond []entry
	unread bool // the Checkpoint could not be read
}

// recall reads what is known of the batch.
func (c *Consumer) recall(ctx context.Context, b *batch) recalled {
	memory := c.memory.recall(b)
	for _, r := range memory.passed {
		c.passed(ctx, b, r)
	}
	if c.config.checkpoint == nil || !b.tracked() {
		return recalled{known: memory.known}
	}
	first := b.lowest(0)
	saved, ok := c.load(ctx, b, first, b.highest())
	if !ok { // where something may be saved is to be written over, or deleted
		items := memory.saved
		if sequence.Valid(first) && !slices.Contains(items, first) {
			items = append(items, strings.Clone(first))
		}
		return recalled{known: memory.known, items: append(items, memory.undeleted...), unread: true}
	}
	found := recalled{items: memory.undeleted}
	loaded := make(map[string]entry)
	for _, p := range saved {
		if b.index(p.SequenceNumber) < 0 {
			continue // of another of the shard's concurrent batches
		}
		found.items = append(found.items, strings.Clone(p.SequenceNumber))
		for _, written := range p.Entries {
			e, err := readEntry(written)
			if err != nil {
				c.checkpointFailed(ctx, b, "Load", fmt.Errorf("what is saved under %.60s: %w", p.SequenceNumber, err))
				continue
			}
			if b.index(e.sequence) < 0 {
				found.beyond = append(found.beyond, e)
				continue
			}
			if old, ok := loaded[e.sequence]; ok && !e.merge(&old) {
				e.progress = progress{} // of two rounds, neither is known to be this one
			}
			loaded[e.sequence] = e
		}
	}
	for sequence, e := range memory.known {
		old, ok := loaded[sequence]
		if ok && e.merge(&old) {
			e.saved = true
			loaded[sequence] = e
		} else if !ok && !e.saved {
			loaded[sequence] = e
		}
	}
	found.known = loaded
	return found
}

// load calls Load in its part of the time.
func (c *Consumer) load(ctx context.Context, b *batch, first, last string) (saved []SavedProgress, ok bool) {
	limit := maxLoad
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/4)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := apart(func() (err error) {
		if !sequence.Valid(first) || !sequence.Valid(last) {
			return fmt.Errorf("sequence numbers %.200q to %.200q: want decimal numbers", first, last)
		}
		saved, err = c.config.checkpoint.Load(ctx, c.shard(b), first, last)
		return err
	})
	if f != nil {
		c.checkpointFailed(ctx, b, "Load", f)
		return nil, false
	}
	return saved, true
}

// passed tells of a report that Lambda has gone past, unless the Checkpoint
// shows that another process has finished it.
func (c *Consumer) passed(ctx context.Context, b *batch, r report) {
	if r.saved && c.config.checkpoint != nil {
		if saved, ok := c.load(ctx, b, r.sequence, r.sequence); ok && len(saved) == 0 {
			return
		}
	}
	c.log.LogAttrs(ctx, slog.LevelError, "Lambda went past a reported failure: another sandbox has handled it, its retries or the record's age are used up, or ReportBatchItemFailures is off",
		slog.String("record", b.shard.id+":"+r.sequence))
	for _, h := range c.config.hooks {
		if h.Passed != nil {
			c.tell(ctx, func() { h.Passed(ctx, Passed{c.shard(b), r.sequence}) })
		}
	}
}

// keep remembers what is done in a batch of which records[at] is the first
// undecided one.
func (c *Consumer) keep(ctx context.Context, v *invocation, found recalled, at int) {
	b := v.batch
	r := report{shard: b.shard.clone(), at: time.Now()}
	if at < len(b.records) && b.tracked() {
		from := at
		if c.config.wholeBatchError {
			from = 0
		}
		if low := b.lowest(from); low != "" {
			r.sequence, r.keys, r.entries = strings.Clone(low), b.someKeys(from), v.entries(v.outers, from, v.stats.TimeUp)
		}
	}
	c.save(ctx, b, &r, found)
	c.memory.keep(b, r, v.ending)
}

// entries returns what is known of the outer records from on. With late, those of
// which a worker may still bring something about are among them, and say nothing.
func (v *invocation) entries(outers []outerState, from int, late bool) (es []entry) {
	for i := from; i < len(outers); i++ {
		o := &outers[i]
		sequence := v.batch.records[i].Kinesis.SequenceNumber
		if !o.opened { // not come to: what was known stays
			if e, ok := v.known[sequence]; ok {
				es = append(es, e)
			}
			continue
		}
		known := o.toRemember()
		if known.empty() && (!late || o.decided()) || sequence == "" {
			continue
		}
		e := entry{strings.Clone(sequence), contentOf(&v.batch.records[i]), o.users, known, o.round, o.saved}
		if e.round == 0 {
			e.round = 1 + rand.Uint32N(math.MaxUint32)
		}
		es = append(es, e)
	}
	slices.SortStableFunc(es, func(x, y entry) int { return sequence.Compare(x.sequence, y.sequence) })
	return es
}

// toRemember is the progress for the next invocation. A record of a redrive that is
// in the dead letter again is not done for that: when its new letter is redriven, it
// comes as the same part with the same bytes.
func (o *outerState) toRemember() progress {
	if o.aside.count() == 0 {
		return o.progress
	}
	p := progress{tries: o.tries}
	for i := range o.users {
		if o.done.has(i) && !o.aside.has(i) {
			p.done.add(i)
		}
	}
	return p
}

// save brings the Checkpoint to what the report says: nothing, if its entries are
// none. What was found of outer records beyond the batch stays.
func (c *Consumer) save(ctx context.Context, b *batch, r *report, found recalled) {
	if c.config.checkpoint == nil || !b.tracked() {
		return
	}
	entries := said(r.entries)
	own := len(entries)
	for i := range found.beyond {
		entries = append(entries, &found.beyond[i])
	}
	limit := maxSave
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)*3/4)
	}
	// What the caller has cancelled is the handling, not this.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	switch {
	case len(entries) == 0 && (len(found.items) == 0 || found.unread && r.sequence != ""):
	case len(entries) == 0:
		c.remove(ctx, b, found.items)
	case own == 0: // the rest of a batch that came in parts
		c.write(ctx, b, entries[0].sequence, entries, found.items)
	default:
		kept, err := c.write(ctx, b, r.sequence, entries, found.items)
		for i, e := range entries[:own] {
			e.saved = i < kept || e.saved && err != nil
		}
		r.saved = kept > 0
	}
}

// remove calls Delete. What it does not delete is tried again.
func (c *Consumer) remove(ctx context.Context, b *batch, items []string) {
	f := apart(func() error { return c.config.checkpoint.Delete(ctx, c.shard(b), items) })
	if f == nil {
		c.memory.deleted(b.shard, items)
		return
	}
	c.checkpointFailed(ctx, b, "Delete", f)
	c.memory.deleteLater(b.shard, items)
}

// write calls Save, with entries under a sequence number in the place of items, and
// returns how many were kept.
func (c *Consumer) write(ctx context.Context, b *batch, sequence string, entries []*entry, items []string) (kept int, err error) {
	p := SavedProgress{SequenceNumber: sequence, Entries: make([][]byte, len(entries))}
	var last int64
	texts := maxSavedAll
	for i, e := range entries {
		p.Entries[i] = e.append(nil, &texts)
		last = max(last, e.content.arrival)
	}
	p.LastArrival = arrivalTime(last)
	stale := slices.DeleteFunc(slices.Clone(items), func(s string) bool { return s == sequence })
	f := apart(func() (err error) {
		kept, err = c.config.checkpoint.Save(ctx, c.shard(b), p, stale)
		return err
	})
	kept = min(max(kept, 0), len(entries))
	if f != nil {
		c.memory.deleteLater(b.shard, stale)
		c.checkpointFailed(ctx, b, "Save", f)
		return kept, f
	}
	c.memory.deleted(b.shard, slices.Concat(items, []string{sequence}))
	if kept < len(entries) {
		c.checkpointFailed(ctx, b, "Save", fmt.Errorf("only the first %d of %d outer records' progress found room", kept, len(entries)))
	}
	return kept, nil
}

// said returns those entries that say something: not those that are only kept for
// what may come late.
func said(entries []entry) (some []*entry) {
	for i := range entries {
		if !entries[i].progress.empty() {
			some = append(some, &entries[i])
		}
	}
	return some
}

// checkpointFailed tells of a Checkpoint call that did not work out.
func (c *Consumer) checkpointFailed(ctx context.Context, b *batch, operation string, err error) {
	text := err.Error()
	c.log.LogAttrs(ctx, slog.LevelError, "checkpoint failed; the invocation goes on without",
		slog.String("operation", operation), slog.String("record", name(&b.records[0], WholeRecord)), slog.String("error", text))
	for _, h := range c.config.hooks {
		if h.CheckpointError != nil {
			c.tell(ctx, func() { h.CheckpointError(ctx, CheckpointError{c.shard(b), operation, errors.New(text)}) })
		}
	}
}

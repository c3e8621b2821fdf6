package lambda

// This file owns what the process remembers between invocations: what is done
// inside batches that were answered in part, handlers that were still running,
// and partition keys that have a record in the dead letter. It is bounded, and
// safe for concurrent use.

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kinpack/kinpack/internal/sequence"
)

const (
	maxReports  = 1024      // one a shard and concurrent batch
	maxMemory   = 8 << 20   // bytes, about
	maxProgress = time.Hour // later than that a record comes again because someone replays it
	maxKeys     = 1024      // poisoned partition keys

	maxUndeleted = 16 // items of the Checkpoint that an invocation tries to delete once more
)

// report is what is known of a batch that was answered in part.
type report struct {
	shard    shardID
	sequence string // the outer sequence number that was reported
	at       time.Time
	keys     []string // outer partition keys from there on in its batch, not all if there are many
	saved    bool     // the checkpoint has an item under the sequence number
	entries  []entry  // ascending
}

type memory struct {
	mu      sync.Mutex
	reports []report // the latest at the end
	late    []straggler
	keys    map[poisonedKey]poisoned
	// undeleted is what could not be deleted from the Checkpoint, and must not stay
	// there for a replay to find.
	undeleted []item
}

// item is an item of the Checkpoint.
type item struct {
	shard    shardID
	sequence string
}

// straggler is an invocation whose workers were not at their end when its batch
// was answered.
type straggler struct {
	shard shardID
	*ending
}

type poisonedKey struct {
	shard shardID
	key   string
}

// wait returns when no straggler of that shard is left, or false when ctx ends first.
func (m *memory) wait(ctx context.Context, shard shardID) bool {
	for {
		left := m.settle(shard)
		if left == nil {
			return true
		}
		select {
		case <-left.done:
		case <-ctx.Done():
			return false
		}
	}
}

// settle takes note of what every straggler that has ended since has brought
// about, and returns one of that shard that has not ended.
func (m *memory) settle(shard shardID) *ending {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.late = slices.DeleteFunc(m.late, func(s straggler) bool {
		select {
		case <-s.done:
		default:
			return false
		}
		for _, l := range s.ending.late {
			m.decide(s.shard, l)
		}
		return true
	})
	for _, s := range m.late {
		if s.shard == shard {
			return s.ending
		}
	}
	return nil
}

// decide counts a user record as done, if its outer record is remembered.
func (m *memory) decide(shard shardID, l late) {
	for i := range m.reports {
		if m.reports[i].shard != shard {
			continue
		}
		entries := m.reports[i].entries
		if j, ok := slices.BinarySearchFunc(entries, l.outer, func(e entry, number string) int { return sequence.Compare(e.sequence, number) }); ok {
			entries[j].progress.decide(l.user)
		}
	}
}

// remembered is what the memory has of a batch.
type remembered struct {
	known  map[string]entry // by sequence number
	saved  []string         // what is in the Checkpoint, by sequence number
	passed []report         // what Lambda has gone past, and is forgotten now
	// undeleted is what is still to be deleted from the Checkpoint: not more than can
	// be asked of one invocation.
	undeleted []string
}

// recall returns what is known of the batch's outer records, and forgets what is
// too old and what Lambda has gone past.
//
// That a batch starts past an outer record is not enough: with a
// ParallelizationFactor several batches of a shard are under way, and each may
// be ahead of the others. But all records of one outer partition key are in the
// same one of them.
func (m *memory) recall(b *batch) (found remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !b.tracked() {
		return found
	}
	for _, i := range m.undeleted {
		if i.shard == b.shard && len(found.undeleted) < maxUndeleted {
			found.undeleted = append(found.undeleted, i.sequence)
		}
	}
	if len(m.reports) == 0 {
		return found
	}
	now, first, keys := time.Now(), b.lowest(0), b.keys()
	found.known = make(map[string]entry)
	m.reports = slices.DeleteFunc(m.reports, func(r report) bool {
		if now.Sub(r.at) > maxProgress {
			return true
		}
		if r.shard != b.shard {
			return false
		}
		for _, e := range r.entries {
			if b.index(e.sequence) >= 0 {
				e.progress = e.progress.clone()
				found.known[e.sequence] = e
			}
		}
		if r.saved && b.index(r.sequence) >= 0 {
			found.saved = append(found.saved, r.sequence)
		}
		gone := !b.redrive && sequence.Compare(first, r.sequence) > 0 && slices.ContainsFunc(r.keys, func(k string) bool { return keys[k] })
		if gone {
			found.passed = append(found.passed, r)
		}
		return gone
	})
	return found
}

// keep puts what is known at the end of an invocation in the place of what was
// known of its outer records before. e is the end of its workers, which may not
// have come yet.
func (m *memory) keep(b *batch, r report, e *ending) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.tracked() {
		m.forget(b)
		if r.sequence != "" {
			m.reports = append(m.reports, r)
			m.bound()
		}
	}
	select {
	case <-e.done:
		if len(e.late) == 0 { // it may have come between stop and here
			return
		}
	default:
	}
	m.late = append(m.late, straggler{b.shard.clone(), e})
}

// forget forgets what is known of the batch's outer records. A report from within
// the batch that has others, too, is from now on about the lowest of them.
func (m *memory) forget(b *batch) {
	kept := m.reports[:0]
	for _, r := range m.reports {
		if r.shard == b.shard {
			r.entries = slices.DeleteFunc(r.entries, func(e entry) bool { return b.index(e.sequence) >= 0 })
			if b.index(r.sequence) >= 0 {
				if len(r.entries) == 0 {
					continue
				}
				r.sequence, r.saved = r.entries[0].sequence, false
			}
		}
		kept = append(kept, r)
	}
	clear(m.reports[len(kept):])
	m.reports = kept
}

// bound forgets the oldest reports until the rest is within the bounds, and of
// the last one what lies highest.
func (m *memory) bound() {
	last, size := len(m.reports)-1, 0
	for i := last; i >= 0; i-- {
		entries := m.reports[i].entries
		for _, k := range m.reports[i].keys {
			size += 16 + len(k)
		}
		fit := 0
		for fit < len(entries) && size <= maxMemory {
			size += entries[fit].size()
			fit++
		}
		if size <= maxMemory && last-i < maxReports {
			continue
		}
		if i == last { // the one that led over the bound goes, too, but not the first
			fit = min(max(1, fit-1), len(entries))
			clear(entries[fit:])
			m.reports[i].entries = entries[:fit]
			i--
		}
		m.reports = slices.Delete(m.reports, 0, i+1)
		return
	}
}

// deleteLater notes what could not be deleted from the Checkpoint.
func (m *memory) deleteLater(shard shardID, sequences []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range sequences {
		if i := (item{shard.clone(), s}); !slices.Contains(m.undeleted, i) {
			m.undeleted = append(m.undeleted, i)
		}
	}
	if drop := len(m.undeleted) - maxReports; drop > 0 {
		m.undeleted = slices.Delete(m.undeleted, 0, drop)
	}
}

// deleted takes note of what is no longer there, or is there anew.
func (m *memory) deleted(shard shardID, sequences []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.undeleted = slices.DeleteFunc(m.undeleted, func(i item) bool { return i.shard == shard && slices.Contains(sequences, i.sequence) })
}

// poison notes a partition key that has a record in the dead letter, from that
// record on. If there are too many keys, the oldest goes.
func (m *memory) poison(shard shardID, key string, at place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = make(map[poisonedKey]poisoned)
	}
	old, ok := m.keys[poisonedKey{shard, key}]
	if ok && old.compare(at) < 0 {
		at = old.place
	}
	if !ok && len(m.keys) >= maxKeys {
		var oldest poisonedKey
		when := time.Now().Add(1)
		for k, p := range m.keys {
			if p.when.Before(when) {
				oldest, when = k, p.when
			}
		}
		delete(m.keys, oldest)
	}
	at.sequence = strings.Clone(at.sequence)
	m.keys[poisonedKey{shard.clone(), strings.Clone(key)}] = poisoned{at, time.Now()}
}

// poisoned says whether a record lies behind one of its partition key for which
// that was noted within the last hour.
func (m *memory) poisoned(shard shardID, key string, at place) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.keys[poisonedKey{shard, key}]
	return ok && p.compare(at) < 0 && time.Since(p.when) <= maxProgress
}

// heal forgets a partition key if it was noted for that very record, which has
// succeeded after all: in a replay.
func (m *memory) heal(shard shardID, key string, at place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.keys[poisonedKey{shard, key}]; ok && p.compare(at) == 0 {
		delete(m.keys, poisonedKey{shard, key})
	}
}

// place is where a user record stands in its shard.
type place struct {
	sequence    string
	subSequence int
}

func (p place) compare(q place) int {
	return cmp.Or(sequence.Compare(p.sequence, q.sequence), cmp.Compare(p.subSequence, q.subSequence))
}

// poisoned is since where and when a partition key is poisoned.
type poisoned struct {
	place
	when time.Time
}

// clone copies the strings, so that keeping them does not keep the event.
func (s shardID) clone() shardID {
	return shardID{stream: strings.Clone(s.stream), id: strings.Clone(s.id)}
}

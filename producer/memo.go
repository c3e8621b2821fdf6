package producer

import (
	"strings"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// memo remembers the hash keys of partition keys: to find one takes a fifth of the
// time of its MD5, if the key comes again soon. Where keys do not, the memo steps
// aside but for a sample, so that it costs nothing.
//
// A lookup takes no lock, since an entry never changes. Of the keys that fall on one
// slot the newest has it.
type memo struct {
	slots [memoSlots]atomic.Pointer[memoEntry]
	aside atomic.Bool // it is not to be asked

	// Guarded by Producer.mu.
	asked, found int // of this sample
	passed       int // Puts since it has stepped aside
}

type memoEntry struct {
	partitionKey string
	hashKey      hashkey.Key
}

const (
	// memoSlots bounds the memo's memory, which is kept for the Producer's life: 0.9 MB
	// with keys of 16 bytes, 2.8 MB at most.
	memoSlots = 1 << 14
	// memoMaxKey is the length in bytes of the longest partition key remembered.
	memoMaxKey = 128
	// memoSample is how many lookups decide whether the memo goes on, which takes that
	// it knew half of them, and memoPause how many Puts pass before it tries again.
	// What a sample leaves behind helps the next one.
	memoSample, memoPause = 1 << 10, 1 << 17
)

// lookup is what came of asking the memo.
type lookup uint8

const (
	notAsked lookup = iota
	found
	notFound
)

// of returns the hash key of a partition key.
func (m *memo) of(partitionKey string) (hashkey.Key, lookup) {
	if len(partitionKey) > memoMaxKey || m.aside.Load() {
		return hashkey.Of(partitionKey), notAsked
	}
	slot := &m.slots[xxhash.Sum64String(partitionKey)%memoSlots]
	if e := slot.Load(); e != nil && e.partitionKey == partitionKey {
		return e.hashKey, found
	}
	k := hashkey.Of(partitionKey)
	slot.Store(&memoEntry{strings.Clone(partitionKey), k})
	return k, notFound
}

// note counts what came of a Put's lookup, and decides. Producer.mu is held.
func (m *memo) note(l lookup) {
	if l == notAsked {
		if m.passed++; m.passed >= memoPause {
			m.passed = 0
			m.aside.Store(false)
		}
		return
	}
	m.asked++
	if l == found {
		m.found++
	}
	if m.asked >= memoSample {
		m.aside.Store(m.found < memoSample/2)
		m.asked, m.found, m.passed = 0, 0, 0
	}
}

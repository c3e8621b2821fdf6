package aggregate

import (
	"hash/maphash"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// table is a key table: its entries encoded, in order of first use, and a hash
// index of them. A map of strings would do, but it takes longer for keys that are
// all different (DESIGN.md, Codecs), and keeps the caller's strings alive.
//
// A producer has a table for every shard, which no cache holds all of. So a slot is
// small, and for a new key nothing else is looked at out of order.
type table struct {
	wire    []byte
	entries []entry
	slots   []uint32 // open addressing: 12 bits of hash above 20 of index+1, 0 free
	seed    maphash.Seed
}

// entry is where a key lies in wire, and its hash.
type entry struct{ start, end, hash uint32 }

const (
	indexBits = 20
	// maxKeys is how many entries a table takes.
	maxKeys = 1<<indexBits - 1
)

// place is what find found: key's index, and the bytes that the table grows by
// if it is added, 0 if it is there already.
type place struct {
	index, grows int
	hash, slot   uint32
}

func (t *table) find(key string) place {
	if len(t.entries) >= len(t.slots)/2 {
		t.grow()
	}
	hash := uint32(maphash.String(t.seed, key))
	slots := t.slots
	for i := hash; ; i++ {
		i &= uint32(len(slots) - 1)
		slot := slots[i]
		if slot == 0 {
			return place{len(t.entries), 1 + protowire.SizeBytes(len(key)), hash, i}
		}
		if slot>>indexBits == hash>>indexBits {
			index := slot&maxKeys - 1
			if e := &t.entries[index]; string(t.wire[e.start:e.end]) == key {
				return place{index: int(index)}
			}
		}
	}
}

// full says whether the table takes no more keys.
func (t *table) full() bool { return len(t.entries) >= maxKeys }

// add appends key, for which find has just returned p with p.grows above 0.
func (t *table) add(tag byte, key string, p place) {
	t.wire = append(appendVarint(append(t.wire, tag), len(key)), key...)
	end := uint32(len(t.wire))
	t.entries = append(t.entries, entry{end - uint32(len(key)), end, p.hash})
	t.slots[p.slot] = slotOf(p.hash, len(t.entries))
}

func slotOf(hash uint32, n int) uint32 { return hash>>indexBits<<indexBits | uint32(n) }

// grow doubles the index: at most half of it and one slot are ever in use.
func (t *table) grow() {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	t.slots = make([]uint32, max(16, 2*len(t.slots)))
	for n, e := range t.entries {
		i := e.hash & uint32(len(t.slots)-1)
		for t.slots[i] != 0 {
			i = (i + 1) & uint32(len(t.slots)-1)
		}
		t.slots[i] = slotOf(e.hash, n+1)
	}
}

// cap returns the bytes of memory that t takes.
func (t *table) cap() int {
	return cap(t.wire) + cap(t.entries)*int(unsafe.Sizeof(entry{})) + cap(t.slots)*int(unsafe.Sizeof(uint32(0)))
}

func (t *table) reset() {
	clear(t.slots)
	t.wire, t.entries = t.wire[:0], t.entries[:0]
}

// tableMark is how long a table was.
type tableMark struct{ wire, entries int }

func (t *table) mark() tableMark { return tableMark{len(t.wire), len(t.entries)} }

// truncate removes the keys added since m. Open addressing allows that for the
// last ones: no key that came before them was placed past their slots.
func (t *table) truncate(m tableMark) {
	for n := len(t.entries); n > m.entries; n-- {
		i := t.entries[n-1].hash & uint32(len(t.slots)-1)
		for t.slots[i]&maxKeys != uint32(n) {
			i = (i + 1) & uint32(len(t.slots)-1)
		}
		t.slots[i] = 0
	}
	t.wire, t.entries = t.wire[:m.wire], t.entries[:m.entries]
}

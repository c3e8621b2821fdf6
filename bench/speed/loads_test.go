package speed_test

// This file owns the records that everything here is measured with. They are the
// same at every run.

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/realdata"
)

// load is user records without end: the i-th, again and again from some i on.
type load struct {
	name string // as in size=100B
	keys keys
	data [][]byte
}

func (l *load) at(i int) aggregate.Record {
	return aggregate.Record{PartitionKey: l.keys.at(i), Data: l.data[i%len(l.data)]}
}

// ofSize is records of random bytes, each with one of n partition keys in turn, or
// with one of its own if n is 0.
func ofSize(size, n int) *load {
	name := fmt.Sprintf("%dB", size)
	if size >= 1024 {
		name = fmt.Sprintf("%dKB", size/1024)
	}
	random := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)})
	data := make([][]byte, 64)
	for i := range data {
		data[i] = make([]byte, size)
		_, _ = random.Read(data[i]) // never fails
	}
	return &load{name, sensors(n), data}
}

// manyKeys is enough of them that an aggregate holds none twice.
const manyKeys = 100_000

// synthetic is the loads of one size each.
func synthetic(sizes ...int) (all []*load) {
	for _, size := range sizes {
		all = append(all, ofSize(size, manyKeys))
	}
	return all
}

// everyLoad is all sizes and both real data sets.
func everyLoad(t testing.TB) []*load {
	quakes, flights, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	return append(synthetic(100, 512, 2048, 10_240), ofReal("earthquakes", quakes), ofReal("flights", flights))
}

func ofReal(name string, records []realdata.Record) *load {
	l := &load{name: name}
	for _, r := range records {
		l.keys.listed = append(l.keys.listed, r.PartitionKey)
		l.data = append(l.data, r.Data)
	}
	return l
}

// keys is partition keys by number. Those of sensors stand in one string, since a
// million strings would give the garbage collector work that is not the producer's.
type keys struct {
	listed  []string
	text    string // keyLen bytes each
	n       int    // how many are in it
	endless bool   // it is filled anew, for callers who ask in order
}

const keyLen = 16

func (k *keys) at(i int) string {
	if k.listed != nil {
		return k.listed[i%len(k.listed)]
	}
	if i %= k.n; i == 0 && k.endless {
		k.text = k.next()
	}
	return k.text[keyLen*i : keyLen*(i+1)]
}

// distinct returns how many there are.
func (k *keys) distinct() int {
	if k.listed == nil {
		return k.n
	}
	seen := map[string]bool{}
	for _, key := range k.listed {
		seen[key] = true
	}
	return len(seen)
}

// sensors is n partition keys of 16 bytes, or endless ones if n is 0.
func sensors(n int) keys {
	k := keys{n: n}
	if n == 0 {
		k.n, k.endless = 4096, true
	}
	var b strings.Builder
	for i := range k.n {
		fmt.Fprintf(&b, "sensor-%09d", i)
	}
	k.text = b.String()
	return k
}

// next returns the text with every key's number k.n higher.
func (k *keys) next() string {
	b := []byte(k.text)
	for end := keyLen; end <= len(b); end += keyLen {
		for at, add := end-1, k.n; add > 0; at-- {
			add += int(b[at] - '0')
			b[at] = '0' + byte(add%10)
			add /= 10
		}
	}
	return string(b)
}

// aggregates is the first n aggregates that a load packs into, each as full as the
// default size of 51,200 bytes lets it be.
func (l *load) aggregates(t testing.TB, n int) (records [][]aggregate.Record, packed [][]byte) {
	var b aggregate.Builder
	var own []aggregate.Record
	for i := 0; len(packed) < n; i++ {
		r := l.at(i)
		err := b.Add(r)
		if err == aggregate.ErrFull {
			records, packed = append(records, own), append(packed, b.AppendTo(nil))
			b.Reset()
			own = nil
			err = b.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, r)
	}
	return records, packed
}

// count returns how many user records there are in aggregates.
func count(records [][]aggregate.Record) (n int) {
	for _, own := range records {
		n += len(own)
	}
	return n
}

func TestKeys(t *testing.T) {
	few, endless := sensors(10), sensors(0)
	seen := map[string]bool{}
	for i := range 20_000 {
		if key := few.at(i); key != fmt.Sprintf("sensor-%09d", i%10) {
			t.Fatalf("%d of few: %s", i, key)
		}
		// The first text is never used, so that at needs no case for it.
		if key := endless.at(i); key != fmt.Sprintf("sensor-%09d", 4096+i) || seen[key] {
			t.Fatalf("%d of endless: %s", i, key)
		} else {
			seen[key] = true
		}
	}
}

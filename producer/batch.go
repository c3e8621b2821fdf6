package producer

import (
	"bytes"
	"crypto/md5"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
)

// batch is user records that go out as one Kinesis record.
type batch struct {
	packer  *packer // packs the records as they come; nil once sealed, and of a record that goes alone
	records []record
	due     time.Duration // when it is ready whatever its size
	closed  bool          // takes no more records, and goes as it is
	ripe    bool          // ready before it is due: at a whole number of PUT payload units
	flushed bool          // somebody waits for all of it

	// What is sent, once sealed; before that kept is the data of a lone record.
	kept                   []byte
	shift                  int // from where data ends by record.end to where it ends in kept
	outerKey, outerHashKey string
	aggregated             bool
	wrap                   bool // a lone record goes as an aggregate of one
	alone, flies           bool // sent by itself; and its partition key holds others of its own
	moved                  bool // its records are all packed elsewhere
	generation             int  // of the map that it was sent by
	sent                   time.Duration
}

// packer packs a batch: exact in size at every step. It keeps the best point to
// cut at, where the bytes fill a whole number of PUT payload units best.
type packer struct {
	aggregate.Builder
	edge     int            // the size that the units begun allow
	cut      aggregate.Mark // the best point seen; none while it has no records
	cutFill  float64        // what part of the units it fills, up to goodFill
	bestFill float64        // the most that any point filled
	keyless  hashkey.Key    // of the keyless records in this batch,
	keylessS string         // in decimal; "" before the first
}

const (
	// goodFill is the fill of its units at which an aggregate is as good as full.
	goodFill = 0.99
	// waitPrice is how much better a fill has to get for a wait of the whole
	// maximum buffered time. So 45 records that fill a unit to 0.98 wait for as many
	// more that make it 0.99, if that takes half of the time, and 47 that fill it to
	// 0.9885 do not.
	waitPrice = 0.015
)

// packing is how aggregates are to be cut. Sizes are in bytes.
type packing struct {
	unit     int // the PUT payload unit
	target   int // what an aggregate normally reaches,
	limit    int // and at most
	maxCount int // user records in one
	linger   time.Duration
	plain    bool          // a lone user record goes plain
	random   func() uint64 // for keyless hash keys
}

// fill returns what part of the units that n bytes are billed they fill.
func (k *packing) fill(n int) float64 { return float64(n) / float64(k.ceil(n)) }

// ceil returns n rounded up to a whole number of units.
func (k *packing) ceil(n int) int { return max(1, (n+k.unit-1)/k.unit) * k.unit }

// pack adds r with its data, which it copies, and says whether the batch has come
// to a point where it might be cut. outer is the length of the outer partition
// key, which might be billed too. The error is aggregate.ErrFull.
func (b *batch) pack(r *record, data []byte, k *packing, outer int, in *hashkey.Range) (atEdge bool, err error) {
	p := b.packer
	rec := aggregate.Record{PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitHashKey, Data: data}
	if r.keyless() {
		rec.PartitionKey, rec.ExplicitHashKey = wire.KeylessPartitionKey, p.keylessHashKey(in, k.random)
		r.hashKey = p.keyless
	}
	before := p.Mark()
	if err := p.Add(rec); err != nil {
		return false, err
	}
	b.hold(r, len(data), len(p.Body()))
	size := p.Size()
	if size > p.edge {
		if before.Len() > 0 {
			b.consider(before, k, outer)
			atEdge = true
		}
		p.edge = k.ceil(size+outer) - outer
	}
	if mean := (size - wire.Overhead) / len(b.records); p.edge-size < mean {
		b.consider(p.Mark(), k, outer)
		atEdge = true
	}
	return atEdge, nil
}

// hold appends r to the records.
func (b *batch) hold(r *record, size, end int) {
	b.records = append(b.records, *r)
	last := &b.records[len(b.records)-1]
	last.size, last.end = uint32(size), uint32(end)
}

// consider makes m the point to cut at if it is no worse than the one so far, or
// little worse and twice as large: or records that fill one unit best would go one
// by one, however many there are. A lone record that goes plain is billed by less than
// it is packed: one that just fills its units is best alone.
func (b *batch) consider(m aggregate.Mark, k *packing, outer int) {
	p := b.packer
	fill := min(k.fill(m.Size()+outer), goodFill)
	if m.Len() == 1 && k.plain {
		fill = min(float64(m.Size()+outer)/float64(k.ceil(int(b.records[0].size))), goodFill)
	}
	if fill >= p.cutFill || m.Size() >= 2*p.cut.Size() && fill >= p.bestFill-waitPrice {
		p.cut, p.cutFill = m, fill
	}
	p.bestFill = max(p.bestFill, fill)
}

// keylessHashKey returns the hash key of this batch's keyless records: one for
// all, since the key is in the aggregate once then, and since a split cannot part
// them; a random one of the shard's, so that its future children share the load.
func (p *packer) keylessHashKey(in *hashkey.Range, random func() uint64) string {
	if p.keylessS == "" {
		p.keyless = in.At(hashkey.Key{Hi: random(), Lo: random()})
		p.keylessS = p.keyless.String()
	}
	return p.keylessS
}

// worthWaiting says whether b, which has come to a point where it might be cut,
// is expected to fill its units better at a later point, by more than that wait
// costs. rate is what comes in, in bytes a nanosecond.
func (b *batch) worthWaiting(k *packing, outer int, now time.Duration, rate float64) bool {
	p := b.packer
	if p.cutFill >= goodFill || b.due <= now {
		return false
	}
	size := p.Size()
	mean := float64(size-wire.Overhead) / float64(len(b.records))
	most := min(float64(k.limit), float64(size)+rate*float64(b.due-now))
	better := func(upTo float64) bool { // to wait for what comes up to that size
		more := math.Floor((upTo-float64(size))/mean) * mean
		reached := size + outer + int(more)
		return more > 0 && min(k.fill(reached), goodFill)-p.cutFill > waitPrice*more/rate/float64(k.linger)
	}
	for edge := p.edge; float64(edge) <= most; edge += k.unit {
		if better(float64(edge)) {
			return true
		}
	}
	return better(most)
}

// cutAt returns how many records go when the batch is sent now: all, or those up
// to the best point, if all that is due stands before it and its units are filled
// no worse.
func (b *batch) cutAt(k *packing, outer int, now time.Duration) int {
	all := len(b.records)
	if b.packer == nil || b.flushed {
		return all
	}
	n := b.packer.cut.Len()
	if n == 0 || n == all || b.records[n].put+k.linger <= now || b.packer.cutFill < min(k.fill(b.packer.Size()+outer), goodFill) {
		return all
	}
	return n
}

// bytes returns the size in bytes of the first n records packed, n being what
// cutAt has returned, and of the partition key that they go by.
func (b *batch) bytes(n, outer int) int {
	switch {
	case b.packer == nil:
		return len(b.kept) + max(outer, len(b.records[0].partitionKey))
	case n == b.packer.cut.Len():
		return b.packer.cut.Size() + outer
	case n == 1: // goes plain, with its own key
		return b.packer.Size() + max(outer, len(b.records[0].partitionKey))
	}
	return b.packer.Size() + outer
}

// data returns the data of one of b's records.
func (b *batch) data(r *record) []byte {
	body := b.kept
	if b.packer != nil {
		body = b.packer.Body()
	}
	end := int(r.end) + b.shift
	return body[end-int(r.size) : end : end]
}

// seal makes the Kinesis records of a call; their digests are computed side by side.
// It returns the packers that the batches need no more.
func seal(call []entry) (spare []*packer) {
	spare = make([]*packer, 0, len(call))
	packed := make([]entry, 0, len(call))
	builders := make([]*aggregate.Builder, 0, len(call))
	data := make([][]byte, 0, len(call))
	for _, e := range call {
		p := e.batch.packer
		if p != nil {
			spare = append(spare, p)
		}
		if e.batch.sealPlain() {
			continue
		}
		if p == nil {
			p = e.batch.packAlone()
		}
		packed, builders = append(packed, e), append(builders, &p.Builder)
		data = append(data, make([]byte, 0, p.Size()))
	}
	aggregate.AppendAll(data, builders)
	for i, e := range packed {
		b := e.batch
		b.shift = len(data[i]) - md5.Size - len(builders[i].Body())
		b.kept, b.outerKey, b.outerHashKey, b.aggregated = data[i], e.lane.key, b.records[0].outerHashKey(), true
		b.packer = nil
	}
	return spare
}

// sealPlain seals a lone user record that goes plain, as one does unless wrap says
// otherwise or its data is itself an aggregate. It returns false for all else.
func (b *batch) sealPlain() bool {
	r := &b.records[0]
	if b.wrap || len(b.records) > 1 || aggregate.IsAggregate(b.data(r)) {
		return false
	}
	if b.packer != nil {
		data := b.data(r)
		b.kept = append(make([]byte, 0, len(data)), data...) // never nil
		b.shift = len(b.kept) - int(r.end)
		b.packer = nil
	}
	b.outerKey, b.outerHashKey = r.partitionKey, r.outerHashKey()
	if r.keyless() {
		b.outerKey = wire.KeylessPartitionKey
	}
	return true
}

// packAlone returns a packer of the lone record of a batch that has none.
func (b *batch) packAlone() *packer {
	p := new(packer)
	r := &b.records[0]
	rec := aggregate.Record{PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitHashKey, Data: b.kept}
	if r.keyless() {
		rec.PartitionKey, rec.ExplicitHashKey = wire.KeylessPartitionKey, r.hashKey.String()
	}
	if err := p.Add(rec); err != nil {
		panic("producer: a record that Put has checked: " + err.Error())
	}
	r.end = uint32(len(p.Body()))
	return p
}

// newAlone returns a batch of a record that goes by itself.
func newAlone(r *record, data []byte, in hashkey.Range) *batch {
	if r.keyless() {
		r.hashKey = in.At(hashkey.Key{Hi: rand.Uint64(), Lo: rand.Uint64()})
	}
	b := &batch{kept: bytes.Clone(data), closed: true, records: make([]record, 0, 1)}
	if b.kept == nil {
		b.kept = []byte{} // the SDK takes nil for a missing member
	}
	b.hold(r, len(data), len(data))
	return b
}

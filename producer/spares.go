package producer

import (
	"unsafe"

	"github.com/kinpack/kinpack/aggregate"
)

// spares are packers and batches to use again, with the buffers that they have
// grown: a few, so that thousands of shards reserve nothing.
type spares struct {
	max     int // bytes of packers, and of batches, kept at most
	packers []*packer
	batches []*batch
	// What they hold, in bytes.
	packed, records int
}

// spareShare is what part of the buffer's bytes the spare packers, and the spare
// batches, may take.
const spareShare = 8

// newBatch returns an empty batch with a packer.
func (s *spares) newBatch(k *packing, outer int) *batch {
	b := new(batch)
	if n := len(s.batches); n > 0 {
		b, s.batches = s.batches[n-1], s.batches[:n-1]
		s.records -= b.footprint()
	}
	if n := len(s.packers); n > 0 {
		b.packer, s.packers = s.packers[n-1], s.packers[:n-1]
		s.packed -= b.packer.footprint()
	} else {
		b.packer = new(packer)
	}
	b.packer.MaxSize = max(1, k.limit-outer) // 0 would be the default
	b.packer.edge = k.unit - outer
	return b
}

// putPacker takes a packer whose batch is sealed.
func (s *spares) putPacker(p *packer) {
	if p == nil || s.packed+p.footprint() > s.max {
		return
	}
	p.Reset()
	p.cut, p.cutFill, p.bestFill, p.keylessS = aggregate.Mark{}, 0, 0, ""
	s.packed += p.footprint()
	s.packers = append(s.packers, p)
}

// putBatch takes a batch whose records are finished or packed elsewhere.
func (s *spares) putBatch(b *batch) {
	s.putPacker(b.packer)
	if cap(b.records) < 2 || s.records+b.footprint() > s.max {
		return
	}
	clear(b.records)
	*b = batch{records: b.records[:0]}
	s.records += b.footprint()
	s.batches = append(s.batches, b)
}

// footprint returns the bytes of memory of p.
func (p *packer) footprint() int { return int(unsafe.Sizeof(*p)) + p.Cap() }

func (b *batch) footprint() int {
	return int(unsafe.Sizeof(*b)) + cap(b.records)*int(unsafe.Sizeof(record{}))
}

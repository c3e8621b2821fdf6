package producer

import "github.com/kinpack/kinpack/aggregate"

// spares are packers and batches to use again, with the buffers that they have
// grown: a few, so that thousands of shards reserve nothing.
type spares struct {
	packers []*packer
	bytes   int // of their bodies
	batches []*batch
}

// What is kept for later at most: the bodies of 64 aggregates of 51,200 bytes,
// and the records of as many, 1,024 each.
const (
	maxSpares       = 64
	maxSpareBytes   = maxSpares * aggregate.DefaultMaxSize
	maxSpareRecords = maxSpares * 1024 / 8 // of one batch; those of all are few
)

// newBatch returns an empty batch with a packer.
func (s *spares) newBatch(k *packing, outer int) *batch {
	b := new(batch)
	if n := len(s.batches); n > 0 {
		b, s.batches = s.batches[n-1], s.batches[:n-1]
	}
	if n := len(s.packers); n > 0 {
		b.packer, s.packers = s.packers[n-1], s.packers[:n-1]
		s.bytes -= cap(b.packer.Body())
	} else {
		b.packer = new(packer)
	}
	b.packer.MaxSize = k.limit - outer
	b.packer.edge = k.unit - outer
	return b
}

// putPacker takes a packer whose batch is sealed.
func (s *spares) putPacker(p *packer) {
	if p == nil || len(s.packers) == maxSpares || s.bytes+cap(p.Body()) > maxSpareBytes {
		return
	}
	p.Reset()
	p.cut, p.cutFill, p.keylessS = aggregate.Mark{}, 0, ""
	s.bytes += cap(p.Body())
	s.packers = append(s.packers, p)
}

// putBatch takes a batch whose records are finished or packed elsewhere.
func (s *spares) putBatch(b *batch) {
	s.putPacker(b.packer)
	if len(s.batches) == maxSpares || cap(b.records) < 2 || cap(b.records) > maxSpareRecords {
		return
	}
	clear(b.records)
	*b = batch{records: b.records[:0]}
	s.batches = append(s.batches, b)
}

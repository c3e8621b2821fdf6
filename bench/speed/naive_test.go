package speed_test

// This file owns the plain way, beside which the codecs are measured: the generated
// message, proto.Marshal and proto.Unmarshal, and crypto/md5.

import (
	"bytes"
	"crypto/md5"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	kplpb "github.com/kinpack/kinpack/proto"
)

const magic = "\xf3\x89\x9a\xc2"

// naivePacker packs user records into aggregates, one after the other.
type naivePacker struct {
	message kplpb.AggregatedRecord
	keys    map[string]uint64
	size    int
	out     []byte
}

func (p *naivePacker) add(r *aggregate.Record) {
	i, ok := p.keys[r.PartitionKey]
	if !ok {
		if p.keys == nil {
			p.keys = map[string]uint64{}
		}
		i = uint64(len(p.keys))
		p.keys[r.PartitionKey] = i
		p.message.PartitionKeyTable = append(p.message.PartitionKeyTable, r.PartitionKey)
	}
	// The caller may use its data again, so there is a copy, as there is in a Builder.
	p.message.Records = append(p.message.Records, &kplpb.Record{PartitionKeyIndex: &i, Data: bytes.Clone(r.Data)})
}

// seal appends the aggregate to dst and begins the next one.
func (p *naivePacker) seal(dst []byte) []byte {
	message, err := proto.Marshal(&p.message)
	if err != nil {
		panic(err)
	}
	sum := md5.Sum(message)
	*p = naivePacker{out: p.out}
	return append(append(append(dst, magic...), message...), sum[:]...)
}

// put adds a user record, and seals before it what would pass 51,200 bytes: a
// producer without shards, limits and a stream.
func (p *naivePacker) put(r *aggregate.Record) {
	size := len(r.PartitionKey) + len(r.Data) + 11 // more than the fields take beside
	if p.size+size > aggregate.DefaultMaxSize-len(magic)-md5.Size && len(p.message.Records) > 0 {
		p.out = p.seal(p.out[:0])
	}
	p.size += size
	p.add(r)
}

var errNotRead = errors.New("not an aggregate, or malformed")

// naiveAppend is deaggregate.Append for an aggregate without explicit hash keys.
func naiveAppend(dst []deaggregate.Record, data []byte) ([]deaggregate.Record, error) {
	if len(data) < len(magic)+md5.Size || string(data[:len(magic)]) != magic {
		return dst, errNotRead
	}
	body := data[len(magic) : len(data)-md5.Size]
	if md5.Sum(body) != [md5.Size]byte(data[len(data)-md5.Size:]) {
		return dst, errNotRead
	}
	var m kplpb.AggregatedRecord
	if err := proto.Unmarshal(body, &m); err != nil {
		return dst, err
	}
	for i, r := range m.Records {
		if r.GetPartitionKeyIndex() >= uint64(len(m.PartitionKeyTable)) {
			return dst, errNotRead
		}
		dst = append(dst, deaggregate.Record{PartitionKey: m.PartitionKeyTable[r.GetPartitionKeyIndex()], Data: r.Data, SubSequence: i, Aggregated: true})
	}
	return dst, nil
}

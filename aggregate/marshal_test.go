package aggregate_test

import (
	"bytes"
	"crypto/md5"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/kinpack/kinpack/aggregate"
	kplpb "github.com/kinpack/kinpack/proto"
)

// benchRecords are user records with distinct 16-byte partition keys that
// together fill one aggregate of the default size.
func benchRecords(size int) []aggregate.Record {
	var b aggregate.Builder
	var all []aggregate.Record
	for i := 0; ; i++ {
		r := aggregate.Record{PartitionKey: fmt.Sprintf("sensor-%09d", i), Data: bytes.Repeat([]byte{byte(i)}, size)}
		if b.Add(r) != nil {
			return all
		}
		all = append(all, r)
	}
}

// marshal is the plain way: the generated message, proto.Marshal and MD5.
func marshal(dst []byte, records []aggregate.Record) []byte {
	var m kplpb.AggregatedRecord
	keys, hashKeys := map[string]uint64{}, map[string]uint64{}
	for _, r := range records {
		i, ok := keys[r.PartitionKey]
		if !ok {
			i = uint64(len(keys))
			keys[r.PartitionKey] = i
			m.PartitionKeyTable = append(m.PartitionKeyTable, r.PartitionKey)
		}
		rec := &kplpb.Record{PartitionKeyIndex: &i, Data: append([]byte{}, r.Data...)}
		if r.ExplicitHashKey != "" {
			h, ok := hashKeys[r.ExplicitHashKey]
			if !ok {
				h = uint64(len(hashKeys))
				hashKeys[r.ExplicitHashKey] = h
				m.ExplicitHashKeyTable = append(m.ExplicitHashKeyTable, r.ExplicitHashKey)
			}
			rec.ExplicitHashKeyIndex = &h
		}
		m.Records = append(m.Records, rec)
	}
	message, err := proto.Marshal(&m)
	if err != nil {
		panic(err)
	}
	dst = append(dst, "\xf3\x89\x9a\xc2"...)
	dst = append(dst, message...)
	sum := md5.Sum(message)
	return append(dst, sum[:]...)
}

package producer_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
)

// read is a user record as a reader gets it.
type read struct {
	shard, sequenceNumber string
	subSequence           int
	key, hashKey          string
	data                  string
	dropped               bool // by the KCL's rule
}

// readAll reads a stream in the order of its sequence numbers and marks what a
// KCL throws away: whole aggregates with a key outside the shard's range.
func readAll(t testing.TB, srv *kinesistest.Server, stream string) []read {
	t.Helper()
	shards := map[string]kinesistest.Shard{}
	for _, s := range srv.Shards(stream) {
		shards[s.ID] = s
	}
	var all []read
	var buf []deaggregate.Record
	for _, k := range srv.Records(stream) {
		var err error
		if buf, err = deaggregate.Append(buf[:0], k.PartitionKey, k.Data); err != nil {
			t.Fatalf("record %s: %v", k.SequenceNumber, err)
		}
		dropped := false
		for _, u := range buf {
			dropped = dropped || u.Aggregated && !shards[k.ShardID].Contains(effectiveHashKey(u))
		}
		for _, u := range buf {
			all = append(all, read{k.ShardID, k.SequenceNumber, u.SubSequence, u.PartitionKey, effectiveHashKey(u), string(u.Data), dropped})
		}
	}
	slices.SortStableFunc(all, func(a, b read) int { return cmp.Compare(a.sequenceNumber, b.sequenceNumber) })
	return all
}

func effectiveHashKey(u deaggregate.Record) string {
	if u.HasExplicitHashKey {
		return u.ExplicitHashKey
	}
	return hashkey.Of(u.PartitionKey).String()
}

package inspect_test

import (
	"crypto/md5"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/inspect"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
)

var start = time.Date(2026, 11, 14, 9, 30, 0, 0, time.UTC)

// after is so many seconds after start.
func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// evenShards are n open shards.
func evenShards(n int) []*follow.Shard {
	var all []*follow.Shard
	for i, r := range hashkey.Split(n) {
		all = append(all, &follow.Shard{ID: fmt.Sprint("shard ", i), HashKeys: r, Open: true})
	}
	return all
}

// stream is a sample in the making. Records go to the shards that they belong to.
type stream struct {
	t      testing.TB
	shards []*follow.Shard
	*inspect.Sample
	n int
}

func newStream(t testing.TB, shards int, since time.Time) *stream {
	s := &stream{t: t, shards: evenShards(shards)}
	s.Sample = inspect.NewSample(s.shards, since, 1)
	return s
}

func (s *stream) owner(k hashkey.Key) *follow.Shard {
	for _, sh := range s.shards {
		if sh.HashKeys.Contains(k) {
			return sh
		}
	}
	s.t.Fatal("no shard")
	return nil
}

// put adds a Kinesis record to a shard.
func (s *stream) put(sh *follow.Shard, at time.Time, key string, data []byte) {
	s.n++
	s.Add(&follow.Record{Shard: sh, PartitionKey: key, SequenceNumber: fmt.Sprint(s.n), Data: data, Arrival: at})
}

// plain adds a user record as it is.
func (s *stream) plain(at time.Time, key string, data []byte) {
	s.put(s.owner(hashkey.Of(key)), at, key, data)
}

// packed adds an aggregate of user records to a shard; nil is the one of the first.
func (s *stream) packed(sh *follow.Shard, at time.Time, outer string, users ...aggregate.Record) {
	s.t.Helper()
	b := aggregate.Builder{MaxSize: 1 << 20}
	for _, u := range users {
		if err := b.Add(u); err != nil {
			s.t.Fatal(err)
		}
	}
	sealed := b.SealAs(outer, nil)
	if sh == nil {
		k, err := hashkey.Parse(sealed.ExplicitHashKey)
		if err != nil {
			s.t.Fatal(err)
		}
		sh = s.owner(k)
	}
	s.put(sh, at, outer, sealed.Data)
}

// user is a user record of so many bytes.
func user(key string, size int) aggregate.Record {
	return aggregate.Record{PartitionKey: key, Data: make([]byte, size)}
}

// seal puts a message into the envelope.
func seal(message []byte) []byte {
	sum := md5.Sum(message)
	return slices.Concat([]byte(wire.Magic), message, sum[:])
}

package redrive

// This file owns how user records become an outer record again. The reader gets
// back the very same partition key, explicit hash key and data, whatever bytes
// they are; aggregate.Builder takes only what a stream takes.

import (
	"crypto/md5"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/wire"
	"github.com/kinpack/kinpack/lambda"
)

// repack returns the partition key and the data of an outer record that holds the
// user records. outerKey is that of the record which they came in; an aggregate
// goes under it.
func repack(outerKey string, users []deaggregate.Record) (partitionKey string, data []byte) {
	if len(users) == 1 {
		u := users[0]
		plain := !u.Aggregated && !u.HasExplicitHashKey && utf8.ValidString(u.PartitionKey) && !aggregate.IsAggregate(u.Data)
		if plain || u.SubSequence == lambda.WholeRecord {
			return u.PartitionKey, u.Data
		}
	}
	return strings.ToValidUTF8(outerKey, "\uFFFD"), pack(users)
}

// pack returns an aggregate of the user records.
func pack(users []deaggregate.Record) []byte {
	keys, hashKeys := keyTable{tag: wire.TagPartitionKey}, keyTable{tag: wire.TagExplicitHashKey}
	var records []byte
	for _, u := range users {
		r := protowire.AppendVarint([]byte{wire.TagPartitionKeyIndex}, keys.index(u.PartitionKey))
		if u.HasExplicitHashKey {
			r = protowire.AppendVarint(append(r, wire.TagExplicitHashKeyIndex), hashKeys.index(u.ExplicitHashKey))
		}
		r = protowire.AppendBytes(append(r, wire.TagData), u.Data)
		records = protowire.AppendBytes(append(records, wire.TagRecord), r)
	}
	data := append([]byte(wire.Magic), keys.wire...)
	data = append(append(data, hashKeys.wire...), records...)
	sum := md5.Sum(data[len(wire.Magic):])
	return append(data, sum[:]...)
}

// keyTable is a key table of an aggregate, without duplicates.
type keyTable struct {
	tag  byte
	wire []byte
	at   map[string]uint64
}

func (t *keyTable) index(key string) uint64 {
	if i, ok := t.at[key]; ok {
		return i
	}
	if t.at == nil {
		t.at = make(map[string]uint64)
	}
	i := uint64(len(t.at))
	t.at[key] = i
	t.wire = protowire.AppendString(append(t.wire, t.tag), key)
	return i
}

// Entry is what PutRecords takes for one user record.
type Entry struct {
	PartitionKey    string
	ExplicitHashKey string // empty if there is none
	Data            []byte
}

// EntryOf returns the entry that puts a user record into a stream: plain, with
// its own keys. One with keys that the service refuses, or whose data readers
// would take apart, goes as an aggregate of one, to the shard of its hash key. An
// aggregate that can't be read goes as it is.
func EntryOf(u deaggregate.Record) Entry {
	emptyHashKey := u.HasExplicitHashKey && u.ExplicitHashKey == ""
	valid := aggregate.Record{PartitionKey: u.PartitionKey, ExplicitHashKey: u.ExplicitHashKey}.Validate() == nil
	if u.SubSequence == lambda.WholeRecord || valid && !emptyHashKey && !aggregate.IsAggregate(u.Data) {
		return Entry{u.PartitionKey, u.ExplicitHashKey, u.Data}
	}
	hash, err := hashkey.Parse(u.ExplicitHashKey)
	if err != nil {
		hash = hashkey.Of(u.PartitionKey)
	}
	return Entry{aggregate.PartitionKey, hash.String(), pack([]deaggregate.Record{u})}
}

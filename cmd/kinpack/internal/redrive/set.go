package redrive

// This file owns what is to be handled again: user records, under the outer
// records that they came in. A user record is in a Set once, and an outer record
// in one event once, since readers go by its sequence number.

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/redriven"
	"github.com/kinpack/kinpack/internal/sequence"
	"github.com/kinpack/kinpack/lambda"
)

// Set collects user records. The zero value is empty. It keeps what it is given.
type Set struct {
	shards map[shard]map[string]*item // by sequence number
}

type shard struct{ stream, id string }

// item is an outer record in the making.
type item struct {
	partitionKey string
	arrival      time.Time
	whole        *Record // the outer record itself, if it was there
	of           int     // how many user records that holds
	users        map[int]deaggregate.Record
	again        bool // some were set aside, or left, by their own
}

// arrivalSlack is by how much two readings of one arrival may differ: some round
// what others cut off.
const arrivalSlack = 2 * time.Millisecond

// item returns the outer record's item, made anew if there is none.
func (s *Set) item(stream, id, sequence, partitionKey string, arrival time.Time) (*item, error) {
	sh := shard{stream, id}
	if s.shards == nil {
		s.shards = make(map[shard]map[string]*item)
	}
	if s.shards[sh] == nil {
		s.shards[sh] = make(map[string]*item)
	}
	it := s.shards[sh][sequence]
	if it == nil {
		it = &item{partitionKey: partitionKey, arrival: arrival, users: make(map[int]deaggregate.Record)}
		s.shards[sh][sequence] = it
	}
	if it.partitionKey != partitionKey || it.arrival.Sub(arrival).Abs() > arrivalSlack {
		return nil, errConflict
	}
	return it, nil
}

var errConflict = errors.New("another record with the same stream, shard and sequence number, but other content, was read before: redrive it by itself")

// add adds user records, all or, with an error, none. It returns how many are new.
func (it *item) add(users []deaggregate.Record) (int, error) {
	_, whole := it.users[lambda.WholeRecord]
	for _, u := range users {
		old, ok := it.users[u.SubSequence]
		switch {
		case ok && !same(old, u):
			return 0, errConflict
		case !ok && len(it.users) > 0 && (whole || u.SubSequence == lambda.WholeRecord):
			return 0, errConflict
		}
	}
	before := len(it.users)
	for _, u := range users {
		it.users[u.SubSequence] = u
	}
	return len(it.users) - before, nil
}

func same(a, b deaggregate.Record) bool {
	return a.PartitionKey == b.PartitionKey && a.HasExplicitHashKey == b.HasExplicitHashKey && a.ExplicitHashKey == b.ExplicitHashKey &&
		a.Aggregated == b.Aggregated && bytes.Equal(a.Data, b.Data)
}

// AddLetter adds the user record of a dead letter, and says whether it was there
// before. The error says that the Set holds another record in its place.
func (s *Set) AddLetter(l *lambda.Letter) (known bool, err error) {
	it, err := s.item(l.StreamARN, l.ShardID, l.SequenceNumber, l.OuterPartitionKey, l.ApproximateArrivalTimestamp)
	if err != nil {
		return false, err
	}
	u := deaggregate.Record{
		PartitionKey: l.PartitionKey, ExplicitHashKey: l.ExplicitHashKey, HasExplicitHashKey: l.HasExplicitHashKey,
		Data: l.Data, SubSequence: l.SubSequenceNumber, Aggregated: l.Aggregated,
	}
	added, err := it.add([]deaggregate.Record{u})
	it.again = it.again || err == nil
	return err == nil && added == 0, err
}

// AddRecord adds the user records of an outer record, but for those that done,
// if it is not nil, says are done. An aggregate that can't be read is one user
// record, [lambda.WholeRecord]. One that a Set has made anew is its user records
// only, under the sub-sequence numbers that its eventName tells: others of the
// same outer record may join them. It returns how many are done, and how many of
// the others were there before. The error says that the Set holds another record
// in its place.
func (s *Set) AddRecord(r *Record, done func(subSequence int) bool) (skipped, known int, err error) {
	it, err := s.item(r.StreamARN, r.ShardID, r.SequenceNumber, r.PartitionKey, r.Arrival)
	if err != nil {
		return 0, 0, err
	}
	users, err := deaggregate.Append(nil, r.PartitionKey, r.Data)
	if err != nil {
		users = []deaggregate.Record{{PartitionKey: r.PartitionKey, Data: r.Data, SubSequence: lambda.WholeRecord}}
	}
	piece := len(users) > 0 && redriven.Is(r.eventName)
	if !piece && it.whole != nil && !bytes.Equal(it.whole.Data, r.Data) {
		return 0, 0, errConflict
	}
	var subs []int
	if piece && users[0].Aggregated { // as in package lambda
		subs = redriven.Parse(r.eventName, len(users))
	}
	var left []deaggregate.Record
	for i, u := range users {
		if done != nil && done(u.SubSequence) { // progress goes by the place in this record
			continue
		}
		if subs != nil {
			u.SubSequence = subs[i]
		}
		left = append(left, u)
	}
	added, err := it.add(left)
	if err != nil {
		return 0, 0, err
	}
	if piece {
		it.again = true
	} else {
		it.whole, it.of = r, len(users)
	}
	return len(users) - len(left), len(left) - added, nil
}

// Outer is an outer record of an event, with the user records that are in it.
type Outer struct {
	Record
	Users []deaggregate.Record // with the sub-sequence numbers that they came with
	json  []byte
}

// Only returns an outer record with those of the user records that keep, asked
// by their index, says are to be kept. If there is none its Users are empty, and
// it belongs into no event.
func (o *Outer) Only(keep func(i int) bool) (Outer, error) {
	var users []deaggregate.Record
	for i, u := range o.Users {
		if keep(i) {
			users = append(users, u)
		}
	}
	switch len(users) {
	case 0:
		return Outer{}, nil
	case len(o.Users):
		return *o, nil
	}
	return newOuter(o.Record, users)
}

// newOuter returns the outer record r with just those user records in it, one at
// least, ascending. They keep their sub-sequence numbers: the eventName tells them,
// even if they begin at 0, since nothing else says that it may be a part. It also
// keeps what the function knows of r as it was from counting for this one.
func newOuter(r Record, users []deaggregate.Record) (Outer, error) {
	subs := make([]int, len(users))
	for i, u := range users {
		subs[i] = u.SubSequence
	}
	r.raw, r.eventName = nil, redriven.Name(subs)
	r.PartitionKey, r.Data = repack(r.PartitionKey, users)
	o := Outer{Record: r, Users: users}
	var err error
	o.json, err = o.JSON()
	return o, err
}

// outer makes the item's outer record. One that is to be handled whole, and was
// read as a whole only, goes as it was read: the function's progress counts for it.
// Of what was set aside by its own, the progress says that it is done.
func (it *item) outer(sh shard, sequence string) (Outer, error) {
	users := make([]deaggregate.Record, 0, len(it.users))
	for _, sub := range slices.Sorted(maps.Keys(it.users)) {
		users = append(users, it.users[sub])
	}
	if it.whole != nil && it.of == len(users) && !it.again {
		b, err := it.whole.JSON()
		return Outer{*it.whole, users, b}, err
	}
	return newOuter(Record{
		StreamARN: sh.stream, ShardID: sh.id, SequenceNumber: sequence, PartitionKey: it.partitionKey, Arrival: it.arrival,
	}, users)
}

// Event is outer records of one shard, ascending by their sequence numbers.
type Event []Outer

// MaxEvent is what a synchronous invocation takes as its payload, in bytes (AWS
// Lambda quotas).
const MaxEvent = 6 << 20

const eventHead, eventTail = `{"Records":[`, `]}`

// JSON returns the event as Lambda sends it, on one line.
func (e Event) JSON() []byte {
	b := []byte(eventHead)
	for i := range e {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e[i].json...)
	}
	return append(b, eventTail...)
}

// UserRecords is how many user records are in the event.
func (e Event) UserRecords() (n int) {
	for i := range e {
		n += len(e[i].Users)
	}
	return n
}

// Events makes events of at most batchSize outer records and [MaxEvent] bytes;
// an outer record that is larger by itself has one of its own. They come shard by
// shard, in the order of the shards' ids, which is that of their making.
func (s *Set) Events(batchSize int) ([]Event, error) {
	var events []Event
	shards := slices.SortedFunc(maps.Keys(s.shards), func(a, b shard) int {
		return cmp.Or(strings.Compare(a.stream, b.stream), strings.Compare(a.id, b.id))
	})
	for _, sh := range shards {
		var e Event
		size := 0
		for _, sequence := range slices.SortedFunc(maps.Keys(s.shards[sh]), sequence.Compare) {
			it := s.shards[sh][sequence]
			if len(it.users) == 0 && (it.whole == nil || it.of > 0) {
				continue // all of it is done
			}
			o, err := it.outer(sh, sequence)
			if err != nil {
				return nil, fmt.Errorf("%s:%s: %w", sh.id, sequence, err)
			}
			if len(e) == batchSize || len(e) > 0 && size+1+len(o.json) > MaxEvent {
				events, e = append(events, e), nil
			}
			if len(e) == 0 {
				size = len(eventHead) + len(eventTail) - 1 // no comma before the first
			}
			e = append(e, o)
			size += 1 + len(o.json)
		}
		if len(e) > 0 {
			events = append(events, e)
		}
	}
	return events, nil
}

package lambda

// This file owns how outer records are taken apart and their user records laid
// into queues. What is in one queue is handled in its order.

import (
	"context"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/redriven"
)

// load takes the outer records from up to to apart and returns the queues of
// those user records in them that are not decided.
func (v *invocation) load(ctx context.Context, from, to int) [][]ref {
	v.users = v.users[:0]
	if len(v.queues) > 1 {
		v.queues = v.queues[:1]
	}
	if len(v.queues) == 1 {
		v.queues[0] = v.queues[0][:0]
	} else {
		v.queues = [][]ref{nil}
	}
	var keys map[string]int // queue by partition key
	if v.consumer.mode.byKey {
		keys = make(map[string]int)
	}
	for i := from; i < to; i++ {
		v.unpack(ctx, i)
		o := &v.outers[i]
		for j := range o.users {
			if !o.done.has(j) {
				v.enqueue(ref{int32(i), int32(j)}, keys)
			}
		}
	}
	return v.queues
}

// unpack takes an outer record apart. An aggregate that can't be read is one
// user record, with WholeRecord.
func (v *invocation) unpack(ctx context.Context, i int) {
	o := &v.batch.records[i]
	base := len(v.users)
	users, malformed := v.packed.Append(v.users, o.Kinesis.PartitionKey, i)
	if malformed != nil {
		users = append(users[:base], deaggregate.Record{PartitionKey: o.Kinesis.PartitionKey, Data: o.Kinesis.Data, SubSequence: WholeRecord})
	}
	renumber(users[base:], o.EventName)
	dropped := malformed == nil && v.outOfRange(ctx, o, users[base:])
	if dropped {
		v.drop(ctx, o, len(users)-base)
		users = users[:base]
	}
	v.users = users
	known, ok := v.known[o.Kinesis.SequenceNumber]
	if ok {
		// Of two equal records, which Lambda does not send, only the first is meant.
		ok = v.batch.index(known.sequence) == i && known.records == len(users)-base && known.content.same(contentOf(o))
	}

	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return
	}
	s := &v.outers[i]
	s.opened, s.users, s.base = true, len(users)-base, base
	switch {
	case malformed != nil:
		v.stats.Malformed++
	case dropped:
		v.stats.OutOfRangeAggregates++
	}
	if ok {
		s.progress, s.round, s.saved = known.progress, known.round, known.saved
		s.tried = len(known.progress.tries) > 0
		v.stats.Skipped += s.done.count()
	}
}

// renumber gives user records of an aggregate the sub-sequence numbers that they
// had before kinpack redrive put a part of them together anew.
func renumber(users []deaggregate.Record, eventName string) {
	if len(users) == 0 || !users[0].Aggregated {
		return
	}
	for i, sub := range redriven.Parse(eventName, len(users)) {
		users[i].SubSequence = sub
	}
}

// enqueue lays a user record into its queue. Out of order, what can't be read has
// one of its own.
func (v *invocation) enqueue(r ref, keys map[string]int) {
	q := 0
	if m := v.consumer.mode; m.byKey || m.together {
		u := v.user(r)
		switch {
		case u.SubSequence == WholeRecord:
			q = len(v.queues)
		case m.byKey:
			k, ok := keys[u.PartitionKey]
			if !ok {
				k = len(v.queues)
				keys[u.PartitionKey] = k
			}
			q = k
		}
	}
	if q == len(v.queues) {
		v.queues = append(v.queues, nil)
	}
	v.queues[q] = append(v.queues[q], r)
}

package bench_test

import (
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/producer"
)

// kplRule packs by the KPL's rule (its reducer.h, kinesis_record.cc and collector.h):
// a shard's user records are packed until their estimated size reaches 51,200
// bytes or the first has waited for the maximum buffered time; what then passes
// 51,200 bytes exactly is trimmed and begins the next. Collected for a call they
// wait on until the first is due, a shard has 256 KiB, or there are 500 or 5 MiB.
// Nothing here waits for the network.
type kplRule struct {
	linger    time.Duration
	ranges    []hashkey.Range
	shards    []*kplShard
	due       time.Duration // the earliest of all
	collected []kplRecord
	bytes     int
	count     bool
	out       *plan.Packing
}

// arrival is a user record that is put at a time.
type arrival struct {
	at     time.Duration
	record producer.Record
}

const (
	kplSize      = aggregate.DefaultMaxSize
	kplCallCount = 500
	kplCallBytes = 5 << 20
	kplShardSize = 256 << 10
	never        = time.Duration(1<<63 - 1)
)

// kplShard is what waits for a shard.
type kplShard struct {
	builder  aggregate.Builder
	arrivals []arrival
	marks    []aggregate.Mark // behind each
	keys     map[string]bool
	estimate int
	sending  int // bytes collected
}

// kplRecord is a Kinesis record that is collected.
type kplRecord struct {
	shard      *kplShard
	arrivals   []arrival
	data, keys int
}

// byTheKPL returns what the KPL's rule makes of a workload. It knows no keyless
// records: they get random keys.
func (w workload) byTheKPL() *plan.Packing {
	if w.Keys.None {
		w.Keys = keyings["unique"]
		w.Keys.Bytes = plan.UniqueBytes
	}
	k := kplRule{linger: w.Buffer, ranges: hashkey.Split(w.Shards), due: never, out: plan.NewPacking(w.Billing)}
	for range w.Shards {
		k.shards = append(k.shards, &kplShard{builder: aggregate.Builder{MaxSize: aggregate.MaxData}, keys: map[string]bool{}})
	}
	for i, at := range w.arrivals {
		k.count = w.counted(i)
		if !w.flood {
			k.runTo(at)
		}
		k.put(arrival{at, w.Record(i)}, at)
	}
	if w.flood {
		k.send(0)
	}
	return k.out
}

// runTo does what falls due until now.
func (k *kplRule) runTo(now time.Duration) {
	for k.due <= now {
		at := k.due
		for _, s := range k.shards {
			if len(s.arrivals) > 0 && s.arrivals[0].at+k.linger <= at {
				k.flush(s, at)
			}
		}
		k.look(at)
	}
}

// look sends what is due, and says when the next is.
func (k *kplRule) look(now time.Duration) {
	if len(k.collected) > 0 && k.collectedDue() <= now {
		k.send(now)
	}
	k.due = k.collectedDue()
	for _, s := range k.shards {
		if len(s.arrivals) > 0 {
			k.due = min(k.due, s.arrivals[0].at+k.linger)
		}
	}
}

func (k *kplRule) collectedDue() time.Duration {
	due := never
	for _, r := range k.collected {
		due = min(due, r.arrivals[0].at+k.linger)
	}
	return due
}

// put adds a user record.
func (k *kplRule) put(a arrival, now time.Duration) {
	s := k.shards[shardOf(k.ranges, hashkey.Of(a.record.PartitionKey))]
	s.add(a)
	if s.estimate >= kplSize {
		k.flush(s, now)
		k.look(now)
	} else if len(s.arrivals) == 1 {
		k.due = min(k.due, a.at+k.linger)
	}
}

// add packs a user record.
func (s *kplShard) add(a arrival) {
	if err := s.builder.Add(a.record); err != nil {
		panic(err)
	}
	s.arrivals = append(s.arrivals, a)
	s.marks = append(s.marks, s.builder.Mark())
	s.estimate += len(a.record.Data) + 5
	if !s.keys[a.record.PartitionKey] {
		s.keys[a.record.PartitionKey] = true
		s.estimate += len(a.record.PartitionKey) + 3
	}
}

// size returns what the first n go with.
func (s *kplShard) size(n int) int {
	if n == 1 {
		return len(s.arrivals[0].record.Data)
	}
	return s.marks[n-1].Size()
}

// flush collects a Kinesis record of a shard.
func (k *kplRule) flush(s *kplShard, now time.Duration) {
	n := len(s.arrivals)
	for n > 1 && s.size(n) > kplSize {
		n--
	}
	r := kplRecord{shard: s, arrivals: s.arrivals[:n:n], data: s.size(n), keys: 1}
	if n == 1 {
		r.keys = len(s.arrivals[0].record.PartitionKey)
	}
	rest := s.arrivals[n:]
	s.arrivals, s.marks, s.estimate = nil, s.marks[:0], 0
	clear(s.keys)
	s.builder.Reset()
	for _, a := range rest {
		s.add(a)
	}
	k.collected = append(k.collected, r)
	k.bytes += r.data
	s.sending += r.data
	if len(k.collected) >= kplCallCount || k.bytes >= kplCallBytes || s.sending >= kplShardSize {
		k.send(now)
	}
}

// send sends what is collected.
func (k *kplRule) send(now time.Duration) {
	for _, r := range k.collected {
		r.shard.sending = 0
		if !k.count {
			continue
		}
		k.out.Add(len(r.arrivals), r.data, r.keys)
		for _, a := range r.arrivals {
			k.out.Wait(now - a.at)
		}
	}
	k.collected, k.bytes = k.collected[:0], 0
}

// Package plan says what a workload packs into and what that costs: user records
// at a steady rate, put by a number of producer processes into a stream. How they
// pack is producer.Forecast's word, what it costs bench/cost's.
package plan

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/producer"
)

// Workload is user records at a steady rate.
type Workload struct {
	Rate      float64           // user records a second, of all producers together: more than 0
	Records   []producer.Record // used in turn; if there are none, those of Size and Keys
	Size      int               // bytes of data: 0 to 10 MiB
	Keys      Keys              // the zero value is Unique
	Shards    int               // open shards of the stream; 0: as many as Rate needs when packed
	Producers int               // processes that share Rate evenly, each of which packs its own; 0 is 1
	Buffer    time.Duration     // the maximum buffered time; 0 is 100 ms
	Unit      int               // bytes that aggregates are cut by; 0 is producer.PutUnit
	Billing   cost.Billing      // how sizes are billed
}

// Keys says which partition keys the user records of a Workload have.
type Keys struct {
	None     bool // keyless
	Distinct int  // how many there are; 0: each record has its own
	Bytes    int  // length of each in bytes; 0 is UniqueBytes
}

// UniqueBytes is the length of a UUID as text.
const UniqueBytes = 36

// Of returns the workload of one producer with the default settings.
func Of(rate float64, size, shards int, k Keys) Workload {
	return Workload{Rate: rate, Size: size, Shards: shards, Keys: k}.withDefaults()
}

func (w Workload) withDefaults() Workload {
	if w.Producers == 0 {
		w.Producers = 1
	}
	if w.Buffer == 0 {
		w.Buffer = 100 * time.Millisecond
	}
	if w.Unit == 0 {
		w.Unit = producer.PutUnit
	}
	if w.Keys.Bytes == 0 {
		w.Keys.Bytes = UniqueBytes
	}
	return w
}

// validate says what cannot be packed.
func (w Workload) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(w.Rate > 0 && w.Rate <= 1e9, "a rate of %v user records a second, want more than 0 and at most 1e9", w.Rate)
	check(w.Size >= 0 && w.Size <= 10<<20, "user records of %d bytes, want 0 to %d", w.Size, 10<<20)
	check(w.Keys.Bytes >= 1 && w.Keys.Bytes <= 256, "partition keys of %d bytes, want 1 to 256", w.Keys.Bytes)
	check(w.Keys.Distinct >= 0, "%d partition keys, want 0 (one each) or more", w.Keys.Distinct)
	check(w.Shards >= 0 && w.Shards <= maxShards, "%d shards, want 1 to %d", w.Shards, maxShards)
	check(w.Producers >= 1 && w.Producers <= 1_000_000, "%d producers, want 1 to 1,000,000", w.Producers)
	return errors.Join(errs...)
}

const maxShards = 100_000

// Record returns the i-th user record of one of the producers: always the same.
func (w Workload) Record(i int) producer.Record {
	if len(w.Records) > 0 {
		return w.Records[i%len(w.Records)]
	}
	r := producer.Record{Data: nothing[:w.Size]}
	if !w.Keys.None {
		r.PartitionKey = w.Keys.key(i)
	}
	return r
}

// nothing is the data of all records, of which only the size counts. Nobody changes
// it, and what is never written to takes no memory.
var nothing [10 << 20]byte

// key returns the key of the i-th record: random digits.
func (k Keys) key(i int) string {
	n := uint64(i)
	if k.Distinct > 0 {
		n %= uint64(k.Distinct)
	}
	const digits = "0123456789abcdef"
	text := make([]byte, k.Bytes)
	var random uint64
	for j := range text {
		if j%16 == 0 {
			random = mix(n<<8 + uint64(j))
		}
		text[j] = digits[random&15]
		random >>= 4
	}
	return string(text)
}

// mix makes a number look random: a multiplication by the golden ratio, folded.
func mix(n uint64) uint64 {
	for range 3 {
		hi, lo := bits.Mul64(n+0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
		n = hi ^ lo
	}
	return n
}

// Keyless returns the same workload without partition keys.
func (w Workload) Keyless() Workload {
	w.Keys = Keys{None: true}
	records := w.Records
	w.Records = nil
	for _, r := range records {
		w.Records = append(w.Records, producer.Record{Data: r.Data})
	}
	return w
}

// MeanBytes is how many bytes of data and partition key a user record has.
func (w Workload) MeanBytes() (data, key float64) {
	if len(w.Records) == 0 {
		if w.Keys.None {
			return float64(w.Size), float64(len(producer.KeylessPartitionKey))
		}
		return float64(w.Size), float64(w.Keys.Bytes)
	}
	for _, r := range w.Records {
		data += float64(len(r.Data))
		key += float64(max(len(r.PartitionKey), len(producer.KeylessPartitionKey)))
	}
	return data / float64(len(w.Records)), key / float64(len(w.Records))
}

// load returns what one producer is given, as far as it shows how all of it packs:
// shards are alike, so that of many some are enough, and what comes so rarely that
// hardly two meet packs as if it came a little more often.
func (w Workload) load() (l producer.Load) {
	w = w.Complete()
	data, _ := w.MeanBytes()
	full := 60_000/(data+8) + 1 // more than an aggregate aims at
	l.Rate, l.Shards = w.Rate/float64(w.Producers), w.Shards
	switch {
	case w.Keys.None:
		l.Shards = min(l.Shards, enoughShards)
	case w.Keys.Distinct == 0 || w.Keys.Distinct > 100*w.Shards: // else it matters which of them have keys
		each := min(l.Rate*w.Buffer.Seconds()/float64(w.Shards)+1, full)
		l.Shards = min(l.Shards, enoughShards, max(10, int(50_000/(4*each))))
		l.Rate *= float64(l.Shards) / float64(w.Shards)
	}
	l.Rate = max(l.Rate, 1e-4/w.Buffer.Seconds(), 1e-8)

	lanes := float64(l.Shards)
	if w.Keys.None || w.Keys.Distinct == 1 {
		lanes = 1
	}
	each := min(l.Rate*w.Buffer.Seconds()/lanes+1, full)
	n := min(max(12*each*lanes, 1500), max(40_000, 4*each*lanes), max(enoughBytes/(data+8), 6), l.Rate*enoughTime.Seconds())
	l.UserRecords = int(n)
	return l
}

const (
	enoughShards = 100
	enoughBytes  = 64 << 20
	enoughTime   = 90 * 365 * 24 * time.Hour
)

// UserRecords is how many of one producer's user records show how they pack: those
// of some ten aggregates a shard, within bounds.
func (w Workload) UserRecords() int { return w.load().UserRecords }

// Unpacked returns the flow of the user records as they are, one by one. Their
// partition keys are in it only if they are billed: AWS's examples and its
// calculator leave them out, though a shard's limit counts them. See KeyFlow.
func (w Workload) Unpacked() (cost.Flow, error) {
	w = w.withDefaults()
	if err := w.validate(); err != nil {
		return cost.Flow{}, err
	}
	sizes := []cost.Size{{Data: w.Size, Key: w.Keys.Bytes}}
	if len(w.Records) > 0 {
		sizes = make([]cost.Size, len(w.Records))
		for i, r := range w.Records {
			sizes[i] = cost.Size{Data: len(r.Data), Key: len(r.PartitionKey)}
		}
	}
	f, err := cost.Of(w.Rate, sizes, w.Billing)
	if !w.Billing.KeyCounts {
		f.KeyBytesPerSecond = 0
	}
	return f, err
}

// KeyFlow returns the bytes of partition keys a second if the user records go one
// by one. Those without a key are given a random one, of UniqueBytes.
func (w Workload) KeyFlow() float64 {
	w = w.withDefaults()
	if len(w.Records) == 0 {
		return w.Rate * float64(w.Keys.Bytes)
	}
	sum := 0
	for _, r := range w.Records {
		n := len(r.PartitionKey)
		if n == 0 {
			n = UniqueBytes
		}
		sum += n
	}
	return w.Rate * float64(sum) / float64(len(w.Records))
}

// Room is how many times its rate the shards take when packed: their bytes.
func (w Workload) Room() float64 {
	data, key := w.packedBytes()
	return float64(w.Shards) * shardBytes / (w.Rate * (data + key))
}

const shardBytes = 1 << 20 // a second (Kinesis Developer Guide, Quotas and limits)

// packedBytes is about what a user record takes in an aggregate: its data with some
// bytes of the format, and its key, if it is not shared by many.
func (w Workload) packedBytes() (data, key float64) {
	data, key = w.MeanBytes()
	if w.Keys.None || w.Keys.Distinct > 0 && w.Keys.Distinct < 100 {
		key = 0
	}
	return data + 10, key
}

// Complete returns w with what it leaves open filled in, shards too: as many as
// the packed bytes need.
func (w Workload) Complete() Workload {
	w = w.withDefaults()
	if w.Shards > 0 {
		return w
	}
	data, key := w.packedBytes()
	w.Shards = int(min(max(1, math.Ceil(w.Rate*(data+key)/shardBytes)), maxShards))
	return w
}

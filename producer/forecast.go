package producer

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// This file owns the forecast: the lanes of a Producer, driven by a clock that is
// only a number.

// Load is user records that one Producer is given at a steady rate: one in each
// interval of 1/Rate seconds, somewhere in it.
type Load struct {
	// Rate is user records a second: more than 0. What many producer processes are
	// given, each of them gets its share of, and packs by itself.
	Rate float64
	// Shards is how many open shards the stream has: 1 to 100,000. They share the
	// hash keys evenly.
	Shards int
	// UserRecords is how many are given in all: 1 or more, and no more than come in
	// 100 years.
	UserRecords int
	// Record returns the i-th of them, from 0 on. Its data is copied.
	Record func(i int) Record
}

// Packed is a Kinesis record that a Producer would send.
type Packed struct {
	UserRecords int
	Bytes       int // of its data
	KeyBytes    int // of its partition key
	Units       int // PUT payload units (WithPutUnit)
	Aggregated  bool
	At          time.Duration   // when it is sent, since the beginning
	Waited      []time.Duration // how long each user record has waited; valid until each returns
}

// most is the longest forecast.
const most = 100 * 365 * 24 * time.Hour

// Forecast calls each for every Kinesis record that a Producer with these options
// would send of a load, in the order in which it would, without a stream and
// without waiting: for planning, and the same at every call. What has not become
// ready when the last user record comes is left out, since nothing is known about
// when it would.
//
// Kinesis is taken to answer at once and to throttle nothing, and the rate limit and
// the buffer's bytes to suffice. What has to wait for Kinesis packs better than that,
// but for records that just fill their units and would go alone; what the full buffer
// sends early packs worse. The error names an option or a part of the load that is
// out of its range, or wraps what Put would return of a Record.
func Forecast(load Load, each func(Packed), opts ...Option) error {
	c, err := newConfig(opts)
	if err := errors.Join(err, load.validate()); err != nil {
		return fmt.Errorf("producer: %w", err)
	}
	if each == nil {
		return errors.New("producer: Forecast: each is nil, want a function")
	}
	f, err := newForecast(&c, load.Shards, each)
	if err != nil {
		return fmt.Errorf("producer: %w", err)
	}
	f.p.packing.random = rand.New(rand.NewPCG(3, 4)).Uint64
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range load.UserRecords {
		at := time.Duration((float64(i) + rnd.Float64()) / load.Rate * float64(time.Second))
		f.passTo(at)
		if err := f.put(load.Record(i), at); err != nil {
			return fmt.Errorf("producer: user record %d: %w", i, err)
		}
	}
	return nil
}

func (l *Load) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(l.Rate > 0 && l.Rate <= math.MaxFloat64, "Load.Rate: %v user records a second, want more than 0", l.Rate)
	check(l.Shards >= 1 && l.Shards <= 100_000, "Load.Shards: %d, want 1 to 100,000", l.Shards)
	check(l.UserRecords >= 1, "Load.UserRecords: %d, want 1 or more", l.UserRecords)
	check(!(l.Rate > 0) || float64(l.UserRecords)/l.Rate <= most.Seconds(), "Load.UserRecords: %d take longer than 100 years at a rate of %v", l.UserRecords, l.Rate)
	check(l.Record != nil, "Load.Record: nil, want a function")
	return errors.Join(errs...)
}

// forecast is a Producer of which only the lanes are used.
type forecast struct {
	p      *Producer
	each   func(Packed)
	alarms alarms                  // when lanes become ready by themselves, or earlier
	next   map[*lane]time.Duration // the earliest alarm of each that has one
	waited []time.Duration
}

// alarms is a heap of when to look at lanes.
type alarms []alarm

type alarm struct {
	at   time.Duration
	lane *lane
}

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at < a[j].at }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }

func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newForecast(c *config, shards int, each func(Packed)) (*forecast, error) {
	all := make([]shardmap.Shard, shards)
	for i, r := range hashkey.Split(shards) {
		all[i] = shardmap.Shard{ID: fmt.Sprintf("shardId-%012d", i), Range: r}
	}
	m, err := shardmap.New(all)
	if err != nil {
		return nil, err
	}
	p := &Producer{
		memo: new(memo),
		cfg:  *c, packing: c.packing(), laneKeys: laneKeys(c.lanes), aggregation: c.aggregation,
		gate: gate{max: c.maxBufferedBytes}, spares: spares{max: c.maxBufferedBytes / spareShare},
	}
	p.install(m, 0)
	return &forecast{p: p, each: each, next: map[*lane]time.Duration{}}, nil
}

// put is Producer.put as far as it packs.
func (f *forecast) put(r Record, now time.Duration) error {
	rec := record{partitionKey: r.PartitionKey, explicitHashKey: r.ExplicitHashKey, put: now}
	if _, err := f.p.check(&r, &rec); err != nil {
		return err
	}
	f.p.memo.note(f.p.hash(&rec))
	if l := f.p.route(&rec, now); l.add(&rec, r.Data, now, false) {
		f.send(l, now)
	}
	return nil
}

// passTo sends what becomes ready by itself until now.
func (f *forecast) passTo(now time.Duration) {
	for len(f.alarms) > 0 && f.alarms[0].at <= now {
		a := heap.Pop(&f.alarms).(alarm)
		if f.next[a.lane] != a.at {
			continue // there was an earlier one
		}
		delete(f.next, a.lane)
		f.send(a.lane, a.at)
	}
}

// send sends what is ready in a lane.
func (f *forecast) send(l *lane, now time.Duration) {
	for l.ready(now) && l.free() {
		b := l.start(now)
		spare := seal([]entry{{l, b}})
		f.waited = f.waited[:0]
		for i := range b.records {
			f.waited = append(f.waited, now-b.records[i].put)
		}
		f.each(Packed{
			UserRecords: len(b.records), Bytes: len(b.kept), KeyBytes: len(b.outerKey), Units: f.p.units(len(b.kept)),
			Aggregated: b.aggregated, At: now, Waited: f.waited,
		})
		l.ended(b)
		for _, p := range spare {
			f.p.spares.putPacker(p)
		}
		f.p.spares.putBatch(b)
	}
	at, set := f.next[l]
	if due := l.due(); due != never && (!set || due < at) {
		f.next[l] = due
		heap.Push(&f.alarms, alarm{due, l})
	}
}

package producer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/internal/realdata"
	"github.com/kinpack/kinpack/producer"
)

// load is user records that come at a steady rate.
type load struct {
	shards  int
	keyless bool
	rate    int // a second
	size    int
	linger  time.Duration
}

// measured is what the producer made of a load.
type measured struct {
	fill         float64 // of the units
	perAggregate float64
	p50, p99     time.Duration // from Put to done
}

// run puts 60 seconds of a load, in virtual time, through a Kinesis that answers
// at once.
func (l load) run(t *testing.T) (m measured) {
	bubble(t, func(t *testing.T) {
		p := open(t, newInstant(t, l.shards), producer.WithMaxBufferedTime(l.linger))
		n := 60 * l.rate
		took := make([]time.Duration, n)
		data := make([]byte, l.size)
		rnd := rand.New(rand.NewPCG(1, 1))
		start := time.Now()
		for i := range n {
			at := start.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
			time.Sleep(time.Until(at))
			r := producer.Record{Data: data}
			if !l.keyless {
				r.PartitionKey = fmt.Sprintf("%016x", rnd.Uint64())
			}
			put := time.Now()
			if err := p.Put(t.Context(), r, func(producer.Result) { took[i] = time.Since(put) }); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, p)
		s := p.Stats()
		if s.UserRecordsPut != int64(n) {
			t.Fatalf("%d of %d put", s.UserRecordsPut, n)
		}
		slices.Sort(took)
		m = measured{
			fill:         float64(s.KinesisRecordsDataPut) / float64(s.PutUnits) / producer.PutUnit,
			perAggregate: float64(n) / float64(s.KinesisRecordsPut),
			p50:          took[n/2], p99: took[n*99/100],
		}
		t.Logf("%+v: %+v", l, m)
	})
	return m
}

// Keyless records fill their units in milliseconds whatever the number of shards.
func TestKeylessFill(t *testing.T) {
	for _, shards := range []int{1, 100, 2500} {
		m := load{shards, true, 1000, 512, ms(100)}.run(t)
		if m.fill < 0.98 || m.p99 > ms(100) {
			t.Errorf("%d shards: %+v, want a fill of 0.98 within 100 ms", shards, m)
		}
	}
}

// Keyed ones are sent as soon as they fill a unit, if that takes less than the
// maximum buffered time, else when it is over.
func TestKeyedFill(t *testing.T) {
	m := load{4, false, 1000, 512, time.Second}.run(t)
	if m.fill < 0.98 || m.p50 > ms(130) {
		t.Errorf("within 1 s: %+v, want a fill of 0.98 with a median of 130 ms", m)
	}
	m = load{4, false, 1000, 512, ms(100)}.run(t)
	if m.perAggregate < 25 || m.p99 > ms(115) {
		t.Errorf("within 100 ms: %+v, want 25 records an aggregate and 99 %% within 115 ms", m)
	}
}

// In a flood units are filled to within 1 %, whatever the sizes.
func TestFloodFill(t *testing.T) {
	flood := func(name string, keys []string, data func(i int) []byte, n int) {
		t.Run(name, func(t *testing.T) {
			c := newInstant(t, 4)
			p := open(t, c, producer.WithRateLimit(0))
			for i := range n {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: keys[i%len(keys)], Data: data(i)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			records, bytes, units := c.records.Load(), c.bytes.Load(), c.units.Load()
			bytes -= 20 * records // magic and digest are not the user records'
			least := (bytes + producer.PutUnit - 1) / producer.PutUnit
			t.Logf("%d user records in %d aggregates, %d units, at least %d: %.4f", n, records, units, least, float64(units)/float64(least))
			if float64(units) > 1.01*float64(least) {
				t.Errorf("%d units, want at most 1.01 times %d", units, least)
			}
			if s := p.Stats(); s.PutUnits != units || s.KinesisRecordsPut != records {
				t.Errorf("%d units, %d Kinesis records; Stats: %+v", units, records, s)
			}
		})
	}
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("sensor-%09d", i)
	}
	for _, size := range []int{100, 512, 2048, 5120, 10_240, 15_000, 20_480} {
		data := make([]byte, size)
		flood(fmt.Sprint(size, " bytes"), keys, func(int) []byte { return data }, (128<<20)/(size+200))
	}
	quakes, flown, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, all := range map[string][]realdata.Record{"earthquakes": quakes, "flights": flown} {
		keys := make([]string, len(all))
		for i, r := range all {
			keys[i] = r.PartitionKey
		}
		flood(name, keys, func(i int) []byte { return all[i%len(all)].Data }, 200_000)
	}
}

// What is overdue goes, even if its units are not full.
func TestOverdueGoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				time.Sleep(time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		put(t, p, &book{}, "k")
		pass(ms(150))
		fill(t, p, "k", 60*500, 500) // a full unit and some
		pass(2 * time.Second)
		if c := f.calls(); len(c) != 2 || len(c[1].entries[0].Data) < 60*500 {
			t.Errorf("%d calls, the second of %d bytes", len(c), len(c[1].entries[0].Data))
		}
	})
}

// It waits on for a point that fills the units better.
func TestWorthWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRateLimit(0))
		for range 5000 {
			fill(t, p, "k", 10_000, 10_000)
			time.Sleep(ms(1))
		}
		flush(t, p)
		s := p.Stats()
		fill := float64(s.KinesisRecordsDataPut) / float64(s.PutUnits) / producer.PutUnit
		if fill < 0.98 {
			t.Errorf("a fill of %.4f in %d aggregates", fill, s.KinesisRecordsPut)
		}
	})
}

// Records that just fill their units go alone, since plain they need no more than
// that: two of them in one aggregate would cost three units.
func TestFullUnitsGoAlone(t *testing.T) {
	for _, c := range []struct {
		size, unit, units int
		every             time.Duration
	}{
		{producer.PutUnit, producer.PutUnit, 1, ms(70)},
		{2 * producer.PutUnit, producer.PutUnit, 2, ms(70)},
		{producer.PutUnitOnDemand, producer.PutUnitOnDemand, 1, ms(70)},
		{producer.PutUnitOnDemand, producer.PutUnitOnDemand, 1, ms(15)},
	} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			p := open(t, f, producer.WithPutUnit(c.unit))
			for range 100 {
				fill(t, p, "k", c.size, c.size)
				time.Sleep(c.every)
			}
			flush(t, p)
			if s := p.Stats(); s.PutUnits > int64(102*c.units) { // the last ones are flushed together
				t.Errorf("100 records of %d bytes took %d units of %d, want %d each: %+v", c.size, s.PutUnits, c.unit, c.units, s)
			}
		})
	}
}

// At a deadline that comes before the next boundary is a point to wait for, too. A
// record that just fills its units waits for nobody.
func TestWaitForAFew(t *testing.T) {
	for _, c := range []struct {
		size   int
		rate   float64
		units  float64 // a user record, at most
		median time.Duration
	}{
		{12_800, 20, 0.76, ms(80)}, {15_000, 20, 0.76, ms(80)}, {8600, 40, 0.435, ms(70)},
		{25_000, 0.5, 1, 0}, {25_300, 20, 1, 0}, {50_000, 5, 2, 0},
	} {
		users, units := 0, 0
		var waited []time.Duration
		load := producer.Load{Rate: c.rate, Shards: 1, UserRecords: 2000, Record: func(i int) producer.Record {
			return producer.Record{PartitionKey: fmt.Sprint("sensor ", i), Data: make([]byte, c.size)}
		}}
		err := producer.Forecast(load, func(p producer.Packed) {
			users += p.UserRecords
			units += p.Units
			waited = append(waited, p.Waited...)
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(waited)
		if each, median := float64(units)/float64(users), waited[len(waited)/2]; each > c.units || median > c.median {
			t.Errorf("%d bytes at %v/s: %.3f units each, median wait %v, want at most %v and %v", c.size, c.rate, each, median, c.units, c.median)
		}
	}
}

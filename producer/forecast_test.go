package producer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/producer"
)

// kinesisRecord is a Kinesis record as the forecast and the Producer itself tell of it.
type kinesisRecord struct {
	at                  time.Duration
	users, bytes, units int
	aggregated          bool
}

// byTheProducer puts a load through a Producer and a Kinesis that answers at once.
func byTheProducer(t *testing.T, load producer.Load, opts ...producer.Option) (all []kinesisRecord) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		start, over := time.Now(), false
		entry := func(_ context.Context, e producer.Entry) {
			mu.Lock()
			defer mu.Unlock()
			if !over {
				all = append(all, kinesisRecord{time.Since(start), e.UserRecords, e.Bytes, e.Units, e.Aggregated})
			}
		}
		p := open(t, newInstant(t, load.Shards), append(opts, producer.WithRateLimit(0), producer.WithHooks(producer.Hooks{Entry: entry}))...)
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range load.UserRecords {
			at := time.Duration((float64(i) + rnd.Float64()) / load.Rate * float64(time.Second))
			time.Sleep(at - time.Since(start))
			if err := p.Put(t.Context(), load.Record(i), nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		mu.Lock()
		over = true
		mu.Unlock()
	})
	return all
}

// The forecast is what the Producer does, Kinesis record by Kinesis record.
func TestForecastIsTheProducer(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	sizes := make([]int, 1000)
	for i := range sizes {
		sizes[i] = random.IntN(60_000 >> random.IntN(9))
	}
	keyed := func(i int) producer.Record {
		return producer.Record{PartitionKey: fmt.Sprint("sensor ", i*7919%5003), Data: make([]byte, 512)}
	}
	mixed := func(i int) producer.Record {
		r := keyed(i)
		r.Data = make([]byte, sizes[i%len(sizes)])
		if i%5 == 0 {
			r.ExplicitHashKey = fmt.Sprint(i % 3)
		}
		return r
	}
	keyless := func(i int) producer.Record { return producer.Record{Data: make([]byte, 512)} }
	for _, c := range []struct {
		name string
		load producer.Load
		opts []producer.Option
	}{
		{"one shard", producer.Load{Rate: 1000, Shards: 1, UserRecords: 3000, Record: keyed}, nil},
		{"shards", producer.Load{Rate: 10_000, Shards: 7, UserRecords: 20_000, Record: keyed}, nil},
		{"slow", producer.Load{Rate: 3, Shards: 4, UserRecords: 500, Record: keyed}, nil},
		{"mixed sizes", producer.Load{Rate: 500, Shards: 5, UserRecords: 3000, Record: mixed}, nil},
		{"long buffered time", producer.Load{Rate: 700, Shards: 5, UserRecords: 5000, Record: mixed}, []producer.Option{producer.WithMaxBufferedTime(time.Second)}},
		{"lanes", producer.Load{Rate: 5000, Shards: 2, UserRecords: 8000, Record: mixed}, []producer.Option{producer.WithLanes(5)}},
		{"on-demand", producer.Load{Rate: 1000, Shards: 4, UserRecords: 5000, Record: mixed}, []producer.Option{producer.WithPutUnit(producer.PutUnitOnDemand)}},
		{"the KPL's limit", producer.Load{Rate: 1000, Shards: 1, UserRecords: 5000, Record: mixed}, []producer.Option{producer.WithAggregationLimit(51_200), producer.WithAggregationMaxCount(40)}},
		{"not packed", producer.Load{Rate: 1000, Shards: 3, UserRecords: 500, Record: mixed}, []producer.Option{producer.WithAggregation(false)}},
		{"keyless", producer.Load{Rate: 3000, Shards: 9, UserRecords: 9000, Record: keyless}, nil},
		{"keyless, slow", producer.Load{Rate: 20, Shards: 9, UserRecords: 500, Record: keyless}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []kinesisRecord
			waited, last := 0, time.Duration(0)
			err := producer.Forecast(c.load, func(p producer.Packed) {
				got = append(got, kinesisRecord{p.At, p.UserRecords, p.Bytes, p.Units, p.Aggregated})
				if len(p.Waited) != p.UserRecords || p.At < last || slices.Min(p.Waited) < 0 || slices.Max(p.Waited) > p.At || p.KeyBytes == 0 {
					t.Fatalf("%+v", p)
				}
				waited += len(p.Waited)
				last = p.At
			}, c.opts...)
			if err != nil {
				t.Fatal(err)
			}
			want := byTheProducer(t, c.load, c.opts...)
			less := func(a, b kinesisRecord) int {
				return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.users, b.users), cmp.Compare(a.bytes, b.bytes))
			}
			slices.SortFunc(got, less)
			slices.SortFunc(want, less)
			if strings.HasPrefix(c.name, "keyless") { // their hash keys, random ones, have 39 digits or fewer
				for i := range min(len(got), len(want)) {
					if d := got[i].bytes - want[i].bytes; d > 4 || d < -4 {
						t.Errorf("%+v, the Producer %+v", got[i], want[i])
					}
					got[i].bytes = want[i].bytes
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d Kinesis records forecast, the Producer sends %d", len(got), len(want))
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("the first that differs, %d: %+v, the Producer %+v", i, got[i], want[i])
					}
				}
			}
			if len(got) == 0 || waited < c.load.UserRecords/2 {
				t.Errorf("only %d user records in %d", waited, len(got))
			}
		})
	}
}

// Two forecasts are the same, keyless ones too.
func TestForecastRepeats(t *testing.T) {
	load := producer.Load{Rate: 1000, Shards: 3, UserRecords: 5000, Record: func(int) producer.Record {
		return producer.Record{Data: make([]byte, 500)}
	}}
	bytes := func() (all []int) {
		if err := producer.Forecast(load, func(p producer.Packed) { all = append(all, p.Bytes) }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if a, b := bytes(), bytes(); !slices.Equal(a, b) || len(a) < 20 {
		t.Errorf("%d Kinesis records, %d the second time: %v\n%v", len(a), len(b), a, b)
	}
}

func TestForecastErrors(t *testing.T) {
	good := producer.Load{Rate: 1, Shards: 1, UserRecords: 1, Record: func(int) producer.Record { return producer.Record{PartitionKey: "k"} }}
	for _, c := range []struct {
		name   string
		change func(*producer.Load)
		opts   []producer.Option
		want   string
	}{
		{"no rate", func(l *producer.Load) { l.Rate = 0 }, nil, "Load.Rate: 0 "},
		{"not a rate", func(l *producer.Load) { l.Rate = math.NaN() }, nil, "Load.Rate: NaN"},
		{"infinite", func(l *producer.Load) { l.Rate = math.Inf(1) }, nil, "Load.Rate: +Inf"},
		{"too long", func(l *producer.Load) { l.Rate, l.UserRecords = 1e-9, 10 }, nil, "100 years"},
		{"no shards", func(l *producer.Load) { l.Shards = 0 }, nil, "Load.Shards: 0, want 1 to"},
		{"too many shards", func(l *producer.Load) { l.Shards = 100_001 }, nil, "Load.Shards: 100001"},
		{"no records", func(l *producer.Load) { l.UserRecords = 0 }, nil, "Load.UserRecords: 0"},
		{"no function", func(l *producer.Load) { l.Record = nil }, nil, "Load.Record: nil"},
		{"option", func(*producer.Load) {}, []producer.Option{producer.WithLanes(0)}, "WithLanes: 0"},
		{"record", func(l *producer.Load) {
			l.Record = func(int) producer.Record { return producer.Record{PartitionKey: strings.Repeat("k", 257)} }
		}, nil, "user record 0: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			load := good
			c.change(&load)
			err := producer.Forecast(load, func(producer.Packed) {}, c.opts...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
			if c.name == "record" && !errors.Is(err, aggregate.ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
		})
	}
}

func TestForecastOfNobody(t *testing.T) {
	load := producer.Load{Rate: 1, Shards: 1, UserRecords: 1, Record: func(int) producer.Record { return producer.Record{} }}
	if err := producer.Forecast(load, nil); err == nil || !strings.Contains(err.Error(), "each is nil") {
		t.Errorf("%v", err)
	}
}

func ExampleForecast() {
	// 1,000 user records a second of 512 bytes from 10 hosts, each of which has 100.
	load := producer.Load{Rate: 100, Shards: 1, UserRecords: 10_000, Record: func(i int) producer.Record {
		return producer.Record{PartitionKey: fmt.Sprint("sensor-", i%500), Data: make([]byte, 512)}
	}}
	for _, buffered := range []time.Duration{100 * time.Millisecond, time.Second} {
		users, units := 0, 0
		err := producer.Forecast(load, func(p producer.Packed) {
			users += p.UserRecords
			units += p.Units
		}, producer.WithMaxBufferedTime(buffered))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%v: %.1f user records a PUT payload unit\n", buffered, float64(users)/float64(units))
	}
	// Output:
	// 100ms: 10.6 user records a PUT payload unit
	// 1s: 48.0 user records a PUT payload unit
}

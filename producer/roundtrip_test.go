package producer_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

var roundTripWrite = flag.Bool("roundtrip.write", false, "write the round trip table into README.md")

const (
	mib = 1 << 20
	// What 4 shards take in all by the default rate limit, in bytes a second.
	limitOfFour = 4 * mib * 150 / 100
)

// distant is a Kinesis that keeps nothing, whose answers take a round trip, and
// that remembers when each shard got how much.
type distant struct {
	*instant
	trip time.Duration

	mu  sync.Mutex
	got map[string][]arrival
}

type arrival struct {
	at    time.Time
	bytes int // with the outer key, as the rate limit counts
}

func newDistant(t testing.TB, trip time.Duration) *distant {
	return &distant{instant: newInstant(t, 4), trip: trip, got: map[string][]arrival{}}
}

func (c *distant) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	time.Sleep(c.trip / 2)
	defer time.Sleep(c.trip / 2)
	out, err := c.instant.PutRecords(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range out.Records {
		e := in.Records[i]
		c.got[*r.ShardId] = append(c.got[*r.ShardId], arrival{time.Now(), len(e.Data) + len(*e.PartitionKey)})
	}
	return out, nil
}

// rate returns the bytes a second that the shards got, added up, from a time on:
// for each from its first arrival after that, which does not count, to its last but
// one: the last, which waits for that one's answer, has nothing left to grow by.
func (c *distant) rate(t *testing.T, from time.Time) (rate float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, got := range c.got {
		i := slices.IndexFunc(got, func(a arrival) bool { return a.at.After(from) })
		last := len(got) - 2
		if i < 0 || i >= last {
			t.Fatalf("%s: %d arrivals, too few to tell", id, len(got))
		}
		bytes := 0
		for _, a := range got[i+1 : last+1] {
			bytes += a.bytes
		}
		rate += float64(bytes) / got[last].at.Sub(got[i].at).Seconds()
	}
	return rate
}

// fairKeys returns partition keys that go to 4 shards in turns. By chance one
// would get more, and its limit would be all that a flood shows.
func fairKeys(t testing.TB) []string {
	f := newFake(t, 4)
	const each = 1000
	keys := make([]string, 4*each)
	for s := range 4 {
		for i, k := range f.keys(t, shardID(s), each) {
			keys[4*i+s] = k
		}
	}
	return keys
}

// flooded is what came of records put as fast as the buffer took them.
type flooded struct {
	ofLimit    float64 // what part of the rate limit was used, once its burst was
	throughput float64 // the same as user data, in MB a second
	mean       float64 // KB an aggregate
}

// flooding puts 24 MB through a buffer of 16 MiB, in virtual time.
func flooding(t *testing.T, keys []string, size, inFlight int, trip time.Duration) (m flooded) {
	bubble(t, func(t *testing.T) {
		c := newDistant(t, trip)
		p := open(t, c, producer.WithMaxInFlightPerLane(inFlight), producer.WithMaxBufferedBytes(16*mib))
		data := make([]byte, size)
		n := 24_000_000 / size
		start := time.Now()
		for i := range n {
			if err := p.Put(t.Context(), producer.Record{PartitionKey: keys[i%len(keys)], Data: data}, nil); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, p)
		s := p.Stats()
		if s.UserRecordsPut != int64(n) {
			t.Fatalf("%d of %d put", s.UserRecordsPut, n)
		}
		rate := c.rate(t, start.Add(time.Second))
		m = flooded{
			ofLimit:    rate / limitOfFour,
			throughput: rate / 1e6 * float64(n*size) / float64(s.KinesisRecordsDataPut),
			mean:       float64(s.KinesisRecordsDataPut) / float64(s.KinesisRecordsPut) / 1e3,
		}
	})
	return m
}

// steady puts 0.9 MiB a second and shard, in virtual time: for a second, for the
// table for four, so that what is cut short at the end does not count.
func steady(t *testing.T, keys []string, size, inFlight int, trip time.Duration) (m measured) {
	bubble(t, func(t *testing.T) {
		p := open(t, newDistant(t, trip), producer.WithMaxInFlightPerLane(inFlight))
		data := make([]byte, size)
		rate := 4 * mib * 9 / 10 / size
		n := rate
		if *roundTripWrite {
			n *= 4
		}
		took := pace(t, p, n, rate, func(i int) producer.Record {
			return producer.Record{PartitionKey: keys[i%len(keys)], Data: data}
		})
		m = measuredOf(p.Stats(), took)
	})
	return m
}

// TestRoundTripTable measures what it costs that a lane has one unacknowledged
// aggregate, against 16, with 4 shards and the default rate limit: in a flood, and
// below the limit. What waits for the acknowledgement packs into a bigger
// aggregate, so it costs no throughput. A flood's aggregates are not of the same
// size in every run, since all Puts are at one instant. To write the table into
// README.md:
// go test ./producer -run TestRoundTripTable -roundtrip.write
func TestRoundTripTable(t *testing.T) {
	keys := fairKeys(t)
	table := "| record | round trip | in flight a lane | flood | aggregates | 0.9 MiB/s a shard: fill | p50 | p99 |\n" +
		"|---|---|---|---|---|---|---|---|\n"
	for _, size := range []int{100, 512, 2048} {
		for _, trip := range []time.Duration{ms(20), ms(100)} {
			t.Run(fmt.Sprintf("%d bytes/%v", size, trip), func(t *testing.T) {
				var floods [2]flooded
				var flows [2]measured
				for i, inFlight := range []int{1, 16} {
					floods[i] = flooding(t, keys, size, inFlight, trip)
					flows[i] = steady(t, keys, size, inFlight, trip)
					table += fmt.Sprintf("| %d B | %d ms | %d | %.2f MB/s | %.1f KB | %.3f | %d ms | %d ms |\n",
						size, trip.Milliseconds(), inFlight, floods[i].throughput, floods[i].mean,
						flows[i].fill, flows[i].p50.Milliseconds(), flows[i].p99.Milliseconds())
				}
				t.Logf("%+v %+v", floods, flows)
				one, many := floods[0], floods[1]
				if one.throughput < 0.99*many.throughput || one.ofLimit < 0.99 || many.ofLimit < 0.99 {
					t.Errorf("flood: %+v, and %+v with 16: want 0.99 of that, and of the limit", one, many)
				}
				if one, many := flows[0], flows[1]; one.fill < many.fill-0.005 || one.p99 > many.p99+trip {
					t.Errorf("below the limit: %+v, and %+v with 16: want the same fill, and at most a round trip more", one, many)
				}
			})
		}
	}
	writeTable(t, *roundTripWrite, "round trip", table)
}

// pace puts n records at a steady rate and flushes. It returns how long each took
// from Put to done, in ascending order; all have to succeed. Each Put is some
// nanoseconds off, or it would meet the timer of an earlier one, and come before
// or after it by chance.
func pace(t *testing.T, p *producer.Producer, n, rate int, record func(i int) producer.Record) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	start := time.Now()
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(rate) + time.Duration(i*7919%997))))
		r := record(i)
		put := time.Now()
		err := p.Put(t.Context(), r, func(res producer.Result) {
			took[i] = time.Since(put)
			if res.Err != nil {
				t.Errorf("record %d: %v", i, res.Err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	flush(t, p)
	slices.Sort(took)
	return took
}

// measuredOf makes the figures of a load whose latencies are sorted.
func measuredOf(s producer.Stats, took []time.Duration) measured {
	n := len(took)
	return measured{
		fill:         float64(s.KinesisRecordsDataPut) / float64(s.PutUnits) / producer.PutUnit,
		perAggregate: float64(n) / float64(s.KinesisRecordsPut),
		p50:          took[n/2], p99: took[n*99/100],
	}
}

// writeTable puts a table of measurements between its markers in README.md, or
// into the log if that is not asked for or there is no README.md.
func writeTable(t *testing.T, write bool, name, table string) {
	t.Helper()
	const path = "README.md"
	text, err := os.ReadFile(path)
	if !write || os.IsNotExist(err) {
		t.Logf("the %s table:\n%s", name, table)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- %s table: begin -->", name), fmt.Sprintf("<!-- %s table: end -->", name)
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no %q and %q; the table:\n%s", path, begin, end, table)
	}
	if err := os.WriteFile(path, []byte(before+begin+"\n"+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkRoundTrip floods 4 shards without a rate limit, in real time, through a
// Client that sleeps the round trip, with one unacknowledged aggregate a lane and
// with 16. To compare:
// go test -run '^$' -bench RoundTrip -count 6 ./producer | benchstat -col /inflight -ignore /turn -
func BenchmarkRoundTrip(b *testing.B) {
	keys := fairKeys(b)
	for _, trip := range []time.Duration{ms(20), ms(100)} {
		for i, inFlight := range []int{1, 16, 16, 1} {
			b.Run(fmt.Sprintf("trip=%v/turn=%d/inflight=%d", trip, i/2+1, inFlight), func(b *testing.B) {
				p := open(b, newDistant(b, trip), producer.WithMaxInFlightPerLane(inFlight), producer.WithRateLimit(0))
				data := make([]byte, 512)
				i := 0
				start := time.Now()
				for b.Loop() {
					if err := p.Put(b.Context(), producer.Record{PartitionKey: keys[i%len(keys)], Data: data}, nil); err != nil {
						b.Fatal(err)
					}
					i++
				}
				flush(b, p)
				took := time.Since(start)
				s := p.Stats()
				if s.UserRecordsPut != int64(i) {
					b.Fatalf("%d of %d put", s.UserRecordsPut, i)
				}
				// b's own figure would leave out what is still buffered at the end.
				b.ReportMetric(float64(i*len(data))/1e6/took.Seconds(), "MB/s")
				b.ReportMetric(float64(s.KinesisRecordsDataPut)/float64(s.KinesisRecordsPut)/1e3, "KB/aggregate")
			})
		}
	}
}

package producer_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var reshardWrite = flag.Bool("reshard.write", false, "write the reshard table into README.md")

// reshard is a stream of 4 shards that is changed under load.
type reshard struct {
	name   string
	merges bool
	steps  []func(t *testing.T, f *fake)
}

var reshards = []reshard{
	{"4 -> 8", false, []func(*testing.T, *fake){resize(8)}},
	{"one split", false, []func(*testing.T, *fake){splitOf(0)}},
	// The second one splits what the first has made: 0 becomes 4 and 5.
	{"four splits a second apart", false, []func(*testing.T, *fake){splitOf(0), splitOf(4), splitOf(1), splitOf(3)}},
	{"4 -> 2", true, []func(*testing.T, *fake){resize(2)}},
}

func splitOf(shard int) func(*testing.T, *fake) {
	return func(t *testing.T, f *fake) { f.split(t, shardID(shard)) }
}

func resize(shards int32) func(*testing.T, *fake) {
	return func(t *testing.T, f *fake) {
		_, err := f.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{
			StreamName: aws.String(stream), TargetShardCount: &shards, ScalingType: types.ScalingTypeUniformScaling})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReshardTable changes the shards in the middle of 4 seconds of load, in
// virtual time, and counts what a KCL and a reader that filters nothing lose and
// get twice. To write the table into README.md:
// go test ./producer -run TestReshardTable -reshard.write
func TestReshardTable(t *testing.T) {
	table := "| user records/s | round trip | change | put | lost, KCL | twice, KCL | lost, no filter | twice, no filter | under way |\n" +
		"|---|---|---|---|---|---|---|---|---|\n"
	for _, rate := range []int{400, 2000, 10_000} {
		for _, trip := range []time.Duration{0, ms(20)} {
			for _, change := range reshards {
				t.Run(fmt.Sprintf("%d a second/%v/%s", rate, trip, change.name), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						m := change.run(t, network{rate: rate, puts: trip, list: trip})
						m.check(t, &change)
						table += fmt.Sprintf("| %d | %d ms | %s | %d | %d | %d | %d | %d | %d |\n",
							rate, trip.Milliseconds(), change.name, m.put, m.kcl.lost, m.kcl.twice, m.any.lost, m.any.twice, m.underWay)
					})
				})
			}
		}
	}
	writeTable(t, *reshardWrite, "reshard", table)
}

// The same bars where it is harder: calls last longer than an aggregate takes to
// fill, so that one lane learns of the change while another still has an aggregate
// out, and the listing may lag, so that what was stored cannot be judged for long.
func TestReshardSlowly(t *testing.T) {
	for _, lag := range []time.Duration{0, 700 * time.Millisecond} {
		for _, change := range reshards {
			t.Run(fmt.Sprintf("lag %v/%s", lag, change.name), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					m := change.run(t, network{rate: 2000, puts: ms(200), uneven: ms(50), list: ms(10), lag: lag})
					m.check(t, &change)
				})
			})
		}
	}
}

// network is the load of a run and what lies between the Producer and Kinesis.
type network struct {
	rate       int           // user records a second
	puts, list time.Duration // round trips of PutRecords and ListShards
	uneven     time.Duration // what none to three times is added to that of a PutRecords
	lag        time.Duration // of the listing, behind what is
}

// resharded is what became of a run's user records.
type resharded struct {
	records, put int
	kcl, any     delivery // any is a reader that filters nothing
	underWay     int      // see watched.underWay
}

// delivery is what a reader gets of the records that were reported as put.
type delivery struct {
	lost      int // not one copy
	twice     int // copies beyond the first
	overtaken int // first copies that come before that of an earlier record of their key
}

func (m *resharded) check(t *testing.T, r *reshard) {
	t.Helper()
	if m.put != m.records {
		t.Errorf("%d of %d put", m.put, m.records)
	}
	if m.kcl.lost != 0 || m.any.lost != 0 {
		t.Errorf("lost: %d for a KCL, %d without a filter", m.kcl.lost, m.any.lost)
	}
	if m.kcl.overtaken != 0 || m.any.overtaken != 0 {
		t.Errorf("overtaken: %d for a KCL, %d without a filter", m.kcl.overtaken, m.any.overtaken)
	}
	if m.kcl.twice != 0 {
		t.Errorf("%d twice for a KCL", m.kcl.twice)
	}
	most := m.underWay
	if r.merges {
		most = 0
	}
	if m.any.twice > most {
		t.Errorf("%d twice without a filter, want at most %d", m.any.twice, most)
	}
	if m.underWay == 0 {
		t.Error("nothing was under way at the change")
	}
}

// run puts 4 seconds of 200-byte records with the default options. The change
// comes after 2 seconds, or its steps from half a second on, between two Puts: the
// first at which a PutRecords call is under way. Without a round trip none ever
// is; but then each lane holds an aggregate that is open, and the next one to go
// goes by the old map.
func (r *reshard) run(t *testing.T, n network) (m resharded) {
	srv := kinesistest.New(kinesistest.WithListShardsLag(n.lag), kinesistest.WithFaults(n.delay))
	if err := srv.AddStream(stream, 4); err != nil {
		t.Fatal(err)
	}
	f := &fake{Client: srv.Client(), srv: srv}
	w := watch(f)
	p := open(t, f)
	m.records = 4 * n.rate
	rnd := rand.New(rand.NewPCG(1, uint64(n.rate)))
	keys := make([]int, m.records) // a pool of 500
	steps, next := r.steps, time.Now().Add(2*time.Second)
	if len(steps) > 1 {
		next = time.Now().Add(time.Second / 2)
	}
	padding := repeat(200 - 8)
	pace(t, p, m.records, n.rate, func(i int) producer.Record {
		if len(steps) > 0 && !time.Now().Before(next) && (n.puts == 0 || w.busy()) {
			steps[0](t, f)
			steps, next = steps[1:], next.Add(time.Second)
		}
		keys[i] = rnd.IntN(500)
		return producer.Record{PartitionKey: fmt.Sprint("device-", keys[i]), Data: fmt.Appendf(nil, "%08d%s", i, padding)}
	})
	if len(steps) > 0 {
		t.Fatalf("%d steps not taken", len(steps))
	}
	m.put = int(p.Stats().UserRecordsPut)
	all := readAll(t, f.srv, stream)
	m.any = deliveryOf(t, all, keys)
	m.kcl = deliveryOf(t, slices.DeleteFunc(all, func(u read) bool { return u.dropped }), keys)
	m.underWay = w.underWay(t)
	return m
}

// delay is half of a round trip each way.
func (n network) delay(_ context.Context, r kinesistest.Request) kinesistest.Fault {
	switch r.Operation {
	case "PutRecords":
		d := (n.puts + time.Duration(r.Number%4)*n.uneven) / 2
		return kinesistest.Fault{Delay: d, AnswerDelay: d}
	case "ListShards":
		return kinesistest.Fault{Delay: n.list / 2, AnswerDelay: n.list / 2}
	}
	return kinesistest.Fault{}
}

// deliveryOf looks at what a reader got of the records put, whose partition keys
// are given in the order of their Puts.
func deliveryOf(t *testing.T, got []read, keys []int) (d delivery) {
	first := make([]int, len(keys)) // its place from 1; 0 for none
	for place, u := range got {
		i, err := strconv.Atoi(u.data[:8])
		if err != nil {
			t.Fatal(err)
		}
		if first[i] > 0 {
			d.twice++
			continue
		}
		first[i] = place + 1
	}
	latest := map[int]int{} // of a key's first copies
	for i, place := range first {
		switch {
		case place == 0:
			d.lost++
		case place < latest[keys[i]]:
			d.overtaken++
		default:
			latest[keys[i]] = place
		}
	}
	return d
}

// watched keeps what a Producer sends and what it is told of the shards.
type watched struct {
	fake *fake
	mu   sync.Mutex
	out  int // calls under way
	sent []*sentEntry
	// When a listing that the Producer was given first had a shard as open, and
	// when a later one no longer had.
	opened, closed map[string]time.Time
}

// sentEntry is an entry of a PutRecords call.
type sentEntry struct {
	began   time.Time
	hashKey string
	records int
	lane    string // the outer key of an aggregate, "" if it is none
	shard   string // that took it, once that is answered
}

func watch(f *fake) *watched {
	w := &watched{fake: f, opened: map[string]time.Time{}, closed: map[string]time.Time{}}
	f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		sent := make([]*sentEntry, len(in.Records))
		for i, e := range in.Records {
			us, err := deaggregate.Append(nil, *e.PartitionKey, e.Data)
			if err != nil {
				return nil, err
			}
			sent[i] = &sentEntry{began: time.Now(), hashKey: *e.ExplicitHashKey, records: len(us)}
			if us[0].Aggregated {
				sent[i].lane = *e.PartitionKey
			}
		}
		w.mu.Lock()
		w.out++
		w.sent = append(w.sent, sent...)
		w.mu.Unlock()
		out, err := f.Client.PutRecords(ctx, in)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.out--
		for i := range sent {
			if err == nil {
				sent[i].shard = aws.ToString(out.Records[i].ShardId)
			}
		}
		return out, err
	}
	f.list = func(_ int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
		out, err := f.Client.ListShards(ctx, in)
		if err == nil {
			w.listed(out.Shards)
		}
		return out, err
	}
	return w
}

// busy says whether a PutRecords call is under way.
func (w *watched) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out > 0
}

func (w *watched) listed(shards []types.Shard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := map[string]bool{}
	for _, s := range shards {
		if s.SequenceNumberRange.EndingSequenceNumber != nil {
			continue
		}
		open[*s.ShardId] = true
		if w.opened[*s.ShardId].IsZero() {
			w.opened[*s.ShardId] = time.Now()
		}
	}
	for id := range w.opened {
		if !open[id] && w.closed[id].IsZero() {
			w.closed[id] = time.Now()
		}
	}
}

// underWay counts the user records of the aggregates that were under way at each
// split or merge, one aggregate a lane. For a shard that was closed that is, for
// each outer key, the first aggregate in the order of sending that
//   - was sent while the shard was in the Producer's map: not before the answer to
//     the first listing that had it as open, and not after the one that no longer
//     did (what is sent in the same instant counts, since nothing that happens
//     between the cut of a call and its begin takes virtual time),
//   - is aimed at the shard, and
//   - was stored by another, so after the shard was closed.
//
// Whether it was sent again is not looked at, and what the lane sent by the old
// map after that one is not counted: it would break the promise.
func (w *watched) underWay(t *testing.T) (records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.sent, func(a, b *sentEntry) int { return cmp.Compare(a.began.UnixNano(), b.began.UnixNano()) })
	for _, s := range w.fake.srv.Shards(stream) {
		if s.Open || w.opened[s.ID].IsZero() {
			continue
		}
		if w.closed[s.ID].IsZero() {
			t.Fatalf("the Producer was never told that %s is closed", s.ID)
		}
		counted := map[string]bool{}
		for _, e := range w.sent {
			known := !e.began.Before(w.opened[s.ID]) && !e.began.After(w.closed[s.ID])
			if e.lane != "" && !counted[e.lane] && known && s.Contains(e.hashKey) && e.shard != s.ID {
				counted[e.lane] = true
				records += e.records
			}
		}
	}
	return records
}

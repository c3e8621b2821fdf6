package producer_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

var lanesWrite = flag.Bool("lanes.write", false, "write the lanes tables into README.md")

var laneCounts = []int{1, 2, 4, 8, 16, 32}

// TestLanesTable measures what lanes cost: 4 shards, 512-byte records with keys of
// their own, 100 ms buffered, the rate limit on, in virtual time. To write the
// tables into README.md:
// go test ./producer -run TestLanesTable -lanes.write
func TestLanesTable(t *testing.T) {
	table := "| user records/s | lanes | fill | records an aggregate | p50 |\n|---|---|---|---|---|\n"
	for _, rate := range []int{400, 1000, 5000, 20_000} {
		// The shards take 4 MiB a second, the limit lets half as much more through.
		over := 4*mib*150/100 < rate*512
		last := measured{fill: 1, perAggregate: math.Inf(1)}
		for _, lanes := range laneCounts {
			m := laneLoad(t, rate, lanes)
			p50 := fmt.Sprintf("%d ms", m.p50.Milliseconds())
			if over {
				p50 = "over the limit"
			}
			table += fmt.Sprintf("| %d | %d | %.3f | %.1f | %s |\n", rate, lanes, m.fill, m.perAggregate, p50)
			if m.fill > last.fill+0.01 || m.perAggregate > 1.02*last.perAggregate {
				t.Errorf("%d records/s, %d lanes: %+v, want no more than with half as many, %+v", rate, lanes, m, last)
			}
			if !over && m.p99 > ms(101) {
				t.Errorf("%d records/s, %d lanes: %+v, want at most 100 ms", rate, lanes, m)
			}
			last = m
		}
	}
	writeTable(t, *lanesWrite, "lanes", table+"\n"+factorTable())
}

// laneLoad puts records at a steady rate: for the table for 10 seconds, or 100,000
// of them, else a fifth of that.
func laneLoad(t *testing.T, rate, lanes int) (m measured) {
	bubble(t, func(t *testing.T) {
		p := open(t, newInstant(t, 4), producer.WithLanes(lanes))
		rnd := rand.New(rand.NewPCG(1, 1))
		data := make([]byte, 512)
		n := min(10*rate, 100_000)
		if !*lanesWrite {
			n /= 5
		}
		took := pace(t, p, n, rate, func(int) producer.Record {
			return producer.Record{PartitionKey: fmt.Sprintf("%016x", rnd.Uint64()), Data: data}
		})
		m = measuredOf(p.Stats(), took)
	})
	return m
}

// factorTable says what to set for a ParallelizationFactor: how many of Lambda's
// concurrent batches of a shard are expected to have something to do.
func factorTable() string {
	table := "| lanes |"
	rule := "|---|"
	factors := []int{2, 5, 10}
	for _, f := range factors {
		table += fmt.Sprintf(" busy of %d |", f)
		rule += "---|"
	}
	table += "\n" + rule + "\n"
	for _, n := range laneCounts {
		table += fmt.Sprintf("| %d |", n)
		for _, f := range factors {
			table += fmt.Sprintf(" %.2f |", busy(f, n))
		}
		table += "\n"
	}
	table += "\n| ParallelizationFactor | lanes for 9 in 10 busy |\n|---|---|\n"
	for _, f := range factors {
		table += fmt.Sprintf("| %d | %d |\n", f, lanesFor(f))
	}
	return table
}

// busy returns how many of factor concurrent batches are expected to have a lane,
// if each of n lanes goes to one by chance.
func busy(factor, n int) float64 {
	f := float64(factor)
	return f * (1 - math.Pow(1-1/f, float64(n)))
}

// lanesFor returns the least power of two of lanes that keeps 9 in 10 busy.
func lanesFor(factor int) int {
	n := 1
	for busy(factor, n) < 0.9*float64(factor) {
		n *= 2
	}
	return n
}

// The expectation is what throwing lanes at batches comes to.
func TestBusyBatches(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	const throws = 20_000
	for _, factor := range []int{2, 5, 10} {
		for _, n := range laneCounts {
			sum := 0
			for range throws {
				has := make([]bool, factor)
				for range n {
					if b := rnd.IntN(factor); !has[b] {
						has[b] = true
						sum++
					}
				}
			}
			if mean := float64(sum) / throws; math.Abs(mean-busy(factor, n)) > 0.04 {
				t.Errorf("factor %d, %d lanes: %.3f busy, want %.3f", factor, n, mean, busy(factor, n))
			}
		}
	}
}

// outerKeys puts n records of each key, 20 ms apart, with a new Producer, through
// a Kinesis where a fifth of the entries fail, and returns the outer keys that
// each key's records are stored under. They have to be there in the order of
// their Puts, in aggregates that hold nothing of another lane.
func outerKeys(t *testing.T, shards, lanes, n int, keys []string) map[string]string {
	t.Helper()
	outer := map[string]string{}
	bubble(t, func(t *testing.T) {
		f := newFake(t, shards)
		p := open(t, f, producer.WithLanes(lanes))
		f.srv.SetFaults(kinesistest.Storm(uint64(shards), kinesistest.Weather{Entry: 0.2, MaxLatency: ms(30)}))
		for i := range n {
			for _, k := range keys {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: k, Data: fmt.Append(nil, i)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(ms(20))
		}
		flush(t, p)
		next := map[string]int{}
		for _, k := range f.srv.Records(stream) {
			us, err := deaggregate.Append(nil, k.PartitionKey, k.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range us {
				if !u.Aggregated {
					t.Fatalf("%q went plain", u.PartitionKey)
				}
				if got := string(u.Data); got != fmt.Sprint(next[u.PartitionKey]) {
					t.Errorf("%q: number %s comes when it is number %d's turn", u.PartitionKey, got, next[u.PartitionKey])
				}
				next[u.PartitionKey]++
				if before, ok := outer[u.PartitionKey]; ok && before != k.PartitionKey {
					t.Errorf("%q: under %q and under %q", u.PartitionKey, before, k.PartitionKey)
				}
				outer[u.PartitionKey] = k.PartitionKey
			}
		}
		for _, k := range keys {
			if next[k] != n {
				t.Errorf("%q: %d of %d", k, next[k], n)
			}
		}
	})
	return outer
}

// A partition key's lane, and so its outer key, is the same for every Producer,
// whatever the shards; all lanes are used, and the order of a key is kept. That the
// lane is its xxHash modulo their number, and their keys a, b, ..., z, a1, ..., is
// pinned: a new version of the Producer beside an old one must not move any.
func TestLanes(t *testing.T) {
	keys := make([]string, 400)
	for i := range keys {
		keys[i] = fmt.Sprint("device-", i)
	}
	for _, lanes := range []int{2, 8, 30} {
		names := make([]string, 0, lanes)
		for i := range lanes {
			name := string(rune('a' + i%26))
			if i >= 26 {
				name += fmt.Sprint(i / 26)
			}
			names = append(names, name)
		}
		one, other := outerKeys(t, 1, lanes, 10, keys), outerKeys(t, 3, lanes, 10, keys)
		used := map[string]bool{}
		for _, k := range keys {
			want := names[xxhash.Sum64String(k)%uint64(lanes)]
			if one[k] != want || other[k] != want {
				t.Errorf("%d lanes, %q: under %q and with another Producer under %q, want %q", lanes, k, one[k], other[k], want)
			}
			used[one[k]] = true
		}
		if len(used) != lanes {
			t.Errorf("%d of %d lanes used", len(used), lanes)
		}
	}
}

// With more than one lane a lone record is wrapped and goes under its lane's key,
// or Lambda would take it to another batch than its neighbours; with one it goes
// plain, under its own.
func TestLoneRecordInLane(t *testing.T) {
	for _, lanes := range []int{1, 4} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			p := open(t, f, producer.WithLanes(lanes))
			var b book
			var got []string
			keys := []string{"one", "two", "three", "four", "five", "six"}
			for _, k := range keys {
				put(t, p, &b, k)
				flush(t, p)
			}
			for i, k := range f.srv.Records(stream) {
				us, err := deaggregate.Append(nil, k.PartitionKey, k.Data)
				if err != nil || len(us) != 1 || us[0].PartitionKey != keys[i] || us[0].Aggregated != (lanes > 1) {
					t.Errorf("%d lanes: %+v, %v; want %q", lanes, us, err, keys[i])
				}
				got = append(got, k.PartitionKey)
			}
			want := keys
			if lanes > 1 {
				want = nil
				for _, k := range keys {
					want = append(want, string(rune('a'+xxhash.Sum64String(k)%uint64(lanes))))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lanes: under %q, want %q", lanes, got, want)
			}
		})
	}
}

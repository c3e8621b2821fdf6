package inspect_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/internal/hashkey"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want)) }

// A rate is over the time that is known of a shard; a record that starts or ends it
// does not count. Times are seconds.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		name    string
		since   float64 // if not 0
		empty   float64 // if not 0: read before the records
		records []float64
		tip     float64 // if not 0
		want    float64 // below 0: unknown
	}{
		{"from the first to the last", 0, 0, []float64{10, 12, 15, 20}, 0, 3 / 10.},
		{"up to the tip", 0, 0, []float64{10, 12, 15, 20}, 30, 4 / 20.},
		{"from a time", 5, 0, []float64{10, 12, 15, 20}, 0, 4 / 15.},
		{"from a time to the tip", 5, 0, []float64{10, 12, 15, 20}, 25, 4 / 20.},
		{"from when there was nothing", 0, 6, []float64{10, 12, 16}, 0, 3 / 10.},
		{"the same, to the tip", 1, 6, []float64{10, 12, 15}, 26, 3 / 20.},
		{"one record", 0, 0, []float64{10}, 0, -1},
		{"one record and the tip", 0, 0, []float64{10}, 30, 1 / 20.},
		{"nothing", 0, 0, nil, 0, -1},
		{"nothing up to the tip", 0, 0, nil, 30, 0},
		{"all at once counts as a second", 0, 0, []float64{10, 10, 10}, 0, 2},
		{"all at once at the tip", 0, 0, []float64{10, 10, 10}, 10.1, 3},
		{"a clock that is behind", 0, 0, []float64{10, 11, 12}, 5, 2 / 2.},
		{"a time that is too late", 11, 0, []float64{10, 11, 12}, 0, 2 / 2.},
	} {
		t.Run(c.name, func(t *testing.T) {
			since := time.Time{}
			if c.since > 0 {
				since = after(c.since)
			}
			s := newStream(t, 1, since)
			if c.empty > 0 {
				s.Tip(s.shards[0], after(c.empty))
			}
			for _, at := range c.records {
				s.packed(nil, after(at), "a", user("k", 10), user("k", 20))
			}
			if c.tip > 0 {
				s.Tip(s.shards[0], after(c.tip))
			}
			r := s.Report()
			got := r.Shards[0].KinesisRecordsPerSecond
			if (got == nil) != (c.want < 0) || got != nil && !near(*got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if want := 2 * max(c.want, 0); !near(r.UserRecordsPerSecond, want) || !near(s.Workload().UserRecordsPerSecond, want) {
				t.Errorf("%v user records, want %v", r.UserRecordsPerSecond, want)
			}
			if b := r.Shards[0].BytesPerSecond; got != nil && len(c.records) > 0 && !near(*b, *got*float64(r.DataBytes/len(c.records)+1)) {
				t.Errorf("%v bytes a second", *b)
			}
		})
	}
}

// The rate of a stream is that of the shards in the sample, over their part of it.
func TestWorkload(t *testing.T) {
	fill := func(s *stream, sh *follow.Shard, perSecond int) {
		for i := range 10*perSecond + 1 {
			s.put(sh, after(float64(i)/float64(perSecond)), "key", []byte("data"))
		}
	}
	t.Run("all", func(t *testing.T) {
		s := newStream(t, 4, time.Time{})
		for i, sh := range s.shards {
			fill(s, sh, 10*(i+1))
		}
		if w := s.Workload(); !near(w.UserRecordsPerSecond, 100) || w.OpenShards != 4 || len(w.UserRecords) != 1004 || w.UserRecords[0].PartitionKey != "key" || w.UserRecords[0].DataBytes != 4 {
			t.Errorf("%v a second, %d open shards, %d drawn", w.UserRecordsPerSecond, w.OpenShards, len(w.UserRecords))
		}
	})
	t.Run("two of four", func(t *testing.T) {
		s := newStream(t, 4, time.Time{})
		fill(s, s.shards[1], 10)
		s.Tip(s.shards[2], after(10)) // it is empty
		if w := s.Workload(); !near(w.UserRecordsPerSecond, 20) || w.OpenShards != 4 {
			t.Errorf("%+v", w)
		}
	})
	t.Run("before and behind a split", func(t *testing.T) {
		s := newStream(t, 2, time.Time{})
		parent := &follow.Shard{ID: "parent", HashKeys: hashkey.Range{Last: hashkey.Max()}}
		fill(s, parent, 30)
		fill(s, s.shards[0], 10)
		fill(s, s.shards[1], 10)
		if w := s.Workload(); !near(w.UserRecordsPerSecond, (30+20)/2.) || w.OpenShards != 2 {
			t.Errorf("%+v", w)
		}
	})
	t.Run("a shard that came later", func(t *testing.T) {
		s := newStream(t, 1, after(-1000))
		s.shards = append(s.shards, &follow.Shard{ID: "later", HashKeys: s.shards[0].HashKeys, Open: true})
		fill(s, s.shards[1], 30) // since its first record, not since the start
		if w := s.Workload(); !near(w.UserRecordsPerSecond, 30) || w.OpenShards != 1 {
			t.Errorf("%+v", w)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		if w := newStream(t, 3, time.Time{}).Workload(); w.UserRecordsPerSecond != 0 || w.UserRecords != nil || w.OpenShards != 3 {
			t.Errorf("%+v", w)
		}
	})
	t.Run("keyless", func(t *testing.T) {
		s := newStream(t, 1, time.Time{})
		s.packed(nil, start, "a", aggregate.Record{PartitionKey: "-", ExplicitHashKey: "5", Data: []byte("x")})
		s.plain(start, "-", []byte("xy"))
		w, r := s.Workload(), s.Report()
		if len(w.UserRecords) != 2 || w.UserRecords[0].PartitionKey != "" || w.UserRecords[1].DataBytes != 2 || len(r.Keys) != 0 || r.KeylessUserRecords != 2 {
			t.Errorf("%+v, %+v", w, r)
		}
	})
}

// Hot is more than twice the mean, by what a shard takes a second, not by how much of
// it is in the sample; near the limit is one second with most of what it takes.
func TestHot(t *testing.T) {
	type load struct {
		perSecond, seconds, bytes int
	}
	for _, c := range []struct {
		name  string
		loads []load // a shard each
		hot   string // the shards
		near  string
	}{
		{"even", []load{{10, 10, 100}, {10, 10, 100}, {10, 10, 100}}, "[]", "[]"},
		{"one of three", []load{{10, 10, 100}, {50, 10, 100}, {10, 10, 100}}, "[1]", "[]"},
		{"in a shorter time", []load{{10, 100, 100}, {50, 2, 100}, {10, 100, 100}}, "[1]", "[]"},
		{"one with as many, over a longer time", []load{{10, 10, 100}, {1, 100, 100}, {10, 10, 100}}, "[]", "[]"},
		{"large records", []load{{10, 10, 100}, {10, 10, 1000}, {10, 10, 100}}, "[1]", "[]"},
		{"the others are empty", []load{{10, 10, 100}, {0, 10, 100}, {0, 10, 100}}, "[0]", "[]"},
		{"too few to tell", []load{{1, 10, 100}, {0, 10, 100}, {0, 10, 100}}, "[]", "[]"},
		{"one shard", []load{{10, 10, 100}}, "[]", "[]"},
		{"many records", []load{{800, 2, 100}, {799, 2, 100}}, "[]", "[0]"},
		{"many bytes", []load{{10, 2, 83_883}, {10, 2, 83_884}}, "[]", "[1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream(t, len(c.loads), time.Time{})
			for i, l := range c.loads {
				for j := range l.perSecond * l.seconds {
					s.put(s.shards[i], after(float64(j)/float64(l.perSecond)), "key", make([]byte, l.bytes))
				}
				s.Tip(s.shards[i], after(float64(l.seconds)))
			}
			r := s.Report()
			hot, near := []int{}, []int{}
			sum := [3]float64{}
			for i, sh := range r.Shards {
				if sh.OverMean {
					hot = append(hot, i)
				}
				if sh.NearLimit {
					near = append(near, i)
				}
				sum[0], sum[1], sum[2] = sum[0]+sh.RecordShare, sum[1]+sh.ByteShare, sum[2]+sh.UnitShare
				if sh.PeakKinesisRecords != c.loads[i].perSecond {
					t.Errorf("peak %d", sh.PeakKinesisRecords)
				}
			}
			if fmt.Sprint(hot) != c.hot || fmt.Sprint(near) != c.near {
				t.Errorf("hot %v, near the limit %v: %+v", hot, near, r.Shards)
			}
			for _, v := range sum {
				if !(math.Abs(v-1) < 1e-9) {
					t.Errorf("shares add up to %v", sum)
				}
			}
			hints := strings.Join(r.Hints, "\n")
			if strings.Contains(hints, "more than twice the mean") != (c.hot != "[]") || strings.Contains(hints, "in one second") != (c.near != "[]") {
				t.Errorf("%s", hints)
			}
		})
	}
}

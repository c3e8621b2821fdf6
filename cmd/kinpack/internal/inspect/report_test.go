package inspect_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/inspect"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// lines reads a file of JSON lines.
func lines[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 8<<20)
	for in.Scan() {
		var v T
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// What the real KPL wrote: all of it is found, nothing of it would be dropped.
func TestKPL(t *testing.T) {
	files, err := filepath.Glob("../../../../aggregate/testdata/kpl/*.jsonl")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			shards := evenShards(1)
			s := inspect.NewSample(shards, time.Time{}, 1)
			var want inspect.Report
			for _, l := range lines[struct {
				Type, PartitionKey, Shard, Sha256 string
				Shards, Bytes                     int
				Aggregated                        bool
				Inputs                            []any
				Data                              []byte
			}](t, file) {
				if l.Type == "scenario" {
					shards = evenShards(l.Shards)
				}
				if l.Type != "output" || len(l.Data) != l.Bytes { // some are too large to be in the file
					continue
				}
				var n int
				if _, err := fmt.Sscanf(l.Shard, "shardId-%d", &n); err != nil {
					t.Fatal(err)
				}
				s.Add(&follow.Record{Shard: shards[n], PartitionKey: l.PartitionKey, SequenceNumber: "1", Data: l.Data, Arrival: start})
				inputs := len(l.Inputs)
				if inputs == 3 && l.Inputs[2] == "range" {
					inputs = int(l.Inputs[1].(float64)-l.Inputs[0].(float64)) + 1
				}
				want.KinesisRecords++
				want.UserRecords += inputs
				want.DataBytes += len(l.Data)
				if l.Aggregated {
					want.Aggregates++
					want.AggregatedUserRecords += inputs
				}
			}
			r := s.Report()
			if r.KinesisRecords != want.KinesisRecords || r.UserRecords != want.UserRecords || r.DataBytes != want.DataBytes ||
				r.Aggregates != want.Aggregates || r.AggregatedUserRecords != want.AggregatedUserRecords || want.UserRecords == 0 {
				t.Errorf("%+v, want %+v", r, want)
			}
			if r.Dropped != (inspect.Dropped{}) || r.MalformedRecords != 0 {
				t.Errorf("%+v", r)
			}
			if want.Aggregates > 0 && (r.Writers[0].Who != "kpl" || r.Writers[0].KinesisRecords != want.Aggregates || r.Writers[0].UserRecords != want.AggregatedUserRecords || r.Lanes != 1) {
				t.Errorf("%+v", r.Writers)
			}
		})
	}
}

// What readers disagree on is told as deaggregate reads it.
func TestGolden(t *testing.T) {
	s := newStream(t, 1, time.Time{})
	plain, aggregates, malformed, users := 0, 0, 0, 0
	for _, g := range lines[struct {
		PartitionKey, Outcome string
		Data                  []byte
		Count                 int
	}](t, "../../../../deaggregate/testdata/deaggregate.jsonl") {
		s.put(s.shards[0], start, g.PartitionKey, g.Data)
		switch g.Outcome {
		case "malformed":
			malformed++
		case "plain":
			plain++
			users++
		default:
			aggregates++
			users += g.Count
		}
	}
	r := s.Report()
	if r.Aggregates != aggregates || r.MalformedRecords != malformed || r.UserRecords != users || r.KinesisRecords != plain+aggregates+malformed {
		t.Errorf("%+v, want %d plain, %d aggregates, %d malformed, %d user records", r, plain, aggregates, malformed, users)
	}
	if len(r.Malformed) != 10 || !strings.Contains(r.Malformed[0].Error, "malformed aggregate") || r.Malformed[0].ShardID != "shard 0" || malformed < 11 {
		t.Errorf("%d of %d: %+v", len(r.Malformed), malformed, r.Malformed)
	}
	if len(r.Hints) == 0 || !strings.HasPrefix(r.Hints[0], fmt.Sprintf("%d malformed aggregates, lost", malformed)) {
		t.Errorf("%q", r.Hints)
	}
}

// Units, with known answers.
func TestUnits(t *testing.T) {
	s := newStream(t, 1, time.Time{})
	s.plain(start, "a", make([]byte, 512))
	s.plain(start, "b", make([]byte, 25_600))
	s.plain(start, "c", make([]byte, 25_601))
	s.plain(start, "d", nil)
	var users []aggregate.Record
	for range 100 {
		users = append(users, user("k", 512))
	}
	s.packed(nil, start, "a", users...)
	r := s.Report()
	packed := r.DataBytes - 512 - 25_600 - 25_601
	if packed < 51_200 || packed > 53_000 {
		t.Fatalf("%d bytes packed", packed)
	}
	if u := r.PutUnits; u.Bytes != 25_600 || u.Units != 1+1+2+1+3 || u.Unpacked != 1+1+2+1+100 || u.Fill != float64(r.DataBytes)/(8*25_600) {
		t.Errorf("%+v", u)
	}
	if u := r.Steps; u.Bytes != 1024 || u.Units != 1+25+26+1+(packed+1023)/1024 || u.Unpacked != 1+25+26+1+100 || u.Fill != float64(r.DataBytes)/float64(u.Units*1024) {
		t.Errorf("%+v", u)
	}
	if w := r.Writers; len(w) != 2 || w[0].Who != "kpl" || w[0].PutUnits != 3 || w[0].Fill != float64(packed)/(3*25_600) || w[1].Who != "plain" || w[1].PutUnits != 5 {
		t.Errorf("%+v", w)
	}
	if u := r.UserRecordsInAggregate; u != (inspect.Spread{Mean: 100, P50: 100, P99: 100, Max: 100}) {
		t.Errorf("%+v", u)
	}
	if u := r.UserRecordBytes; u.P50 != 512 || u.P99 != 25_600 || u.Max != 25_601 || u.Mean != (101*512+25_600+25_601)/104.0 {
		t.Errorf("%+v", u)
	}
}

// Who packs is told by outer partition keys, also those of the real producer.
func TestWriters(t *testing.T) {
	for _, c := range []struct {
		outer []string
		who   string
		lanes int
	}{
		{[]string{"a"}, "kpl", 1}, {[]string{"a", "b"}, "lanes", 2}, {[]string{"z"}, "lanes", 26}, {[]string{"a1"}, "lanes", 27}, {[]string{"v9"}, "lanes", 256},
		{[]string{"w9"}, "other", 0}, {[]string{"a0"}, "other", 0}, {[]string{"a01"}, "other", 0}, {[]string{"a10"}, "other", 0}, {[]string{"A"}, "other", 0},
		{[]string{"key"}, "other", 0}, {[]string{"é"}, "other", 0}, {[]string{"a9223372036854775807"}, "other", 0}, {[]string{"a1 "}, "other", 0},
	} {
		s := newStream(t, 1, time.Time{})
		for _, outer := range c.outer {
			s.packed(nil, start, outer, user("k", 1), user("l", 2))
		}
		if r := s.Report(); len(r.Writers) != 1 || r.Writers[0].Who != c.who || r.Lanes != c.lanes || r.Writers[0].UserRecords != 2*len(c.outer) {
			t.Errorf("%q: %+v, %d lanes", c.outer, r.Writers, r.Lanes)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 2)
		p, err := producer.New(t.Context(), client, "s", producer.WithLanes(256))
		if err != nil {
			t.Fatal(err)
		}
		const n = 20_000
		for i := range n {
			if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i), Data: []byte("d")}, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			if err := p.Put(t.Context(), producer.Record{Data: []byte("d")}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := inspect.NewSample(nil, time.Time{}, 1)
		shards := map[string]*follow.Shard{}
		for _, sh := range client.Server().Shards("s") {
			r, err := hashkey.ParseRange(sh.FirstHashKey, sh.LastHashKey)
			if err != nil {
				t.Fatal(err)
			}
			shards[sh.ID] = &follow.Shard{ID: sh.ID, HashKeys: r, Open: true}
		}
		for _, r := range client.Server().Records("s") {
			s.Add(&follow.Record{Shard: shards[r.ShardID], PartitionKey: r.PartitionKey, SequenceNumber: r.SequenceNumber, Data: r.Data, Arrival: r.ArrivalTime})
		}
		r := s.Report()
		if r.Lanes != 256 || len(r.Writers) != 1 || r.Writers[0].Who != "lanes" || r.UserRecords != n+1000 || r.KeylessUserRecords != 1000 {
			t.Errorf("%d lanes, %+v, %d keyless", r.Lanes, r.Writers, r.KeylessUserRecords)
		}
		if r.DistinctKeys != n || r.Dropped.Aggregates != 0 {
			t.Errorf("%d keys, %+v", r.DistinctKeys, r.Dropped)
		}
	})
}

// The KCL's rule, and whether what it drops came again.
func TestDropped(t *testing.T) {
	in := func(s *stream, sh int) (key string) { // a key of that shard
		for i := 0; ; i++ {
			if key = fmt.Sprint("key", sh, i); s.owner(hashkey.Of(key)) == s.shards[sh] {
				return key
			}
		}
	}
	for _, c := range []struct {
		name string
		put  func(s *stream, here, there aggregate.Record)
		want inspect.Dropped
	}{
		{"all inside", func(s *stream, here, _ aggregate.Record) { s.packed(s.shards[0], start, "a", here, here) }, inspect.Dropped{}},
		{"one outside", func(s *stream, here, there aggregate.Record) { s.packed(s.shards[0], start, "a", here, there) }, inspect.Dropped{Aggregates: 1, UserRecords: 2}},
		{"a plain record outside", func(s *stream, _, there aggregate.Record) { s.put(s.shards[0], start, there.PartitionKey, there.Data) }, inspect.Dropped{}},
		{"one came again", func(s *stream, here, there aggregate.Record) {
			s.packed(s.shards[0], start, "a", here, there)
			s.packed(s.shards[1], start, "a", there, there)
		}, inspect.Dropped{Aggregates: 1, UserRecords: 2, Found: 1}},
		{"both came again, one before and plain", func(s *stream, here, there aggregate.Record) {
			s.plain(start, there.PartitionKey, there.Data)
			s.packed(s.shards[0], start, "a", here, there)
			s.packed(s.shards[0], start, "a", here)
		}, inspect.Dropped{Aggregates: 1, UserRecords: 2, Found: 2}},
		{"it came again, and is dropped again", func(s *stream, here, there aggregate.Record) {
			s.packed(s.shards[0], start, "a", here, there)
			s.packed(s.shards[0], start, "a", here, there)
		}, inspect.Dropped{Aggregates: 2, UserRecords: 4}},
		{"an explicit hash key decides", func(s *stream, here, there aggregate.Record) {
			there.ExplicitHashKey = s.shards[0].HashKeys.First.String()
			s.packed(s.shards[0], start, "a", here, there)
			here.ExplicitHashKey = s.shards[1].HashKeys.Last.String()
			s.packed(s.shards[0], start, "a", here, there)
		}, inspect.Dropped{Aggregates: 1, UserRecords: 2, Found: 1}},
		{"other data is another record", func(s *stream, here, there aggregate.Record) {
			s.packed(s.shards[0], start, "a", here, there)
			there.Data = []byte("other")
			here.PartitionKey += "0"
			s.packed(s.shards[1], start, "a", there)
			s.put(s.shards[0], start, here.PartitionKey, here.Data)
		}, inspect.Dropped{Aggregates: 1, UserRecords: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream(t, 2, time.Time{})
			c.put(s, aggregate.Record{PartitionKey: in(s, 0), Data: []byte("here")}, aggregate.Record{PartitionKey: in(s, 1), Data: []byte("there")})
			r := s.Report()
			if r.Dropped != c.want {
				t.Errorf("%+v, want %+v", r.Dropped, c.want)
			}
			if hinted := len(r.Hints) > 0 && strings.HasPrefix(r.Hints[0], "a KCL drops"); hinted != (c.want.Aggregates > 0) {
				t.Errorf("%q", r.Hints)
			}
		})
	}
}

// An explicit hash key that is none falls back to the partition key. The KPL's own
// forms are read.
func TestHashKeys(t *testing.T) {
	s := newStream(t, 2, time.Time{})
	const upper = "k" // its hash key is in the second shard, and 7 in the first
	for key, shard := range map[string]int{"+7": 0, "007": 0, "no number": 1, "-1": 1, hashkey.Max().String() + "0": 1, "": 1} {
		message := append([]byte("\x0a\x01"+upper+"\x12"), byte(len(key)))
		message = append(append(message, key...), "\x1a\x07\x08\x00\x10\x00\x1a\x01d"...)
		before := s.Report().Dropped.Aggregates
		if s.put(s.shards[shard], start, "a", seal(message)); s.Report().Dropped.Aggregates != before {
			t.Errorf("%q is not in shard %d", key, shard)
		}
		if s.put(s.shards[1-shard], start, "a", seal(message)); s.Report().Dropped.Aggregates != before+1 {
			t.Errorf("%q is in shard %d", key, 1-shard)
		}
	}
	if r := s.Report(); r.Aggregates != 12 || r.Dropped.Aggregates != 6 || r.Dropped.Found != 6 {
		t.Errorf("%+v", r)
	}
	// An aggregate without user records is one, and no more.
	s.put(s.shards[0], start, "a", seal(nil))
	if r := s.Report(); r.Aggregates != 13 || r.UserRecords != 12 || r.Writers[0].KinesisRecords != 13 {
		t.Errorf("%+v", r)
	}
}

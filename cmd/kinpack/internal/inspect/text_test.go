package inspect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/inspect"
	"github.com/kinpack/kinpack/internal/hashkey"
)

var update = flag.Bool("update", false, "write testdata/report.txt and testdata/names.txt")

func Example() {
	shard := &follow.Shard{ID: "shardId-000000000000", HashKeys: hashkey.Range{Last: hashkey.Max()}, Open: true}
	s := inspect.NewSample([]*follow.Shard{shard}, time.Time{}, 1)
	for i := range 11 {
		s.Add(&follow.Record{Shard: shard, PartitionKey: "k", SequenceNumber: fmt.Sprint(i), Data: make([]byte, 512), Arrival: start.Add(time.Duration(i) * time.Second)})
	}
	r := s.Report()
	fmt.Println(r.UserRecords, r.PutUnits.Units, r.PutUnits.Fill, s.Workload().UserRecordsPerSecond)
	fmt.Println(r.Hints[0])
	// Output:
	// 11 11 0.02 1
	// 100.0 % of the user records are not packed: well packed, the sample would take 1 PUT unit, not 11
}

// The whole text, with something of everything in it.
func TestText(t *testing.T) {
	s := newStream(t, 3, time.Time{})
	for i := range 40 {
		s.packed(s.shards[0], after(float64(i)), "a", aggregate.Record{PartitionKey: "\x1b[31m\"red\"\n" + strings.Repeat("long", 50), ExplicitHashKey: "0", Data: make([]byte, 100)}, aggregate.Record{PartitionKey: fmt.Sprint(i), ExplicitHashKey: "1", Data: make([]byte, 50)})
	}
	s.packed(s.shards[1], after(1), "c", aggregate.Record{PartitionKey: "-", ExplicitHashKey: s.shards[1].HashKeys.First.String(), Data: make([]byte, 10)})
	s.packed(s.shards[1], after(2), "c", user("a", 10), user("b", 10), user("c", 10), user("d", 10))
	s.packed(s.shards[1], after(3), "other lib", aggregate.Record{PartitionKey: "k", ExplicitHashKey: s.shards[1].HashKeys.First.String(), Data: nil})
	s.put(s.shards[1], after(4), "a", seal([]byte{0x1a, 2, 8, 0}))
	s.put(s.shards[1], after(4), "\xff", nil)
	s.put(s.shards[1], after(4), "\xff", nil)
	closed := &follow.Shard{ID: "old shard", HashKeys: hashkey.Range{Last: hashkey.Max()}}
	s.put(closed, after(0), "plain", make([]byte, 30_000))
	s.put(closed, after(0), "plain", make([]byte, 900_000))
	for _, sh := range s.shards {
		s.Tip(sh, after(40))
	}
	var b bytes.Buffer
	if err := s.Report().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/report.txt", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/report.txt")
	if err != nil || b.String() != string(want) {
		t.Errorf("%v: not that of testdata/report.txt:\n%s", err, b.String())
	}
	for size := range b.Len() {
		if err := s.Report().WriteText(&limited{size}); !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: %v", size, err)
		}
	}
}

var errFull = errors.New("full")

// limited takes so many bytes.
type limited struct{ room int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.room {
		return 0, errFull
	}
	l.room -= len(p)
	return len(p), nil
}

// A sample of nothing has a report, too.
func TestNothing(t *testing.T) {
	var b bytes.Buffer
	r := newStream(t, 1, time.Time{}).Report()
	if err := r.WriteText(&b); err != nil || len(r.Hints) != 1 || !strings.HasSuffix(b.String(), "\n* no records in the sample\n") {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// Many shards: those that take most are shown.
func TestManyShards(t *testing.T) {
	s := newStream(t, 30, time.Time{})
	for i, sh := range s.shards {
		for j := range i + 1 {
			s.put(sh, after(float64(j)), fmt.Sprint("key", i, j), nil)
		}
		s.Tip(sh, after(30))
	}
	var b bytes.Buffer
	if err := s.Report().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "\nand 10 more\n") || !strings.Contains(text, "\nshard 10 ") || strings.Contains(text, "\nshard 9 ") || strings.Index(text, "\nshard 29 ") > strings.Index(text, "\nshard 28 ") {
		t.Errorf("%s", text)
	}
	if strings.Contains(b.String(), "partition key (") {
		t.Errorf("keys that came once are shown:\n%s", b.String())
	}
}

// Beyond what is counted exactly, it is said that it is an estimate.
func TestManyKeys(t *testing.T) {
	s := newStream(t, 1, time.Time{})
	for i := range 120_000 {
		s.plain(start, fmt.Sprint(i), nil)
		if i%10 == 0 {
			s.plain(start, "often", nil)
		}
	}
	r := s.Report()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if !r.KeysEstimated || r.DistinctKeys != 100_000 || r.Keys[0].PartitionKey != "often" || r.Keys[0].UserRecords > 12_000 || r.Keys[0].UserRecords < 11_990 {
		t.Errorf("%v, %d, %+v", r.KeysEstimated, r.DistinctKeys, r.Keys)
	}
	if !strings.Contains(b.String(), "partition key (more than 100000 distinct)") || !strings.Contains(b.String(), "\"often\"") || !strings.Contains(b.String(), "at least 11999") {
		t.Errorf("%s", b.String())
	}
}

// So it is with what came again.
func TestManyDropped(t *testing.T) {
	s := newStream(t, 2, time.Time{})
	there := s.shards[1].HashKeys.First.String()
	wrong := aggregate.Record{PartitionKey: "wrong", ExplicitHashKey: there}
	s.packed(s.shards[0], start, "a", wrong)
	s.packed(s.shards[1], start, "a", wrong)
	if d := s.Report().Dropped; d != (inspect.Dropped{Aggregates: 1, UserRecords: 1, Found: 1}) {
		t.Errorf("%+v", d)
	}
	for i := range 1 << 20 {
		s.plain(start, "k", strconv.AppendInt(nil, int64(i), 10))
	}
	s.packed(s.shards[0], start, "a", aggregate.Record{PartitionKey: "wrong, too", ExplicitHashKey: there})
	s.packed(s.shards[1], start, "a", aggregate.Record{PartitionKey: "wrong, too", ExplicitHashKey: there})
	r := s.Report()
	if r.Dropped != (inspect.Dropped{Aggregates: 2, UserRecords: 2, Found: 1, Incomplete: true}) || !strings.Contains(r.Hints[0], "; at least 1 of these came a second time") {
		t.Errorf("%+v, %q", r.Dropped, r.Hints)
	}
}

// Each hint, and none where nothing stands out.
func TestHints(t *testing.T) {
	many := func(n, size int, key func(int) string) (users []aggregate.Record) {
		for i := range n {
			users = append(users, aggregate.Record{PartitionKey: key(i), ExplicitHashKey: "0", Data: make([]byte, size)})
		}
		return users
	}
	same := func(int) string { return "same" }
	each := func(i int) string { return fmt.Sprint("key", i) }
	for _, c := range []struct {
		name string
		put  func(s *stream)
		want string // of the hints' beginnings
	}{
		{"well packed by lanes", func(s *stream) {
			s.packed(nil, start, "b", many(43, 512+64, each)...)
		}, ""},
		{"the KPL's", func(s *stream) { s.packed(nil, start, "a", many(43, 512+64, each)...) }, "the aggregates have the outer partition key a"},
		{"poor fill", func(s *stream) {
			for range 10 {
				s.packed(nil, start, "a", many(3, 100, each)...)
			}
		}, "fill 0.014: a longer WithMaxBufferedTime or keyless|partition key \"key0\" has 33.3 %|the aggregates have"},
		{"poor fill by lanes", func(s *stream) {
			for range 10 {
				s.packed(nil, start, "b", many(30, 100, each)...)
			}
		}, "fill 0.135: a longer WithMaxBufferedTime, fewer lanes"},
		{"one small aggregate", func(s *stream) { s.packed(nil, start, "b", many(30, 100, each)...) }, ""},
		{"plain", func(s *stream) {
			for i := range 100 {
				s.plain(start, each(i), make([]byte, 100))
			}
		}, "100.0 % of the user records are not packed: well packed, the sample would take 1 PUT unit, not 100"},
		{"plain and large", func(s *stream) {
			for i := range 100 {
				s.plain(after(float64(i)), each(i), make([]byte, 25_000))
			}
		}, ""},
		{"packing costs", func(s *stream) { s.packed(nil, start, "b", many(2, 25_600, each)...) }, "packing costs: one by one the user records would take 2 PUT units, not 3|partition key"},
		{"a hot key", func(s *stream) {
			s.packed(nil, start, "b", append(many(7, 512+64, same), many(36, 512+64, each)...)...)
		}, `partition key "same" has 16.3 % of the user records`},
		{"one key", func(s *stream) { s.packed(nil, start, "b", many(43, 512+64, same)...) }, ""},
		{"all dropped", func(s *stream) {
			s.packed(&follow.Shard{ID: "x", HashKeys: hashkey.Range{First: hashkey.Max(), Last: hashkey.Max()}}, start, "b", many(43, 512+64, each)...)
		}, "a KCL drops 1 aggregate, with 43 user records, for a hash key outside of the shard; 0 of these|that is most aggregates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream(t, 1, time.Time{})
			c.put(s)
			hints := s.Report().Hints
			want := strings.FieldsFunc(c.want, func(r rune) bool { return r == '|' })
			if len(hints) != len(want) {
				t.Fatalf("%q, want %q", hints, want)
			}
			for i, h := range hints {
				if !strings.HasPrefix(h, want[i]) {
					t.Errorf("%q, want %q", h, want[i])
				}
			}
		})
	}
}

// Every name of the JSON, and no data of user records, neither there nor in the text.
func TestJSON(t *testing.T) {
	s := newStream(t, 2, time.Time{})
	const secret = "s3cr3t"
	s.plain(start, "\xff\"<key>\n", []byte(secret))
	s.packed(s.shards[0], start, "a", aggregate.Record{PartitionKey: "k", Data: []byte(secret)}, aggregate.Record{PartitionKey: "l", Data: []byte(secret)})
	s.put(s.shards[0], after(2), "a", seal([]byte("\x0a\x06"+secret+"\x1a\x02\x08\x00")))
	r := s.Report()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), secret) || bytes.Contains(b, []byte(secret)) {
		t.Errorf("%s\n%s", text.String(), b)
	}
	var names []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				names = append(names, prefix+k)
				walk(prefix+k+".", v[k])
			}
		case []any:
			if len(v) > 0 {
				walk(prefix, v[0])
			}
		}
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	walk("", v)
	if *update {
		if err := os.WriteFile("testdata/names.txt", []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/names.txt")
	if got := strings.Join(names, "\n") + "\n"; err != nil || got != string(want) {
		t.Errorf("%v: the names are not those of testdata/names.txt:\n%s", err, got)
	}
}

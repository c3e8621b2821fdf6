package producer_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer"
)

// For the same user records the entries are, byte for byte and under the same
// keys, those of the real KPL: full aggregates, the rest, a lone record a shard.
func TestGoldenKPL(t *testing.T) {
	for _, c := range []struct {
		file   string
		shards int
	}{
		{"02-two-same-key", 1}, {"04-mixed-ehk", 1}, {"18-four-shards", 4}, {"25-single-per-shard", 4},
	} {
		t.Run(c.file, func(t *testing.T) {
			bubble(t, func(t *testing.T) { golden(t, "../aggregate/testdata/kpl/"+c.file+".jsonl", c.shards) })
		})
	}
}

type goldenLine struct {
	Type                          string
	PartitionKey, ExplicitHashKey string
	Data                          []byte
	DataFill                      *[2]int
	Refused                       string
	Inputs                        []any
}

func golden(t *testing.T, path string, shards int) {
	fh, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer fh.Close()
	f := newFake(t, shards)
	// The KPL does not look at units: it cuts at 51,200 bytes.
	p := open(t, f, producer.WithPutUnit(51_200), producer.WithAggregationLimit(51_201))
	type entry struct{ key, hashKey, data string }
	var want, got []entry
	lines := bufio.NewScanner(fh)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var l goldenLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.DataFill != nil {
			l.Data = bytes.Repeat([]byte{byte(l.DataFill[0])}, l.DataFill[1])
		}
		switch l.Type {
		case "input":
			r := producer.Record{PartitionKey: l.PartitionKey, ExplicitHashKey: hashkey.Normalize(l.ExplicitHashKey), Data: l.Data}
			if err := p.Put(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
		case "output":
			want = append(want, entry{l.PartitionKey, l.ExplicitHashKey, string(l.Data)})
		}
	}
	flush(t, p)
	for _, c := range f.calls() {
		for _, e := range c.entries {
			got = append(got, entry{*e.PartitionKey, *e.ExplicitHashKey, string(e.Data)})
		}
	}
	byHashKey := func(a, b entry) int { return bytes.Compare([]byte(a.hashKey+a.data), []byte(b.hashKey+b.data)) }
	slices.SortFunc(want, byHashKey)
	slices.SortFunc(got, byHashKey)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d entries, the KPL made %d, and they differ", len(got), len(want))
		for i := range min(len(got), len(want), 3) {
			t.Errorf("%.80q\n%.80q", got[i], want[i])
		}
	}
}

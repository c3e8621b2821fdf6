package deaggregate_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/kinpack/kinpack/deaggregate"
)

type goldenRecord struct {
	PartitionKey    string  `json:"partitionKey"`
	ExplicitHashKey *string `json:"explicitHashKey"`
	Data            []byte  `json:"data"`
}

type golden struct {
	Name, Notes, PartitionKey, Outcome string
	Data                               []byte
	Count                              int
	Records                            []goldenRecord
}

func goldens(t testing.TB) []golden {
	t.Helper()
	f, err := os.Open("testdata/deaggregate.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []golden
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("%d golden vectors, want at least 50", len(all))
	}
	return all
}

func TestGolden(t *testing.T) {
	before := deaggregate.Record{PartitionKey: "was here"}
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			got, err := deaggregate.Append([]deaggregate.Record{before}, g.PartitionKey, g.Data)
			if got[0].PartitionKey != before.PartitionKey {
				t.Error("dst was overwritten")
			}
			got = got[1:]
			switch g.Outcome {
			case "plain":
				if err != nil || len(got) != 1 {
					t.Fatalf("%s: got %d records, error %v; want it plain", g.Notes, len(got), err)
				}
				want := deaggregate.Record{PartitionKey: g.PartitionKey, Data: g.Data}
				check(t, got[0], want)
			case "malformed":
				if !errors.Is(err, deaggregate.ErrMalformed) || len(got) != 0 {
					t.Fatalf("%s: got %d records, error %v; want ErrMalformed and none", g.Notes, len(got), err)
				}
			case "records":
				if err != nil || len(got) != g.Count {
					t.Fatalf("%s: got %d records, error %v; want %d", g.Notes, len(got), err, g.Count)
				}
				for i, w := range g.Records {
					want := deaggregate.Record{PartitionKey: w.PartitionKey, Data: w.Data, SubSequence: i, Aggregated: true}
					if w.ExplicitHashKey != nil {
						want.ExplicitHashKey, want.HasExplicitHashKey = *w.ExplicitHashKey, true
					}
					check(t, got[i], want)
				}
			default:
				t.Fatalf("unknown outcome %q", g.Outcome)
			}
		})
	}
}

func check(t *testing.T, got, want deaggregate.Record) {
	t.Helper()
	if string(got.Data) != string(want.Data) {
		t.Errorf("record %d: data %q, want %q", want.SubSequence, got.Data, want.Data)
	}
	got.Data, want.Data = nil, nil
	if got.PartitionKey != want.PartitionKey || got.ExplicitHashKey != want.ExplicitHashKey ||
		got.HasExplicitHashKey != want.HasExplicitHashKey || got.SubSequence != want.SubSequence || got.Aggregated != want.Aggregated {
		t.Errorf("record %d: got %+v, want %+v", want.SubSequence, got, want)
	}
}

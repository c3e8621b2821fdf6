package realdata_test

import (
	"encoding/json"
	"testing"

	"github.com/kinpack/kinpack/internal/realdata"
)

func TestData(t *testing.T) {
	quakes, flights, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                           string
		records                        []realdata.Record
		count, keys, shortest, longest int
	}{
		{"earthquakes", quakes, 1707, 1707, 661, 788},
		{"flights", flights, 20000, 220, 86, 90},
	} {
		keys := map[string]bool{}
		shortest, longest := 1<<20, 0
		for _, r := range c.records {
			keys[r.PartitionKey] = true
			shortest, longest = min(shortest, len(r.Data)), max(longest, len(r.Data))
			if !json.Valid(r.Data) {
				t.Fatalf("%s: %s is not JSON", c.name, r.Data)
			}
		}
		if len(c.records) != c.count || len(keys) != c.keys || shortest != c.shortest || longest != c.longest {
			t.Errorf("%s: %d records, %d keys, %d to %d bytes", c.name, len(c.records), len(keys), shortest, longest)
		}
	}
}

func TestMix(t *testing.T) {
	quakes, flights, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := realdata.Mix(quakes, flights, 21707+10)
	seen, flown := map[string]bool{}, 0
	for i, r := range all[:21707] {
		seen[r.PartitionKey+string(r.Data)] = true
		if len(r.Data) < 100 {
			if string(r.Data) != string(flights[flown].Data) {
				t.Fatalf("record %d is not flight %d", i, flown)
			}
			flown++
		}
	}
	if flown != 20000 || len(seen) < 21000 {
		t.Errorf("%d flights, %d different records", flown, len(seen))
	}
	for i, r := range all[21707:] {
		if string(r.Data) != string(all[i].Data) {
			t.Errorf("record %d does not repeat record %d", 21707+i, i)
		}
	}
	if few := realdata.Mix(quakes, flights, 0); len(few) != 0 {
		t.Errorf("none: %d records", len(few))
	}
}

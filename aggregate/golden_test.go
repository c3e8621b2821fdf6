package aggregate_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

// bytesOrFill is data as the golden files write it: base64 or [byte, length].
type bytesOrFill struct {
	Data     []byte
	DataFill *[2]int
}

func (b bytesOrFill) bytes() []byte {
	if b.DataFill != nil {
		return bytes.Repeat([]byte{byte(b.DataFill[0])}, b.DataFill[1])
	}
	return b.Data
}

type kplInput struct {
	bytesOrFill
	I                             int
	PartitionKey, ExplicitHashKey string
	Refused                       string
}

func (in kplInput) record() aggregate.Record {
	return aggregate.Record{PartitionKey: in.PartitionKey, ExplicitHashKey: hashkey.Normalize(in.ExplicitHashKey), Data: in.bytes()}
}

type kplOutput struct {
	bytesOrFill
	N                             int
	PartitionKey, ExplicitHashKey string
	Bytes                         int
	Sha256, Shard                 string
	Aggregated                    bool
	Inputs                        []any
}

// order is which user records an output holds.
func (out kplOutput) order() (all []int) {
	if len(out.Inputs) == 3 && out.Inputs[2] == "range" {
		for i := out.Inputs[0].(float64); i <= out.Inputs[1].(float64); i++ {
			all = append(all, int(i))
		}
		return all
	}
	for _, i := range out.Inputs {
		all = append(all, int(i.(float64)))
	}
	return all
}

// scenario is one golden file: user records given to the real KPL and what it
// put on the wire.
type scenario struct {
	Shards  int
	Config  map[string]string
	inputs  []kplInput
	outputs []kplOutput
}

func loadScenario(t testing.TB, path string) (s scenario) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var kind struct{ Type string }
		var in kplInput
		var out kplOutput
		err := json.Unmarshal(lines.Bytes(), &kind)
		switch kind.Type {
		case "scenario":
			err = json.Unmarshal(lines.Bytes(), &s)
		case "input":
			err = json.Unmarshal(lines.Bytes(), &in)
			s.inputs = append(s.inputs, in)
		case "output":
			err = json.Unmarshal(lines.Bytes(), &out)
			s.outputs = append(s.outputs, out)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGoldenKPL: for the same user records in the same order the bytes and the
// outer keys are those of the real KPL.
func TestGoldenKPL(t *testing.T) {
	paths, err := filepath.Glob("testdata/kpl/*.jsonl")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d golden files, error %v", len(paths), err)
	}
	var reused aggregate.Builder
	outputs, aggregates := 0, 0
	for _, path := range paths {
		s := loadScenario(t, path)
		if reused.MaxSize, err = strconv.Atoi(s.Config["AggregationMaxSize"]); err != nil {
			reused.MaxSize = 0
		}
		shards := hashkey.Split(s.Shards)
		for _, out := range s.outputs {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), out.N), func(t *testing.T) {
				reused.Reset()
				var first aggregate.Record
				for i, n := range out.order() {
					if s.inputs[n].I != n {
						t.Fatalf("input %d stands at line %d", s.inputs[n].I, n)
					}
					r := s.inputs[n].record()
					if err := reused.Add(r); err != nil {
						t.Fatalf("input %d: %v", n, err)
					}
					if i == 0 {
						first = r
					}
				}
				want := aggregate.Sealed{PartitionKey: out.PartitionKey, ExplicitHashKey: out.ExplicitHashKey, Aggregated: out.Aggregated, Data: out.bytes()}
				if first.PartitionKey == "\x00" && !out.Aggregated {
					// The KPL's bug: it sends this key as an empty one.
					if want.PartitionKey != "" {
						t.Errorf("the KPL sent U+0000 as %q", want.PartitionKey)
					}
					want.PartitionKey = "\x00"
				}
				checkSealed(t, reused.Seal(nil), want)
				if sum := sha256.Sum256(reused.Seal(nil).Data); hex.EncodeToString(sum[:]) != out.Sha256 || len(want.Data) != out.Bytes {
					t.Errorf("%d bytes with SHA-256 %x, want %d with %s", len(want.Data), sum, out.Bytes, out.Sha256)
				}
				if out.Aggregated && reused.Size() != out.Bytes {
					t.Errorf("Size %d, want %d", reused.Size(), out.Bytes)
				}
				k, err := hashkey.Parse(out.ExplicitHashKey)
				for i, shard := range shards {
					if in := out.Shard == fmt.Sprintf("shardId-%012d", i); err != nil || shard.Contains(k) != in {
						t.Errorf("hash key %s (%v) in shard %d: %v, the KPL says %s", out.ExplicitHashKey, err, i, !in, out.Shard)
					}
				}
			})
			outputs++
			if out.Aggregated {
				aggregates++
			}
		}
	}
	if outputs < 80 || aggregates < 28 {
		t.Errorf("only %d outputs, %d of them aggregates", outputs, aggregates)
	}
}

func checkSealed(t *testing.T, got, want aggregate.Sealed) {
	t.Helper()
	if got.PartitionKey != want.PartitionKey || got.ExplicitHashKey != want.ExplicitHashKey || got.Aggregated != want.Aggregated {
		t.Errorf("keys %q, %q, aggregated %v; want %q, %q, %v",
			got.PartitionKey, got.ExplicitHashKey, got.Aggregated, want.PartitionKey, want.ExplicitHashKey, want.Aggregated)
	}
	if !bytes.Equal(got.Data, want.Data) {
		t.Errorf("data of %d bytes\n%.200q\nwant %d\n%.200q", len(got.Data), got.Data, len(want.Data), want.Data)
	}
}

// What the KPL turned away is either over the service's limits, or longer in
// UTF-16 units than in the code points that the service counts, or over the
// stream's record limit, which is not this package's to know.
func TestGoldenRefused(t *testing.T) {
	refused := map[string][]bool{ // by scenario: do we take it?
		"11-key-too-long": {false, true, true, false},
		"13-too-large":    {true},
	}
	for name, takes := range refused {
		s := loadScenario(t, "testdata/kpl/"+name+".jsonl")
		n := 0
		for _, in := range s.inputs {
			if in.Refused == "" {
				continue
			}
			if err := in.record().Validate(); (err == nil) != takes[n] {
				t.Errorf("%s, input %d: error %v; to be taken: %v", name, in.I, err, takes[n])
			}
			n++
		}
		if n != len(takes) {
			t.Errorf("%s: %d refused, want %d", name, n, len(takes))
		}
	}
}

// TestStraddle: an aggregate of exactly 51,200 bytes is one, 51,201 does not fit.
func TestStraddle(t *testing.T) {
	for _, size := range []int{51199, 51200, 51201} {
		s := loadScenario(t, fmt.Sprintf("testdata/kpl/14-straddle-%d.jsonl", size))
		var b aggregate.Builder
		for _, in := range s.inputs[:50] {
			if err := b.Add(in.record()); err != nil {
				t.Fatal(err)
			}
		}
		last := s.inputs[50].record()
		if size <= aggregate.DefaultMaxSize {
			if err := b.Add(last); err != nil || b.Size() != size {
				t.Errorf("Add: %v, Size %d, want %d", err, b.Size(), size)
			}
			continue
		}
		before := b.AppendTo(nil)
		if err := b.Add(last); err != aggregate.ErrFull {
			t.Errorf("Add up to %d bytes: %v, want ErrFull", size, err)
		}
		if !bytes.Equal(b.AppendTo(nil), before) || b.Len() != 50 || b.Size() != len(before) {
			t.Errorf("ErrFull changed the Builder: Len %d, Size %d", b.Len(), b.Size())
		}
		b.MaxSize = size
		if err := b.Add(last); err != nil || b.Size() != size {
			t.Errorf("Add with MaxSize %d: %v, Size %d", size, err, b.Size())
		}
		b.MaxSize = 0 // below what is in it already
		if err := b.Add(aggregate.Record{PartitionKey: "k"}); err != aggregate.ErrFull {
			t.Errorf("Add above a lowered MaxSize: %v, want ErrFull", err)
		}
	}
}

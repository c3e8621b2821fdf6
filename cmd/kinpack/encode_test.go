package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kplLine is a line of the golden files: an input or an output of the real KPL.
type kplLine struct {
	Type            string
	I               int
	PartitionKey    string
	ExplicitHashKey *string
	Data            *[]byte
	DataFill        []int
	Refused         string
	Inputs          []any
}

func (l *kplLine) data() []byte {
	if l.Data != nil {
		return *l.Data
	}
	return bytes.Repeat([]byte{byte(l.DataFill[0])}, l.DataFill[1])
}

func readKPL(t *testing.T, path string) (inputs map[int]*kplLine, outputs []*kplLine) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inputs = map[int]*kplLine{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		l := new(kplLine)
		if err := json.Unmarshal(lines.Bytes(), l); err != nil {
			t.Fatal(err)
		}
		switch l.Type {
		case "input":
			inputs[l.I] = l
		case "output":
			outputs = append(outputs, l)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return inputs, outputs
}

// members returns the inputs of an output: their numbers, or [first, last, "range"].
func (l *kplLine) members() (all []int) {
	if len(l.Inputs) == 3 && l.Inputs[2] == "range" {
		for i := int(l.Inputs[0].(float64)); i <= int(l.Inputs[1].(float64)); i++ {
			all = append(all, i)
		}
		return all
	}
	for _, i := range l.Inputs {
		all = append(all, int(i.(float64)))
	}
	return all
}

// TestEncodeKPL packs what the real KPL packed and compares the bytes.
func TestEncodeKPL(t *testing.T) {
	files, err := filepath.Glob("../../aggregate/testdata/kpl/*.jsonl")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			inputs, outputs := readKPL(t, path)
			for _, want := range outputs {
				var in bytes.Buffer
				e := json.NewEncoder(&in)
				for _, i := range want.members() {
					if err := e.Encode(userRecord{inputs[i].PartitionKey, inputs[i].ExplicitHashKey, inputs[i].data()}); err != nil {
						t.Fatal(err)
					}
				}
				code, out, errOut := kinpack(t, in.String(), "encode")
				var got kinesisRecord
				if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil {
					t.Fatalf("exit code %d, %q, %v", code, errOut, err)
				}
				if want.PartitionKey == "" { // the KPL's fault with the key U+0000
					want.PartitionKey = "\x00"
				}
				if got.PartitionKey != want.PartitionKey || got.ExplicitHashKey != *want.ExplicitHashKey || !bytes.Equal(got.Data, want.data()) {
					t.Errorf("inputs %v: got %q %s and %d bytes, want %q %s and %d", want.Inputs,
						got.PartitionKey, got.ExplicitHashKey, len(got.Data), want.PartitionKey, *want.ExplicitHashKey, len(want.data()))
				}
			}
		})
	}
}

func TestEncodeMaxBytes(t *testing.T) {
	var in strings.Builder
	for range 10 {
		in.WriteString(`{"partitionKey":"k","data":"` + base64.StdEncoding.EncodeToString(make([]byte, 100)) + `"}` + "\n\n")
	}
	in.WriteString(`{"partitionKey":"big","data":"` + base64.StdEncoding.EncodeToString(make([]byte, 1000)) + `"}`) // no line end
	code, out, errOut := kinpack(t, in.String(), "encode", "--max-bytes", "350")
	if code != 0 {
		t.Fatal(errOut)
	}
	var sizes []int
	for line := range strings.Lines(out) {
		var r kinesisRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(r.Data))
	}
	// Three of 106 bytes fit beside 23 of envelope and key; the tenth and the big one go alone.
	if len(sizes) != 5 || sizes[0] != sizes[2] || sizes[0] > 350 || sizes[0]+106 <= 350 || sizes[3] != 100 || sizes[4] != 1000 {
		t.Errorf("sizes %v", sizes)
	}
	if code, out, _ := kinpack(t, "\n \n", "encode"); code != 0 || out != "" {
		t.Errorf("no records: exit code %d, %q", code, out)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"not JSON", `{"partitionKey":`, "line 2: want {"},
		{"not an object", `[]`, "line 2: want {"},
		{"not base64", `{"partitionKey":"k","data":"!"}`, "line 2: want {"},
		{"no key", `{"data":""}`, "line 2: aggregate: invalid user record: partition key is empty"},
		{"long key", `{"partitionKey":"` + strings.Repeat("k", 257) + `"}`, "partition key of 257 code points, over the limit of 256"},
		{"hash key", `{"partitionKey":"k","explicitHashKey":"x1"}`, `hash key "x1" is not a decimal number`},
		{"lone sign", `{"partitionKey":"k","explicitHashKey":"+"}`, `hash key "+" is not a decimal number`},
		{"hash key too high", `{"partitionKey":"k","explicitHashKey":"340282366920938463463374607431768211456"}`, "over 2^128-1"},
		{"bytes that are not text", "{\"partitionKey\":\"\xff\"}", "line 2: not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := kinpack(t, `{"partitionKey":"fine","data":""}`+"\n"+c.line, "encode")
			if code != 1 || out != "" || !strings.Contains(errOut, c.want) || strings.Count(errOut, "\n") != 1 {
				t.Errorf("exit code %d, %q, %q; want %q", code, out, errOut, c.want)
			}
		})
	}
}

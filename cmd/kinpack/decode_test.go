package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/wire"
)

// TestDecodeGolden runs the inputs of the readers' disagreements through decode.
func TestDecodeGolden(t *testing.T) {
	f, err := os.Open("../../deaggregate/testdata/deaggregate.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var g struct {
			Name, PartitionKey, Outcome string
			Data                        []byte
			Count                       int
			Records                     []unpacked
		}
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		t.Run(g.Name, func(t *testing.T) {
			in, err := json.Marshal(map[string]any{"PartitionKey": g.PartitionKey, "Data": g.Data, "SequenceNumber": "49"})
			if err != nil {
				t.Fatal(err)
			}
			code, out, errOut := kinpack(t, string(in), "decode")
			var got []unpacked
			for line := range strings.Lines(out) {
				var u unpacked
				if err := json.Unmarshal([]byte(line), &u); err != nil {
					t.Fatal(err)
				}
				got = append(got, u)
			}
			if g.Outcome == "malformed" {
				if code != 1 || len(got) != 0 || !strings.Contains(errOut, "record 1, sequence number 49: deaggregate: malformed aggregate") {
					t.Errorf("exit code %d, %d records, %q", code, len(got), errOut)
				}
				return
			}
			if g.Outcome == "plain" {
				g.Count, g.Records = 1, []unpacked{{PartitionKey: g.PartitionKey, Data: g.Data}}
			}
			if code != 0 || errOut != "" || len(got) != g.Count {
				t.Fatalf("exit code %d, %q, %d records", code, errOut, len(got))
			}
			for i, want := range g.Records {
				if got[i].PartitionKey != want.PartitionKey || !bytes.Equal(got[i].Data, want.Data) ||
					(got[i].ExplicitHashKey == nil) != (want.ExplicitHashKey == nil) ||
					want.ExplicitHashKey != nil && *got[i].ExplicitHashKey != *want.ExplicitHashKey ||
					got[i].SubSequenceNumber != i || got[i].Aggregated != (g.Outcome == "records") || *got[i].SequenceNumber != "49" {
					t.Errorf("user record %d: %+v, want %+v", i, got[i], want)
				}
			}
		})
	}
	if err := lines.Err(); err != nil || n < 50 {
		t.Fatalf("%d vectors: %v", n, err)
	}
}

// TestDecodePage reads what the AWS command line prints, with a malformed record
// and one that is none in the middle.
func TestDecodePage(t *testing.T) {
	page := `{
    "Records": [
        {"SequenceNumber": "1", "ApproximateArrivalTimestamp": "2026-11-01T00:00:00Z", "Data": "b25l", "PartitionKey": "<k>"},
        {"SequenceNumber": "2", "Data": "84mawgoCazAaAggAyvCpJD6lUllv3qWM1DzYXQ==", "PartitionKey": "a"},
        {"SequenceNumber": "3", "PartitionKey": "a"},
        {"SequenceNumber": "4", "Data": "dHdv", "PartitionKey": "l"}
    ],
    "NextShardIterator": "AAAA"
}
{"Records": []}
`
	code, out, errOut := kinpack(t, page, "decode")
	want := `{"partitionKey":"<k>","explicitHashKey":null,"data":"b25l","aggregated":false,"sequenceNumber":"1","subSequenceNumber":0}
{"partitionKey":"l","explicitHashKey":null,"data":"dHdv","aggregated":false,"sequenceNumber":"4","subSequenceNumber":0}
`
	if code != 1 || out != want {
		t.Errorf("exit code %d, %q", code, out)
	}
	for i, part := range []string{"record 2, sequence number 2: deaggregate: malformed", `record 3, sequence number 3: no "Data"`} {
		if lines := strings.Split(errOut, "\n"); len(lines) != 3 || !strings.Contains(lines[i], part) {
			t.Errorf("error output %q, want %q", errOut, part)
		}
	}
}

func TestDecodeUnreadable(t *testing.T) {
	code, out, errOut := kinpack(t, `{"PartitionKey":"k","Data":"b25l"}`+"\nnot JSON\n", "decode")
	if code != 1 || strings.Count(out, "\n") != 1 || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, "not JSON") {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	code, out, errOut = kinpack(t, `{"PartitionKey":"k","Data":"!"}`+"\n"+`{"PartitionKey":"k","Data":"b25l"}`, "decode")
	if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(errOut, "record 1: ") {
		t.Errorf("bad base64: exit code %d, %q, %q", code, out, errOut)
	}
}

// TestDecodeKeyBytes keeps a key that JSON cannot hold.
func TestDecodeKeyBytes(t *testing.T) {
	message := []byte{0x0a, 2, 0xff, 'k', 0x1a, 5, 8, 0, 0x1a, 1, 'd'}
	sum := md5.Sum(message)
	line, err := json.Marshal(map[string]any{"PartitionKey": "a", "Data": slices.Concat([]byte(wire.Magic), message, sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	code, out, errOut := kinpack(t, string(line), "decode")
	if code != 0 || !strings.Contains(out, `"partitionKeyBase64":"/2s="`) {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

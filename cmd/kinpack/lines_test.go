package main

// This file owns put | tail: 200,000 lines go into a stream and come out of it, the
// same, and in order by key.

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/internal/realdata"
)

func TestPutTail(t *testing.T) {
	c := newCloud(t)
	if err := c.kinesis.AddStream("flights", 4); err != nil {
		t.Fatal(err)
	}
	putTail(t, "", "--rate-limit", "0")
}

// putTail puts 200,000 flights, with these flags, and compares what tail prints. Without an endpoint
// it is the environment's.
func putTail(t *testing.T, endpoint string, flags ...string) {
	_, flown, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	var order []string // of the lines, each with its number, so that no two are alike
	airport := map[string]string{}
	for i := range 200_000 {
		f := flown[i%len(flown)]
		line := fmt.Sprintf(`{"n":%d,"flight":%s}`, i, f.Data)
		order = append(order, line)
		airport[line] = f.PartitionKey
		in.WriteString(line + "\n")
	}
	to := []string{"--stream", "flights"}
	if endpoint != "" {
		to = append(to, "--endpoint", endpoint)
	}
	start := time.Now()
	code, out, errOut := kinpack(t, in.String(), slices.Concat([]string{"put", "--key", "flight.origin"}, flags, to)...)
	if code != 0 {
		t.Fatalf("put: exit code %d\n%s%s", code, out, errOut)
	}
	put := time.Since(start)
	start = time.Now()
	code, out, errOut = kinpack(t, "", append([]string{"tail", "--from", "trim", "--no-follow"}, to...)...)
	if code != 0 || errOut != "" {
		t.Fatalf("tail: exit code %d, %q", code, errOut)
	}
	t.Logf("put in %v, read in %v", put.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))

	wanted, got := map[string][]string{}, map[string][]string{}
	for _, line := range order {
		wanted[airport[line]] = append(wanted[airport[line]], line)
	}
	n := 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		key, known := airport[line]
		if !known {
			t.Fatalf("tail prints %.100q, which was not put", line)
		}
		got[key] = append(got[key], line)
		n++
	}
	if n != len(order) {
		t.Errorf("%d lines read of %d", n, len(order))
	}
	for key, lines := range wanted {
		for i := range min(len(lines), len(got[key])) {
			if lines[i] != got[key][i] {
				t.Fatalf("%s: line %d is %s, want %s", key, i, got[key][i], lines[i])
			}
		}
	}
}

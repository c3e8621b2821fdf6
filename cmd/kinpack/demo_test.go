package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// TestDemo runs the demo as a user does. That it fails without the landing rule
// is what its exit code stands for.
func TestDemo(t *testing.T) {
	code, out, errOut := kinpack(t, "", "demo")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	for _, part := range []string{"Kinesis records", "PUT units", "47.74", "handler calls that repeated a success", "poison", "records lost to a KCL-style reader", "kinpack sent all of them again"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is missing in\n%s", part, out)
		}
	}
	if strings.ContainsAny(out, "\x1b\r") {
		t.Errorf("control characters in %q", out)
	}
}

func TestDemoJSON(t *testing.T) {
	for _, n := range []int{100, 1000, 50_000} {
		code, out, errOut := kinpack(t, "", "demo", "--json", "--records", strconv.Itoa(n))
		var r result
		if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
			t.Fatalf("%d records: exit code %d: %s %v", n, code, errOut, err)
		}
		o, k := r.Ordinary, r.Kinpack
		if o.Lost != 0 || o.Units != n || o.KinesisRecords != n || o.Duplicates == 0 || o.Poison != "blocking" || o.Waiting == 0 {
			t.Errorf("%d records, ordinary: %+v", n, o)
		}
		if k.Lost != 0 || k.Duplicates != 0 || k.Poison != "set aside" || k.Waiting != 0 || k.DeadLetters != 1 || k.Succeeded != n-1 ||
			k.DroppedRecords == 0 || k.Recovered != k.DroppedRecords || k.Units > n/10 || k.Dollars >= o.Dollars {
			t.Errorf("%d records, kinpack: %+v", n, k)
		}
	}
}

func TestVerdict(t *testing.T) {
	good := column{UserRecords: 10, Succeeded: 9, DeadLetters: 1, DroppedRecords: 1, Recovered: 1}
	if err := (&result{Kinpack: good}).verdict(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*column){
		"lost":          func(c *column) { c.Lost = 1 },
		"repeated":      func(c *column) { c.Duplicates = 1 },
		"unprocessed":   func(c *column) { c.Succeeded = 8 },
		"none dropped":  func(c *column) { c.DroppedRecords, c.Recovered = 0, 0 },
		"not recovered": func(c *column) { c.DroppedRecords = 2 },
	} {
		bad := good
		spoil(&bad)
		if (&result{Kinpack: bad}).verdict() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDollars(t *testing.T) { // AWS's examples: 512 B apart, and packed into 50 KB
	if d := dollarsAMonth(1, 1); thousandths(d) != 47742 {
		t.Errorf("unpacked: %v", d)
	}
	if d := dollarsAMonth(2, 100); thousandths(d) != 11686 {
		t.Errorf("packed: %v", d)
	}
	for n, want := range map[int]int{0: 1, 25600: 1, 25601: 2, 51200: 2, 51201: 3, 1 << 20: 41} {
		if got := units(n); got != want {
			t.Errorf("%d bytes: %d units, want %d", n, got, want)
		}
	}
}

func thousandths(d float64) int { return int(d*1000 + 0.5) }

func TestCheckpoint(t *testing.T) {
	records := []types.Record{{SequenceNumber: aws.String("1")}, {SequenceNumber: aws.String("2")}, {SequenceNumber: aws.String("3")}}
	for _, c := range []struct {
		answer string
		moved  int
		bad    bool
	}{
		{`{"batchItemFailures":[]}`, 3, false},
		{`null`, 3, false},
		{`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, 1, false},
		{`{"batchItemFailures":[{"itemIdentifier":"1"}]}`, 0, false},
		{`{"batchItemFailures":[{"itemIdentifier":"9"}]}`, 0, true},
		{`nonsense`, 0, true},
	} {
		if moved, err := checkpoint([]byte(c.answer), records); moved != c.moved || (err != nil) != c.bad {
			t.Errorf("%s: %d, %v", c.answer, moved, err)
		}
	}
}

func TestBatch(t *testing.T) {
	if n := batch(make([]types.Record, 250)); n != batchSize {
		t.Errorf("%d records in a batch", n)
	}
	big := types.Record{Data: make([]byte, 1<<20)}
	if n := batch([]types.Record{big, big, big, big, big}); n != 4 {
		t.Errorf("%d records of 1 MiB in an event of 6 MB", n)
	}
	if n := batch([]types.Record{{Data: make([]byte, 10<<20)}, big}); n != 1 {
		t.Errorf("%d records when the first is over the limit", n)
	}
}

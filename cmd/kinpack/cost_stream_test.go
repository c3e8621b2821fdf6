package main

// This file owns the tests of what cost takes from elsewhere, and of its bounds.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A stream is priced as it is kept, by what is in it.
func TestCostStream(t *testing.T) {
	c := newCloud(t)
	if err := c.kinesis.AddStream("clicks", 2); err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&in, `{"id":"user-%d","text":"%s"}`+"\n", i%1000, strings.Repeat("x", 180+i%41))
	}
	if code, _, errOut := kinpack(t, in.String(), "put", "--stream", "clicks", "--key", "id"); code != 0 {
		t.Fatalf("put: %q", errOut)
	}
	e := costs(t, "--stream clicks --rate 1000")
	if e.Unpacked.Shards != 2 || e.Unpacked.ShardUSD != 21.90 || e.Unpacked.PutUSD != 36.79 || e.Packed.PutUSD > 0.9 || e.Packed.PutUSD < 0.55 {
		t.Errorf("%+v", e)
	}
	code, out, errOut := kinpack(t, "", "cost", "--stream", "clicks", "--rate", "1000", "--json")
	var q struct {
		Workload struct {
			UserRecordBytes, PartitionKeyBytes float64
			Stream, Region                     string
		}
	}
	if err := json.Unmarshal([]byte(out), &q); code != 0 || err != nil || errOut != "" {
		t.Fatalf("exit code %d, %v, %q", code, err, errOut)
	}
	if w := q.Workload; w.UserRecordBytes < 215 || w.UserRecordBytes > 235 || w.PartitionKeyBytes < 7 || w.PartitionKeyBytes > 8 || w.Stream != "clicks" || w.Region != "us-east-1" {
		t.Errorf("%+v", q)
	}
	// The rate of the sample, its page, and without keys.
	if e := costs(t, "--stream clicks"); e.Unpacked.TotalUSD <= 0 {
		t.Errorf("%+v", e)
	}
	if e := costs(t, "--stream clicks --rate 1000 --keyless --retention 7d --mode on-demand --shards 4"); e.Unpacked.PutUSD != 0 {
		t.Errorf("%+v", e)
	}
	if code, out, errOut := kinpack(t, "", "cost", "--stream", "clicks", "--rate", "1000", "--html"); code != 0 || strings.Count(out, "<svg") != 5 {
		t.Errorf("exit code %d, %q", code, errOut)
	}
}

func TestCostStreamErrors(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "empty", 1)
	c.stream(t, "one", 1, "single")
	for args, want := range map[string]string{
		"--stream none":                       "ResourceNotFoundException",
		"--stream empty":                      "stream empty: there is no user record from trim on",
		"--stream one":                        "too little to tell the rate, want --rate",
		"--stream one --rate 10 --from 15m":   "",
		"--stream one --rate 5000 --shards 1": "",
	} {
		code, _, errOut := kinpack(t, "", append([]string{"cost"}, strings.Fields(args)...)...)
		if !strings.Contains(errOut, want) || (code == 0) != (want == "") {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, errOut, want)
		}
	}
}

// Whatever is asked is answered in little time and memory: of many shards some are
// forecast, since they are alike.
func TestCostLarge(t *testing.T) {
	for args, want := range map[string]float64{ // of the total packed
		"--rate 1000 --size 512 --shards 100000":        1_095_036,
		"--rate 1e8 --size 100":                         0,
		"--rate 1e8 --size 100 --keyless":               0,
		"--rate 1e-6 --size 0 --buffer 168h":            10.95,
		"--rate 1 --size 10485700 --keyless":            124.58,
		"--rate 10 --size 100 --producers 1000000":      11.32,
		"--rate 1000 --size 512 --keys 3 --shards 5000": 54_751,
	} {
		e := costs(t, args)
		if p := e.Packed.TotalUSD; want > 0 && (p < 0.9*want || p > 1.1*want) || p <= 0 || p > e.Unpacked.TotalUSD*1.01 {
			t.Errorf("%s: $%.2f packed, $%.2f one by one, want %v", args, p, e.Unpacked.TotalUSD, want)
		}
	}
}

// What is packed is packed for the shards that are billed.
func TestCostShards(t *testing.T) {
	open, given := costs(t, "--rate 1000 --size 512 --consumers 20"), costs(t, "--rate 1000 --size 512 --consumers 20 --shards 6")
	if open.Packed.Shards != 6 || open.Packed.PutUSD != given.Packed.PutUSD || open.Packed.Fill != given.Packed.Fill {
		t.Errorf("%+v, with --shards 6 %+v", open.Packed, given.Packed)
	}
	open, given = costs(t, "--rate 100 --size 100 --mode on-demand"), costs(t, "--rate 100 --size 100 --mode on-demand --shards 4")
	if open.Packed.TotalUSD != given.Packed.TotalUSD || open.Packed.Shards != 0 || open.Packed.Fill != 0 {
		t.Errorf("%+v, with --shards 4 %+v", open.Packed, given.Packed)
	}
}

// Prices are the region's, or somebody's own.
func TestCostPrices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prices.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"Provisioned": {"ShardHourUSD": 0.03}}`)
	if e := costs(t, "--rate 1000 --size 512 --prices "+file); e.Unpacked.ShardUSD != 21.90 || e.Unpacked.PutUSD != 36.79 {
		t.Errorf("%+v", e.Unpacked)
	}
	write(`{"Provisioned": {"ShardHourUSD": 0.02, "PutUnitsUSDPerMillion": 0.02}}`)
	if e := costs(t, "--rate 1000 --size 512 --region mars-1 --prices "+file); e.Unpacked.ShardUSD != 14.60 || e.Unpacked.PutUSD != 52.56 {
		t.Errorf("%+v", e.Unpacked)
	}
	for text, want := range map[string]string{`{"ShardHour": 1}`: "ShardHour", `{`: "unexpected EOF", `[]`: "cannot unmarshal"} {
		write(text)
		if code, _, errOut := kinpack(t, "", "cost", "--rate", "1", "--size", "5", "--prices", file); code != 2 || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d, %q", text, code, errOut)
		}
	}
	if code, _, errOut := kinpack(t, "", "cost", "--rate", "1", "--size", "5", "--prices", file+"x"); code != 1 || !strings.Contains(errOut, "prices.jsonx") {
		t.Errorf("exit code %d, %q", code, errOut)
	}
	t.Setenv("AWS_REGION", "ap-northeast-1")
	if e := costs(t, "--rate 1000 --size 512"); e.Unpacked.TotalUSD <= 47.74 || len(e.Hints) > 0 {
		t.Errorf("%+v", e)
	}
	t.Setenv("AWS_REGION", "mars-1")
	if e := costs(t, "--rate 1000 --size 512"); e.Unpacked.TotalUSD != 47.74 || !strings.Contains(strings.Join(e.Hints, "\n"), "prices of mars-1 are not known here") {
		t.Errorf("%+v", e)
	}
}

// A function that cannot keep up is said to.
func TestCostLambdaHint(t *testing.T) {
	if e := costs(t, "--rate 1000 --size 512 --lambda 128 --lambda-ms 5"); !strings.Contains(strings.Join(e.Hints, "\n"), "works for 5 s in each second") || !strings.Contains(strings.Join(e.Hints, "\n"), "takes 5 shards") {
		t.Errorf("%v", e.Hints)
	}
	if e := costs(t, "--rate 1000 --size 512 --lambda 128 --lambda-ms 0.5"); len(e.Hints) > 0 {
		t.Errorf("%v", e.Hints)
	}
}

// Many producers make many calls, which the road bills.
func TestCostCalls(t *testing.T) {
	one, many := costs(t, "--rate 1000 --size 512 --network nat"), costs(t, "--rate 1000 --size 512 --network nat --producers 1000")
	if many.Unpacked.OtherUSD < 1.5*one.Unpacked.OtherUSD || many.Packed.TotalUSD > 1.02*many.Unpacked.TotalUSD {
		t.Errorf("one producer %+v and %+v, a thousand %+v and %+v", one.Unpacked, one.Packed, many.Unpacked, many.Packed)
	}
}

// full refuses to be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestCostDiskFull(t *testing.T) {
	for _, format := range []string{"", "--json", "--csv", "--html"} {
		var errOut strings.Builder
		args := strings.Fields("cost --rate 1000 --size 512 " + format)
		if code := run(t.Context(), args, streams{nil, full{}, &errOut}); code != 1 || !strings.Contains(errOut.String(), "no space left") {
			t.Errorf("%s: exit code %d, %q", format, code, errOut.String())
		}
	}
}

// The page of an on-demand stream speaks of no PUT payload units.
func TestCostPageOnDemand(t *testing.T) {
	code, out, errOut := kinpack(t, "", "cost", "--rate", "100", "--size", "100", "--mode", "on-demand", "--html")
	if code != 0 || strings.Contains(out, "PUT payload units") || !strings.Contains(out, "Fill of the billed bytes") {
		t.Errorf("exit code %d, %q", code, errOut)
	}
}

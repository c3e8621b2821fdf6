package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The example of the help text is what comes.
func TestCostExample(t *testing.T) {
	code, out, errOut := kinpack(t, "", "cost", "--rate", "1000", "--size", "512", "--no-pack")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, %q", code, errOut)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimRight("  "+line, " \n"); !strings.Contains(costHelp, "\n"+line+"\n") {
			t.Errorf("%q is not in the help", line)
		}
	}
	if strings.Count(out, "\n") != 11 || strings.Contains(out, "packed") {
		t.Errorf("%s", out)
	}
}

// What was published, to the cent.
func TestCostPublished(t *testing.T) {
	for _, c := range []struct{ args, shard, put, total string }{
		{"--rate 1000 --size 512", "10.95", "36.79", "47.74"},
		{"--rate 10 --size 51200", "10.95", "0.74", "11.69"},
		{"--rate 100 --size 35KB --hours 744", "44.64", "7.50", "52.14"},
		{"--rate 100 --size 35KB --hours 744 --retention 7d", "44.64", "7.50", "111.66"},
		{"--rate 16.67 --size 3KB --consumers 3", "10.95", "0.61", "11.56"},
		{"--rate 10000 --size 0.5KB --consumers 4", "109.50", "367.92", "477.42"},
		{"--rate 10 --size 10KB --region us-east-2 --shards 2 --consumers 10 --fan-out 10", "21.90", "0.37", "273.85"},
		{"--rate 1000 --size 3KB --mode on-demand --consumers 2 --hours 720", "0.00", "0.00", "1215.32"},
		{"--rate 1 --size 25600", "10.95", "0.04", "10.99"},
		{"--rate 1000 --size 25601", "273.75", "73.58", "347.33"},
		{"--rate 1000 --size 512 --put-unit 256", "10.95", "73.58", "84.53"},
		{"--rate 1000 --size 25600 --key-counts", "273.75", "73.58", "347.33"},
	} {
		code, out, errOut := kinpack(t, "", append([]string{"cost", "--no-pack", "--json"}, strings.Fields(c.args)...)...)
		var e struct {
			Unpacked struct{ ShardUSD, PutUSD, TotalUSD json.Number }
			Packed   *struct{}
		}
		if err := json.Unmarshal([]byte(out), &e); code != 0 || err != nil || errOut != "" {
			t.Errorf("%s: exit code %d, %v, %q", c.args, code, err, errOut)
			continue
		}
		u := e.Unpacked
		if u.ShardUSD.String() != c.shard || u.PutUSD.String() != c.put || u.TotalUSD.String() != c.total || e.Packed != nil {
			t.Errorf("%s: %+v, want %s + %s, in all %s", c.args, u, c.shard, c.put, c.total)
		}
	}
}

// columns are both ways of what --json says.
type columns struct {
	Unpacked, Packed struct {
		Shards                                int
		Fill, MedianWaitMs, PutUnitsPerSecond float64
		ShardUSD, PutUSD, OtherUSD, TotalUSD  float64
		Lines                                 []struct{ Item string }
	}
	SavedUSD, SavedPercent float64
	Hints                  []string
}

func costs(t *testing.T, args string) (c columns) {
	t.Helper()
	code, out, errOut := kinpack(t, "", append([]string{"cost", "--json"}, strings.Fields(args)...)...)
	if err := json.Unmarshal([]byte(out), &c); code != 0 || err != nil {
		t.Fatalf("%s: exit code %d, %v, %q", args, code, err, errOut)
	}
	return c
}

func TestCostPacked(t *testing.T) {
	for _, c := range []struct {
		args        string
		least, most float64 // of the total packed
		hint        string
	}{
		{"--rate 1000 --size 512", 11.69, 11.76, ""},
		{"--rate 1000 --size 512 --keys 1 --key-size 16", 11.69, 11.70, ""},
		{"--rate 1000 --size 512 --keyless", 11.69, 11.71, ""},
		{"--rate 1000 --size 512 --producers 10", 14, 14.63, "--buffer 1s"},
		{"--rate 1000 --size 512 --producers 50", 24, 29.35, "--buffer 1s"},
		{"--rate 1000 --size 512 --shards 100", 1095, 1130, ""},
		{"--rate 2000 --size 512 --shards 4 --producers 5", 50, 60, "--keyless"},
		{"--rate 10000 --size 100", 23, 25, "--keyless"},
		{"--rate 5000 --size 100 --shards 1", 10.95, 13, "One by one they need 5 shards"},
		{"--rate 1000 --size 1KB", 22, 25, "with their partition keys, they need 2 shards"},
		{"--rate 0.01 --size 10", 10.95, 10.95, "Packing does not pay"},
		{"--rate 10 --size 25600", 11.32, 11.32, "Packing does not pay"},
		{"--rate 1000 --size 2KB --mode on-demand", 630, 660, "Packing does not pay"},
		{"--rate 1000 --size 100 --mode on-demand", 60, 75, "--keyless"},
		{"--rate 1000 --size 100 --mode advantage", 3000, 3100, "Packing does not pay"},
	} {
		e := costs(t, c.args)
		if p := e.Packed; p.TotalUSD < c.least || p.TotalUSD > c.most {
			t.Errorf("%s: $%.2f packed, want %.2f to %.2f", c.args, p.TotalUSD, c.least, c.most)
		}
		if d := e.Unpacked.TotalUSD - e.Packed.TotalUSD - e.SavedUSD; d > 0.011 || d < -0.011 {
			t.Errorf("%s: saved %v of %v to %v", c.args, e.SavedUSD, e.Unpacked.TotalUSD, e.Packed.TotalUSD)
		}
		if hints := strings.Join(e.Hints, "\n"); !strings.Contains(hints, c.hint) || c.hint == "" && hints != "" {
			t.Errorf("%s: hints %q, want %q", c.args, hints, c.hint)
		}
	}
}

// What stands before and behind the stream is in the bill.
func TestCostAround(t *testing.T) {
	for args, want := range map[string]string{
		"--network nat":                   "NAT gateway data",
		"--network privatelink --zones 3": "PrivateLink endpoint hours",
		"--lambda 512":                    "Lambda duration",
		"--fan-out 2":                     "fan-out data out",
		"--retention 30d":                 "long-term retention",
	} {
		e := costs(t, "--rate 1000 --size 512 "+args)
		found := false
		for _, l := range e.Packed.Lines {
			found = found || l.Item == want
		}
		if !found || e.Packed.OtherUSD <= 0 || e.Unpacked.OtherUSD < e.Packed.OtherUSD*0.9 {
			t.Errorf("%s: %+v", args, e)
		}
	}
	json, cbor := costs(t, "--rate 1000 --size 10KB --network nat"), costs(t, "--rate 1000 --size 10KB --network nat --encoding cbor")
	if ratio := json.Packed.OtherUSD / cbor.Packed.OtherUSD; ratio < 1.2 || ratio > 1.4 {
		t.Errorf("JSON costs %.2f times CBOR on the wire", ratio)
	}
}

func TestCostCSV(t *testing.T) {
	for _, c := range []struct {
		args string
		rows int
	}{{"--rate 1000 --size 512 --csv", 3}, {"--rate 1000 --size 512 --csv --no-pack", 2}} {
		code, out, errOut := kinpack(t, "", append([]string{"cost"}, strings.Fields(c.args)...)...)
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if code != 0 || err != nil || errOut != "" || len(rows) != c.rows {
			t.Fatalf("%s: exit code %d, %v, %q, %d rows", c.args, code, err, errOut, len(rows))
		}
		last := len(rows[0]) - 1
		if rows[0][last] != "total_usd" || rows[1][last] != "47.74" || c.rows == 3 && rows[2][last] != "11.76" {
			t.Errorf("%s", out)
		}
	}
}

func TestCostText(t *testing.T) {
	for args, want := range map[string][]string{
		"--rate 1000 --size 512":                        {"from 1 producer, buffered for up to 100ms\n", "Packing saves $35.98 a month, 75.4 %.\n"},
		"--rate 1000 --size 2KB --mode on-demand":       {"data in ", "Packing costs $", "on-demand, 24h retention"},
		"--rate 2500.5 --size 512 --keyless":            {"2,500.5 user records a second of 512 bytes, without keys, from"},
		"--rate 0.001 --size 0 --keys 3 --retention 7d": {"0.001 user records", "with 3 keys of 36 bytes", "7d retention", "extended retention"},
	} {
		code, out, errOut := kinpack(t, "", append([]string{"cost"}, strings.Fields(args)...)...)
		if code != 0 || errOut != "" {
			t.Errorf("%s: exit code %d, %q", args, code, errOut)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", args, w, out)
			}
		}
	}
}

func TestCostErrors(t *testing.T) {
	for args, want := range map[string]string{
		"":                                                      "--rate 0: want 1e-6 to 1e8",
		"--rate 5":                                              "--size is missing",
		"--rate -1 --size 5":                                    "--rate -1",
		"--rate NaN --size 5":                                   "--rate NaN",
		"--rate 1 --size five":                                  "five",
		"--rate 1 --size -5":                                    "-5",
		"--rate 1 --size 11MB":                                  "0 to 10MB",
		"--rate 1 --size 1.7":                                   "whole number",
		"--rate 1 --size 5 --stream s":                          "--size and --stream",
		"--rate 1 --size 5 --keys 3 --keyless":                  "--keys and --keyless",
		"--rate 1 --size 5 --key-size 257":                      "--key-size 257: want 1 to 256",
		"--rate 1 --size 5 --shards -1":                         "--shards -1",
		"--rate 2000 --size 5 --shards 1 --no-pack":             "--shards 1: these records need 2",
		"--rate 2000 --size 5KB --shards 1":                     "--shards 1: these records need 10, even packed",
		"--rate 1 --size 5 --producers 0":                       "--producers 0: want 1 to 1000000",
		"--rate 1 --size 5 --buffer 0s":                         "--buffer 0s",
		"--rate 1 --size 5 --retention 23h":                     "--retention 23h: want 24h to 365d",
		"--rate 1 --size 5 --retention 366d":                    "--retention 366d",
		"--rate 1 --size 5 --retention soon":                    "such as 7d",
		"--rate 1 --size 5 --mode spot":                         "want provisioned, on-demand or advantage",
		"--rate 1 --size 5 --hours 745":                         "--hours 745",
		"--rate 1 --size 5 --region mars-1":                     `"mars-1", want one of`,
		"--rate 1 --size 5 --region eu-west-1 --mode on-demand": "eu-west-1",
		"--rate 1 --size 5 --network pigeon":                    "pigeon",
		"--rate 1 --size 5 --encoding xml":                      "xml",
		"--rate 1 --size 5 --lambda 64":                         "--lambda 64: want 128 to",
		"--rate 1 --size 5 --put-unit 0":                        "--put-unit 0",
		"--rate 1 --size 5 --json --csv":                        "--json, --csv, --html",
		"--rate 1 --size 5 --html --no-pack":                    "--html and --no-pack",
		"--rate 1e-7 --size 5":                                  "--rate 1e-07: want 1e-6 to 1e8",
		"--rate 1 --size 5 --batch-size 5":                      "--batch-size without --lambda",
		"--rate 1 --size 5 --zones 2":                           "--zones without --network",
		"--rate 1 --size 5 --lambda 128 --consumers 0":          "--lambda and --consumers 0",
		"--rate 1 --size 5 --lambda 128 --batch-size 99999":     "batch",
		"--rate 1 --size 5 --consumers 1001":                    "--consumers 1001: want 0 to 1000",
		"--rate 1 --size 5 --keyless --key-size 9":              "--key-size and --keyless",
		"--rate 1e8 --size 10MB --no-pack":                      "data a second",
		"--stream s --from never":                               "--from never: want trim",
		"--stream s --rate 0":                                   "--rate 0: want 1e-6 to 1e8",
		"--stream s --keys 4":                                   "--keys and --stream",
		"--stream s --sample 9":                                 "--sample 9",
		"--stream s --endpoint nowhere":                         `--endpoint "nowhere"`,
	} {
		code, out, errOut := kinpack(t, "", append([]string{"cost"}, strings.Fields(args)...)...)
		if code != 2 || out != "" || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q, want %q", args, code, out, errOut, want)
		}
	}
}

// The page is one file that loads nothing.
func TestCostPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cost.html")
	code, out, errOut := kinpack(t, "", "cost", "--rate", "1000", "--size", "512", "--html", file, "--producers", "3")
	if code != 0 || out != "" || !strings.Contains(errOut, file) {
		t.Fatalf("exit code %d, %q, %q", code, out, errOut)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--html"}, {"--html=-"}, {"--html=true"}} {
		code, out, errOut = kinpack(t, "", append([]string{"cost", "--rate", "1000", "--size", "512", "--producers", "3"}, args...)...)
		if code != 0 || out != string(page) || errOut != "" {
			t.Errorf("%s: exit code %d, %d bytes, %q, want the same page of %d bytes", args, code, len(out), errOut, len(page))
		}
	}
	text := strings.ReplaceAll(string(page), `xmlns="http://www.w3.org/2000/svg"`, "")
	if found := regexp.MustCompile(`(?i)https?:|//[a-z]|\bsrc=|\bhref=|<script|<link|@import|url\(|\bon[a-z]+=`).FindString(text); found != "" {
		t.Errorf("the page has %q", found)
	}
	if n := strings.Count(text, "<svg"); n != 5 {
		t.Errorf("%d charts", n)
	}
	for _, want := range []string{"$47.74", "Content-Security-Policy", "from 3 producers"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	d := xml.NewDecoder(strings.NewReader(strings.ReplaceAll(text, "<!doctype html>", "")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

// A file that cannot be written is said.
func TestCostPageNowhere(t *testing.T) {
	code, _, errOut := kinpack(t, "", "cost", "--rate", "10", "--size", "512", "--html", filepath.Join(t.TempDir(), "no", "such.html"))
	if code != 1 || !strings.Contains(errOut, "such.html") {
		t.Errorf("exit code %d, %q", code, errOut)
	}
}

func TestUSD(t *testing.T) {
	for v, want := range map[float64]string{0: "$0.00", 0.005: "$0.01", 1234.5: "$1,234.50", -0.31: "-$0.31", 999999.999: "$1,000,000.00"} {
		if got := dollars(v).String(); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	if b, err := json.Marshal(dollars(47.7)); err != nil || string(b) != "47.70" {
		t.Errorf("%s, %v", b, err)
	}
	for v, want := range map[float64]string{1000: "1,000", 10.989: "10.99", 0.5: "0.5", 0.00012: "0.00012", 2500.5: "2,500.5", 0: "0", 1e21: fmt.Sprintf("%.0f", 1e21)} {
		if got := decimal(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

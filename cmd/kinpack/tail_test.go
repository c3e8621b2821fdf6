package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/aggregate"
)

// putPacked puts an aggregate of user records, whose keys are their data.
func (c *cloud) putPacked(t *testing.T, name string, data ...string) {
	t.Helper()
	var b aggregate.Builder
	for _, d := range data {
		if err := b.Add(aggregate.Record{PartitionKey: d, Data: []byte(d)}); err != nil {
			t.Fatal(err)
		}
	}
	c.putSealed(t, name, b.SealAs("a", nil))
}

func (c *cloud) putSealed(t *testing.T, name string, s aggregate.Sealed) {
	t.Helper()
	in := &kinesis.PutRecordInput{StreamName: &name, PartitionKey: &s.PartitionKey, ExplicitHashKey: &s.ExplicitHashKey, Data: s.Data}
	if _, err := c.kinesis.Client().PutRecord(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// putMalformed puts what looks like an aggregate, and is none.
func (c *cloud) putMalformed(t *testing.T, name string) (sequenceNumber string) {
	t.Helper()
	data := seal("\x1a\x02\x08\x00") // a record without data
	out, err := c.kinesis.Client().PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: &name, PartitionKey: aws.String("a"), Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return *out.SequenceNumber
}

// The example of the help.
func TestTailExample(t *testing.T) {
	c := newCloud(t)
	if err := c.kinesis.AddStream("clicks", 1); err != nil {
		t.Fatal(err)
	}
	var b aggregate.Builder
	if err := b.Add(aggregate.Record{PartitionKey: "a", Data: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	c.putSealed(t, "clicks", b.SealAs("a", nil))
	_, example, _ := strings.Cut(tailHelp, "$ kinpack ")
	command, want, _ := strings.Cut(strings.TrimSpace(example), "\n")
	code, out, errOut := kinpack(t, "", strings.Fields(command)...)
	var got, shown map[string]any
	if err := errors.Join(json.Unmarshal([]byte(out), &got), json.Unmarshal([]byte(want), &shown)); err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339Nano, got["approximateArrivalTimestamp"].(string)); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("%v, %v", at, err)
	}
	if n := got["sequenceNumber"].(string); len(n) != 56 {
		t.Errorf("sequence number %s", n)
	}
	for _, m := range []map[string]any{got, shown} {
		delete(m, "approximateArrivalTimestamp")
		delete(m, "sequenceNumber")
	}
	if code != 0 || fmt.Sprint(got) != fmt.Sprint(shown) || errOut != "" {
		t.Errorf("exit code %d, %q, the help shows %q; %s", code, out, want, errOut)
	}
}

// Text is the data, byte for byte; malformed aggregates are named, and the rest is
// there.
func TestTailText(t *testing.T) {
	c := newCloud(t)
	arn, _ := c.stream(t, "s", 1, "plain", "", "with \"quotes\" \xff\x00 <&>")
	c.putPacked(t, "s", "p1", "p2", "p3")
	n := c.putMalformed(t, "s")
	c.put(t, "s", "last")
	want := "plain\n\nwith \"quotes\" \xff\x00 <&>\np1\np2\np3\nlast\n"
	for _, stream := range []string{"s", arn} {
		code, out, errOut := kinpack(t, "", "tail", "--stream", stream, "--from", "trim", "--no-follow")
		if code != 1 || out != want {
			t.Errorf("exit code %d, %q", code, out)
		}
		if want := "kinpack tail: shardId-000000000000, sequence number " + n + ": deaggregate: malformed aggregate"; !strings.HasPrefix(errOut, want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("error output %q", errOut)
		}
	}
}

// What --raw prints is read by decode, and is then what --json prints.
func TestTailRaw(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 3, "plain", "", "\xff")
	c.putPacked(t, "s", "p1", "p2")
	c.putPacked(t, "s", "é", "<")
	code, raw, errOut := kinpack(t, "", "tail", "--stream", "s", "--from", "trim", "--no-follow", "--raw")
	if code != 0 || strings.Count(raw, "\n") != 5 || errOut != "" {
		t.Fatalf("exit code %d, %q, %q", code, raw, errOut)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(raw[:strings.IndexByte(raw, '\n')]), &first); err != nil || len(first) != 5 ||
		!strings.HasPrefix(first["ShardId"].(string), "shardId-") || first["ApproximateArrivalTimestamp"] == nil {
		t.Errorf("%v, %v", first, err)
	}
	code, decoded, errOut := kinpack(t, raw, "decode")
	if code != 0 {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	code, out, errOut := kinpack(t, "", "tail", "--stream", "s", "--from", "trim", "--no-follow", "--json")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	lines := map[string]int{}
	for line := range strings.Lines(decoded) {
		lines[line]++
	}
	for line := range strings.Lines(out) {
		short, _, ok := strings.Cut(line, `,"shardId"`)
		if lines[short+"}\n"]--; !ok {
			t.Errorf("%q", line)
		}
	}
	for line, n := range lines {
		if n != 0 {
			t.Errorf("%d more in decode's output: %s", n, line)
		}
	}
}

// A key that JSON cannot hold has its second form here, too.
func TestTailKeyBytes(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	message := []byte{0x0a, 2, 0xff, 'k', 0x12, 1, '7', 0x1a, 7, 8, 0, 0x10, 0, 0x1a, 1, 'd'}
	c.putSealed(t, "s", aggregate.Sealed{PartitionKey: "a", ExplicitHashKey: "7", Data: seal(string(message))})
	code, out, errOut := kinpack(t, "", "tail", "--stream", "s", "--from", "trim", "--no-follow", "--json")
	if code != 0 || !strings.Contains(out, `"partitionKeyBase64":"/2s=","explicitHashKey":"7","data":"ZA=="`) {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

func TestTailFromAndLimit(t *testing.T) {
	c := newCloud(t)
	_, records := c.stream(t, "s", 1, "1", "2", "3")
	c.putPacked(t, "s", "4", "5", "6")
	for _, x := range []struct {
		args string
		want string
	}{
		{"--from trim", "1 2 3 4 5 6"},
		{"--from trim --limit 5", "1 2 3 4 5"},
		{"--from trim --limit 2 --shard shardId-000000000000", "1 2"},
		{"--from latest", ""},
		{"--from 15m", "1 2 3 4 5 6"},
		{"--from 1h30m", "1 2 3 4 5 6"},
		{"--from 2026-01-01T00:00:00Z", "1 2 3 4 5 6"},
		{"--from " + records[1].SequenceNumber + " --shard shardId-000000000000", "2 3 4 5 6"},
	} {
		code, out, errOut := kinpack(t, "", append([]string{"tail", "--stream", "s", "--no-follow"}, strings.Fields(x.args)...)...)
		if got := strings.Join(strings.Fields(out), " "); code != 0 || got != x.want || errOut != "" {
			t.Errorf("%s: exit code %d, %q, %s", x.args, code, got, errOut)
		}
	}
	// With a limit it ends without --no-follow, and counts what it prints.
	if code, out, _ := kinpack(t, "", "tail", "--stream", "s", "--from", "trim", "--limit", "4", "--raw"); code != 0 || strings.Count(out, "\n") != 4 {
		t.Errorf("exit code %d, %q", code, out)
	}
	// An hour from now is no time to read from; what was put an hour ago is.
	code, _, errOut := kinpack(t, "", "tail", "--stream", "s", "--from", time.Now().Add(time.Hour).Format(time.RFC3339))
	if code != 2 || !strings.Contains(errOut, "want a time that has been") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

func TestTailCommandLine(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	for _, x := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "want --stream"},
		{"--stream s --from yesterday", 2, "--from yesterday: want trim, latest, a time"},
		{"--stream s --from -15m", 2, "--from -15m: want how long ago, 0s or more"},
		{"--stream s --from 4960", 2, "--from 4960: want --shard with a sequence number"},
		{"--stream s --limit -1", 2, "--limit -1: want 1 or more"},
		{"--stream s --endpoint x", 2, `--endpoint "x"`},
		{"--stream s x", 2, `unexpected argument "x"`},
		{"--stream none", 1, "Stream none under account"},
		{"--stream s --shard shardId-7", 1, `no shard "shardId-7" in stream s`},
		{"--stream s --shard shardId-000000000000 --from 4960", 1, "StartingSequenceNumber 4960"},
	} {
		code, out, errOut := kinpack(t, "", append([]string{"tail"}, strings.Fields(x.args)...)...)
		if code != x.code || out != "" || !strings.Contains(errOut, x.want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", x.args, code, out, errOut)
		}
	}
	if code, out, _ := kinpack(t, "", "tail", "--help"); code != 0 || out != tailHelp {
		t.Errorf("exit code %d, %q", code, out)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/kinesistest"
)

// inStream returns the user records of a stream, shard after shard.
func (c *cloud) inStream(t *testing.T, stream string) (all []deaggregate.Record) {
	t.Helper()
	for _, shard := range c.kinesis.Shards(stream) {
		for _, r := range c.kinesis.Records(stream) {
			if r.ShardID != shard.ID {
				continue
			}
			var err error
			if all, err = deaggregate.Append(all, r.PartitionKey, r.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// keyed is records as key=data, sorted.
func keyed(records []deaggregate.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s=%s", r.PartitionKey, r.Data))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestPutFlags(t *testing.T) {
	newCloud(t)
	exists := filepath.Join(t.TempDir(), "exists")
	if err := os.WriteFile(exists, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, err string }{
		{"", "--stream: want the name or ARN of a stream"},
		{"--stream s --key a --key-random", "want one of them"},
		{"--stream s --key a --keyless", "want one of them"},
		{"--stream s --key-random --keyless", "want one of them"},
		{"--stream s --delimiter ,", "--delimiter ,: want --key with it"},
		{"--stream s --key-random --delimiter ,", "want --key with it"},
		{"--stream s --key=", `--key "": want the name of a member`},
		{"--stream s --key a..b", `--key "a..b": want the name of a member`},
		{"--stream s --key a --delimiter ,", `--key "a" --delimiter ",": want the number of a column`},
		{"--stream s --key 0 --delimiter ,", "want the number of a column"},
		{"--stream s --key 1 --delimiter ab", "want one character"},
		{"--stream s --ttl -1s", "--ttl -1s: want 0 or more"},
		{"--stream s --timeout 0s", "--timeout 0s: want more than 0"},
		{"--stream s --buffer -1s", "--buffer -1s: want 0 to 168h"},
		{"--stream s --buffer 169h --ttl 0", "--buffer 169h0m0s: want"},
		{"--stream s --buffer 1s --ttl 1s", "less than --ttl"},
		{"--stream s --rate-limit -1", "--rate-limit -1: want 0 to 100000"},
		{"--stream s --rate-limit 100001", "--rate-limit 100001: want"},
		{"--stream s --lanes 0", "--lanes 0: want 1 to 256"},
		{"--stream s --lanes 257", "--lanes 257: want"},
		{"--stream s --endpoint ftp://x", "--endpoint"},
		{"--stream s --failed " + exists, "file exists"},
		{"--stream s --failed " + exists + "/f", "--failed: open"},
		{"--stream s file", `unexpected argument "file"`},
	} {
		code, out, errOut := kinpack(t, "a\n", append([]string{"put"}, strings.Fields(c.args)...)...)
		if code != 2 || out != "" || !strings.Contains(errOut, c.err) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, out, errOut)
		}
	}
	if b, err := os.ReadFile(exists); err != nil || string(b) != "a\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// The example of the help text does what it says.
func TestPutExample(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "flights", 2)
	_, example, ok := strings.Cut(putHelp, "Example:\n  $ printf '%s\\n' ")
	input, command, ok2 := strings.Cut(strings.TrimSuffix(example, "\n"), " | kinpack ")
	if !ok || !ok2 {
		t.Fatal("no example")
	}
	in := strings.ReplaceAll(strings.Trim(input, "'"), "' '", "\n") + "\n"
	code, out, errOut := kinpack(t, in, strings.Fields(command)...)
	if code != 0 || errOut != "" || !strings.Contains(out, "\nuser records put    2\n") {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	if got := keyed(c.inStream(t, "flights")); got != `LAX={"origin":"LAX","delay":-2} SEA={"origin":"SEA","delay":4}` {
		t.Errorf("%s", got)
	}
}

func TestPutKeys(t *testing.T) {
	for _, c := range []struct{ name, args, in, want string }{
		{"keyless by default", "", "a\n\nb\r\n\xff", "-= -=a -=b\r -=\xff"},
		{"keyless", "--keyless", "a", "-=a"},
		{"member", "--key k.id", `{"k":{"id":1e3}}`, `1e3={"k":{"id":1e3}}`},
		{"unicode", "--key ключ", `{"ключ":"日本"}`, `日本={"ключ":"日本"}`},
		{"column", "--key 2 --delimiter ,", "a,\"b,c\"\r\n", "b,c=a,\"b,c\"\r"},
		{"tab", `--key 1 --delimiter \t`, "a b\tc", "a b=a b\tc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := newCloud(t)
			cloud.stream(t, "s", 2)
			code, _, errOut := kinpack(t, c.in, append(strings.Fields("put --stream s"), strings.Fields(c.args)...)...)
			if got := keyed(cloud.inStream(t, "s")); code != 0 || errOut != "" || got != c.want {
				t.Errorf("exit code %d, %q, %q", code, errOut, got)
			}
		})
	}
	cloud := newCloud(t)
	cloud.stream(t, "s", 4)
	if code, _, errOut := kinpack(t, strings.Repeat("a\n", 1000), "put", "--stream", "s", "--key-random"); code != 0 || errOut != "" {
		t.Errorf("exit code %d, %q", code, errOut)
	}
	keys := map[string]bool{}
	for _, r := range cloud.inStream(t, "s") {
		keys[r.PartitionKey] = true
	}
	if len(keys) != 1000 {
		t.Errorf("%d random keys", len(keys))
	}
}

// summary runs the command with --json.
func summary(t *testing.T, stdin string, args ...string) (code int, s lines.Summary, errOut string) {
	t.Helper()
	code, out, errOut := kinpack(t, stdin, append([]string{"put", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &s); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%q: %v; exit code %d, %s", out, err, code, errOut)
	}
	return code, s, errOut
}

func TestPutSettings(t *testing.T) {
	c := newCloud(t)
	arn, _ := c.stream(t, "s", 1)
	in := strings.Repeat(`{"id":"a"}`+"\n"+`{"id":"b"}`+"\n", 500)
	code, s, errOut := summary(t, in, "--stream", arn, "--key", "id")
	if code != 0 || errOut != "" || s.Lines != 1000 || !s.WholeInput || s.UserRecordsPut != 1000 || s.Failed != 0 || s.Bytes != 10000 ||
		s.KinesisRecords != 1 || s.PutUnits != 1 || s.PutUnitsUnpacked != 1000 || s.SavingPercent != 99.9 || s.PutUnitBytes != 25600 || s.Seconds <= 0 || s.RecordsPerSecond < 1 {
		t.Errorf("exit code %d, %+v, %s", code, s, errOut)
	}
	if code, s, _ = summary(t, in, "--stream", "s", "--no-pack"); code != 0 || s.KinesisRecords != 1000 || s.PutUnits != 1000 || s.SavingPercent != 0 {
		t.Errorf("unpacked: exit code %d, %+v", code, s)
	}
	before := len(c.kinesis.Records("s"))
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "%d\n", i%100)
	}
	if code, s, _ = summary(t, many.String(), "--stream", "s", "--key", "1", "--delimiter", ",", "--lanes", "4", "--buffer", "10ms"); code != 0 || s.KinesisRecords < 4 {
		t.Errorf("lanes: exit code %d, %+v", code, s)
	}
	outer := map[string]bool{}
	for _, r := range c.kinesis.Records("s")[before:] {
		outer[r.PartitionKey] = true
	}
	if len(outer) != 4 {
		t.Errorf("outer keys %v", outer)
	}
	start := time.Now()
	if code, _, _ = summary(t, strings.Repeat("a\n", 2500), "--stream", "s", "--no-pack", "--rate-limit", "100"); code != 0 || time.Since(start) < time.Second {
		t.Errorf("rate limit: exit code %d after %v", code, time.Since(start))
	}
}

// What the stream says of itself counts: the mode, and the size of a record.
func TestPutLimits(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "on-demand", 0)
	client := c.kinesis.Client()
	if _, err := client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("large"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(2048)}); err != nil {
		t.Fatal(err)
	}
	if code, s, _ := summary(t, strings.Repeat("x", 2000), "--stream", "on-demand"); code != 0 || s.PutUnitBytes != 1024 || s.PutUnits != 2 {
		t.Errorf("on-demand: exit code %d, %+v", code, s)
	}
	line := strings.Repeat("x", 2<<20-1) // and a byte for the key
	if code, s, errOut := summary(t, line+"\n"+line+"y", "--stream", "large"); code != 1 || s.UserRecordsPut != 1 || s.Failed != 1 || s.Failures[0].Code != "TooLarge" {
		t.Errorf("large: exit code %d, %+v, %s", code, s, errOut)
	}
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "DescribeStreamSummary" {
			f.Failure = kinesistest.APIError(400, "AccessDeniedException")
		}
		return f
	})
	code, s, errOut := summary(t, strings.Repeat("x", 2000)+"\n"+line, "--stream", "on-demand")
	if code != 1 || s.PutUnitBytes != 25600 || s.PutUnits != 1 || !strings.Contains(errOut, "TooLarge") || !strings.Contains(errOut, "cannot be learnt") {
		t.Errorf("denied: exit code %d, %+v, %s", code, s, errOut)
	}
}

// Data goes out in JSON, or in CBOR if that is asked for.
func TestPutForm(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	for flag, want := range map[string]string{"--cbor": "application/x-amz-cbor-1.1", "--cbor=false": "application/x-amz-json-1.1"} {
		if code, out, errOut := kinpack(t, "a line\n", "put", "--stream", "s", flag); code != 0 || c.form.Load() != want {
			t.Errorf("%s: exit code %d, sent as %v\n%s%s", flag, code, c.form.Load(), out, errOut)
		}
	}
	if all := c.kinesis.Records("s"); len(all) != 2 || string(all[1].Data) != "a line" {
		t.Errorf("%v", all)
	}
}

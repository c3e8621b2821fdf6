package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/inspect"
	"github.com/kinpack/kinpack/kinesistest"
)

// report runs inspect --json.
func report(t *testing.T, args string) (r struct {
	Stream, From string
	inspect.Report
}, errOut string) {
	t.Helper()
	code, out, errOut := kinpack(t, "", append([]string{"inspect", "--json"}, strings.Fields(args)...)...)
	if code != 0 {
		t.Fatalf("%s: exit code %d, %s", args, code, errOut)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r, errOut
}

// The example of the help; a rate depends on how long ago the records were put.
func TestInspectExample(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "clicks", 1, "plain")
	for range 4 {
		var b aggregate.Builder
		for i := range 24 {
			if err := b.Add(aggregate.Record{PartitionKey: fmt.Sprint("user ", i), Data: make([]byte, 300)}); err != nil {
				t.Fatal(err)
			}
		}
		c.putSealed(t, "clicks", b.SealAs("a", nil))
	}
	_, example, _ := strings.Cut(inspectHelp, "  $ kinpack ")
	command, want, _ := strings.Cut(strings.ReplaceAll(example, "\n  ", "\n"), "\n")
	code, out, errOut := kinpack(t, "", strings.Fields(command)...)
	steady := func(s string) string { return regexp.MustCompile(`about [0-9.]+ a second`).ReplaceAllString(s, "") }
	want, ok := strings.CutSuffix(strings.TrimRight(want, "\n"), "...")
	if code != 0 || errOut != "" || !ok || !strings.HasPrefix(steady(out), steady(want)) {
		t.Errorf("exit code %d, %s\n%s\nthe help shows\n%s", code, errOut, out, want)
	}
}

// What the report says is what is in the stream; the shards share the sample.
func TestInspectSample(t *testing.T) {
	c := newCloud(t)
	arn, _ := c.stream(t, "s", 4)
	for i := range 100 {
		c.put(t, "s", fmt.Sprint("data ", i))
	}
	for i := range 20 {
		c.putPacked(t, "s", fmt.Sprint("packed ", i), fmt.Sprint("with ", i))
	}
	n := c.putMalformed(t, "s")
	r, errOut := report(t, "--stream "+arn)
	if r.Stream != arn || r.From != "trim" || r.KinesisRecords != 121 || r.UserRecords != 140 || r.Aggregates != 20 || r.OpenShards != 4 || len(r.Shards) != 4 || errOut != "" {
		t.Errorf("%+v, %s", r, errOut)
	}
	if r.MalformedRecords != 1 || r.Malformed[0].SequenceNumber != n || r.UserRecordsPerSecond <= 0 {
		t.Errorf("%+v", r)
	}
	r, _ = report(t, "--stream s --records 40")
	if r.KinesisRecords != 40 || len(r.Shards) != 4 {
		t.Errorf("%+v", r)
	}
	for _, s := range r.Shards {
		if s.KinesisRecords < 5 {
			t.Errorf("%+v", s)
		}
	}
	r, _ = report(t, "--stream s --shard shardId-000000000002")
	if r.KinesisRecords == 0 || r.KinesisRecords > 60 || len(r.Shards) != 1 || r.OpenShards != 1 {
		t.Errorf("%+v", r)
	}
	r, _ = report(t, "--stream s --from latest")
	if r.KinesisRecords != 0 || r.UserRecordsPerSecond != 0 || len(r.Hints) != 1 || r.Shards[3].KinesisRecordsPerSecond == nil {
		t.Errorf("%+v", r)
	}
	// Of the last hour, so that is what a rate is of.
	r, _ = report(t, "--stream s --from 1h")
	if r.KinesisRecords != 121 || r.UserRecordsPerSecond < 130/3600. || r.UserRecordsPerSecond > 140/3599. {
		t.Errorf("%+v", r)
	}
}

// For a time it reads what comes, without a limit.
func TestInspectFor(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	var calls atomic.Int64
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "GetRecords" && calls.Add(1) == 2 {
			c.put(t, "s", "while", "it", "reads")
		}
		return f
	})
	r, _ := report(t, "--stream s --from latest --for 2s")
	if r.KinesisRecords != 3 || *r.Shards[0].KinesisRecordsPerSecond <= 0 || *r.Shards[0].KinesisRecordsPerSecond > 3 {
		t.Errorf("%+v", r)
	}
	if r, _ = report(t, "--stream s --for 1h --records 2"); r.KinesisRecords != 2 {
		t.Errorf("%+v", r)
	}
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
	for range putRecordsLimit {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: []byte("d")})
	}
	for range inspectRecords / putRecordsLimit {
		if _, err := c.kinesis.Client().PutRecords(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if r, _ = report(t, "--stream s --for 2s"); r.KinesisRecords != inspectRecords+3 {
		t.Errorf("%d Kinesis records", r.KinesisRecords)
	}
	if r, _ = report(t, "--stream s"); r.KinesisRecords != inspectRecords {
		t.Errorf("%d Kinesis records", r.KinesisRecords)
	}
}

// An interrupt, and there is a report of what was read.
func TestInspectInterrupted(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1, "one", "two")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "GetRecords" && calls.Add(1) == 2 {
			cancel()
		}
		return f
	})
	var out, errOut strings.Builder
	code := run(ctx, []string{"inspect", "--stream", "s", "--for", "1h"}, streams{nil, &out, &errOut})
	if code != int(exitInterrupted) || !strings.HasPrefix(out.String(), "stream s, 2 Kinesis records from trim on\n\nKinesis records ") ||
		errOut.String() != "kinpack inspect: interrupted: the report is of what had been read\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
	}
	// Before anything was read there is nothing to tell.
	out.Reset()
	if code := run(ctx, []string{"inspect", "--stream", "s"}, streams{nil, &out, io.Discard}); code != 1 || out.String() != "" {
		t.Errorf("exit code %d, %q", code, out.String())
	}
}

func TestInspectCommandLine(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1, "one")
	for _, x := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "want --stream"},
		{"--stream s --records 0", 2, "--records 0: want 1 or more"},
		{"--stream s --for -1s", 2, "--for -1s: want more than 0"},
		{"--stream s --from x", 2, "--from x: want trim, latest"},
		{"--stream none", 1, "Stream none under account"},
		{"--stream s --shard x", 1, `no shard "x" in stream s`},
	} {
		code, out, errOut := kinpack(t, "", append([]string{"inspect"}, strings.Fields(x.args)...)...)
		if code != x.code || out != "" || !strings.Contains(errOut, x.want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", x.args, code, out, errOut)
		}
	}
	for _, args := range [][]string{nil, {"--json"}} {
		full := &output{fail: io.ErrShortWrite}
		var errOut strings.Builder
		if code := run(t.Context(), append([]string{"inspect", "--stream", "s"}, args...), streams{nil, full, &errOut}); code != 1 || errOut.String() != "kinpack inspect: write the report: short write\n" {
			t.Errorf("exit code %d, %q", code, errOut.String())
		}
	}
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "GetRecords" {
			f.Failure = kinesistest.APIError(400, "AccessDeniedException")
		}
		return f
	})
	if code, out, errOut := kinpack(t, "", "inspect", "--stream", "s"); code != 1 || out != "" || !strings.Contains(errOut, "AccessDenied") {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
	if code, out, _ := kinpack(t, "", "inspect", "--help"); code != 0 || out != inspectHelp {
		t.Errorf("exit code %d, %q", code, out)
	}
}

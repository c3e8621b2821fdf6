package main

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/wire"
	"github.com/kinpack/kinpack/lambda"
)

const redriveStream = "arn:aws:kinesis:us-east-1:123456789012:stream/s"

// kinesisEvent is an event as Lambda sends it, of one shard.
func kinesisEvent(data ...[]byte) (e events.KinesisEvent) {
	for i, d := range data {
		sequence := fmt.Sprintf("4960118965842235937883629852182763847532018901230970%04d", i)
		e.Records = append(e.Records, events.KinesisEventRecord{
			EventID: "shardId-000000000001:" + sequence, EventName: "aws:kinesis:record", EventVersion: "1.0",
			EventSource: "aws:kinesis", EventSourceArn: redriveStream, AwsRegion: "us-east-1",
			Kinesis: events.KinesisRecord{
				PartitionKey: fmt.Sprintf("outer %d", i), SequenceNumber: sequence, Data: d, KinesisSchemaVersion: "1.0",
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.UnixMilli(1545084650987 + int64(i))},
			},
		})
	}
	return e
}

// decoded is the event as a function gets it.
func decoded(t *testing.T, e events.KinesisEvent) (out events.KinesisEvent) {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// oddAggregate holds what only other writers write: keys of any bytes.
func oddAggregate() []byte {
	message := "\x0a\x00" + "\x0a\x03k\xff\x00" + "\x12\x00" + "\x12\x03\xfe-1" + // keys "" and k FF 00, hash keys "" and FE -1
		"\x1a\x06\x08\x00\x1a\x02d0" + "\x1a\x08\x08\x01\x10\x00\x1a\x02d1" + "\x1a\x08\x08\x01\x10\x01\x1a\x02d2" + "\x1a\x04\x08\x00\x1a\x00"
	return seal(message)
}

func seal(message string) []byte {
	sum := md5.Sum([]byte(message))
	return append([]byte(wire.Magic+message), sum[:]...)
}

// seen is a user record and where it comes from, without what changes when it is
// redriven: the attempt.
func seen(r *lambda.Record) string {
	c := *r
	c.Attempt = 0
	c.ApproximateArrivalTimestamp = c.ApproximateArrivalTimestamp.Round(time.Millisecond).UTC()
	return fmt.Sprintf("%+v", c)
}

// TestRedriveRoundTrip sets all records aside, redrives the letters, and has the
// same consumer handle the events: the handler sees what it saw before.
func TestRedriveRoundTrip(t *testing.T) {
	var b aggregate.Builder
	for _, r := range []aggregate.Record{
		{PartitionKey: "a", Data: []byte("1")}, {PartitionKey: "b", ExplicitHashKey: "42", Data: []byte("2")},
		{PartitionKey: "a", Data: oddAggregate()}, {PartitionKey: "ключ<&>", Data: nil},
	} {
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	broken := seal("\xff")
	event := decoded(t, kinesisEvent([]byte("plain"), b.AppendTo(nil), oddAggregate(), broken, []byte(wire.Magic), nil))

	var letters strings.Builder
	var before, after []string
	consumer := func(saw *[]string, fail error) *lambda.Consumer {
		c, err := lambda.New(func(_ context.Context, r *lambda.Record) error { *saw = append(*saw, seen(r)); return fail },
			lambda.WithLogger(slog.New(slog.DiscardHandler)),
			lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
				if l.SubSequenceNumber == lambda.WholeRecord {
					*saw = append(*saw, fmt.Sprintf("whole %q %q", l.OuterPartitionKey, l.Data))
				}
				if fail == nil {
					return nil
				}
				return json.NewEncoder(&letters).Encode(l)
			})))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	handle := func(c *lambda.Consumer, e events.KinesisEvent) {
		t.Helper()
		if answer, err := c.Kinesis(t.Context(), e); err != nil || len(answer.BatchItemFailures) > 0 {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	handle(consumer(&before, lambda.Poison(errors.New("no"))), event)
	if len(before) != 12 {
		t.Fatalf("%d user records", len(before))
	}

	code, out, errOut := kinpack(t, letters.String()+letters.String(), "redrive")
	if want := "24 dead letters, 0 on-failure documents, 0 events; 12 user records, 6 outer records, 1 events made; left out: 12 duplicates, 0 done"; code != 0 || !strings.Contains(errOut, want) {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	made := eventsIn(t, out)
	if len(made) != 1 {
		t.Fatalf("%d events", len(made))
	}
	handle(consumer(&after, nil), made[0])
	for i := range before {
		if i >= len(after) || before[i] != after[i] {
			t.Errorf("user record %d was %s\nnow %v", i, before[i], after[i:min(i+1, len(after))])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d user records, want %d", len(after), len(before))
	}
	for i, r := range made[0].Records {
		if want := event.Records[i]; r.EventID != want.EventID || r.Kinesis.PartitionKey != want.Kinesis.PartitionKey ||
			r.Kinesis.ApproximateArrivalTimestamp.Sub(want.Kinesis.ApproximateArrivalTimestamp.Time).Abs() > time.Microsecond {
			t.Errorf("outer record %d: %+v, want %+v", i, r, want)
		}
	}
	// What is whole is as it was.
	if string(made[0].Records[3].Kinesis.Data) != string(broken) || string(made[0].Records[0].Kinesis.Data) != "plain" {
		t.Errorf("records: %+v", made[0].Records)
	}

	// Its output is input, and comes out the same.
	if code, again, errOut := kinpack(t, out, "redrive"); code != 0 || again != out {
		t.Errorf("exit code %d, %s, %s", code, again, errOut)
	}
}

func TestRedriveFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, e events.KinesisEvent) string {
		t.Helper()
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, append([]byte("\xef\xbb\xbf"), b...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	three := kinesisEvent([]byte("1"), []byte("2"), []byte("3"))
	two := events.KinesisEvent{Records: three.Records[1:]}
	a, b := write("a", two), write("b", three)
	code, out, errOut := kinpack(t, "", "redrive", "--in", a, "--in", b, "--batch-size", "2")
	if code != 0 || data(t, out) != "1 2 | 3" {
		t.Errorf("exit code %d, %s, %s", code, data(t, out), errOut)
	}
	code, out, errOut = kinpack(t, "", "redrive", "--in", filepath.Join(dir, "none"), "--in", a)
	if code != 1 || data(t, out) != "2 3" || !strings.Contains(errOut, "none: no such file") {
		t.Errorf("exit code %d, %s, %s", code, data(t, out), errOut)
	}
	other := three
	other.Records = append([]events.KinesisEventRecord(nil), three.Records...)
	other.Records[1].Kinesis.Data = []byte("other")
	c := write("c", other)
	code, out, errOut = kinpack(t, "", "redrive", "--in", a, "--in", c)
	want := c + ": document 1 (byte 0): record " + three.Records[1].EventID + ": another record with the same stream, shard and sequence number"
	if code != 1 || data(t, out) != "1 2 3" || !strings.Contains(errOut, want) {
		t.Errorf("exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

// What is not understood is named; the rest goes on.
func TestRedriveUnknown(t *testing.T) {
	good, err := json.Marshal(kinesisEvent([]byte("good")))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errOut := kinpack(t, `{"a":1}`+"\nnonsense\n"+string(good), "redrive")
	if code != 1 || data(t, out) != "good" {
		t.Errorf("exit code %d, %q", code, out)
	}
	for _, want := range []string{"kinpack redrive: standard input: document 1 (byte 0): neither a dead letter", "standard input: document 2 (byte 8): not JSON"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in %s", want, errOut)
		}
	}
	if code, out, errOut := kinpack(t, "", "redrive"); code != 0 || out != "" || strings.Count(errOut, "\n") != 1 {
		t.Errorf("of nothing: exit code %d, %q, %q", code, out, errOut)
	}
}

// closed is a writer that takes nothing.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }

// What can't be read or written ends it with the reason.
func TestRedriveStreamsFail(t *testing.T) {
	var errOut strings.Builder
	if code := run(t.Context(), []string{"redrive"}, streams{iotest.ErrReader(errors.New("no more")), io.Discard, &errOut}); code != 1 || !strings.Contains(errOut.String(), "read standard input: no more") {
		t.Errorf("exit code %d, %s", code, errOut.String())
	}
	errOut.Reset()
	b, err := json.Marshal(kinesisEvent([]byte("1")))
	if err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"redrive"}, streams{strings.NewReader(string(b)), closed{}, &errOut}); code != 1 || !strings.Contains(errOut.String(), "write events: closed") {
		t.Errorf("exit code %d, %s", code, errOut.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errOut.Reset()
	if code := run(ctx, []string{"redrive"}, streams{strings.NewReader(string(b)), closed{}, &errOut}); code != 1 || !strings.Contains(errOut.String(), "canceled") {
		t.Errorf("interrupted: exit code %d, %s", code, errOut.String())
	}
}

func TestRedriveTooLarge(t *testing.T) {
	c := newCloud(t)
	b, err := json.Marshal(kinesisEvent([]byte("small"), make([]byte, 5<<20)))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errOut := kinpack(t, string(b), "redrive")
	if code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(errOut, "event 2 has 699") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	c.function = answers(`{}`)
	code, out, errOut = kinpack(t, string(b), "redrive", "--invoke", "f")
	if code != 1 || strings.Count(out, "\n") != 1 || len(c.calls) != 1 || !strings.Contains(errOut, "over the limit of 6291456 of an invocation") {
		t.Errorf("exit code %d, %d calls, %s", code, len(c.calls), errOut)
	}
}

func TestRedriveCommandLine(t *testing.T) {
	for args, want := range map[string]string{
		"--batch-size 0":                     "--batch-size 0: want 1 to 10000",
		"--batch-size 10001":                 "--batch-size 10001: want 1 to 10000",
		"--invoke f --stream s":              "--invoke and --stream: want one of them",
		"--qualifier 1":                      "--qualifier 1: want --invoke with it",
		"--namespace n":                      "--namespace n: want --checkpoint with it",
		"--checkpoint t":                     "--checkpoint t: want --namespace with it, or --invoke",
		"--checkpoint t --stream s --yes":    "--checkpoint t: want --namespace with it, or --invoke",
		"--checkpoint t --invoke :":          "--checkpoint t: want --namespace with it, or --invoke with the function's name or ARN",
		"--left x":                           "--left x: want --invoke or --stream with it",
		"--yes":                              "--yes: want --stream with it",
		"--stream s":                         "every other consumer sees the records again; want --yes, or --in and a terminal to ask on",
		"--stream s --in x":                  "a terminal to ask on",
		"--endpoint localhost:80":            `--endpoint "localhost:80": want a URL with http or https`,
		"--endpoint ftp://x":                 "want a URL",
		"--endpoint http://x --batch-size 0": "want 1 to",
	} {
		code, out, errOut := kinpack(t, "", append([]string{"redrive"}, strings.Fields(args)...)...)
		if code != 2 || out != "" || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", args, code, out, errOut)
		}
	}
	if code, out, _ := kinpack(t, "", "redrive", "--help"); code != 0 || !strings.Contains(out, "Example:") || !strings.Contains(out, "--region") {
		t.Errorf("help: exit code %d, %s", code, out)
	}
}

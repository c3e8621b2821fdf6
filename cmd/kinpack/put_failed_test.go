package main

// This file owns the tests of what put does when something fails.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/realdata"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// Without a stream, or the right to put, it ends soon and says why.
func TestPutFatal(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	failed := filepath.Join(t.TempDir(), "failed")
	code, out, errOut := kinpack(t, "a\n", "put", "--stream", "none", "--failed", failed)
	if code != 1 || out != "" || !strings.HasPrefix(errOut, "kinpack put: stream none: ") || !strings.Contains(errOut, "ResourceNotFoundException") {
		t.Errorf("no stream: exit code %d, %q, %q", code, out, errOut)
	}
	if _, err := os.Stat(failed); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
	deny := func(operation string) {
		c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
			if r.Operation == operation {
				f.Failure = kinesistest.APIError(400, "KMSDisabledException")
			}
			return f
		})
	}
	deny("ListShards") // what New fails with
	if code, _, errOut := kinpack(t, "a\n", "put", "--stream", "s"); code != 1 || !strings.Contains(errOut, "KMSDisabledException") {
		t.Errorf("no shards: exit code %d, %q", code, errOut)
	}
	deny("PutRecords")
	code, out, errOut = kinpackFrom(t, &numbers{}, "put", "--stream", "s", "--failed", failed)
	if code != 1 || !strings.Contains(errOut, "kinpack put: line 1: KMSDisabledException: refused") ||
		!strings.Contains(errOut, "the service refuses records: KMSDisabledException\nkinpack put: the failed lines are in "+failed+"\n") ||
		!strings.Contains(out, "user records put    0\n") {
		t.Errorf("refused: exit code %d, %q, %q", code, out, errOut)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	if code, out, errOut := kinpack(t, "a\n", "put", "--stream", "s"); code != 1 || out != "" || !strings.Contains(errOut, "connection refused") {
		t.Errorf("no service: exit code %d, %q, %q", code, out, errOut)
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir())
	if code, _, _ := kinpack(t, "a\n", "put", "--stream", "s", "--profile", "none"); code != 1 {
		t.Errorf("no such profile: exit code %d", code)
	}
}

// numbers is an input of lines with numbers, without end.
type numbers struct {
	n    int
	rest []byte
}

func (x *numbers) Read(p []byte) (int, error) {
	if len(x.rest) == 0 {
		x.n++
		x.rest = fmt.Appendf(nil, "%d\n", x.n)
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

func kinpackFrom(t *testing.T, in io.Reader, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, streams{in, &o, &e})
	return code, o.String(), e.String()
}

// Lines that fail are told of, without what they hold, and are in the file; put once
// more, they are in the stream.
func TestPutFailed(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 2)
	c.kinesis.SetFaults(failingKey("bad"))
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	in := `{"k":"good","n":1}` + "\n" + `{"k":"bad","n":2}` + "\r\n" + "secret\n" + `{"k":"good","n":3}` + "\n" + `{"k":null}` + "\n" + `{"k":"bad","n":4}`
	code, s, errOut := summary(t, in, "--stream", "s", "--key", "k", "--ttl", "1s", "--failed", first)
	if code != 1 || s.Lines != 6 || s.UserRecordsPut != 2 || s.Failed != 4 || s.Retried == 0 || len(s.Failures) != 3 {
		t.Errorf("exit code %d, %+v", code, s)
	}
	for _, want := range []string{
		"kinpack put: line 3: NotJSON: not a JSON object\n",
		"kinpack put: line 5: BadKey: member k is null\n",
		"kinpack put: line 2: InternalFailure: user record expired after ",
		"kinpack put: 1 more failed as line 2 did\n",
		"kinpack put: the failed lines are in " + first + "\n",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("no %q in %q", want, errOut)
		}
	}
	if strings.Contains(errOut, "secret") || strings.Contains(errOut, "bad") {
		t.Errorf("user data in %q", errOut)
	}
	want := `{"k":"bad","n":2}` + "\r\nsecret\n" + `{"k":null}` + "\n" + `{"k":"bad","n":4}` + "\n"
	if b, err := os.ReadFile(first); err != nil || string(b) != want {
		t.Errorf("%q, %v", b, err)
	}

	// Again, from that file and not over it.
	c.kinesis.SetFaults()
	again := func(failed string) (int, string) {
		f, err := os.Open(first)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		code, _, errOut := kinpackFrom(t, f, "put", "--stream", "s", "--failed", failed)
		return code, errOut
	}
	if code, errOut := again(first); code != 2 || !strings.Contains(errOut, "exists") {
		t.Errorf("over its input: exit code %d, %q", code, errOut)
	}
	if code, errOut := again(second); code != 0 || errOut != "" {
		t.Errorf("again: exit code %d, %q", code, errOut)
	}
	if _, err := os.Stat(second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing failed, but there is a file: %v", err)
	}
	if got, want := keyed(c.inStream(t, "s")), `-=secret -={"k":"bad","n":2}`+"\r"+` -={"k":"bad","n":4} -={"k":null} good={"k":"good","n":1} good={"k":"good","n":3}`; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// remover is an input that removes a file when it is read.
type remover string

func (r remover) Read([]byte) (int, error) {
	if err := os.Remove(string(r)); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// A file that cannot be closed as it should is no success.
func TestPutFailedFileGone(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	failed := filepath.Join(t.TempDir(), "failed")
	in := io.MultiReader(strings.NewReader("a\n"), remover(failed))
	code, out, errOut := kinpackFrom(t, in, "put", "--stream", "s", "--failed", failed)
	if code != 1 || !strings.Contains(out, "user records put    1\n") || !strings.HasPrefix(errOut, "kinpack put: "+failed+": remove ") {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

// failingKey fails every entry that holds a user record with the key.
func failingKey(key string) kinesistest.Faults {
	return func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		f := kinesistest.Fault{Entries: map[int]string{}}
		if r.PutRecords == nil {
			return f
		}
		for i, e := range r.PutRecords.Records {
			all, _ := deaggregate.Append(nil, aws.ToString(e.PartitionKey), e.Data)
			if slices.ContainsFunc(all, func(u deaggregate.Record) bool { return u.PartitionKey == key }) {
				f.Entries[i] = "InternalFailure"
			}
		}
		return f
	}
}

// 20,000 flights by the airport they left from, through a socket: all of them, in
// order for each airport.
func TestPutFlights(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "flights", 4)
	_, flights, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	want := map[string][]string{}
	for _, f := range flights {
		in.Write(append(f.Data, '\n'))
		want[f.PartitionKey] = append(want[f.PartitionKey], string(f.Data))
	}
	name := filepath.Join(t.TempDir(), "flights")
	if err := os.WriteFile(name, []byte(in.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	code, out, errOut := kinpackFrom(t, file, "put", "--stream", "flights", "--key", "origin")
	if code != 0 || errOut != "" || !strings.Contains(out, "user records put    20,000\n") {
		t.Fatalf("exit code %d, %s, %s", code, out, errOut)
	}
	t.Logf("\n%s", out)
	got := map[string][]string{}
	for _, r := range c.inStream(t, "flights") {
		got[r.PartitionKey] = append(got[r.PartitionKey], string(r.Data))
	}
	if len(got) != len(want) {
		t.Errorf("%d airports, want %d", len(got), len(want))
	}
	for k := range want {
		if !slices.Equal(got[k], want[k]) {
			t.Errorf("%s: %d records, want %d; or another order", k, len(got[k]), len(want[k]))
		}
	}
}

// With the default settings nothing expires while a single shard takes its time for
// a full buffer.
func TestPutFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 1, kinesistest.WithThroughput(kinesistest.ShardRecordsPerSecond, kinesistest.ShardBytesPerSecond))
		f := putDefaults(t)
		p, err := producer.New(t.Context(), client, "s", f.options(lines.Limits{Record: 1 << 20, PutUnit: producer.PutUnit}, io.Discard)...)
		if err != nil {
			t.Fatal(err)
		}
		const size, n = 2000, 50_000 // 95 MiB, 95 s
		job := lines.Job{In: io.LimitReader(&numbered{size: size}, size*n), Producer: p, MaxLine: 1 << 20}
		out := job.Run(t.Context(), t.Context())
		if st := p.Stats(); out.Lines != n || out.Failed != 0 || st.UserRecordsPut != n {
			t.Errorf("%+v, %d put", out, st.UserRecordsPut)
		}
	})
}

// putDefaults are the flags of put without any argument.
func putDefaults(t *testing.T) *putFlags {
	t.Helper()
	return &putFlags{buffer: 100 * time.Millisecond, ttl: putTTL, timeout: putTimeout, rateLimit: 150, lanes: 1}
}

// numbered is an input of lines of one size, without end.
type numbered struct {
	size int
	rest []byte
}

func (x *numbered) Read(p []byte) (int, error) {
	if len(x.rest) == 0 {
		x.rest = append(bytes.Repeat([]byte{'x'}, x.size-1), '\n')
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// The exit code, and what is said of what did not go well.
func TestPutVerdict(t *testing.T) {
	stop, end := context.WithCancelCause(t.Context())
	end(lines.ErrInterrupted)
	full := errors.New("no space left")
	for _, c := range []struct {
		name string
		out  lines.Outcome
		want error
		said string
	}{
		{"all put", lines.Outcome{Lines: 7}, nil, ""},
		{"interrupted", lines.Outcome{Lines: 7, Stopped: lines.ErrInterrupted}, exitInterrupted, "kinpack put: interrupted: the input was cut after line 7\n"},
		{"interrupted with failures", lines.Outcome{Lines: 7, Failed: 1, Stopped: lines.ErrInterrupted}, errFailed,
			"kinpack put: interrupted: the input was cut after line 7\nkinpack put: the failed lines are in F\n"},
		{"read error", lines.Outcome{Lines: 7, Stopped: io.ErrUnexpectedEOF}, errFailed, "kinpack put: the input was cut after line 7: unexpected EOF\n"},
		{"file error", lines.Outcome{Lines: 7, Failed: 5, Missing: 3, Stopped: full, FileErr: full}, errFailed,
			"kinpack put: the input was cut after line 7: no space left\nkinpack put: 3 of the 5 failed lines are not in F: no space left\n"},
		{"late file error", lines.Outcome{Lines: 7, Failed: 5, Missing: 3, FileErr: full}, errFailed, "kinpack put: 3 of the 5 failed lines are not in F: no space left\n"},
		{"many reasons", lines.Outcome{Lines: 70, Failed: 20, Other: 10, Reasons: []lines.Reason{{Line: 3, Lines: 9}, {Line: 5, Lines: 1}}}, errFailed,
			"kinpack put: 8 more failed as line 3 did\nkinpack put: 10 failed for other reasons\nkinpack put: the failed lines are in F\n"},
	} {
		var said strings.Builder
		f := &putFlags{failed: "F"}
		f.report(newScreen(streams{err: &said}), c.out, stop)
		if got := verdict(c.out, stop); got != c.want || said.String() != c.said {
			t.Errorf("%s: %v, %q", c.name, got, said.String())
		}
	}
}

// A standard output that is closed.
func TestPutNoOutput(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	for _, args := range [][]string{{"put", "--stream", "s"}, {"put", "--stream", "s", "--json"}} {
		_, out := io.Pipe()
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		var errOut strings.Builder
		code := run(t.Context(), args, streams{strings.NewReader("a\n"), out, &errOut})
		if code != 1 || !strings.Contains(errOut.String(), "write the summary: ") {
			t.Errorf("exit code %d, %q", code, errOut.String())
		}
	}
}

// What is left of a file is its size for the progress.
func TestPutInputSize(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[io.Reader]int64{f: 4000, r: -1, strings.NewReader("x"): -1} {
		size, known := inputSize(in)
		if known != (want >= 0) || known && size != want {
			t.Errorf("%T: %d, %v", in, size, known)
		}
	}
	if _, err := f.Seek(6000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if size, known := inputSize(f); known {
		t.Errorf("%d bytes left behind the end", size)
	}
	if err := errors.Join(r.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if _, known := inputSize(r); known {
		t.Error("a closed file")
	}
}

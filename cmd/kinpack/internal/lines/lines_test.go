package lines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/internal/realdata"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// Every byte of a line is in its record, however the input comes.
func TestLines(t *testing.T) {
	var binary []byte
	for b := range 256 {
		binary = append(binary, byte(b))
	}
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"one empty line", "\n", []string{""}},
		{"empty lines", "a\n\n\nb\n", []string{"a", "", "", "b"}},
		{"no newline at the end", "a\nb", []string{"a", "b"}},
		{"CRLF", "a\r\nb\r\n\r\n", []string{"a\r", "b\r", "\r"}},
		{"binary", string(binary) + "\n\x00\n", []string{string(binary[:10]), string(binary[11:]), "\x00"}},
	} {
		for how, in := range map[string]func(io.Reader) io.Reader{
			"whole":    func(r io.Reader) io.Reader { return r },
			"bytes":    iotest.OneByteReader,
			"halves":   iotest.HalfReader,
			"last EOF": iotest.DataErrReader,
		} {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				client := kinesistest.Fake(t, "s", 1)
				var gotLines, gotBytes int
				out := outcome(t, lines.Job{In: in(strings.NewReader(c.in)), Producer: newProducer(t, client), MaxLine: 245, Read: func(lines, bytes int) {
					gotLines += lines
					gotBytes += bytes
				}})
				got := stored(t, client)
				if out.Stopped != nil || out.Lines != int64(len(c.want)) || len(got) != len(c.want) || data(got) != strings.Join(c.want, "|") {
					t.Errorf("%+v; %q", out, data(got))
				}
				for _, r := range got {
					if r.PartitionKey != producer.KeylessPartitionKey {
						t.Errorf("key %q", r.PartitionKey)
					}
				}
				if gotLines != len(c.want) || gotBytes != len(c.in) {
					t.Errorf("%d lines and %d bytes read", gotLines, gotBytes)
				}
			})
		}
	}
}

// 20,000 flights by the airport they left from: all of them, in order for each.
func TestFlights(t *testing.T) {
	_, flights, err := realdata.Load()
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	want := map[string][]string{}
	for _, f := range flights {
		in.Write(append(f.Data, '\n'))
		var m struct{ Origin string }
		if err := json.Unmarshal(f.Data, &m); err != nil {
			t.Fatal(err)
		}
		want[m.Origin] = append(want[m.Origin], string(f.Data))
	}
	key, err := lines.MemberKey("origin")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 4, kinesistest.WithThroughput(kinesistest.ShardRecordsPerSecond, 64<<10))
		client.Server().SetFaults(kinesistest.Storm(1, kinesistest.Weather{Unavailable: 0.1, Throttled: 0.1, Entry: 0.1}))
		var sum []lines.Reason
		out := outcome(t, lines.Job{In: &in, Producer: newProducer(t, client, producer.WithRateLimit(0)), Key: key, Tell: func(r lines.Reason) { sum = append(sum, r) }})
		if out.Lines != 20000 || out.Failed != 0 || out.Stopped != nil || len(sum) > 0 {
			t.Fatalf("%+v, %+v", out, sum)
		}
		got := map[string][]string{}
		for _, r := range stored(t, client) {
			got[r.PartitionKey] = append(got[r.PartitionKey], string(r.Data))
		}
		if len(got) != len(want) {
			t.Fatalf("%d keys, want %d", len(got), len(want))
		}
		for k := range want {
			if !slices.Equal(got[k], want[k]) {
				t.Errorf("%s: %d records, want %d; or another order", k, len(got[k]), len(want[k]))
			}
		}
	})
}

// What fails is told once a reason, without anything of the line, and counted; the
// rest goes on.
func TestReasons(t *testing.T) {
	key, err := lines.MemberKey("id")
	if err != nil {
		t.Fatal(err)
	}
	client := kinesistest.Fake(t, "s", 1)
	in := strings.Join([]string{
		`{"id":"a"}`, `secret`, `{"secret":1}`, `secret`, `{"id":"` + strings.Repeat("secret", 50) + `"}`, `{"id":"b"}`,
		`{"id":"c","secret":"` + strings.Repeat("x", maxLine-22) + `"}`, // data alone is within the limit, but not with the key
		strings.Repeat("secret", maxLine/6+1), `{"id":"d"}`,
	}, "\n")
	var told []string
	out := outcome(t, lines.Job{In: strings.NewReader(in), Producer: newProducer(t, client), Key: key, Tell: func(r lines.Reason) {
		told = append(told, fmt.Sprintf("%d %s %d %s", r.Line, r.Code, r.Lines, r.Text))
	}})
	if out.Lines != 9 || out.Failed != 6 || out.MaybeStored != 0 || data(stored(t, client)) != `{"id":"a"}|{"id":"b"}|{"id":"d"}` {
		t.Errorf("%+v", out)
	}
	want := []string{
		"2 NotJSON 1 not a JSON object",
		"3 NoKey 1 no member id",
		"5 BadKey 1 member id has more than 256 characters, the most of a partition key",
		"7 TooLarge 1 user record too large: 1048577 bytes with its partition key, over the stream's limit of 1048576",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	var counts []int64
	for _, r := range out.Reasons {
		counts = append(counts, r.Lines)
	}
	if !slices.Equal(counts, []int64{2, 1, 1, 2}) || out.Other != 0 {
		t.Errorf("counts %v and %d", counts, out.Other)
	}
}

// There is an end to the reasons that are told apart.
func TestManyReasons(t *testing.T) {
	n := 0
	key := func([]byte) (string, *lines.Reason) {
		n++
		bad, err := lines.MemberKey(fmt.Sprint("m", n))
		if err != nil {
			t.Fatal(err)
		}
		return bad([]byte("{}"))
	}
	told := 0
	out := outcome(t, lines.Job{In: strings.NewReader(strings.Repeat("\n", 25)), Key: key, Producer: fake{}, Tell: func(lines.Reason) { told++ }})
	if out.Failed != 25 || len(out.Reasons) != lines.MaxReasons || out.Other != 15 || told != lines.MaxReasons {
		t.Errorf("%+v, %d told", out, told)
	}
}

// endless is an input of n bytes: one long line, and a short one.
type endless struct{ n int64 }

var xs = bytes.Repeat([]byte{'x'}, 1<<20)

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), int64(len(xs)), e.n))
	copy(p[:n], xs)
	if e.n -= int64(n); e.n <= 0 && n > 6 {
		copy(p[n-6:], "\nshort")
	}
	return n, nil
}

// counter is a File that keeps nothing.
type counter struct {
	bytes int64
	tail  []byte
	peak  uint64
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	c.tail = append(c.tail[:0], p[max(0, len(p)-3):]...)
	if rand.N(100) == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapAlloc)
	}
	return len(p), nil
}

func (c *counter) Truncate(int64) error { return nil }

// A line of 1 GiB is not held in memory, and is in the file to its last byte.
func TestHugeLine(t *testing.T) {
	const size = 1 << 30
	client := kinesistest.Fake(t, "s", 1)
	c := &counter{}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	out := outcome(t, lines.Job{In: &endless{size}, Producer: newProducer(t, client), Failed: c})
	if out.Lines != 2 || out.Failed != 1 || out.Missing != 0 || out.Stopped != nil || out.Reasons[0].Code != "TooLarge" || out.Reasons[0].Line != 1 {
		t.Errorf("%+v", out)
	}
	if c.bytes != size-int64(len("short")) || string(c.tail) != "\n" || data(stored(t, client)) != "short" {
		t.Errorf("%d bytes in the file, want %d; it ends in %q", c.bytes, size-5, c.tail)
	}
	if c.peak > before.HeapAlloc+64<<20 {
		t.Errorf("%d bytes of heap, %d before", c.peak, before.HeapAlloc)
	}
}

// Lines of the greatest length and one byte more.
func TestLongLines(t *testing.T) {
	const limit = 1000
	for _, c := range []struct {
		in         string
		put, fails int
	}{
		{strings.Repeat("x", limit), 1, 0},
		{strings.Repeat("x", limit) + "\n", 1, 0},
		{strings.Repeat("x", limit+1), 0, 1},
		{strings.Repeat("x", limit+1) + "\n", 0, 1},
		{strings.Repeat("x", 3*limit+3), 0, 1},        // ends where a piece does
		{strings.Repeat("x", 3*limit+3) + "\n", 0, 1}, // the same, with an empty piece behind
		{strings.Repeat("x", 3*limit+2) + "\n", 0, 1}, // the newline is the last of a piece
		{strings.Repeat("x", 3*limit) + "\ny\n" + strings.Repeat("z", 2*limit), 1, 2},
	} {
		for _, save := range []bool{true, false} {
			client := kinesistest.Fake(t, "s", 1)
			f := newFile()
			read := 0
			job := lines.Job{In: strings.NewReader(c.in), Producer: newProducer(t, client), MaxLine: limit, Read: func(_, bytes int) { read += bytes }}
			if save {
				job.Failed = f
			}
			out := outcome(t, job)
			if len(stored(t, client)) != c.put || out.Failed != int64(c.fails) || out.Lines != int64(c.put+c.fails) || out.Missing != 0 || read != len(c.in) {
				t.Errorf("%d bytes: %+v, %d stored, %d bytes read", len(c.in), out, len(stored(t, client)), read)
			}
			want := ""
			for line := range strings.Lines(c.in) {
				if line = strings.TrimSuffix(line, "\n"); len(line) > limit && save {
					want += line + "\n"
				}
			}
			if f.String() != want {
				t.Errorf("%d bytes: %d in the file, want %d", len(c.in), f.Len(), len(want))
			}
		}
	}
}

// A read that fails ends it; the line that broke off is not put.
func TestReadError(t *testing.T) {
	for _, in := range []string{"a\nbroken", "a\n", "a\n" + strings.Repeat("x", 3000)} {
		client := kinesistest.Fake(t, "s", 1)
		f := newFile()
		out := outcome(t, lines.Job{
			In: io.MultiReader(strings.NewReader(in), iotest.ErrReader(io.ErrClosedPipe)), Producer: newProducer(t, client), MaxLine: 1000, Failed: f,
		})
		if out.Lines != 1 || out.Failed != 0 || f.Len() != 0 || data(stored(t, client)) != "a" || out.Stopped == nil || out.Stopped.Error() != "read: "+io.ErrClosedPipe.Error() {
			t.Errorf("%.10q: %+v, %q", in, out, f)
		}
	}
}

// A producer that does not take a record for a reason of its own.
func TestNotTaken(t *testing.T) {
	p := fake{put: func(context.Context, producer.Record, func(producer.Result)) error { return producer.ErrClosed }}
	out := outcome(t, lines.Job{In: strings.NewReader("secret"), Producer: p})
	if out.Failed != 1 || out.Reasons[0].Code != "Invalid" || strings.Contains(out.Reasons[0].Text, "secret") {
		t.Errorf("%+v", out)
	}
}

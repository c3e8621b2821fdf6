package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// output is a standard output that tells of each write, and fails after some.
type output struct {
	mu     sync.Mutex
	b      bytes.Buffer
	writes chan string
	fail   error
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return 0, o.fail
	}
	o.writes <- string(p)
	return o.b.Write(p)
}

// following runs tail --from latest and returns once it reads all shards.
func following(t *testing.T, c *cloud, out io.Writer, args ...string) (errOut *output, ended chan int, interrupt func()) {
	t.Helper()
	reads := make(chan bool)
	var calls atomic.Int64
	shards := int64(len(c.kinesis.Shards("s")))
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "GetRecords" && calls.Add(1) == shards {
			close(reads)
		}
		return f
	})
	ctx, cancel := context.WithCancel(t.Context())
	errOut = &output{writes: make(chan string, 100)}
	ended = make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"tail", "--stream", "s"}, args...), streams{strings.NewReader(""), out, errOut})
	}()
	select {
	case <-reads:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not read")
	}
	return errOut, ended, cancel
}

func take[T any](t *testing.T, from chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}

// Lines are seen as they come, and an interrupt ends it as it should be.
func TestTailFollows(t *testing.T) {
	for _, x := range []struct {
		args      []string
		malformed bool
		code      int
	}{
		{nil, false, 0}, {nil, true, 1}, {[]string{"--limit", "10"}, false, int(exitInterrupted)}, {[]string{"--limit", "10"}, true, 1},
	} {
		c := newCloud(t)
		c.stream(t, "s", 1, "old")
		out := &output{writes: make(chan string, 100)}
		errOut, ended, interrupt := following(t, c, out, x.args...)
		c.put(t, "s", "one")
		if got := take(t, out.writes, "line"); got != "one\n" {
			t.Errorf("%q", got)
		}
		if x.malformed {
			c.putMalformed(t, "s")
			take(t, errOut.writes, "complaint")
		}
		c.put(t, "s", "two")
		if got := take(t, out.writes, "line"); got != "two\n" {
			t.Errorf("%q", got)
		}
		interrupt()
		code := take(t, ended, "end")
		if x.args != nil && !strings.Contains(errOut.b.String(), "kinpack tail: interrupted before the end\n") {
			t.Errorf("%q", errOut.b.String())
		}
		if code != x.code {
			t.Errorf("%v: exit code %d", x, code)
		}
	}
}

// Who reads its output may leave; another failure is one.
func TestTailOutputFails(t *testing.T) {
	for _, x := range []struct {
		err  error
		code int
		want string
	}{
		{io.ErrClosedPipe, 0, ""}, {errors.New("disk full"), 1, "kinpack tail: write to standard output: disk full\n"},
	} {
		c := newCloud(t)
		c.stream(t, "s", 1)
		out := &output{writes: make(chan string, 100)}
		errOut, ended, _ := following(t, c, out)
		out.mu.Lock()
		out.fail = x.err
		out.mu.Unlock()
		c.put(t, "s", "one") // and nothing after it
		if code := take(t, ended, "end"); code != x.code || errOut.b.String() != x.want {
			t.Errorf("exit code %d, %q", code, errOut.b.String())
		}
		// Enough for the buffer to be written before there is a pause.
		for range 1000 {
			c.putSealed(t, "s", aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: "0", Data: make([]byte, 1000)})
		}
		var failing bytes.Buffer
		if code := run(t.Context(), []string{"tail", "--stream", "s", "--from", "trim"}, streams{nil, out, &failing}); code != x.code || failing.String() != x.want {
			t.Errorf("exit code %d, %q", code, failing.String())
		}
	}
}

// Over a split with the real producer writing: all lines, those of a key in order.
func TestTailSplit(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 2)
	client := c.kinesis.Client()
	p, err := producer.New(t.Context(), client, "s")
	if err != nil {
		t.Fatal(err)
	}
	const keys, each = 50, 40
	out := &output{writes: make(chan string, keys*each)}
	_, ended, _ := following(t, c, out, "--limit", fmt.Sprint(keys*each))
	for i := range each {
		for k := range keys {
			r := producer.Record{PartitionKey: fmt.Sprint("key ", k), Data: fmt.Appendf(nil, "%d %d", k, i)}
			if err := p.Put(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i == 10 || i == 20 {
			take(t, out.writes, "line")
			if err := c.kinesis.Scale("s", []int{4, 3}[i/20]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := take(t, ended, "end"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	next := map[int]int{}
	seen := map[string]bool{}
	for line := range strings.Lines(out.b.String()) {
		var k, i int
		if _, err := fmt.Sscan(line, &k, &i); err != nil {
			t.Fatal(err)
		}
		// An aggregate under way at a reshard is there twice.
		if i > next[k] {
			t.Errorf("%q, want number %d next", line, next[k])
		} else if i == next[k] {
			next[k]++
		}
		seen[line] = true
	}
	if len(seen) < keys*each*9/10 {
		t.Errorf("%d lines", len(seen))
	}
}

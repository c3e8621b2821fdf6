package lines_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// held is a Producer that keeps its records until the test says what became of
// them, or until it is closed, when all that is left is put.
type held struct {
	t     *testing.T
	count int
	dones map[int]func(failed bool)
	hold  chan struct{} // if not nil Close waits for it
}

func (h *held) Put(_ context.Context, r producer.Record, done func(producer.Result)) error {
	h.count++
	n := h.count
	r.Data = append([]byte(nil), r.Data...)
	if h.dones == nil {
		h.dones = map[int]func(bool){}
	}
	h.dones[n] = func(failed bool) {
		delete(h.dones, n)
		if failed {
			done(failedResult(h.t, r))
		} else {
			done(producer.Result{Record: r})
		}
		clear(r.Data) // it was valid until done returned
	}
	return nil
}

func (h *held) Close(context.Context) error {
	if h.hold != nil {
		<-h.hold
	}
	for _, done := range h.dones {
		done(false)
	}
	return nil
}

// Failed lines are in input order, whatever the order in which they failed.
func TestFailedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, end := io.Pipe()
		h, f := &held{t: t}, newFile()
		ended := make(chan lines.Outcome)
		go func() { ended <- outcome(t, lines.Job{In: in, Producer: h, Failed: f}) }()
		if _, err := io.WriteString(end, "1\r\n2\n\n4\n5\n6\n"); err != nil {
			t.Error(err)
		}
		for _, step := range []struct {
			n      int
			failed bool
			want   string
		}{{4, true, ""}, {3, true, ""}, {2, true, ""}, {1, false, "2\n\n4\n"}, {6, true, "2\n\n4\n"}, {5, true, "2\n\n4\n5\n6\n"}} {
			synctest.Wait()
			h.dones[step.n](step.failed)
			synctest.Wait()
			if f.String() != step.want {
				t.Errorf("after line %d: %q, want %q", step.n, f, step.want)
			}
		}
		if err := end.Close(); err != nil {
			t.Error(err)
		}
		if out := <-ended; out.Lines != 6 || out.Failed != 5 || out.MaybeStored != 0 || out.Missing != 0 || out.Stopped != nil {
			t.Errorf("%+v", out)
		}
	})
}

// A long line comes behind the lines before it, although it is found first.
func TestLongLineInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, end := io.Pipe()
		h, f := &held{t: t}, newFile()
		ended := make(chan lines.Outcome)
		go func() { ended <- outcome(t, lines.Job{In: in, Producer: h, Failed: f, MaxLine: 100}) }()
		long := strings.Repeat("x", 250) + "\n"
		go func() {
			_, _ = io.WriteString(end, "1\n2\n"+long+"4\n")
			_ = end.Close()
		}()
		synctest.Wait()
		if f.Len() > 0 || h.count != 2 {
			t.Errorf("%q, %d put", f, h.count)
		}
		h.dones[2](true)
		synctest.Wait()
		if f.Len() > 0 {
			t.Errorf("%q", f)
		}
		h.dones[1](true)
		if out := <-ended; f.String() != "1\n2\n"+long || out.Failed != 3 || out.Missing != 0 || h.count != 3 {
			t.Errorf("%+v, %q", out, f)
		}
	})
}

// slow is a file whose writes wait for the test.
type slow struct {
	*file
	goOn    chan struct{}
	waiting *atomic.Int64
}

func newSlow() slow { return slow{newFile(), make(chan struct{}), new(atomic.Int64)} }

func (s slow) Write(p []byte) (int, error) {
	s.waiting.Add(1)
	<-s.goOn
	s.waiting.Add(-1)
	return s.file.Write(p)
}

// It comes behind earlier ones also while these are being written.
func TestLongLineWaitsForFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, end := io.Pipe()
		f := newSlow()
		ended := make(chan lines.Outcome)
		go func() { ended <- outcome(t, lines.Job{In: in, Producer: fake{}, Key: badKey, Failed: f, MaxLine: 100}) }()
		long := strings.Repeat("x", 250) + "\n"
		_, _ = io.WriteString(end, "1\n")
		synctest.Wait() // it is being written
		go func() {
			_, _ = io.WriteString(end, long)
			_ = end.Close()
		}()
		synctest.Wait()
		if n := f.waiting.Load(); n != 1 {
			t.Errorf("%d write", n)
		}
		close(f.goOn)
		if out := <-ended; f.String() != "1\n"+long || out.Failed != 2 || out.Missing != 0 {
			t.Errorf("%+v, %q", out, f)
		}
	})
}

// While many failed lines wait for the file nothing is read, and many that wait for
// an earlier line go first.
func TestFailedBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		line := strings.Repeat("x", size-1) + "\n"
		bad := func(b []byte) (string, *lines.Reason) {
			if string(b) == "first" {
				return "k", nil
			}
			return badKey(b)
		}
		h, f := &held{t: t, hold: make(chan struct{})}, newSlow()
		ended := make(chan lines.Outcome)
		in := io.MultiReader(strings.NewReader("first\n"), strings.NewReader(strings.Repeat(line, 60)))
		read := 0
		go func() {
			ended <- outcome(t, lines.Job{In: in, Producer: h, Failed: f, Key: bad, Read: func(n, _ int) { read += n }})
		}()
		synctest.Wait()
		if read < 16 || read > 20 || f.Len() > 0 {
			t.Errorf("%d lines read, %d bytes written", read, f.Len())
		}
		close(f.goOn)
		synctest.Wait()
		if n := f.Len(); n%size != 0 || n < 40*size {
			t.Errorf("%d bytes written, want most of %d", n, 60*size)
		}
		close(h.hold)
		if out := <-ended; out.Lines != 61 || out.Failed != 60 || out.Missing != 0 || f.Len() != 60*size {
			t.Errorf("%+v, %d bytes written", out, f.Len())
		}
	})
}

// badKey finds no key in any line.
func badKey([]byte) (string, *lines.Reason) {
	key, err := lines.MemberKey("none")
	if err != nil {
		panic(err)
	}
	return key([]byte("{}"))
}

// A file that gets full: no more is read, whole lines only are in it, and those that
// are missing are counted.
func TestFileFull(t *testing.T) {
	for _, c := range []struct {
		name string
		room int
		want string
	}{
		{"at once", 0, ""},
		{"in the first line", 3, ""},
		{"before a newline", 4, ""},
		{"between lines", 5, "1234\n"},
		{"in a later line", 12, "1234\n1234\n"},
	} {
		for _, short := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, short), func(t *testing.T) {
				f := newFile()
				f.room, f.short = c.room, short
				in := &repeated{line: "1234\n"}
				out := outcome(t, lines.Job{In: in, Producer: fake{}, Failed: f, Key: badKey})
				if f.String() != c.want {
					t.Errorf("%q in the file, want %q", f, c.want)
				}
				want := errFull
				if short {
					want = io.ErrShortWrite
				}
				if !errors.Is(out.FileErr, want) || out.Stopped != out.FileErr {
					t.Errorf("%v, %v", out.Stopped, out.FileErr)
				}
				if out.Failed != out.Lines || out.Missing != out.Failed-int64(len(c.want)/5) || out.Failed == 0 {
					t.Errorf("%+v", out)
				}
			})
		}
	}
}

// repeated is an input that does not end.
type repeated struct {
	line string
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		r.rest = r.line
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// The same within a long line, of which nothing stays, and if that cannot be.
func TestFileFullInLongLine(t *testing.T) {
	for _, room := range []int{10, 102, 251} { // the first line takes 2
		f := newFile()
		f.room = room
		out := outcome(t, lines.Job{In: strings.NewReader("1\n" + strings.Repeat("x", 250) + "\n3\n"), Producer: fake{}, Failed: f, Key: badKey, MaxLine: 100})
		if f.String() != "1\n" || !errors.Is(out.FileErr, errFull) || out.Stopped != out.FileErr || out.Lines != 2 || out.Failed != 2 || out.Missing != 1 {
			t.Errorf("room for %d bytes: %q, %+v", room, f, out)
		}
	}
	f := newFile()
	f.room, f.truncErr = 10, errors.New("not truncated")
	out := outcome(t, lines.Job{In: strings.NewReader("1\n" + strings.Repeat("x", 250)), Producer: fake{}, Failed: f, Key: badKey, MaxLine: 100})
	if !errors.Is(out.FileErr, errFull) || !errors.Is(out.FileErr, f.truncErr) || !strings.Contains(out.FileErr.Error(), "not whole") {
		t.Errorf("%+v", out)
	}
}

// Records that fail after the file has failed are counted as missing, those under
// way are put.
func TestFileFullUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, end := io.Pipe()
		h, f := &held{t: t}, newFile()
		f.room = 3
		ended := make(chan lines.Outcome)
		go func() { ended <- outcome(t, lines.Job{In: in, Producer: h, Failed: f}) }()
		if _, err := io.WriteString(end, "1\n2\n3\n4\n"); err != nil {
			t.Error(err)
		}
		for n := range 3 {
			synctest.Wait()
			if n == 2 {
				break // the producer is closed by now
			}
			h.dones[n+1](true)
		}
		out := <-ended // no more is read, although the input is open
		if out.Lines != 4 || out.Failed != 2 || out.Missing != 1 || f.String() != "1\n" {
			t.Errorf("%+v, %q", out, f)
		}
		if err := in.Close(); err != nil { // ends the read that was left behind
			t.Error(err)
		}
	})
}

// What failed is put by a second run.
func TestRoundTrip(t *testing.T) {
	in := "a\nb\r\n\n\x00\xff\nc"
	client := kinesistest.Fake(t, "s", 1)
	f := newFile()
	first := outcome(t, lines.Job{In: strings.NewReader(in), Producer: newProducer(t, client), Failed: f, Key: badKey})
	if first.Failed != 5 || f.String() != in+"\n" {
		t.Errorf("%+v, %q", first, f)
	}
	second := outcome(t, lines.Job{In: f, Producer: newProducer(t, client)})
	if got := stored(t, client); second.Failed != 0 || data(got) != "a|b\r||\x00\xff|c" {
		t.Errorf("%+v, %q", second, data(got))
	}
}

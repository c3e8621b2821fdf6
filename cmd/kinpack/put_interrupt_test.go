// On Windows a process can't send itself an interrupt.

//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/kinesistest"
)

// putError is what the command ends with, before it becomes an exit code.
func putError(t *testing.T, in io.Reader, args ...string) (out, errOut string, err error) {
	t.Helper()
	var o, e locked
	flags := flag.NewFlagSet("put", flag.ContinueOnError)
	do := putCommand().setUp(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- do(t.Context(), streams{in, &o, &e}) }()
	select {
	case err = <-ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("it still runs: %s", e.String())
	}
	return o.String(), e.String(), err
}

type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// input is lines, and then nothing more for as long as the test lasts.
func input(t *testing.T, lines string) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	return io.MultiReader(strings.NewReader(lines), r)
}

// interruptAt sends the process the signals, one with each call from the one on by
// which Kinesis was asked to store two user records.
func interruptAt(t *testing.T, failure kinesistest.Failure, signals ...syscall.Signal) kinesistest.Faults {
	var users atomic.Int64
	left := make(chan syscall.Signal, len(signals))
	for _, s := range signals {
		left <- s
	}
	return func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.PutRecords == nil {
			return f
		}
		f.Failure = failure
		for _, e := range r.PutRecords.Records {
			all, err := deaggregate.Append(nil, *e.PartitionKey, e.Data)
			if err != nil {
				t.Error(err)
			}
			users.Add(int64(len(all)))
		}
		if users.Load() < 2 {
			return f
		}
		select {
		case s := <-left:
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				t.Error(err)
			}
		default:
		}
		return f
	}
}

// One interrupt ends reading also while it waits for input; what was read is put.
func TestPutInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := newCloud(t)
		c.stream(t, "s", 1)
		c.kinesis.SetFaults(interruptAt(t, kinesistest.Failure{}, signal))
		failed := filepath.Join(t.TempDir(), "failed")
		out, errOut, err := putError(t, input(t, "1\n2\nhalf"), "--stream", "s", "--failed", failed)
		if !errors.Is(err, exitInterrupted) || exitInterrupted != 130 || !strings.Contains(out, "lines read          2\nuser records put    2\n") {
			t.Errorf("%v, %q", err, out)
		}
		if want := "kinpack put: interrupted: what was read is being sent; once more gives up\nkinpack put: interrupted: the input was cut after line 2\n"; errOut != want {
			t.Errorf("%q, want %q", errOut, want)
		}
		if got := keyed(c.inStream(t, "s")); got != "-=1 -=2" {
			t.Errorf("%q", got)
		}
		if _, err := os.Stat(failed); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file: %v", err)
		}
	}
}

// A second one gives up what the service does not take: it is in the file.
func TestPutInterruptedTwice(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	// Two of a kind might come as one.
	c.kinesis.SetFaults(interruptAt(t, kinesistest.APIError(500, "InternalFailure"), syscall.SIGINT, syscall.SIGTERM))
	failed := filepath.Join(t.TempDir(), "failed")
	out, errOut, err := putError(t, input(t, "1\n2\n"), "--stream", "s", "--failed", failed)
	if !errors.Is(err, errFailed) || !strings.Contains(out, "failed              2, of them maybe stored 2\n") || !strings.Contains(errOut, "given up after 2 attempts: ") {
		t.Errorf("%v, %q, %q", err, out, errOut)
	}
	if b, err := os.ReadFile(failed); err != nil || string(b) != "1\n2\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// An interrupt while it still asks for the stream.
func TestPutInterruptedAtStart(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	c.kinesis.SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		return kinesistest.Fault{Failure: kinesistest.NoAnswer()}
	})
	out, errOut, err := putError(t, strings.NewReader("1\n"), "--stream", "s")
	if !errors.Is(err, exitInterrupted) || out != "" || !strings.HasSuffix(errOut, "kinpack put: interrupted before anything was read\n") {
		t.Errorf("%v, %q, %q", err, out, errOut)
	}
}

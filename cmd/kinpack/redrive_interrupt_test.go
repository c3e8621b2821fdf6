// On Windows a process can't send itself an interrupt.

//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// interrupted is a standard input on which someone presses Ctrl-C.
type interrupted struct{ *io.PipeReader }

func (in interrupted) Read(b []byte) (int, error) {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(os.Interrupt)
	}
	if err != nil {
		return 0, err
	}
	return in.PipeReader.Read(b) // for as long as the test lasts
}

// An interrupt ends it also while it waits for input, and leaves no file.
func TestRedriveInterrupted(t *testing.T) {
	in, end := io.Pipe()
	left := filepath.Join(t.TempDir(), "left.jsonl")
	var errOut strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"redrive", "--invoke", "f", "--left", left}, streams{interrupted{in}, io.Discard, &errOut})
	}()
	select {
	case c := <-code:
		if c != 1 || !strings.Contains(errOut.String(), "kinpack redrive: read standard input: context canceled") {
			t.Errorf("exit code %d, %s", c, errOut.String())
		}
	case <-time.After(10 * time.Second):
		t.Error("it still reads")
	}
	if err := end.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("a file is left: %v", err)
	}
}

// The same while it asks, or reads a file that is a pipe. A read ends behind it.
func TestRedriveInterruptedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, end := io.Pipe()
		got := make(chan error)
		go func() { got <- ask(ctx, streams{in, nil, io.Discard}) }()
		synctest.Wait() // it reads
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("asked: %v", err)
		}
		// A yes comes too late; the read takes it and ends, as the test does.
		if _, err := io.WriteString(end, "y\n"); err != nil {
			t.Error(err)
		}
		if err := ask(ctx, streams{strings.NewReader("y\n"), nil, io.Discard}); !errors.Is(err, context.Canceled) {
			t.Errorf("asked after the interrupt: %v", err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := redriver{streams: streams{err: io.Discard}, flags: &redriveFlags{in: []string{filepath.Join(t.TempDir(), "none")}}}
	if err := r.read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}

// On Windows a process can't be sent an interrupt, and pipes end otherwise.

//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/kinesistest"
)

// process is kinpack as a process of its own.
type process struct {
	*exec.Cmd
	out    io.ReadCloser
	errOut strings.Builder
	ended  chan error
}

// processArgs has the arguments of kinpack where this test is to be that.
const processArgs = "KINPACK_TEST_ARGS"

// TestProcess is kinpack itself in a process of the tests here.
func TestProcess(t *testing.T) {
	if args, ok := os.LookupEnv(processArgs); ok {
		os.Exit(run(context.Background(), strings.Fields(args), streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	p := start(t, "version")
	out, err := io.ReadAll(p.out)
	if code := p.end(t); code != 0 || err != nil || !strings.HasPrefix(string(out), "kinpack ") {
		t.Errorf("exit code %d, %q, %v", code, out, err)
	}
}

func start(t *testing.T, args string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], "-test.run=^TestProcess$"), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), processArgs+"="+args)
	p.Stderr = &p.errOut
	var err error
	if p.out, err = p.StdoutPipe(); err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// end waits for the process and returns its exit code, -1 if a signal ended it.
func (p *process) end(t *testing.T) int {
	t.Helper()
	go func() { p.ended <- p.Wait() }()
	var exit *exec.ExitError
	if err := take(t, p.ended, "end of the process"); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// Like kinpack tail | head -1.
func TestTailPipeEnds(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1, "one", "two")
	p := start(t, "tail --stream s --from trim")
	line, err := bufio.NewReader(p.out).ReadString('\n')
	if err != nil || line != "one\n" {
		t.Errorf("%q, %v", line, err)
	}
	if err := p.out.Close(); err != nil {
		t.Fatal(err)
	}
	c.put(t, "s", "three")
	if code := p.end(t); code != 0 || p.errOut.String() != "" {
		t.Errorf("exit code %d, %q", code, p.errOut.String())
	}
}

// A signal is how to end what would go on for ever.
func TestTailSignal(t *testing.T) {
	for _, x := range []struct {
		signal syscall.Signal
		args   string
		code   int
		err    string
	}{
		{syscall.SIGINT, "", 0, ""}, {syscall.SIGTERM, "", 0, ""},
		{syscall.SIGINT, " --limit 3", 130, "kinpack tail: interrupted before the end\n"},
	} {
		c := newCloud(t)
		c.stream(t, "s", 1, "one")
		p := start(t, "tail --stream s --from trim"+x.args)
		out := bufio.NewReader(p.out)
		if line, err := out.ReadString('\n'); err != nil || line != "one\n" {
			t.Errorf("%q, %v", line, err)
		}
		if err := p.Process.Signal(x.signal); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
		if code := p.end(t); code != x.code || p.errOut.String() != x.err {
			t.Errorf("%+v: exit code %d, %q", x, code, p.errOut.String())
		}
	}
}

// Where nobody takes its output, it still ends, with the second interrupt.
func TestTailSignalTwice(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	for range 10 {
		c.putSealed(t, "s", aggregate.Sealed{PartitionKey: "k", ExplicitHashKey: "0", Data: make([]byte, 1<<18)})
	}
	reads := make(chan bool, 1000)
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
		if r.Operation == "GetRecords" {
			reads <- true
		}
		return f
	})
	p := start(t, "tail --stream s --from trim")
	take(t, reads, "read")
	// It has begun to write, and far more than a pipe holds.
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(10 * time.Second)
	for sent := 0; ; sent++ {
		select {
		case <-p.ended:
			if status := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT || sent < 2 {
				t.Errorf("%v after %d interrupts", p.ProcessState, sent)
			}
			return
		case <-again.C:
			if err := p.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		case <-deadline:
			t.Fatal("it still runs")
		}
	}
}

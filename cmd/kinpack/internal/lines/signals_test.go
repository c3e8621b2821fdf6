// On Windows a process can't send itself an interrupt.

//go:build unix

package lines_test

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
)

func raise(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("no signal came")
	}
}

func TestInterrupts(t *testing.T) {
	for _, signals := range [][2]syscall.Signal{{syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}} {
		told := make(chan bool, 2)
		stop, giveUp, release := lines.Interrupts(t.Context(), func() { told <- true })
		raise(t, signals[0])
		within(t, stop)
		if context.Cause(stop) != lines.ErrInterrupted || giveUp.Err() != nil {
			t.Errorf("after the first: %v, %v", context.Cause(stop), giveUp.Err())
		}
		raise(t, signals[1])
		within(t, giveUp)
		release()
		if len(told) != 1 {
			t.Errorf("told %d times", len(told))
		}
	}
	stop, giveUp, release := lines.Interrupts(t.Context(), func() { t.Error("told") })
	release()
	if stop.Err() == nil || giveUp.Err() == nil {
		t.Error("not released")
	}
}

// The third one ends the process.
func TestThirdInterrupt(t *testing.T) {
	const child = "KINPACK_TEST_CHILD"
	if os.Getenv(child) != "" {
		stop, giveUp, _ := lines.Interrupts(t.Context(), func() {})
		raise(t, syscall.SIGTERM)
		within(t, stop)
		raise(t, syscall.SIGTERM)
		within(t, giveUp)
		raise(t, syscall.SIGTERM)
		<-time.After(10 * time.Second)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestThirdInterrupt$")
	c.Env = append(os.Environ(), child+"=1")
	err := c.Run()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("%v", err)
	}
}

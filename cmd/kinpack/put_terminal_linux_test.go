package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// newTerminal returns a terminal and what shows on it, up to the end of a line.
func newTerminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("no pseudo terminals: ", err)
	} else if err != nil {
		t.Skip("no pseudo terminals: ", err)
	}
	var unlock, n int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &n} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tty.Close(), master.Close()); err != nil {
			t.Error(err)
		}
	})
	return tty, func() string {
		var all []byte
		for !bytes.HasSuffix(all, []byte("\n")) {
			b := make([]byte, 1000)
			n, err := master.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b[:n]...)
		}
		return string(all)
	}
}

// On a terminal there is a bar if the input is a file, else a count; a message
// clears it away.
func TestPutProgress(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tty, shown := newTerminal(t)
	blank := "\r" + strings.Repeat(" ", 50) + "\r"
	for _, c := range []struct {
		in   streams
		want string
	}{
		{streams{in: file, err: tty}, `^\r\[#{20}\.{20}\]  50 %` + blank + "kinpack put: 7 failed\r\n$"},
		{streams{in: strings.NewReader(""), err: tty}, "^\r3 lines, 51 KiB" + blank + "kinpack put: 7 failed\r\n$"},
	} {
		s := newScreen(c.in)
		s.read(1, 1000) // too early to be worth it
		s.bar.start = time.Now().Add(-2 * time.Second)
		s.read(2, 51<<10)
		s.read(1, 1) // too soon after the other
		s.say("%d failed", 7)
		if got := shown(); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%q", got)
		}
	}
}

func TestPutOnTerminal(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	tty, shown := newTerminal(t)
	var out strings.Builder
	if code := run(t.Context(), []string{"put", "--stream", "s", "--key", "k"}, streams{strings.NewReader("a\n"), &out, tty}); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := shown(); got != "kinpack put: line 1: NotJSON: not a JSON object\r\n" {
		t.Errorf("%q", got)
	}
}

package main

// This file owns what put shows on standard error.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen is standard error: messages, and how far the input is read if it is a
// terminal. Safe for concurrent use.
type screen struct {
	mu           sync.Mutex
	w            io.Writer
	bar          *bar // without a total it is a count
	total        bool
	lines, bytes int64     // read
	counted      time.Time // when the count was shown
}

func newScreen(s streams) *screen {
	size, known := inputSize(s.in)
	if !known {
		size = 0
	}
	return &screen{w: s.err, bar: newBar(s.err, int(size>>10)+1), total: known}
}

// inputSize returns what is left of a regular file, in bytes.
func inputSize(in io.Reader) (size int64, known bool) {
	f, ok := in.(*os.File)
	if !ok {
		return 0, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	at, err := f.Seek(0, io.SeekCurrent)
	return info.Size() - at, err == nil && at <= info.Size()
}

// read shows progress; the bar counts in KiB, since an int may be short.
func (c *screen) read(lines, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.bytes >> 10
	c.lines += int64(lines)
	c.bytes += int64(bytes)
	if c.total {
		c.bar.add(int(c.bytes>>10 - before))
		return
	}
	now := time.Now()
	if c.bar.w == nil || now.Sub(c.bar.start) < time.Second || now.Sub(c.counted) < 100*time.Millisecond {
		return
	}
	c.counted = now
	fmt.Fprintf(c.w, "\r%d lines, %d KiB", c.lines, c.bytes>>10)
}

// Write clears the progress away first.
func (c *screen) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	return c.w.Write(p)
}

func (c *screen) clear() {
	c.bar.done()
	if !c.counted.IsZero() {
		fmt.Fprintf(c.w, "\r%s\r", strings.Repeat(" ", 50))
	}
}

func (c *screen) say(format string, a ...any) { fmt.Fprintf(c, "kinpack put: "+format+"\n", a...) }

func (c *screen) end() { _, _ = c.Write(nil) }

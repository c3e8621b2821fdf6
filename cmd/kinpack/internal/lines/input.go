package lines

import (
	"bufio"
	"context"
	"io"
)

// This file owns how the input is cut into lines. No more of it is in memory than
// two chunks and a line of the greatest length.

const chunkSize = 64 << 10

// input hands out lines. One goroutine reads ahead, since a read that blocks
// cannot be ended: it is left behind when ctx ends, and the goroutine ends with it.
type input struct {
	ctx   context.Context
	told  func(lines, bytes int)
	full  chan chunk  // read, in order
	empty chan []byte // buffers to read into
	ended chan struct{}

	chunk chunk  // that is being handed out,
	rest  []byte // and what is left of it
	lines *bufio.Reader
}

type chunk struct {
	buf []byte
	n   int // of buf
	err error
}

func newInput(ctx context.Context, r io.Reader, maxLine int, told func(lines, bytes int)) *input {
	in := &input{ctx: ctx, told: told, full: make(chan chunk, 2), empty: make(chan []byte, 2), ended: make(chan struct{})}
	for range cap(in.empty) {
		in.empty <- make([]byte, chunkSize)
	}
	in.lines = bufio.NewReaderSize(in, maxLine+len("\n"))
	go in.readAhead(r)
	return in
}

// join waits for the goroutine, after an error of the input.
func (in *input) join() { <-in.ended }

func (in *input) readAhead(r io.Reader) {
	defer close(in.ended)
	for {
		var c chunk
		select {
		case c.buf = <-in.empty:
		case <-in.ctx.Done():
			return
		}
		c.n, c.err = r.Read(c.buf)
		in.full <- c
		if c.err != nil {
			return
		}
	}
}

// Read is what the bufio.Reader reads from.
func (in *input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		if in.chunk.err != nil {
			return 0, in.chunk.err
		}
		if in.chunk.buf != nil {
			in.empty <- in.chunk.buf
			in.chunk = chunk{}
		}
		select {
		case in.chunk = <-in.full:
		case <-in.ctx.Done():
			return 0, context.Cause(in.ctx)
		}
		in.rest = in.chunk.buf[:in.chunk.n]
		if len(in.rest) == 0 {
			return 0, in.chunk.err
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// next returns the next line without its "\n", or a piece of it if it is longer
// than the greatest length: then whole is false until its end. It is valid until
// the next call. The error is io.EOF at the end of the input, ctx's cause, or the
// input's, which leaves the line that it broke off out.
func (in *input) next() (line []byte, whole bool, err error) {
	line, err = in.lines.ReadSlice('\n')
	size, ends := len(line), 1
	switch {
	case err == nil:
		line = line[:size-1]
	case err == bufio.ErrBufferFull:
		ends = 0
	case err == io.EOF && size > 0:
	default:
		return nil, false, err
	}
	if in.told != nil {
		in.told(ends, size)
	}
	return line, ends == 1, nil
}

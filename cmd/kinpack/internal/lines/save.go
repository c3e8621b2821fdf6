package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// This file owns what is done for failed lines: they are counted, told of and
// written. The file holds whole lines only, even if writing fails.

// saveSize is about how many bytes go into one write.
const saveSize = 1 << 20

// fail settles a line as failed, and keeps its data for the file.
func (r *run) fail(l *line, data []byte, why *Reason, maybeStored bool) {
	var kept []byte
	if r.Failed != nil {
		kept = bytes.Clone(data)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(l, why, maybeStored)
	if r.Failed == nil {
		r.remove(l)
		return
	}
	r.pending.fail(l, kept)
	r.changed.Broadcast()
}

// count counts a failed line and its reason, which is told if it is new, and ends
// reading if others will fail as well. The mutex is held.
func (r *run) count(l *line, why *Reason, maybeStored bool) {
	r.out.Failed++
	if maybeStored {
		r.out.MaybeStored++
	}
	if why.fatal {
		r.end(fmt.Errorf("%w: %s", ErrRefused, why.Code))
	}
	i := slices.IndexFunc(r.out.Reasons, func(known Reason) bool { return known.kind == why.kind })
	switch {
	case i >= 0:
		r.out.Reasons[i].Lines++
	case len(r.out.Reasons) == MaxReasons:
		r.out.Other++
	default:
		why.Line, why.Lines = l.n, 1
		r.out.Reasons = append(r.out.Reasons, *why)
		r.untold = append(r.untold, *why)
		r.changed.Broadcast()
	}
}

// save tells reasons and writes failed lines until all lines are settled.
func (r *run) save() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		told, failed := r.untold, r.pending.takeFailed(heldLimit, saveSize)
		r.untold = nil
		if len(told) == 0 && len(failed) == 0 {
			if r.finished {
				return
			}
			r.changed.Wait()
			continue
		}
		r.saving = len(failed) > 0
		r.mu.Unlock()
		if r.Tell != nil {
			for _, why := range told {
				r.Tell(why)
			}
		}
		if len(failed) > 0 {
			r.file.write(failed)
			if err := r.file.err; err != nil {
				r.end(err)
			}
		}
		r.mu.Lock()
		r.saving = false
		r.pending.release(failed)
		r.changed.Broadcast()
	}
}

// failedFile is the file of failed lines. After an error nothing is written.
type failedFile struct {
	File
	size  int64 // up to the end of the last whole line,
	lines int64 // of so many
	part  int64 // bytes of a line behind it
	buf   []byte
	err   error
}

// write appends lines. Those that an error cuts off are taken back.
func (f *failedFile) write(failed []*line) {
	if f.err != nil {
		return
	}
	f.buf = f.buf[:0]
	for _, l := range failed {
		f.buf = append(append(f.buf, l.data...), '\n')
	}
	n := int64(f.append(f.buf))
	for _, l := range failed {
		whole := int64(len(l.data)) + 1
		if n < whole {
			break
		}
		n -= whole
		f.size += whole
		f.lines++
	}
	if f.err != nil {
		f.takeBack()
	}
}

// add appends a piece of a line, and endLine its end. Neither is called after an
// error.
func (f *failedFile) add(piece []byte) {
	f.part += int64(f.append(piece))
	if f.err != nil {
		f.takeBack()
	}
}

func (f *failedFile) endLine() {
	if f.add([]byte{'\n'}); f.err == nil {
		f.size += f.part
		f.part = 0
		f.lines++
	}
}

func (f *failedFile) append(b []byte) (n int) {
	n, err := f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		f.err = fmt.Errorf("write failed lines: %w", err)
	}
	return n
}

// takeBack cuts off what follows the last whole line: it would be taken for a line.
func (f *failedFile) takeBack() {
	f.part = 0
	if err := f.Truncate(f.size); err != nil {
		f.err = errors.Join(f.err, fmt.Errorf("the last line there is not whole: %w", err))
	}
}

package lines

import "github.com/kinpack/kinpack/producer"

// This file owns which lines are not finished: those under way, and failed ones
// that are to be written, in input order. It is pure; the run's mutex guards it.

// lineOverhead is what a failed line takes besides its data, roughly.
const lineOverhead = 128

// line is a line that was taken.
type line struct {
	n          int64 // its number, from 1
	prev, next *line
	failed     bool
	data       []byte // of a failed line
	done       func(producer.Result)
}

// pending is a ring of lines. Lines are used again, with their done.
type pending struct {
	root  line
	spare *line // linked by next
	held  int   // bytes of failed lines, until they are released
}

func (p *pending) init() { p.root.prev, p.root.next = &p.root, &p.root }

// first returns the earliest line, or nil.
func (p *pending) first() *line {
	if p.root.next == &p.root {
		return nil
	}
	return p.root.next
}

// add puts a line at the end.
func (p *pending) add(n int64) *line {
	l := p.spare
	if l == nil {
		l = &line{}
	} else {
		p.spare = l.next
	}
	l.n, l.prev, l.next = n, p.root.prev, &p.root
	l.prev.next, l.next.prev = l, l
	return l
}

func (p *pending) unlink(l *line) { l.prev.next, l.next.prev = l.next, l.prev }

func (p *pending) reuse(l *line) {
	*l = line{next: p.spare, done: l.done}
	p.spare = l
}

// remove takes out a line that has not failed.
func (p *pending) remove(l *line) {
	p.unlink(l)
	p.reuse(l)
}

// fail keeps a line's data until it is written.
func (p *pending) fail(l *line, data []byte) {
	l.failed, l.data = true, data
	p.held += len(data) + lineOverhead
}

// takeFailed takes out failed lines with no line before them that is still under
// way, or all of them if more than limit is held; no more than about size bytes.
func (p *pending) takeFailed(limit, size int) (failed []*line) {
	all := p.held > limit
	for l, n := p.root.next, 0; l != &p.root && (l.failed || all) && n < size; {
		next := l.next
		if l.failed {
			n += len(l.data) + lineOverhead
			p.unlink(l)
			failed = append(failed, l)
		}
		l = next
	}
	return failed
}

// release ends failed lines.
func (p *pending) release(failed []*line) {
	for _, l := range failed {
		p.held -= len(l.data) + lineOverhead
		p.reuse(l)
	}
}

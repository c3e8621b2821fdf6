package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/kinpack/kinpack/producer"
)

// This file owns a run: it reads, and settles each line that it took exactly once.

// Producer is what Run needs of a [producer.Producer].
type Producer interface {
	Put(context.Context, producer.Record, func(producer.Result)) error
	Close(context.Context) error
}

// File is where failed lines go; *os.File is one, opened to append. Truncate takes
// back a line that could not be written whole.
type File interface {
	io.Writer
	Truncate(size int64) error
}

// Job is what to do. Its functions may be nil.
type Job struct {
	In       io.Reader
	Producer Producer // Run closes it
	Key      Key      // of each line; nil: no line has one
	MaxLine  int      // bytes of the longest line that is put, at least 16
	Failed   File     // gets the failed lines, each with a "\n"; nil: none does
	// Tell is called with the first failure of each reason, by one goroutine, and
	// with no more than MaxReasons of them.
	Tell func(Reason)
	// Read is called with how much of the input was read since the last time, by
	// Run's goroutine.
	Read func(lines, bytes int)
}

// Outcome is what became of the input.
type Outcome struct {
	Lines       int64 // taken from the input; each was put or has failed
	Failed      int64
	MaybeStored int64 // of these, may be in the stream all the same
	Missing     int64 // of the failed ones, not in Job.Failed, if there is one

	Reasons []Reason // why lines failed, at most MaxReasons, the first to occur first
	Other   int64    // lines that failed for further reasons

	// Stopped is why reading ended before the end of the input: stop's cause,
	// ErrRefused, or what the input or Job.Failed failed with. Nil if all was read.
	Stopped error
	// FileErr is what Job.Failed failed with.
	FileErr error
}

// ErrRefused says that the service refused a record for a reason that is none of
// the record's own, such as access denied or no such stream.
var ErrRefused = errors.New("the service refuses records")

// heldLimit is how many bytes of failed lines may wait to be written. Over it
// they go before lines that are still under way, and nothing is read meanwhile.
const heldLimit = 16 << 20

// Run puts all lines of the input, and returns when each of them is settled. When
// stop ends it reads no further, and sends what was read; when giveUp ends it
// does not wait for that either. A read of Job.In that blocks is left behind then:
// its goroutine ends when it returns. A line is taken as a whole or not at all.
//
// Reading also ends when Job.Failed fails, and with ErrRefused.
func (j *Job) Run(stop, giveUp context.Context) Outcome {
	reading, end := context.WithCancelCause(stop)
	defer end(nil)
	r := &run{Job: j, end: end, file: failedFile{File: j.Failed}}
	r.changed.L = &r.mu
	r.pending.init()
	// Whoever waits looks at its context again.
	defer context.AfterFunc(reading, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})()
	var saver sync.WaitGroup
	saver.Go(r.save)
	stopped := r.read(reading)
	_ = j.Producer.Close(giveUp) // it counts what it hands back, as fail does
	r.mu.Lock()
	r.finished = true
	r.changed.Broadcast()
	r.mu.Unlock()
	saver.Wait()
	r.out.Stopped, r.out.FileErr = stopped, r.file.err
	if j.Failed != nil {
		r.out.Missing = r.out.Failed - r.file.lines
	}
	return r.out
}

type run struct {
	*Job
	end context.CancelCauseFunc // of reading

	mu       sync.Mutex
	changed  sync.Cond // what save and the reader wait for
	out      Outcome
	pending  pending
	untold   []Reason
	awaited  bool // the reader waits to be alone
	saving   bool // save uses the file
	finished bool // all lines are settled

	file failedFile // save's; of the reader while it is alone
}

// read takes lines until the input or ctx ends. The error is nil at the end of the
// input.
func (r *run) read(ctx context.Context) error {
	in := newInput(ctx, r.In, r.MaxLine, r.Read)
	for {
		if err := r.room(ctx); err != nil {
			return err
		}
		line, whole, err := in.next()
		switch {
		case err == io.EOF:
			in.join()
			return nil
		case err != nil:
		case whole:
			err = r.put(ctx, line)
		default:
			err = r.long(ctx, in, line)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			in.join()
			return fmt.Errorf("read: %w", err)
		}
	}
}

// room waits until there is room for failed lines.
func (r *run) room(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.pending.held > heldLimit && ctx.Err() == nil {
		r.changed.Wait()
	}
	return context.Cause(ctx)
}

// put hands a line to the producer. With an error, ctx's, it was not taken.
func (r *run) put(ctx context.Context, data []byte) error {
	l := r.take()
	var key string
	var bad *Reason
	if r.Key != nil {
		key, bad = r.Key(data)
	}
	if bad == nil {
		err := r.Producer.Put(ctx, producer.Record{PartitionKey: key, Data: data}, l.done)
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			r.giveBack(l)
			return err
		}
		bad = reasonOf(err)
	}
	r.fail(l, data, bad, false)
	return nil
}

// long takes a line that is longer than a record may be, of which piece is the
// beginning. It has failed; its data goes to the file piece by piece, after all
// earlier lines, so that the file is this goroutine's alone. With an error it was
// not taken: it is ctx's, or that of the input.
func (r *run) long(ctx context.Context, in *input, piece []byte) error {
	l := r.take()
	save := r.Failed != nil
	if save && !r.alone(ctx, l) {
		r.giveBack(l)
		return ctx.Err()
	}
	for whole := false; ; {
		if save {
			r.file.add(piece)
		}
		if whole || r.file.err != nil {
			break
		}
		var err error
		if piece, whole, err = in.next(); err == io.EOF {
			whole = true
		} else if err != nil {
			if save {
				r.file.takeBack()
			}
			r.giveBack(l)
			return err
		}
	}
	if save && r.file.err == nil {
		r.file.endLine()
	}
	if r.file.err != nil {
		r.end(r.file.err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(l, tooLong(r.MaxLine), false)
	r.remove(l)
	return nil
}

// alone waits until all lines before l are settled, and written if they failed.
func (r *run) alone(ctx context.Context, l *line) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited = true
	for (r.pending.first() != l || r.saving) && ctx.Err() == nil {
		r.changed.Wait()
	}
	r.awaited = false
	return ctx.Err() == nil
}

// take notes that a line is taken.
func (r *run) take() *line {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Lines++
	l := r.pending.add(r.out.Lines)
	if l.done == nil {
		l.done = func(res producer.Result) { r.settle(l, res) }
	}
	return l
}

// giveBack is for the line that was taken last, if it is not after all.
func (r *run) giveBack(l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Lines--
	r.pending.remove(l)
}

// settle is the done of every record. It runs in the producer's goroutine.
func (r *run) settle(l *line, res producer.Result) {
	if res.Err != nil {
		r.fail(l, res.Record.Data, reasonOf(res.Err), res.MaybeStored)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(l)
}

// remove ends a line that nothing is left to do for. The mutex is held.
func (r *run) remove(l *line) {
	wasFirst := r.pending.first() == l
	r.pending.remove(l)
	if first := r.pending.first(); wasFirst && (r.awaited || first != nil && first.failed) {
		r.changed.Broadcast()
	}
}

package main

// This file owns how redrive reads: input into the set, with what the stream and
// the function's progress say of it. What can't be read is named and counted; the
// rest goes on.

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

// read reads all input into the set.
func (r *redriver) read(ctx context.Context) error {
	if len(r.flags.in) == 0 {
		data, err := await(ctx, func() ([]byte, error) { return io.ReadAll(r.in) })
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		return r.documents(ctx, "standard input", data)
	}
	for _, name := range r.flags.in {
		data, err := await(ctx, func() ([]byte, error) { return os.ReadFile(name) }) // it may be a pipe
		if ctx.Err() != nil {
			return fmt.Errorf("read %s: %w", name, ctx.Err())
		}
		if err != nil {
			r.unread++
			r.complain(err)
			continue
		}
		if err := r.documents(ctx, name, data); err != nil {
			return err
		}
	}
	return nil
}

func (r *redriver) documents(ctx context.Context, name string, data []byte) error {
	for d := range redrive.Documents(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		place := name + ": " + d.Place
		err := d.Err
		switch {
		case err != nil:
		case d.Letter != nil:
			r.letters++
			var known bool
			known, err = r.set.AddLetter(d.Letter)
			if known {
				r.duplicates++
			}
		case d.Batch != nil:
			r.batches++
			err = r.batch(ctx, place, d)
		default:
			r.events++
			r.records(place, d.Records, nil)
		}
		if err != nil {
			r.unread++
			r.complain(fmt.Errorf("%s: %w", place, err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// batch adds the records of an on-failure document, but for what is done.
func (r *redriver) batch(ctx context.Context, place string, d redrive.Document) error {
	records := d.Records
	if records == nil {
		var err error
		if records, err = r.ranges.records(ctx, d.Batch); err != nil {
			return fmt.Errorf("read the batch from the stream: %w", err)
		}
		r.checkRange(place, d.Batch, records)
	}
	var done doneFunc
	if r.progress != nil {
		var err error
		if done, err = r.progress.done(ctx, d.Batch); err != nil {
			return fmt.Errorf("read the function's progress: %w", err)
		}
	}
	r.records(place, records, done)
	return nil
}

// checkRange says what is missing of a batch that was read back, or is too much.
// The count alone does not tell: with a ParallelizationFactor or a filter other
// records lie between those of the batch. Its first and its last are its own, and
// the retention takes the first one first.
func (r *redriver) checkRange(place string, b *redrive.Batch, records []redrive.Record) {
	found, missing := len(records), ""
	switch {
	case found < b.Size:
		missing = fmt.Sprintf("only %d of the %d records of the batch are still in the stream, the others are past its retention", found, b.Size)
	case found == 0 || records[0].SequenceNumber != b.First:
		missing = fmt.Sprintf("the batch's first record is no longer in the stream, and maybe others of its %d are past the retention, too; %d records were found", b.Size, found)
	case records[found-1].SequenceNumber != b.Last:
		missing = fmt.Sprintf("the batch's last record is not in the stream; %d records were found, the batch had %d", found, b.Size)
	case found > b.Size && b.Size > 0:
		r.say("%s: %d records stand where the batch of %d records was, as with a ParallelizationFactor or a filter: some may have been handled",
			place, found, b.Size)
	}
	if missing != "" {
		r.complain(fmt.Errorf("%s: %s: %s from %s to %s", place, missing, b.ShardID, b.First, b.Last))
	}
}

// records adds outer records of one document.
func (r *redriver) records(place string, records []redrive.Record, done doneFunc) {
	refused := 0
	for i := range records {
		rec := &records[i]
		var isDone func(int) bool
		if done != nil {
			isDone = done(rec)
		}
		skipped, known, err := r.set.AddRecord(rec, isDone)
		if err != nil {
			refused++
			r.complain(fmt.Errorf("%s: record %s:%s: %w", place, rec.ShardID, rec.SequenceNumber, err))
		}
		r.skipped, r.duplicates = r.skipped+skipped, r.duplicates+known
	}
	if refused > 0 {
		r.unread++
	}
}

// await returns what read does, or ctx's error if that ends first: a read of
// standard input or of a pipe can't be interrupted. read's goroutine then ends with
// the process, or when there is something to read.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, cmp.Or(ctx.Err(), r.err)
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

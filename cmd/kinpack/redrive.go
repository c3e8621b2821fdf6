package main

// This file owns the command redrive: what it reads, in which order it does
// things, and what it says at the end. Whatever is neither handled nor put is
// either still in the documents that were read, or written to --left.

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

const redriveHelp = `kinpack redrive makes Kinesis events again out of dead letters and of Lambda's
on-failure documents, and prints them, invokes a function with them or puts their
user records back into a stream.

Input: JSON documents, one after the other, of these kinds in any mix:
  dead letters of kinpack's lambda middleware
  Lambda's on-failure documents; of one from SQS or SNS, which holds no records,
    the records are read from the stream again
  Kinesis events, as this command prints them
  messages with one of these: what aws sqs receive-message prints, an SQS
    message, an SNS notification, Lambda's events for SQS and SNS, lines of a log
    dead letter, what aws logs filter-log-events prints of them
What is none of them is named on standard error; the others go on, and the exit
code is 1 at the end.

Output: an event a line, as Lambda sends it, of one shard, in the order of the
sequence numbers and without duplicates, of at most 6 MiB. The function gets the
same user records: partition key, explicit hash key and data. Those of one outer
record come in one aggregate, in their old order, with the old outer sequence
number; if they are only a part of it, the eventName tells the old sub-sequence
numbers, which kinpack's middleware goes by. Of the event of a tumbling window only
the records are kept, so don't --invoke a function for windows with it, nor one for
EventBridge Pipes, which wants another shape.

Flags:
  --in FILE         read FILE; may be given several times (default standard input)
  --batch-size N    at most N outer records an event, 1 to 10000 (default 100)
  --checkpoint T    leave out of on-failure documents what the function has done
                    according to its progress in the DynamoDB table T
  --namespace NS    the function's progress namespace in that table
  --invoke F        invoke the function F with each event, in place of printing.
                    Records from the first on that it reports in its
                    batchItemFailures are not done, nor is an event that it fails
  --qualifier Q     a version or an alias of the function
  --stream S        put the user records back into the stream S, a name or an ARN,
                    a Kinesis record each, in place of printing. Every other
                    consumer of the stream sees them again
  --yes             do not ask before putting into a stream
  --left FILE       write events with what is not done to FILE, which must not
                    exist (default standard output). It may be redriven
` + awsHelp + `
Example:
  $ aws sqs receive-message --queue-url "$LETTERS" --max-number-of-messages 10 |
      kinpack redrive --invoke my-function --left left.jsonl
`

type redriveFlags struct {
	in                    []string
	batchSize             int
	checkpoint, namespace string
	invoke, qualifier     string
	stream                string
	yes                   bool
	left                  string
	aws                   *awsFlags
}

const maxBatchSize = 10_000 // of an event source mapping

func redriveCommand() command {
	return command{"redrive", "make events of dead letters, print or send them", redriveHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			f := &redriveFlags{aws: newAWSFlags(flags)}
			flags.Func("in", "", func(name string) error { f.in = append(f.in, name); return nil })
			flags.IntVar(&f.batchSize, "batch-size", batchSize, "")
			flags.StringVar(&f.checkpoint, "checkpoint", "", "")
			flags.StringVar(&f.namespace, "namespace", "", "")
			flags.StringVar(&f.invoke, "invoke", "", "")
			flags.StringVar(&f.qualifier, "qualifier", "", "")
			flags.StringVar(&f.stream, "stream", "", "")
			flags.BoolVar(&f.yes, "yes", false, "")
			flags.StringVar(&f.left, "left", "", "")
			return func(ctx context.Context, s streams) error {
				if err := f.validate(s); err != nil {
					return err
				}
				ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
				defer stop()
				return (&redriver{streams: s, flags: f}).run(ctx)
			}
		}}
}

func (f *redriveFlags) validate(s streams) error {
	bad := func(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }
	switch {
	case f.batchSize < 1 || f.batchSize > maxBatchSize:
		return bad("--batch-size %d: want 1 to %d", f.batchSize, maxBatchSize)
	case f.invoke != "" && f.stream != "":
		return bad("--invoke and --stream: want one of them")
	case f.qualifier != "" && f.invoke == "":
		return bad("--qualifier %s: want --invoke with it", f.qualifier)
	case f.namespace != "" && f.checkpoint == "":
		return bad("--namespace %s: want --checkpoint with it", f.namespace)
	case f.left != "" && f.invoke == "" && f.stream == "":
		return bad("--left %s: want --invoke or --stream with it", f.left)
	case f.yes && f.stream == "":
		return bad("--yes: want --stream with it")
	case f.stream != "" && !f.yes && (len(f.in) == 0 || !terminal(s.in)):
		return bad("--stream %s: every other consumer sees the records again; want --yes, or --in and a terminal to ask on", f.stream)
	}
	return f.aws.validate()
}

type redriver struct {
	streams
	flags    *redriveFlags
	set      redrive.Set
	ranges   rangeReader
	progress progressReader
	failed   bool

	letters, batches, events int // documents
	duplicates, skipped      int // user records
}

// complain says what is wrong, and makes the exit code 1.
func (r *redriver) complain(err error) {
	r.failed = true
	r.say("%v", err)
}

func (r *redriver) say(format string, a ...any) {
	fmt.Fprintf(r.err, "kinpack redrive: "+format+"\n", a...)
}

func (r *redriver) run(ctx context.Context) (err error) {
	out := r.out
	if r.flags.left != "" {
		// Not over another run's file, and before anything is done.
		f, err := os.OpenFile(r.flags.left, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeLeft(f)) }()
		out = f
	}
	r.ranges.connect = func(ctx context.Context, stream string) (shardClient, error) { return r.flags.aws.kinesis(ctx, stream) }
	if r.flags.checkpoint != "" {
		r.progress = newTable(r.flags)
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	events, err := r.set.Events(r.flags.batchSize)
	if err != nil {
		return err
	}
	r.summary(events)
	left, err := r.send(ctx, events)
	if err != nil {
		return err
	}
	for _, e := range left {
		if _, err := out.Write(append(e.JSON(), '\n')); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
	if r.flags.invoke != "" || r.flags.stream != "" {
		r.say("%d of %d user records done, %d left", users(events)-users(left), users(events), users(left))
		r.failed = r.failed || len(left) > 0
	}
	if r.failed {
		return errFailed
	}
	return nil
}

// send does with the events what the flags say, and returns those to write.
func (r *redriver) send(ctx context.Context, events []redrive.Event) (left []redrive.Event, err error) {
	switch {
	case len(events) == 0:
		return nil, nil
	case r.flags.invoke != "":
		v, err := newInvoker(ctx, r.flags, r.complain)
		if err != nil {
			return nil, err
		}
		return v.run(ctx, events), nil
	case r.flags.stream != "":
		r.say("%d user records go back into %s: every other consumer of the stream sees them again", users(events), r.flags.stream)
		if !r.flags.yes && !agreed(r.streams) {
			return nil, errors.New("nothing was put")
		}
		client, err := r.flags.aws.kinesis(ctx, r.flags.stream)
		if err != nil {
			return nil, err
		}
		return (&putter{client, r.flags.stream, r.complain}).run(ctx, events)
	}
	for i, e := range events {
		if n := len(e.JSON()); n > redrive.MaxEvent {
			r.say("event %d has %d bytes, over the limit of %d of an invocation", i+1, n, redrive.MaxEvent)
		}
	}
	return events, nil
}

// read reads all input into the set.
func (r *redriver) read(ctx context.Context) error {
	if len(r.flags.in) == 0 {
		data, err := io.ReadAll(r.in)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		return r.documents(ctx, "standard input", data)
	}
	for _, name := range r.flags.in {
		data, err := os.ReadFile(name)
		if err != nil {
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
		r.checkSize(place, d.Batch, len(records))
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

// checkSize says what is missing of a batch that was read back, or is too much.
func (r *redriver) checkSize(place string, b *redrive.Batch, found int) {
	switch {
	case found < b.Size:
		r.complain(fmt.Errorf("%s: only %d of the %d records of the batch are still in the stream, the others are past its retention: %s from %s to %s",
			place, found, b.Size, b.ShardID, b.First, b.Last))
	case found > b.Size && b.Size > 0:
		r.say("%s: %d records stand where the batch of %d records was, as with a ParallelizationFactor or a filter: some may have been handled",
			place, found, b.Size)
	}
}

// records adds outer records.
func (r *redriver) records(place string, records []redrive.Record, done doneFunc) {
	for i := range records {
		rec := &records[i]
		var isDone func(int) bool
		if done != nil {
			isDone = done(rec)
		}
		skipped, known, err := r.set.AddRecord(rec, isDone)
		if err != nil {
			r.complain(fmt.Errorf("%s: record %s:%s: %w", place, rec.ShardID, rec.SequenceNumber, err))
		}
		r.skipped, r.duplicates = r.skipped+skipped, r.duplicates+known
	}
}

// summary says what was read and made of it.
func (r *redriver) summary(events []redrive.Event) {
	outers := 0
	for _, e := range events {
		outers += len(e)
	}
	r.say("%d dead letters, %d on-failure documents, %d events; %d user records, %d outer records, %d events made; left out: %d duplicates, %d done",
		r.letters, r.batches, r.events, users(events), outers, len(events), r.duplicates, r.skipped)
}

func users(events []redrive.Event) (n int) {
	for _, e := range events {
		n += e.UserRecords()
	}
	return n
}

// closeLeft closes the file of what is left, and removes it if that is nothing.
func closeLeft(f *os.File) error {
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write what is left: %w", err)
	}
	if info.Size() == 0 {
		return os.Remove(f.Name())
	}
	return nil
}

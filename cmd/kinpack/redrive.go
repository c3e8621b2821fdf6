package main

// This file owns the command redrive: its flags, in which order it does things,
// and what it says at the end. Whatever is neither handled nor put is
// either still in the documents that were read, or written to --left.

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
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
What is none of them is named on standard error and counted; the others go on, and
the exit code is 1 at the end.

Output: an event a line, as Lambda sends it, of one shard, in the order of the
sequence numbers and without duplicates, of at most 6 MiB. The function gets the
same user records: partition key, explicit hash key and data. Those of one outer
record come in one aggregate, in their old order, with the old outer sequence
number; the eventName tells the old sub-sequence numbers, which kinpack's
middleware goes by, unless the outer record goes whole, as it was read. Of the event
of a tumbling window only the records are kept, so don't --invoke a function for
windows with it, nor one for EventBridge Pipes, which wants another shape.

A record that the function sets aside again counts as done: its new letter may
stand in the place of the old one, so move letters away before they are redriven.

Flags:
  --in FILE         read FILE; may be given several times (default standard input)
  --batch-size N    at most N outer records an event, 1 to 10000 (default 100)
  --checkpoint T    leave out of on-failure documents what the function has done
                    according to its progress in the DynamoDB table T. It does
                    not find that of a batch whose head had grown too old before
  --namespace NS    the function's progress namespace in that table (default the
                    name of the function that --invoke gives, as in the function;
                    without --invoke it must be given)
  --invoke F        invoke the function F with each event, in place of printing.
                    Records from the first on that it reports in its
                    batchItemFailures are not done, nor is an event that it fails.
                    Later events of that event's shard are then not sent, and are
                    left, too: a partition key's records keep their order
  --qualifier Q     a version or an alias of the function
  --stream S        put the user records back into the stream S, a name or an ARN,
                    a Kinesis record each, in place of printing. Every other
                    consumer of the stream sees them again. What the stream
                    refuses for a while comes behind later ones of its key
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
	case f.checkpoint != "" && f.progressNamespace() == "":
		return bad("--checkpoint %s: want --namespace with it, or --invoke with the function's name or ARN", f.checkpoint)
	case f.left != "" && f.invoke == "" && f.stream == "":
		return bad("--left %s: want --invoke or --stream with it", f.left)
	case f.yes && f.stream == "":
		return bad("--yes: want --stream with it")
	case f.stream != "" && !f.yes && (len(f.in) == 0 || !terminal(s.in)):
		return bad("--stream %s: every other consumer sees the records again; want --yes, or --in and a terminal to ask on", f.stream)
	}
	return f.aws.validate()
}

// progressNamespace is the one given, or the function's name, as it is by default
// in package lambda.
func (f *redriveFlags) progressNamespace() string {
	return cmp.Or(f.namespace, functionName(f.invoke))
}

type redriver struct {
	streams
	flags    *redriveFlags
	set      redrive.Set
	ranges   rangeReader
	progress progressReader
	failed   bool

	letters, batches, events int // documents
	unread                   int // documents that could not be read, or not all of them, and files
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
		r.say("%d of %d user records done, %d left%s", users(events)-users(left), users(events), users(left), r.notRead())
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
		if !r.flags.yes {
			if err := ask(ctx, r.streams); err != nil {
				return nil, fmt.Errorf("nothing was put: %w", err)
			}
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

// summary says what was read and made of it.
func (r *redriver) summary(events []redrive.Event) {
	outers := 0
	for _, e := range events {
		outers += len(e)
	}
	r.say("%d dead letters, %d on-failure documents, %d events; %d user records, %d outer records, %d events made; left out: %d duplicates, %d done%s",
		r.letters, r.batches, r.events, users(events), outers, len(events), r.duplicates, r.skipped, r.notRead())
}

// notRead is the end of a line that sums up, if not all input is in what it says.
func (r *redriver) notRead() string {
	if r.unread == 0 {
		return ""
	}
	return fmt.Sprintf("; %d documents could not be read", r.unread)
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

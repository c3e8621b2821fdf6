package main

// This file owns the command put: its flags, what it asks of the stream, and what
// it says. The exit code is 0 only if every line of the input is in the stream.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/kinwire"
	"github.com/kinpack/kinpack/producer"
)

const putHelp = `kinpack put puts the lines of standard input into a stream, packed.

A line is a user record, byte for byte and without its "\n": a "\r" stays, an empty
line is an empty record, and the last line needs no "\n".

Flags:
  --stream S        the stream, a name or an ARN
  --key FIELD       the partition key is the member FIELD of the line, a JSON
                    object: a string as it is, a number or boolean as it is written.
                    A dot leads into a nested object, \. is a dot of a name
  --delimiter C     with --key: the line is columns with the character C (\t: a tab)
                    between them, quoted as in CSV, and FIELD is a column, from 1.
                    A quoted column ends with its line
  --key-random      a random partition key for each record
  --keyless         no partition key (default). It fills PUT units best, with any
                    number of shards. Readers see the key "-"
  --buffer D        a record waits at most D for others to be packed with
                    (default 100ms)
  --ttl D           a record that is not stored after D has failed; 0: never
                    (default 5m)
  --timeout D       give a call up after D and send its records again, which may be
                    stored twice then (default 30s: 5 MiB over a slow line)
  --rate-limit N    send at most N percent of what a shard takes, 1,000 records
                    and 1 MiB a second; 0: no limit (default 150)
  --lanes N         pack each shard's keys in N lanes, 1 to 256, for a Lambda
                    ParallelizationFactor above 1 (default 1)
  --no-pack         a Kinesis record for each line, one of a key at a time
  --cbor            send CBOR, in which data is not base64: a quarter fewer bytes.
                    It has been run against emulators, and not yet against AWS
  --failed FILE     write failed lines to FILE, which must not exist, and is not
                    there at the end if there are none. They come in input order,
                    unless more than 16 MiB of them wait for an earlier line.
                    "kinpack put < FILE" tries again; those counted as maybe
                    stored may then be there twice
  --json            the summary as JSON
` + awsHelp + `
With --key the records of a key keep their order, unless the stream is
service-managed; else there is none. A line has failed if it is no JSON object or has
no FIELD, null, an object or an array there, if its key is empty or has more than 256
characters, if it is longer than a record of the stream, or if it was not stored in
time. The others go on. If the service refuses records for good, or FILE cannot be
written, no more is read.

It needs kinesis:PutRecords, kinesis:ListShards, without which nothing is packed, and
kinesis:DescribeStreamSummary, without which the stream counts as a provisioned one
with records of up to 1 MiB.

An interrupt or SIGTERM ends reading; what was read is sent. A second one gives that
up, and what is not stored by then has failed.

Exit code:
  0    every line is in the stream
  1    a line has failed, or the input was not read to its end
  2    wrong flags, or FILE exists or cannot be made: nothing was read
  130  interrupted, but every line that was read is in the stream

Example:
  $ printf '%s\n' '{"origin":"SEA","delay":4}' '{"origin":"LAX","delay":-2}' | kinpack put --stream flights --key origin
`

type putFlags struct {
	stream             string
	key                *string
	keyRandom, keyless bool
	delimiter          string
	buffer, ttl        time.Duration
	timeout            time.Duration
	rateLimit, lanes   int
	noPack, cbor, json bool
	failed             string
	aws                *awsFlags
}

const (
	putTTL     = 5 * time.Minute  // longer than a full buffer waits for a shard of its own
	putTimeout = 30 * time.Second // 5 MiB, 7 MB as JSON, at 2 Mbit/s
)

func putCommand() command {
	return command{"put", "put lines into a stream, packed", putHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			f := &putFlags{aws: newAWSFlags(flags)}
			flags.StringVar(&f.stream, "stream", "", "")
			flags.Func("key", "", func(field string) error { f.key = &field; return nil })
			flags.StringVar(&f.delimiter, "delimiter", "", "")
			flags.BoolVar(&f.keyRandom, "key-random", false, "")
			flags.BoolVar(&f.keyless, "keyless", false, "")
			flags.DurationVar(&f.buffer, "buffer", 100*time.Millisecond, "")
			flags.DurationVar(&f.ttl, "ttl", putTTL, "")
			flags.DurationVar(&f.timeout, "timeout", putTimeout, "")
			flags.IntVar(&f.rateLimit, "rate-limit", 150, "")
			flags.IntVar(&f.lanes, "lanes", 1, "")
			flags.BoolVar(&f.noPack, "no-pack", false, "")
			flags.BoolVar(&f.cbor, "cbor", false, "")
			flags.StringVar(&f.failed, "failed", "", "")
			flags.BoolVar(&f.json, "json", false, "")
			return func(ctx context.Context, s streams) error {
				key, err := f.validate()
				if err != nil {
					return err
				}
				return f.run(ctx, s, key)
			}
		}}
}

func (f *putFlags) validate() (lines.Key, error) {
	bad := func(format string, a ...any) (lines.Key, error) { return nil, usageError{fmt.Errorf(format, a...)} }
	switch {
	case f.stream == "":
		return bad("--stream: want the name or ARN of a stream")
	case f.key != nil && (f.keyRandom || f.keyless) || f.keyRandom && f.keyless:
		return bad("--key, --key-random, --keyless: want one of them")
	case f.delimiter != "" && f.key == nil:
		return bad("--delimiter %s: want --key with it", f.delimiter)
	case f.ttl < 0:
		return bad("--ttl %v: want 0 or more", f.ttl)
	case f.timeout <= 0:
		return bad("--timeout %v: want more than 0", f.timeout)
	case f.buffer < 0 || f.buffer > 7*24*time.Hour || f.ttl > 0 && f.buffer >= f.ttl:
		return bad("--buffer %v: want 0 to 168h, and less than --ttl", f.buffer)
	case f.rateLimit < 0 || f.rateLimit > 100_000:
		return bad("--rate-limit %d: want 0 to 100000", f.rateLimit)
	case f.lanes < 1 || f.lanes > 256:
		return bad("--lanes %d: want 1 to 256", f.lanes)
	}
	if err := f.aws.validate(); err != nil {
		return nil, err
	}
	key, err := f.partitionKey()
	if err != nil {
		return bad("%w", err)
	}
	return key, nil
}

// partitionKey returns what finds a line's key; nil if there is none.
func (f *putFlags) partitionKey() (lines.Key, error) {
	switch {
	case f.keyRandom:
		return lines.RandomKey, nil
	case f.key == nil:
		return nil, nil
	case f.delimiter == "":
		key, err := lines.MemberKey(*f.key)
		if err != nil {
			return nil, fmt.Errorf("--key %w", err)
		}
		return key, nil
	}
	key, err := lines.ColumnKey(*f.key, f.delimiter)
	if err != nil {
		return nil, fmt.Errorf("--key %q --delimiter %q: %w", *f.key, f.delimiter, err)
	}
	return key, nil
}

// exitCode ends a command that has said why already.
type exitCode int

func (c exitCode) Error() string { return "exit code " + strconv.Itoa(int(c)) }

const exitInterrupted exitCode = 130 // as of a process that SIGINT has ended

func (f *putFlags) run(ctx context.Context, s streams, key lines.Key) error {
	screen := newScreen(s)
	job := lines.Job{In: s.in, Key: key, Tell: func(why lines.Reason) {
		screen.say("line %d: %s: %s", why.Line, why.Code, why.Text)
	}}
	if screen.bar.w != nil {
		job.Read = screen.read
	}
	if f.failed == "" {
		return f.put(ctx, job, screen, s.out)
	}
	// Never over what is there: it may be the input.
	file, err := os.OpenFile(f.failed, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usageError{fmt.Errorf("--failed: %w", err)}
	}
	job.Failed = file
	err = f.put(ctx, job, screen, s.out)
	if e := closeLeft(file); e != nil {
		screen.say("%s: %v", f.failed, e)
		if err == nil || errors.Is(err, exitInterrupted) {
			err = errFailed
		}
	}
	return err
}

func (f *putFlags) put(ctx context.Context, job lines.Job, screen *screen, out io.Writer) error {
	stop, giveUp, release := lines.Interrupts(ctx, func() {
		screen.say("interrupted: what was read is being sent; once more gives up")
	})
	defer release()
	p, l, err := f.connect(stop, screen)
	switch {
	case err != nil && stop.Err() != nil:
		release()
		screen.say("interrupted before anything was read")
		return exitInterrupted
	case err != nil:
		return err
	}
	job.Producer, job.MaxLine = p, l.Record
	start := time.Now()
	done := job.Run(stop, giveUp)
	sum := lines.NewSummary(done, p.Stats(), l.PutUnit, time.Since(start))
	release()
	screen.end()
	f.report(screen, done, stop)
	if f.json {
		err = newEncoder(out).Encode(sum)
	} else {
		err = sum.Print(out)
	}
	if err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return verdict(done, stop)
}

// verdict returns what makes the exit code.
func verdict(out lines.Outcome, stop context.Context) error {
	switch {
	case out.Failed > 0 || out.FileErr != nil:
		return errFailed
	case out.Stopped == nil:
		return nil
	case out.Stopped == context.Cause(stop):
		return exitInterrupted
	}
	return errFailed
}

func (f *putFlags) connect(ctx context.Context, log io.Writer) (*producer.Producer, lines.Limits, error) {
	var wire []func(*kinesis.Options)
	if f.cbor {
		wire = append(wire, kinwire.CBOR)
	}
	client, err := f.aws.kinesis(ctx, f.stream, wire...)
	if err != nil {
		return nil, lines.Limits{}, err
	}
	in := &kinesis.DescribeStreamSummaryInput{}
	in.StreamName, in.StreamARN = byNameOrARN(f.stream)
	l, err := lines.LimitsOf(ctx, client, in)
	if err != nil {
		return nil, l, fmt.Errorf("stream %s: %w", f.stream, err)
	}
	p, err := producer.New(ctx, client, f.stream, f.options(l, log)...)
	return p, l, err
}

func (f *putFlags) options(l lines.Limits, log io.Writer) []producer.Option {
	return []producer.Option{
		producer.WithMaxBufferedTime(f.buffer), producer.WithRecordTTL(f.ttl), producer.WithRequestTimeout(f.timeout), producer.WithRateLimit(f.rateLimit),
		producer.WithLanes(f.lanes), producer.WithAggregation(!f.noPack),
		producer.WithPutUnit(l.PutUnit), producer.WithMaxRecordSize(l.Record),
		producer.WithLogger(slog.New(slog.NewTextHandler(log, nil))),
	}
}

// report says what did not go well.
func (f *putFlags) report(screen *screen, out lines.Outcome, stop context.Context) {
	for _, why := range out.Reasons {
		if why.Lines > 1 {
			screen.say("%d more failed as line %d did", why.Lines-1, why.Line)
		}
	}
	if out.Other > 0 {
		screen.say("%d failed for other reasons", out.Other)
	}
	switch {
	case out.Stopped == nil:
	case out.Stopped == context.Cause(stop):
		screen.say("interrupted: the input was cut after line %d", out.Lines)
	default:
		screen.say("the input was cut after line %d: %v", out.Lines, out.Stopped)
	}
	switch {
	case out.FileErr != nil:
		screen.say("%d of the %d failed lines are not in %s: %v", out.Missing, out.Failed, f.failed, out.FileErr)
	case f.failed != "" && out.Failed > 0:
		screen.say("the failed lines are in %s", f.failed)
	}
}

package main

// This file owns the command tail, and what it shares with inspect: which stream is
// read, from where, and how an interrupt ends that.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/sequence"
)

const fromHelp = `trim, the oldest record there is; latest, what
                  is put from now on; a time, as 2026-11-14T09:30:00Z or 15m,
                  which is so long ago; or, with --shard, a sequence number,
                  included`

const tailHelp = `kinpack tail prints the user records of a stream, of all its shards, as they come.

It follows splits and merges: a shard is read when its parents have been read to
their end, so the records of a partition key come in order. Aggregates are taken
apart. A shard is read up to 5 times a second, and others read it, too: while a
shard is throttled, tail waits.

Standard output: the data of each user record as it is, and a line feed; or, with
--json, a JSON line a user record, with what decode prints of it, and more:
  {"partitionKey", "explicitHashKey", "data", "aggregated", "sequenceNumber", "subSequenceNumber",
   "shardId", "approximateArrivalTimestamp"}

A malformed aggregate is named on standard error, and the others go on. It ends
when nobody reads its output any more, or with an interrupt or SIGTERM; a second one
ends it also while nobody takes its output.

Flags:
  --stream S        read the stream S, a name or an ARN
  --from P          from where on: ` + fromHelp + `
                  (default latest)
  --shard ID        read this shard only, until it is closed
  --json            print JSON lines
  --raw             don't take aggregates apart: print JSON lines that decode reads,
                    a Kinesis record each
  --limit N         end after N user records, or, with --raw, Kinesis records
  --no-follow       end when all is read that is there, --from trim mostly
` + awsHelp + `
Exit code:
  0    all that was wanted is printed; also after an interrupt, if nothing else
       could have ended it
  1    an aggregate was malformed, or reading or writing failed
  2    wrong flags
  130  interrupted, with --no-follow or --limit: not all is printed

Example:
  $ kinpack tail --stream clicks --from trim --no-follow --json
  {"partitionKey":"a","explicitHashKey":null,"data":"b25l","aggregated":true,"sequenceNumber":"4964...","subSequenceNumber":0,"shardId":"shardId-000000000000","approximateArrivalTimestamp":"2026-11-14T09:30:00.123Z"}
`

// source is the flags that say what is read.
type source struct {
	stream, from, shard string
	aws                 *awsFlags
}

func newSource(flags *flag.FlagSet, from string) *source {
	s := &source{aws: newAWSFlags(flags)}
	flags.StringVar(&s.stream, "stream", "", "")
	flags.StringVar(&s.from, "from", from, "")
	flags.StringVar(&s.shard, "shard", "", "")
	return s
}

// position returns what --from says, as of now.
func (s *source) position(now time.Time) (follow.Position, error) {
	bad := func(format string, a ...any) (follow.Position, error) {
		return follow.Position{}, usageError{fmt.Errorf("--from %s: "+format, append([]any{s.from}, a...)...)}
	}
	switch s.from {
	case "trim":
		return follow.TrimHorizon(), nil
	case "latest":
		return follow.Latest(), nil
	}
	if at, err := time.Parse(time.RFC3339, s.from); err == nil {
		if at.After(now) {
			return bad("want a time that has been")
		}
		return follow.AtTime(at), nil
	}
	if sequence.Valid(s.from) {
		if s.shard == "" {
			return bad("want --shard with a sequence number")
		}
		return follow.AtSequenceNumber(s.from), nil
	}
	if ago, err := time.ParseDuration(s.from); err == nil {
		if ago < 0 {
			return bad("want how long ago, 0s or more")
		}
		return follow.AtTime(now.Add(-ago)), nil
	}
	return bad("want trim, latest, a time as 2026-11-14T09:30:00Z or 15m, or a sequence number")
}

func (s *source) validate() error {
	if s.stream == "" {
		return usageError{errors.New("want --stream")}
	}
	if _, err := s.position(time.Now()); err != nil {
		return err
	}
	return s.aws.validate()
}

// open returns the stream, and what the flags say of how it is to be read.
func (s *source) open(ctx context.Context) (stream follow.Stream, from follow.Position, opts []follow.Option, err error) {
	if from, err = s.position(time.Now()); err != nil {
		return stream, from, nil, err
	}
	client, err := s.aws.kinesis(ctx, s.stream)
	if err != nil {
		return stream, from, nil, err
	}
	stream = follow.Stream{Client: client}
	stream.Name, stream.ARN = byNameOrARN(s.stream)
	if s.shard != "" {
		opts = append(opts, follow.WithShard(s.shard))
	}
	return stream, from, opts, nil
}

// interruptible returns a context that an interrupt ends. A second one ends the
// process, which may be waiting for whoever reads its output.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

type tailFlags struct {
	*source
	json, raw, noFollow bool
	limit               int
}

func tailCommand() command {
	return command{"tail", "print the user records of a stream as they come", tailHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			f := &tailFlags{source: newSource(flags, "latest")}
			flags.BoolVar(&f.json, "json", false, "")
			flags.BoolVar(&f.raw, "raw", false, "")
			flags.BoolVar(&f.noFollow, "no-follow", false, "")
			flags.IntVar(&f.limit, "limit", 0, "")
			return func(ctx context.Context, s streams) error {
				if err := f.validate(); err != nil {
					return err
				}
				// Without this the end of who reads standard output would kill it.
				pipe := make(chan os.Signal, 1)
				signal.Notify(pipe, syscall.SIGPIPE)
				defer signal.Stop(pipe)
				ctx, stop := interruptible(ctx)
				defer stop()
				return tail(ctx, f, s)
			}
		}}
}

func (f *tailFlags) validate() error {
	if f.limit < 0 {
		return usageError{fmt.Errorf("--limit %d: want 1 or more, or 0 for no limit", f.limit)}
	}
	return f.source.validate()
}

// tail reads until there is no more, or no more is wanted.
func tail(ctx context.Context, f *tailFlags, s streams) error {
	stream, from, opts, err := f.open(ctx)
	if err != nil {
		return err
	}
	if f.noFollow {
		opts = append(opts, follow.WithStopAtTip())
	}
	p := newPrinter(f, s)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	opts = append(opts, follow.WithIdle(func() {
		if p.flush() != nil {
			stop()
		}
	}))
	for r, err := range stream.Read(reading, from, opts...) {
		if err != nil {
			return p.end(interruption(ctx, f, s, err))
		}
		if p.record(&r) {
			break
		}
	}
	return p.end(nil)
}

// interruption returns err, or, if that is an interrupt, what that means: nothing if
// it is the only end there is.
func interruption(ctx context.Context, f *tailFlags, s streams, err error) error {
	switch {
	case ctx.Err() == nil || !errors.Is(err, ctx.Err()):
		return err
	case f.noFollow || f.limit > 0:
		fmt.Fprintln(s.err, "kinpack tail: interrupted before the end")
		return exitInterrupted
	}
	return nil
}

// printer writes records, and keeps the first error of the output.
type printer struct {
	flags  *tailFlags
	errOut io.Writer
	out    *bufio.Writer
	json   *json.Encoder
	users  []deaggregate.Record
	n      int  // records printed
	failed bool // a record was malformed
	err    error
}

func newPrinter(f *tailFlags, s streams) *printer {
	out := bufio.NewWriterSize(s.out, 64<<10)
	return &printer{flags: f, errOut: s.err, out: out, json: newEncoder(out)}
}

// tailed is a line of tail's output.
type tailed struct {
	unpacked
	ShardID string    `json:"shardId"`
	Arrival time.Time `json:"approximateArrivalTimestamp"`
}

// rawLine is a Kinesis record as GetRecords hands it out, with its shard.
type rawLine struct {
	ShardID        string `json:"ShardId"`
	SequenceNumber string
	Arrival        time.Time `json:"ApproximateArrivalTimestamp"`
	PartitionKey   string
	Data           []byte
}

// record prints what is wanted of a Kinesis record, and says whether that is all.
func (p *printer) record(r *follow.Record) (done bool) {
	if p.flags.raw {
		return p.line(p.json.Encode(rawLine{r.Shard.ID, r.SequenceNumber, r.Arrival.UTC(), r.PartitionKey, r.Data}))
	}
	var err error
	if p.users, err = deaggregate.Append(p.users[:0], r.PartitionKey, r.Data); err != nil {
		p.failed = true
		fmt.Fprintf(p.errOut, "kinpack tail: %s, sequence number %s: %v\n", r.Shard.ID, r.SequenceNumber, err)
		return false
	}
	for i := range p.users {
		if p.user(r, &p.users[i]) {
			return true
		}
	}
	return false
}

func (p *printer) user(r *follow.Record, u *deaggregate.Record) (done bool) {
	if p.flags.json {
		return p.line(p.json.Encode(tailed{unpackedOf(u, &r.SequenceNumber), r.Shard.ID, r.Arrival.UTC()}))
	}
	_, _ = p.out.Write(u.Data) // an error stays
	return p.line(p.out.WriteByte('\n'))
}

// line counts a line that was written.
func (p *printer) line(err error) (done bool) {
	p.n++
	p.err = err
	return err != nil || p.n == p.flags.limit
}

// flush has what is printed seen.
func (p *printer) flush() error {
	if p.err == nil {
		p.err = p.out.Flush()
	}
	return p.err
}

// end returns how the command ends, after reading ended with err. That nobody reads
// on is nothing wrong.
func (p *printer) end(err error) error {
	switch out := p.flush(); {
	case errors.Is(out, syscall.EPIPE), errors.Is(out, io.ErrClosedPipe):
		err = nil
	case out != nil:
		return fmt.Errorf("write to standard output: %w", out)
	}
	if p.failed && (err == nil || errors.Is(err, exitInterrupted)) {
		return errFailed
	}
	return err
}

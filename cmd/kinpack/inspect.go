package main

// This file owns the command inspect: how a sample of a stream is taken.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/inspect"
)

const inspectHelp = `kinpack inspect says how the records of a stream are packed, and where they land.

It reads a sample and tells: how much of it is packed, and by whom; how many user
records an aggregate has, how large they are, and how well they fill what they are
billed by, against the same user records one by one; what each shard takes; which
partition keys of user records come most; which aggregates a KCL drops, because a
hash key in them lies outside of the shard, and whether what is in them came a second
time; which are malformed. Then a hint for what stands out. The data of user records
is not shown.

All shards give to the sample about the same number of records, so what they take is
told by the arrival of these, a second, and their shares are parts of that; the shares
of partition keys are parts of the sample. With --for the sample is of the same time
for all.

Flags:
  --stream S        inspect the stream S, a name or an ARN
  --from P          from where on: ` + fromHelp + `
                  (default trim)
  --shard ID        inspect this shard only
  --records N       at most N Kinesis records (default 10000; none with --for)
  --for D           read for so long, such as 1m, also what comes; the default is to
                    end when all is read that is there
  --json            print the report as JSON
` + awsHelp + `
Exit code: 0, 1 if reading failed, 2 if the flags are wrong, 130 if it was
interrupted; then the report is of what had been read.

Example:
  $ kinpack inspect --stream clicks
  stream clicks, 5 Kinesis records from trim on

  Kinesis records                  5, 30477 bytes
  user records                     97, about 2.1 a second in the whole stream
  packed                           80.0 % of the Kinesis records, 99.0 % of the user records
  user records an aggregate        mean 24.0, p50 24, p99 24, max 24
  keyless                          0.0 % of the user records
  bytes of a user record           mean 297.0, p50 300, p99 300, max 300
  PUT units of 25,600 bytes        5, fill 0.238; one by one 97
  ...
`

type inspectFlags struct {
	*source
	records *int // nil: not given
	during  time.Duration
	json    bool
}

const inspectRecords = 10_000

func inspectCommand() command {
	return command{"inspect", "say how the records of a stream are packed", inspectHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			f := &inspectFlags{source: newSource(flags, "trim")}
			records := flags.Int("records", 0, "")
			flags.DurationVar(&f.during, "for", 0, "")
			flags.BoolVar(&f.json, "json", false, "")
			return func(ctx context.Context, s streams) error {
				flags.Visit(func(given *flag.Flag) {
					if given.Name == "records" {
						f.records = records
					}
				})
				if err := f.validate(); err != nil {
					return err
				}
				ctx, stop := interruptible(ctx)
				defer stop()
				return f.run(ctx, s)
			}
		}}
}

func (f *inspectFlags) validate() error {
	switch {
	case f.records != nil && *f.records < 1:
		return usageError{fmt.Errorf("--records %d: want 1 or more", *f.records)}
	case f.during < 0:
		return usageError{fmt.Errorf("--for %v: want more than 0", f.during)}
	}
	return f.source.validate()
}

func (f *inspectFlags) run(ctx context.Context, s streams) error {
	limit := 0
	switch {
	case f.records != nil:
		limit = *f.records
	case f.during == 0:
		limit = inspectRecords
	}
	bar := newBar(s.err, limit)
	if limit == 0 {
		bar.w = nil
	}
	sample, err := f.sample(ctx, limit, f.during, func() { bar.add(1) })
	bar.done()
	interrupted := ctx.Err() != nil && errors.Is(err, ctx.Err())
	if err != nil && (sample == nil || !interrupted) {
		return err
	}
	if err := f.print(sample.Report(), s.out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if interrupted {
		fmt.Fprintln(s.err, "kinpack inspect: interrupted: the report is of what had been read")
		return exitInterrupted
	}
	return nil
}

func (f *inspectFlags) print(r *inspect.Report, out io.Writer) error {
	if f.json {
		return newEncoder(out).Encode(struct {
			Stream string `json:"stream"`
			From   string `json:"from"`
			*inspect.Report
		}{f.stream, f.from, r})
	}
	if _, err := fmt.Fprintf(out, "stream %s, %d Kinesis records from %s on\n\n", f.stream, r.KinesisRecords, f.from); err != nil {
		return err
	}
	return r.WriteText(out)
}

// sample reads a sample of the stream: at most limit Kinesis records, 0 for no limit,
// and for so long, or, if that is 0, up to the tip. read is called for each. Along
// with an error it returns what was read, or nil if it did not come to that.
func (s *source) sample(ctx context.Context, limit int, during time.Duration, read func()) (*inspect.Sample, error) {
	stream, from, opts, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	shards, err := stream.Shards(ctx)
	if err != nil {
		return nil, err
	}
	if s.shard != "" {
		shards = slices.DeleteFunc(shards, func(one *follow.Shard) bool { return one.ID != s.shard })
	}
	if limit > 0 {
		// Each shard has its turn before one gives all.
		opts = append(opts, follow.WithPageSize(min(max(limit/max(1, len(shards)), 1), 10_000)))
	}
	reading := ctx
	if during > 0 {
		var stop func()
		reading, stop = context.WithTimeout(ctx, during)
		defer stop()
	} else {
		opts = append(opts, follow.WithStopAtTip())
	}
	since, _ := from.Time()
	sample := inspect.NewSample(shards, since, 1)
	opts = append(opts, follow.WithTip(sample.Tip))
	n := 0
	for r, err := range stream.Read(reading, from, opts...) {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && reading.Err() != nil {
			break
		}
		if err != nil {
			return sample, err
		}
		sample.Add(&r)
		read()
		if n++; n == limit {
			break
		}
	}
	return sample, nil
}

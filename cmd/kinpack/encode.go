package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
)

const encodeHelp = `kinpack encode packs user records into one Kinesis record.

Standard input: a JSON object a line,
  {"partitionKey": "...", "explicitHashKey": "..." or null, "data": "base64"}
Standard output: one JSON line that holds them all,
  {"PartitionKey": "...", "ExplicitHashKey": "...", "Data": "base64"}

A lone user record stays plain, as with the KPL. Explicit hash keys are read as
the KPL reads them: blanks around them, a plus sign and leading zeros go.

Flags:
  --max-bytes N   at most N bytes of data a Kinesis record, as many lines as it
                  takes; a larger user record goes alone (default 0: no limit)

Example:
  $ printf '%s\n' '{"partitionKey":"a","data":"b25l"}' '{"partitionKey":"b","data":"dHdv"}' | kinpack encode
  {"PartitionKey":"a","ExplicitHashKey":"16955237001963240173058271559858726497","Data":"84mawgoBYQoBYhoHCAAaA29uZRoHCAEaA3R3b3iWYm5LVHUOB/z+tFjoo34="}
`

func encodeCommand() command {
	return command{"encode", "pack user records, JSON lines, into Kinesis records", encodeHelp,
		func(flags *flag.FlagSet) func(context.Context, streams) error {
			maxBytes := flags.Int("max-bytes", 0, "")
			return func(_ context.Context, s streams) error {
				if *maxBytes < 0 {
					return usageError{fmt.Errorf("--max-bytes %d: want 0 or more", *maxBytes)}
				}
				return encode(s, *maxBytes)
			}
		}}
}

// userRecord is a line of encode's input.
type userRecord struct {
	PartitionKey    string  `json:"partitionKey"`
	ExplicitHashKey *string `json:"explicitHashKey"`
	Data            []byte  `json:"data"`
}

// kinesisRecord is a line of its output.
type kinesisRecord struct {
	PartitionKey    string
	ExplicitHashKey string
	Data            []byte
}

func encode(s streams, maxBytes int) error {
	b := aggregate.Builder{MaxSize: maxBytes}
	if maxBytes == 0 {
		b.MaxSize = math.MaxInt
	}
	out := newEncoder(s.out)
	flush := func() error {
		if b.Len() == 0 {
			return nil
		}
		sealed := b.Seal(nil)
		b.Reset()
		return out.Encode(kinesisRecord{sealed.PartitionKey, sealed.ExplicitHashKey, sealed.Data})
	}
	in := bufio.NewReader(s.in)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("read standard input: %w", err)
		}
		last := err == io.EOF
		if r, ok, err := readUserRecord(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		} else if ok {
			err := b.Add(r)
			if errors.Is(err, aggregate.ErrFull) {
				if err := flush(); err != nil {
					return err
				}
				err = b.Add(r)
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if last {
			return flush()
		}
	}
}

// readUserRecord reads a line; ok is false for an empty one.
func readUserRecord(line []byte) (_ aggregate.Record, ok bool, err error) {
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return aggregate.Record{}, false, nil
	}
	if !utf8.Valid(line) {
		return aggregate.Record{}, false, errors.New("not valid UTF-8")
	}
	var u userRecord
	if err := json.Unmarshal(line, &u); err != nil {
		return aggregate.Record{}, false, fmt.Errorf("want {\"partitionKey\", \"explicitHashKey\", \"data\": base64}: %w", err)
	}
	r := aggregate.Record{PartitionKey: u.PartitionKey, Data: u.Data}
	if u.ExplicitHashKey != nil {
		r.ExplicitHashKey = hashkey.Normalize(*u.ExplicitHashKey)
	}
	return r, true, nil
}

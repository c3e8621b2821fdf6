package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/kinpack/kinpack/deaggregate"
)

const decodeHelp = `kinpack decode takes Kinesis records apart into user records.

Standard input: a JSON object a record,
  {"PartitionKey": "...", "Data": "base64", "SequenceNumber": "..."}
of which SequenceNumber may be missing; or what aws kinesis get-records prints.
Standard output: a JSON line a user record,
  {"partitionKey", "explicitHashKey", "data", "aggregated", "sequenceNumber", "subSequenceNumber"}
with null for what the record does not have. A partition key that is not valid
UTF-8 is also given as "partitionKeyBase64".

A malformed record is named on standard error; the others go on, and the exit
code is 1 at the end.

Example:
  $ aws kinesis get-records --shard-iterator "$ITERATOR" | kinpack decode
  {"partitionKey":"a","explicitHashKey":null,"data":"b25l","aggregated":true,"sequenceNumber":"4964...","subSequenceNumber":0}
`

func decodeCommand() command {
	return command{"decode", "take Kinesis records, JSON lines, apart into user records", decodeHelp,
		func(*flag.FlagSet) func(context.Context, streams) error {
			return func(_ context.Context, s streams) error { return decode(s) }
		}}
}

// fetched is a record as GetRecords hands it out.
type fetched struct {
	PartitionKey   string
	Data           *[]byte
	SequenceNumber *string
}

// unpacked is a line of decode's output.
type unpacked struct {
	PartitionKey       string  `json:"partitionKey"`
	PartitionKeyBase64 []byte  `json:"partitionKeyBase64,omitempty"`
	ExplicitHashKey    *string `json:"explicitHashKey"`
	Data               []byte  `json:"data"`
	Aggregated         bool    `json:"aggregated"`
	SequenceNumber     *string `json:"sequenceNumber"`
	SubSequenceNumber  int     `json:"subSequenceNumber"`
}

func decode(s streams) error {
	d := decoder{streams: s, out: newEncoder(s.out)}
	in := json.NewDecoder(s.in)
	for {
		var value json.RawMessage
		if err := in.Decode(&value); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("standard input, byte %d: not JSON: %w", in.InputOffset(), err)
		}
		var page struct{ Records *[]json.RawMessage }
		if err := json.Unmarshal(value, &page); err != nil || page.Records == nil {
			page.Records = &[]json.RawMessage{value}
		}
		for _, r := range *page.Records {
			if err := d.record(r); err != nil {
				return err
			}
		}
	}
	if d.failed {
		return errFailed
	}
	return nil
}

type decoder struct {
	streams
	out     *json.Encoder
	records int
	failed  bool
	users   []deaggregate.Record
}

// record takes one Kinesis record apart. What is wrong with it is said and
// counted; the error is that of the output.
func (d *decoder) record(raw json.RawMessage) error {
	d.records++
	var r fetched
	err := json.Unmarshal(raw, &r)
	switch {
	case err != nil:
	case r.Data == nil:
		err = errors.New(`no "Data"`)
	default:
		d.users, err = deaggregate.Append(d.users[:0], r.PartitionKey, *r.Data)
	}
	if err != nil {
		d.failed = true
		name := fmt.Sprintf("record %d", d.records)
		if r.SequenceNumber != nil {
			name += ", sequence number " + *r.SequenceNumber
		}
		fmt.Fprintf(d.err, "kinpack decode: %s: %v\n", name, err)
		return nil
	}
	for i := range d.users {
		if err := d.out.Encode(unpackedOf(&d.users[i], r.SequenceNumber)); err != nil {
			return err
		}
	}
	return nil
}

// unpackedOf returns what is printed of a user record; sequenceNumber may be nil.
func unpackedOf(u *deaggregate.Record, sequenceNumber *string) unpacked {
	line := unpacked{
		PartitionKey: u.PartitionKey, Data: u.Data, Aggregated: u.Aggregated,
		SequenceNumber: sequenceNumber, SubSequenceNumber: u.SubSequence,
	}
	if u.HasExplicitHashKey {
		line.ExplicitHashKey = &u.ExplicitHashKey
	}
	if !utf8.ValidString(u.PartitionKey) {
		line.PartitionKeyBase64 = []byte(u.PartitionKey)
	}
	return line
}

// newEncoder writes JSON lines in which <, > and & stand for themselves.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

package redrive

// This file owns one outer record as an event holds it: its JSON, read and
// written. A record that came out of an event goes out as it came, byte for byte
// but for white space, so that a function's own progress knows it again.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kinpack/kinpack/internal/sequence"
)

// Record is an outer record: a Kinesis record and where it comes from.
type Record struct {
	StreamARN      string // the event's eventSourceARN
	ShardID        string // empty if the event names none
	SequenceNumber string
	PartitionKey   string
	// Arrival is when the stream took it, in milliseconds; it may be zero.
	Arrival time.Time
	Data    []byte

	eventName string          // "" for that of every record of a stream
	raw       json.RawMessage // as the event had it, if there was one
}

// eventRecord is the JSON form, as Lambda sends it.
type eventRecord struct {
	Kinesis           kinesisPart `json:"kinesis"`
	EventSource       string      `json:"eventSource"`
	EventVersion      string      `json:"eventVersion"`
	EventID           string      `json:"eventID"`
	EventName         string      `json:"eventName"`
	InvokeIdentityARN string      `json:"invokeIdentityArn"`
	AWSRegion         string      `json:"awsRegion"`
	EventSourceARN    string      `json:"eventSourceARN"`
}

type kinesisPart struct {
	KinesisSchemaVersion        string      `json:"kinesisSchemaVersion"`
	PartitionKey                string      `json:"partitionKey"`
	SequenceNumber              string      `json:"sequenceNumber"`
	Data                        []byte      `json:"data"`
	ApproximateArrivalTimestamp json.Number `json:"approximateArrivalTimestamp,omitempty"` // seconds
}

// readRecord reads a record of an event.
func readRecord(raw json.RawMessage) (Record, error) {
	var e eventRecord
	if err := json.Unmarshal(raw, &e); err != nil {
		return Record{}, fmt.Errorf("record of a Kinesis event: %w", err)
	}
	if !sequence.Valid(e.Kinesis.SequenceNumber) {
		return Record{}, fmt.Errorf("record of a Kinesis event: sequence number %.130q, want a decimal number", e.Kinesis.SequenceNumber)
	}
	arrival, err := readArrival(e.Kinesis.ApproximateArrivalTimestamp)
	if err != nil {
		return Record{}, err
	}
	shard, _, ok := strings.Cut(e.EventID, ":")
	if !ok {
		shard = ""
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Record{}, err
	}
	return Record{
		StreamARN: e.EventSourceARN, ShardID: shard, SequenceNumber: e.Kinesis.SequenceNumber,
		PartitionKey: e.Kinesis.PartitionKey, Arrival: arrival, Data: e.Kinesis.Data, eventName: e.EventName, raw: compact.Bytes(),
	}, nil
}

// JSON returns the record as an event holds it, on one line.
func (r *Record) JSON() ([]byte, error) {
	if r.raw != nil {
		return r.raw, nil
	}
	region := ""
	if part := strings.SplitN(r.StreamARN, ":", 5); len(part) == 5 {
		region = part[3]
	}
	data := r.Data
	if data == nil {
		data = []byte{} // "" and not null
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(eventRecord{
		Kinesis: kinesisPart{
			KinesisSchemaVersion: "1.0", PartitionKey: r.PartitionKey, SequenceNumber: r.SequenceNumber,
			Data: data, ApproximateArrivalTimestamp: writeArrival(r.Arrival),
		},
		EventSource: "aws:kinesis", EventVersion: "1.0", EventID: r.ShardID + ":" + r.SequenceNumber,
		EventName: cmp.Or(r.eventName, "aws:kinesis:record"),
		AWSRegion: region, EventSourceARN: r.StreamARN,
	})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// The stream gives times in milliseconds; as a floating point number of seconds
// and back they come out a little off.
func readArrival(seconds json.Number) (time.Time, error) {
	if seconds == "" {
		return time.Time{}, nil
	}
	f, err := seconds.Float64()
	if err != nil || math.Abs(f) > 1e12 {
		return time.Time{}, fmt.Errorf("record of a Kinesis event: approximateArrivalTimestamp %.40s: want seconds", seconds)
	}
	return time.UnixMilli(int64(math.Round(f * 1000))), nil
}

func writeArrival(t time.Time) json.Number {
	if t.IsZero() {
		return ""
	}
	return json.Number(strconv.FormatFloat(float64(t.Round(time.Millisecond).UnixMilli())/1000, 'f', -1, 64))
}

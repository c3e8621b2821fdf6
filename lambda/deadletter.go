package lambda

// This file owns dead letters: what is handed over for a record that is set
// aside, and its JSON form, which holds every byte of the keys and the data.

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/deaggregate"
)

// WholeRecord is the sub-sequence number of a [Letter] that holds an outer
// record whole, because it is an aggregate that can't be read.
const WholeRecord = -1

// DeadLetter takes records that are set aside.
type DeadLetter interface {
	// Send stores the letter. When it returns nil the record counts as done,
	// and no one tries it again. An error, or a panic, counts as a failure of
	// the record. ctx ends shortly before the function's deadline.
	//
	// Letters are delivered at least once: a record may come again with the
	// same ID. Send is called concurrently by concurrent invocations, and with
	// [WithConcurrency] within one; else one at a time within an invocation.
	Send(ctx context.Context, l Letter) error
}

// DeadLetterFunc is a function as a [DeadLetter].
type DeadLetterFunc func(ctx context.Context, l Letter) error

// Send calls f.
func (f DeadLetterFunc) Send(ctx context.Context, l Letter) error { return f(ctx, l) }

// Letter is a record that was set aside, with everything that is needed to look
// at it and to handle it again. Its strings and Data alias the event: they stay
// valid for as long as they are referenced, and must not be modified.
type Letter struct {
	// ID names the record: stream ARN, shard, outer sequence number and
	// sub-sequence number, with slashes between. It is the same every time.
	ID string

	StreamARN         string
	ShardID           string
	SequenceNumber    string // that of the outer record
	SubSequenceNumber int    // from 0, or WholeRecord
	OuterPartitionKey string
	// ApproximateArrivalTimestamp is when the stream took the outer record.
	ApproximateArrivalTimestamp time.Time

	// PartitionKey, ExplicitHashKey and Data are the user record's own; with
	// WholeRecord, the outer record's. Keys may be any bytes.
	PartitionKey       string
	ExplicitHashKey    string
	HasExplicitHashKey bool
	Data               []byte
	// DataLocation says where the data is, if a dead letter that takes only small
	// documents has put it elsewhere; Data is empty then. A [Consumer] leaves it empty.
	DataLocation string
	// Aggregated is true for a user record out of an aggregate.
	Aggregated bool

	// Attempts is how often the handler was called, as far as remembered; 0
	// with WholeRecord.
	Attempts int
	// Error is the text of the last failure, for a panic with its stack, at
	// most 8 KiB. It is cut shorter where very many records fail in one invocation,
	// and if the failure was in another sandbox.
	Error string
}

// letter makes the letter for a user record.
func letter(o *events.KinesisEventRecord, u *deaggregate.Record, t try) Letter {
	k, shard := &o.Kinesis, shardOf(o)
	return Letter{
		ID:                          Identity{shard.stream, shard.id, k.SequenceNumber, u.SubSequence}.String(),
		StreamARN:                   shard.stream,
		ShardID:                     shard.id,
		SequenceNumber:              k.SequenceNumber,
		SubSequenceNumber:           u.SubSequence,
		OuterPartitionKey:           k.PartitionKey,
		ApproximateArrivalTimestamp: k.ApproximateArrivalTimestamp.Time,
		PartitionKey:                u.PartitionKey,
		ExplicitHashKey:             u.ExplicitHashKey,
		HasExplicitHashKey:          u.HasExplicitHashKey,
		Data:                        u.Data,
		Aggregated:                  u.Aggregated,
		Attempts:                    t.attempts,
		Error:                       t.failure,
	}
}

// letterVersion is the version of the JSON form; another first number is
// another form.
const letterVersion = "1.0"

// letterJSON is the JSON form. JSON strings hold no invalid UTF-8, so the keys
// stand there twice: as text to read and search, and as base64, which counts.
type letterJSON struct {
	Version                     string    `json:"version"`
	ID                          string    `json:"id"`
	StreamARN                   string    `json:"streamARN"`
	ShardID                     string    `json:"shardId"`
	SequenceNumber              string    `json:"sequenceNumber"`
	SubSequenceNumber           int       `json:"subSequenceNumber"`
	OuterPartitionKey           string    `json:"outerPartitionKey"`
	OuterPartitionKeyBase64     []byte    `json:"outerPartitionKeyBase64"`
	ApproximateArrivalTimestamp time.Time `json:"approximateArrivalTimestamp"`
	PartitionKey                string    `json:"partitionKey"`
	PartitionKeyBase64          []byte    `json:"partitionKeyBase64"`
	ExplicitHashKey             *string   `json:"explicitHashKey,omitempty"`
	ExplicitHashKeyBase64       *[]byte   `json:"explicitHashKeyBase64,omitempty"`
	Data                        []byte    `json:"data"`
	DataLocation                string    `json:"dataLocation,omitempty"`
	Aggregated                  bool      `json:"aggregated"`
	Attempts                    int       `json:"attempts"`
	Error                       string    `json:"error"`
}

// MarshalJSON returns the letter as a JSON object with a version ("1.0"). Data
// is base64; every key stands as text, in which invalid UTF-8 is replaced, and
// under a name that ends in Base64 with its exact bytes.
func (l Letter) MarshalJSON() ([]byte, error) {
	j := letterJSON{
		Version: letterVersion, ID: l.ID,
		StreamARN: l.StreamARN, ShardID: l.ShardID, SequenceNumber: l.SequenceNumber, SubSequenceNumber: l.SubSequenceNumber,
		OuterPartitionKey: l.OuterPartitionKey, OuterPartitionKeyBase64: []byte(l.OuterPartitionKey),
		ApproximateArrivalTimestamp: l.ApproximateArrivalTimestamp,
		PartitionKey:                l.PartitionKey, PartitionKeyBase64: []byte(l.PartitionKey),
		Data: l.Data, DataLocation: l.DataLocation, Aggregated: l.Aggregated, Attempts: l.Attempts, Error: l.Error,
	}
	if j.Data == nil {
		j.Data = []byte{} // "" and not null
	}
	if l.HasExplicitHashKey {
		raw := []byte(l.ExplicitHashKey)
		j.ExplicitHashKey, j.ExplicitHashKeyBase64 = &l.ExplicitHashKey, &raw
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote. A document of another version is
// an error.
func (l *Letter) UnmarshalJSON(b []byte) error {
	var j letterJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("lambda: dead letter: %w", err)
	}
	if !strings.HasPrefix(j.Version, "1.") {
		return fmt.Errorf("lambda: dead letter has version %q, want %q", j.Version, letterVersion)
	}
	*l = Letter{
		ID: j.ID, StreamARN: j.StreamARN, ShardID: j.ShardID, SequenceNumber: j.SequenceNumber, SubSequenceNumber: j.SubSequenceNumber,
		OuterPartitionKey: string(j.OuterPartitionKeyBase64), ApproximateArrivalTimestamp: j.ApproximateArrivalTimestamp,
		PartitionKey: string(j.PartitionKeyBase64), Data: j.Data, DataLocation: j.DataLocation, Aggregated: j.Aggregated, Attempts: j.Attempts, Error: j.Error,
	}
	if j.ExplicitHashKeyBase64 != nil {
		l.ExplicitHashKey, l.HasExplicitHashKey = string(*j.ExplicitHashKeyBase64), true
	}
	return nil
}

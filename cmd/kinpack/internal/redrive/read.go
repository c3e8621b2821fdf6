package redrive

// This file owns the documents: what is told from what, and where each one
// stands. It takes any bytes. Nothing is passed over: what is not understood is a
// Document with an Err.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/kinpack/kinpack/internal/sequence"
	"github.com/kinpack/kinpack/lambda"
)

// Document is one document, or one message of a wrapper around documents.
type Document struct {
	// Place says where it stands: document 3 (byte 812), message 2.
	Place string
	// Letter is a dead letter, Batch an on-failure document of Lambda's, Records
	// an event. An on-failure document that holds the event has both of these.
	Letter  *lambda.Letter
	Batch   *Batch
	Records []Record
	// Err says why it is none of them; the others are nil then.
	Err error
}

// Batch is the records that an on-failure document tells of.
type Batch struct {
	StreamARN, ShardID string
	First, Last        string // sequence numbers, both included
	Size               int    // how many records the batch had
}

// maxDepth is how deep documents may stand in wrappers; SNS in SQS in Lambda's
// event for SQS is three.
const maxDepth = 8

// Documents reads JSON values that follow each other, with or without white
// space between them. Behind what is not JSON it goes on where the next object may
// begin; the error says how many bytes it passes over, the last ones if there is
// no such place.
func Documents(data []byte) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		r := reader{yield: yield}
		for n, at := 1, skipBlanks(data, 0); at < len(data) && !r.stopped; n++ {
			place := fmt.Sprintf("document %d (byte %d)", n, at)
			d := json.NewDecoder(bytes.NewReader(data[at:]))
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				next := nextObject(data, at+1)
				r.fail(place, fmt.Errorf("not JSON: %w; %d bytes are passed over, up to byte %d of %d", err, next-at, next, len(data)))
				at = next
				continue
			}
			r.value(place, value, 0)
			at = skipBlanks(data, at+int(d.InputOffset()))
		}
	}
}

// nextObject returns where an object may begin behind what is not JSON: a line
// that begins with a brace, a brace behind a brace, what a letter begins with, or
// the end.
func nextObject(data []byte, from int) int {
	next := len(data)
	for _, mark := range []string{"\n{", "}{", `{"version":`} {
		if i := bytes.Index(data[from:next], []byte(mark)); i >= 0 {
			next = from + i + strings.IndexByte(mark, '{')
		}
	}
	return next
}

func skipBlanks(data []byte, at int) int {
	return len(data) - len(bytes.TrimLeft(data[at:], " \t\r\n"))
}

type reader struct {
	yield   func(Document) bool
	stopped bool
}

func (r *reader) emit(d Document) {
	r.stopped = r.stopped || !r.yield(d)
}

func (r *reader) fail(place string, err error) {
	r.emit(Document{Place: place, Err: err})
}

// value reads one JSON value, which may be a wrapper.
func (r *reader) value(place string, raw json.RawMessage, depth int) {
	var o map[string]json.RawMessage // exact names, other than with a struct
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		r.fail(place, fmt.Errorf("want a JSON object, got %.40q", raw))
		return
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return o[n] == nil || string(o[n]) == "null" })
	}
	switch {
	case depth > maxDepth:
		r.fail(place, fmt.Errorf("more than %d wrappers around it", maxDepth))
	case has("Messages"):
		r.each(place, "message", o["Messages"], func(place string, m json.RawMessage) { r.message(place, m, "Body", depth) })
	case has("Records"):
		r.records(place, o["Records"], depth)
	case has("Body"):
		r.message(place, raw, "Body", depth)
	case has("Type", "Message"):
		r.message(place, raw, "Message", depth)
	case has("KinesisBatchInfo"):
		r.onFailure(place, o)
	case has("version", "sequenceNumber", "subSequenceNumber"):
		r.letter(place, raw)
	case has("letter"):
		r.value(place, o["letter"], depth+1)
	case has("events"):
		r.each(place, "event", o["events"], func(place string, e json.RawMessage) { r.message(place, e, "message", depth) })
	case has("DDBStreamBatchInfo"):
		r.fail(place, errors.New("an on-failure document of a DynamoDB stream, want one of a Kinesis stream"))
	default:
		r.fail(place, fmt.Errorf("neither a dead letter, an on-failure document nor an event, nor a message with one: an object with %.200q",
			slices.Sorted(maps.Keys(o))))
	}
}

// each calls do for the elements of a JSON array.
func (r *reader) each(place, word string, array json.RawMessage, do func(place string, element json.RawMessage)) {
	var elements []json.RawMessage
	if err := json.Unmarshal(array, &elements); err != nil {
		r.fail(place, fmt.Errorf("want an array of %ss: %w", word, err))
		return
	}
	for i, e := range elements {
		if r.stopped {
			return
		}
		do(fmt.Sprintf("%s, %s %d", place, word, i+1), e)
	}
}

// message reads the document in the text of a message's member.
func (r *reader) message(place string, raw json.RawMessage, member string, depth int) {
	var o map[string]json.RawMessage
	var text *string
	err := json.Unmarshal(raw, &o)
	if err == nil {
		err = json.Unmarshal(o[member], &text)
	}
	if err != nil || text == nil {
		r.fail(place, fmt.Errorf("want a message with a text as its %q", member))
		return
	}
	r.text(place, *text, depth)
}

func (r *reader) text(place, text string, depth int) {
	if !json.Valid([]byte(text)) {
		r.fail(place, fmt.Errorf("the message is not JSON: %.40q", text))
		return
	}
	r.value(place, json.RawMessage(text), depth+1)
}

// eventOf is a record of a Lambda event, as far as it tells what it is of.
type eventOf struct {
	EventSource string
	Body        *string
	SNS         struct{ Message *string }
	S3          struct {
		Bucket struct{ Name string }
		Object struct{ Key string }
	}
}

// records reads the Records of a Lambda event of any source.
func (r *reader) records(place string, array json.RawMessage, depth int) {
	event := Document{Place: place}
	r.each(place, "record", array, func(place string, raw json.RawMessage) {
		var e eventOf
		if err := json.Unmarshal(raw, &e); err != nil {
			r.fail(place, fmt.Errorf("want a record of a Lambda event: %w", err))
			return
		}
		switch {
		case e.EventSource == "aws:sqs" && e.Body != nil:
			r.text(place, *e.Body, depth)
		case e.EventSource == "aws:sns" && e.SNS.Message != nil:
			r.text(place, *e.SNS.Message, depth)
		case e.EventSource == "aws:kinesis":
			rec, err := readRecord(raw)
			if err != nil {
				r.fail(place, err)
				return
			}
			event.Records = append(event.Records, rec)
		case e.EventSource == "aws:s3":
			r.fail(place, fmt.Errorf("a notification of s3://%s/%s: fetch that document and redrive it", e.S3.Bucket.Name, e.S3.Object.Key))
		default:
			r.fail(place, fmt.Errorf("a record of event source %q, want aws:kinesis, aws:sqs or aws:sns", e.EventSource))
		}
	})
	if len(event.Records) > 0 && !r.stopped {
		r.emit(event)
	}
}

// onFailure reads Lambda's own document. To S3 it goes with the event, as text.
func (r *reader) onFailure(place string, o map[string]json.RawMessage) {
	var info struct {
		ShardID, StreamARN                     string
		StartSequenceNumber, EndSequenceNumber string
		BatchSize                              int
	}
	err := json.Unmarshal(o["KinesisBatchInfo"], &info)
	b := &Batch{StreamARN: info.StreamARN, ShardID: info.ShardID, First: info.StartSequenceNumber, Last: info.EndSequenceNumber, Size: info.BatchSize}
	switch {
	case err != nil:
	case b.StreamARN == "" || b.ShardID == "":
		err = errors.New("no streamArn or no shardId")
	case !sequence.Valid(b.First) || !sequence.Valid(b.Last) || sequence.Compare(b.First, b.Last) > 0:
		err = fmt.Errorf("startSequenceNumber %.130q and endSequenceNumber %.130q are no range", b.First, b.Last)
	}
	if err != nil {
		r.fail(place, fmt.Errorf("on-failure document: KinesisBatchInfo: %w", err))
		return
	}
	d := Document{Place: place, Batch: b}
	if payload := o["payload"]; payload != nil && string(payload) != "null" {
		if d.Records, err = readPayload(payload); err != nil {
			r.fail(place, fmt.Errorf("on-failure document: payload: %w", err))
			return
		}
	}
	r.emit(d)
}

// readPayload reads the event in an on-failure document.
func readPayload(payload json.RawMessage) ([]Record, error) {
	var text string
	if json.Unmarshal(payload, &text) == nil {
		payload = json.RawMessage(text)
	}
	var event struct{ Records []json.RawMessage }
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	if len(event.Records) == 0 {
		return nil, errors.New("no event with Records")
	}
	records := make([]Record, len(event.Records))
	for i, raw := range event.Records {
		var err error
		if records[i], err = readRecord(raw); err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
	}
	return records, nil
}

func (r *reader) letter(place string, raw json.RawMessage) {
	l := new(lambda.Letter)
	err := l.UnmarshalJSON(raw)
	switch {
	case err != nil:
		err = errors.New(strings.TrimPrefix(err.Error(), "lambda: "))
	case !sequence.Valid(l.SequenceNumber):
		err = fmt.Errorf("dead letter: sequence number %.130q, want a decimal number", l.SequenceNumber)
	case l.SubSequenceNumber < lambda.WholeRecord:
		err = fmt.Errorf("dead letter: sub-sequence number %d, want %d or more", l.SubSequenceNumber, lambda.WholeRecord)
	case l.DataLocation != "" && len(l.Data) == 0:
		err = fmt.Errorf("dead letter: the data is not in it but at %s: fetch that document and redrive it", l.DataLocation)
	}
	if err != nil {
		r.fail(place, err)
		return
	}
	r.emit(Document{Place: place, Letter: l})
}

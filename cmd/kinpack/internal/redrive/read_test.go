package redrive_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

// A dead letter is found in whatever it came in.
func TestWrappers(t *testing.T) {
	l := letter("49", 3, "key", "data")
	doc := toJSON(t, l)
	message := wrap(t, "Body", doc)
	notification := map[string]any{"Type": "Notification", "MessageId": "x", "TopicArn": "arn", "Message": string(doc)}
	for name, c := range map[string]struct {
		in    any
		place string
	}{
		"by itself":               {json.RawMessage(doc), "document 1 (byte 0)"},
		"an SQS message":          {message, "document 1 (byte 0)"},
		"aws sqs receive-message": {map[string]any{"Messages": []any{message}}, "document 1 (byte 0), message 1"},
		"Lambda's event for SQS": {map[string]any{"Records": []any{map[string]any{"body": string(doc), "eventSource": "aws:sqs"}}},
			"document 1 (byte 0), record 1"},
		"an SNS notification": {notification, "document 1 (byte 0)"},
		"Lambda's event for SNS": {map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": notification}}},
			"document 1 (byte 0), record 1"},
		"a line of lambda.LogDeadLetter's": {map[string]any{"msg": "dead letter", "letter": json.RawMessage(doc)}, "document 1 (byte 0)"},
		"aws logs filter-log-events": {map[string]any{"events": []any{map[string]any{"message": string(toJSON(t, map[string]any{"letter": json.RawMessage(doc)}))}}},
			"document 1 (byte 0), event 1"},
		"SNS in SQS": {map[string]any{"Messages": []any{wrap(t, "Body", toJSON(t, notification))}}, "document 1 (byte 0), message 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(toJSON(t, c.in))
			if len(got) != 1 || got[0].Err != nil || got[0].Letter == nil {
				t.Fatalf("got %+v", got)
			}
			if got[0].Place != c.place || string(toJSON(t, got[0].Letter)) != string(doc) {
				t.Errorf("%s: %+v", got[0].Place, got[0].Letter)
			}
		})
	}
}

// AWS's own examples: the on-failure document as it goes to SQS and SNS, and with
// the event, as it goes to S3.
func TestOnFailureDocument(t *testing.T) {
	sqs, event := file(t, "aws-sqs.json"), file(t, "aws-event.json")
	want := redrive.Batch{
		StreamARN: "arn:aws:kinesis:us-east-2:123456789012:stream/mystream", ShardID: "shardId-000000000001",
		First: "49601189658422359378836298521827638475320189012309704722",
		Last:  "49601189658422359378836298522902373528957594348623495186", Size: 500,
	}
	withPayload := func(payload any) []byte {
		var o map[string]any
		if err := json.Unmarshal(sqs, &o); err != nil {
			t.Fatal(err)
		}
		o["payload"] = payload
		return toJSON(t, o)
	}
	for name, c := range map[string]struct {
		in      []byte
		records int
	}{
		"to SQS":                  {sqs, 0},
		"to S3":                   {withPayload(string(event)), 2},
		"with the event as JSON":  {withPayload(json.RawMessage(event)), 2},
		"with an empty payload":   {withPayload(nil), 0},
		"in a message":            {toJSON(t, wrap(t, "Body", sqs)), 0},
		"without responseContext": {[]byte(strings.Replace(string(sqs), `"responseContext"`, `"x"`, 1)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(c.in)
			if len(got) != 1 || got[0].Err != nil || got[0].Batch == nil || *got[0].Batch != want {
				t.Fatalf("got %+v", got)
			}
			if len(got[0].Records) != c.records {
				t.Fatalf("%d records", len(got[0].Records))
			}
			if c.records > 0 {
				checkAWSRecord(t, &got[0].Records[0])
			}
		})
	}
	got := read(event)
	if len(got) != 1 || got[0].Err != nil || got[0].Batch != nil || len(got[0].Records) != 2 {
		t.Fatalf("an event by itself: %+v", got)
	}
	checkAWSRecord(t, &got[0].Records[0])
}

func checkAWSRecord(t *testing.T, r *redrive.Record) {
	t.Helper()
	if r.StreamARN != "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream" || r.ShardID != "shardId-000000000006" ||
		r.SequenceNumber != "49590338271490256608559692538361571095921575989136588898" || r.PartitionKey != "1" ||
		string(r.Data) != "Hello, this is a test." || r.Arrival.UnixMilli() != 1545084650987 {
		t.Errorf("record: %+v", r)
	}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	// As it came, what this command has no use for included.
	for _, part := range []string{`"invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role"`, `"approximateArrivalTimestamp":1545084650.987`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("%s is not in %s", part, b)
		}
	}
}

// What is not understood is named, with its place; the others are still read.
func TestUnknownDocuments(t *testing.T) {
	good := string(toJSON(t, letter("49", 0, "k", "d")))
	sqs := strings.Join(strings.Fields(string(file(t, "aws-sqs.json"))), " ")
	change := func(doc, old, new string) string {
		out := strings.Replace(doc, old, new, 1)
		if out == doc {
			t.Fatalf("%s is not in %s", old, doc)
		}
		return out
	}
	for name, c := range map[string]struct{ in, err string }{
		"another object":        {`{"b":1,"a":2}`, `neither a dead letter, an on-failure document nor an event, nor a message with one: an object with ["a" "b"]`},
		"an empty object":       {`{}`, "an object with []"},
		"null":                  {`null`, `want a JSON object, got "null"`},
		"a number":              {`17`, `want a JSON object, got "17"`},
		"an array":              {`[{"a":1}]`, "want a JSON object"},
		"no JSON":               {`hello`, "not JSON: invalid character 'h'"},
		"cut off":               {`{"version":"1.0","da`, "not JSON"},
		"cut off between lines": {"{\"version\":\"1.0\",\n \"data\":[", "not JSON"},
		"letter of version 2":   {change(good, `"version":"1.0"`, `"version":"2.0"`), `dead letter has version "2.0", want "1.0"`},
		"letter with bad data":  {change(good, `"data":"ZA=="`, `"data":"%"`), "dead letter: illegal base64"},
		"letter, data elsewhere": {change(good, `"data":"ZA=="`, `"data":"","dataLocation":"s3://bucket/key"`),
			"the data is not in it but at s3://bucket/key: fetch that document and redrive it"},
		"letter without sequence number": {change(good, `"sequenceNumber":"49"`, `"sequenceNumber":""`), `sequence number "", want a decimal number`},
		"letter with a leading zero":     {change(good, `"sequenceNumber":"49"`, `"sequenceNumber":"049"`), `sequence number "049"`},
		"letter below -1":                {change(good, `"subSequenceNumber":0`, `"subSequenceNumber":-2`), "sub-sequence number -2, want -1 or more"},
		"message without text":           {`{"Body":{}}`, `want a message with a text as its "Body"`},
		"message that is no JSON":        {`{"Body":"hello"}`, `the message is not JSON: "hello"`},
		"message with two documents":     {`{"Body":"{} {}"}`, "the message is not JSON"},
		"messages that are no array":     {`{"Messages":{}}`, "want an array of messages"},
		"a message that is no object":    {`{"Messages":[1]}`, "message 1: want a message"},
		"records of nothing":             {`{"Records":[{"Data":"x"}]}`, `record 1: a record of event source "", want aws:kinesis, aws:sqs or aws:sns`},
		"a record that is no object":     {`{"Records":[1]}`, "record 1: want a record of a Lambda event"},
		"S3's notification": {`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k/1"}}}]}`,
			"a notification of s3://b/k/1: fetch that document and redrive it"},
		"Kinesis record without sequence": {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":""}}]}`, `sequence number ""`},
		"Kinesis record with bad data":    {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":1}}]}`, "record of a Kinesis event"},
		"Kinesis record with a bad time": {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","approximateArrivalTimestamp":1e300}}]}`,
			"approximateArrivalTimestamp 1e300: want seconds"},
		"DynamoDB":                {`{"version":"1.0","DDBStreamBatchInfo":{}}`, "of a DynamoDB stream, want one of a Kinesis stream"},
		"on-failure, no stream":   {change(sqs, `"streamArn"`, `"x"`), "KinesisBatchInfo: no streamArn or no shardId"},
		"on-failure, no start":    {change(sqs, `"startSequenceNumber"`, `"x"`), "are no range"},
		"on-failure, upside down": {change(sqs, `"49601189658422359378836298522902373528957594348623495186"`, `"17"`), "are no range"},
		"on-failure, bad size":    {change(sqs, `500`, `"many"`), "on-failure document: KinesisBatchInfo: json"},
		"on-failure, bad payload": {change(sqs, `"timestamp"`, `"payload":"x","timestamp"`), "on-failure document: payload: invalid character"},
		"on-failure, no event":    {change(sqs, `"timestamp"`, `"payload":"{}","timestamp"`), "payload: no event with Records"},
		"on-failure, bad record":  {change(sqs, `"timestamp"`, `"payload":{"Records":[{},{}]},"timestamp"`), "payload: record 1: record of a Kinesis event"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good + "\n" + c.in + "\n" + good
			got := read([]byte(in))
			if len(got) != 3 || got[0].Letter == nil || got[2].Letter == nil {
				t.Fatalf("got %+v", got)
			}
			bad := got[1]
			if bad.Err == nil || !strings.Contains(bad.Place+": "+bad.Err.Error(), c.err) || bad.Letter != nil || bad.Batch != nil || bad.Records != nil {
				t.Errorf("got %+v, want the error %s", bad, c.err)
			}
			if want := "document 2 (byte " + itoa(len(good)+1) + ")"; !strings.HasPrefix(bad.Place, want) {
				t.Errorf("place %q, want %s", bad.Place, want)
			}
		})
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestNothingToRead(t *testing.T) {
	for _, in := range []string{"", " \n\t\r\n", `{"Messages":[]}`, `{"Records":[]}`} {
		if got := read([]byte(in)); len(got) != 0 {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

// Documents on one line, and a reader that has had enough.
func TestStream(t *testing.T) {
	one := string(toJSON(t, letter("49", 0, "k", "d")))
	if got := read([]byte(one + one + " \t" + one)); len(got) != 3 || got[2].Err != nil || got[2].Place != "document 3 (byte "+itoa(2*len(one)+2)+")" {
		t.Errorf("got %+v", got)
	}
	many := []byte(one + `{"Messages":[` + strings.Repeat(`{"Body":"{}"},`, 9) + `{"Body":"{}"}]}` + one)
	n := 0
	for range redrive.Documents(many) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d documents after a break at 3", n)
	}
	deep := []byte(one)
	for range 10 {
		deep = toJSON(t, wrap(t, "Body", deep))
	}
	if got := read(deep); len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "more than 8 wrappers") {
		t.Errorf("ten wrappers: %+v", got)
	}
}

// FuzzDocuments: any bytes are read without a panic, nothing comes out empty, and
// what comes out makes events that read back as the same.
func FuzzDocuments(f *testing.F) {
	one := toJSON(f, letter("49", 0, "k\xff", "d"))
	f.Add(one)
	f.Add(file(f, "aws-sqs.json"))
	f.Add(file(f, "aws-event.json"))
	f.Add(append(toJSON(f, wrap(f, "Body", one)), one...))
	f.Add([]byte("{\n{\"Messages\":[{\"Body\":\"{}\"}]} x\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s redrive.Set
		n := 0
		for d := range redrive.Documents(data) {
			if d.Place == "" || d.Err == nil && d.Letter == nil && d.Batch == nil && d.Records == nil {
				t.Fatalf("an empty document: %+v", d)
			}
			var err error
			switch {
			case d.Letter != nil:
				_, err = s.AddLetter(d.Letter)
				n++
			case d.Records != nil:
				for i := range d.Records {
					_, _, err = s.AddRecord(&d.Records[i], nil)
				}
				n++
			}
			_ = err
		}
		made := makeEvents(t, &s, 3)
		if n == 0 && len(made) > 0 || n > 0 && len(made) == 0 {
			t.Fatalf("%d events of %d documents", len(made), n)
		}
		for _, e := range made {
			again := read(e.JSON())
			if len(again) != 1 || again[0].Err != nil || len(again[0].Records) != len(e) {
				t.Fatalf("event %s reads as %+v", e.JSON(), again)
			}
		}
	})
}

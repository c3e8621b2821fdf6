package sqsdeadletter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/sqsdeadletter"
)

const (
	queueURL = "https://sqs.us-east-1.amazonaws.com/123456789012/letters"
	fifoURL  = queueURL + ".fifo"
	limit    = 1_048_576 // bytes of a message
)

// letter is that of a user record of 3 bytes.
func letter() lambda.Letter {
	l := lambda.Letter{
		StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/orders", ShardID: "shardId-000000000000",
		SequenceNumber: "49590338271490256608559692538361571095921575989136588898", SubSequenceNumber: 83, OuterPartitionKey: "a",
		ApproximateArrivalTimestamp: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		PartitionKey:                "user-83", ExplicitHashKey: "42", HasExplicitHashKey: true, Data: []byte("\x00\xff<"), Aggregated: true,
		Attempts: 3, Error: "row is locked",
	}
	l.ID = fmt.Sprintf("%s/%s/%s/%d", l.StreamARN, l.ShardID, l.SequenceNumber, l.SubSequenceNumber)
	return l
}

// sized is a letter that makes a message of exactly n bytes.
func sized(t *testing.T, n int) lambda.Letter {
	t.Helper()
	l := letter()
	l.Data = make([]byte, (n-2000)/4*3)
	l.Error = strings.Repeat("e", n-len(document(t, l))+len(l.Error))
	if got := len(document(t, l)); got != n {
		t.Fatalf("the letter takes %d bytes, want %d", got, n)
	}
	return l
}

func document(t *testing.T, l lambda.Letter) string {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// client keeps what is sent.
type client struct {
	mu   sync.Mutex
	sent []*sqs.SendMessageInput
	err  error
}

func (c *client) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	c.sent = append(c.sent, in)
	return &sqs.SendMessageOutput{}, nil
}

// only returns the one message that was sent, and forgets it.
func (c *client) only(t *testing.T) *sqs.SendMessageInput {
	t.Helper()
	if len(c.sent) != 1 {
		t.Fatalf("%d messages sent, want 1", len(c.sent))
	}
	in := c.sent[0]
	c.sent = nil
	return in
}

// overflow keeps what is stored.
type overflow struct {
	stored   []lambda.Letter
	location string
	err      error
}

func (o *overflow) Store(_ context.Context, l lambda.Letter) (string, error) {
	o.stored = append(o.stored, l)
	return o.location, o.err
}

func newDeadLetter(t *testing.T, c sqsdeadletter.Client, url string, opts ...sqsdeadletter.Option) *sqsdeadletter.DeadLetter {
	t.Helper()
	d, err := sqsdeadletter.New(c, url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func send(t *testing.T, d *sqsdeadletter.DeadLetter, l lambda.Letter) {
	t.Helper()
	if err := d.Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

// checkBody says that the message holds the letter, and nothing that SQS refuses.
func checkBody(t *testing.T, body string, want lambda.Letter) {
	t.Helper()
	var got lambda.Letter
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %.2000q", err, body)
	}
	if want.Data == nil {
		want.Data = []byte{}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("letter is\n%.2000s, want\n%.2000s", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
	if i := strings.IndexFunc(body, refused); i >= 0 {
		t.Errorf("SQS refuses %q of %.2000q", body[i:min(i+3, len(body))], body)
	}
}

// refused says what may not stand in a body (SQS API Reference, SendMessage).
func refused(r rune) bool {
	return r != 0x9 && r != 0xA && r != 0xD && (r < 0x20 || r > 0xD7FF) && (r < 0xE000 || r > 0xFFFD) && (r < 0x10000 || r > 0x10FFFF)
}

var errDown = errors.New("the service is down")

package sqsdeadletter

// This file owns the message: what stands in it, and its two names in a FIFO
// queue. A letter is sent when SQS says so; its overflow is stored before.

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/kinpack/kinpack/lambda"
)

// ErrTooLarge is returned, with both sizes in its text, for a letter that makes a
// larger message than the queue takes.
var ErrTooLarge = errors.New("letter is too large for the queue")

// Client is what is needed of [sqs.Client].
type Client interface {
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, opts ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// DeadLetter sends letters to a queue. It is safe for concurrent use. Make it with
// [New].
type DeadLetter struct {
	client   Client
	queueURL string
	config   config
}

var _ lambda.DeadLetter = (*DeadLetter)(nil)

// New makes a DeadLetter of the queue with that URL. Its error joins all that is
// wrong with the arguments; whether the queue is there, the first letter shows.
func New(client Client, queueURL string, opts ...Option) (*DeadLetter, error) {
	c := config{maxBytes: maxBytes}
	for _, o := range opts {
		if o == nil {
			c.nilOption = true
			continue
		}
		o(&c)
	}
	if err := c.validate(client, queueURL); err != nil {
		return nil, err
	}
	return &DeadLetter{client: client, queueURL: queueURL, config: c}, nil
}

// Send sends the letter as a message, in one call. An error is [ErrTooLarge], the
// overflow's, or the client's, which has tried as often as it is set to.
func (d *DeadLetter) Send(ctx context.Context, l lambda.Letter) error {
	text, err := d.fit(ctx, l)
	if err != nil {
		return fmt.Errorf("sqsdeadletter: letter %s: %w", l.ID, err)
	}
	in := &sqs.SendMessageInput{QueueUrl: aws.String(d.queueURL), MessageBody: aws.String(text)}
	if isFIFO(d.queueURL) {
		in.MessageGroupId = aws.String(d.group(l))
		// Of this Send alone: the client's own retries are one message, and a letter
		// that comes again, as after a redrive, is never dropped for an old one.
		in.MessageDeduplicationId = aws.String(rand.Text())
	}
	if _, err := d.client.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("sqsdeadletter: send letter %s: %w", l.ID, err)
	}
	return nil
}

// fit returns a message of the letter that the queue takes. If it had to leave
// something out, the overflow has all of it.
func (d *DeadLetter) fit(ctx context.Context, l lambda.Letter) (string, error) {
	text, tooLarge := d.body(l)
	if tooLarge == nil || d.config.overflow == nil {
		return text, tooLarge
	}
	location, err := d.config.overflow.Store(ctx, l)
	if err == nil && location == "" {
		err = errors.New("no location")
	}
	if err != nil {
		return "", fmt.Errorf("overflow: %w", err)
	}
	l.Data, l.DataLocation = nil, location
	if text, err := d.body(l); err == nil {
		return text, nil
	}
	l.OuterPartitionKey, l.PartitionKey, l.ExplicitHashKey, l.HasExplicitHashKey, l.Error = "", "", "", false, ""
	return d.body(l)
}

// body returns the letter as a message, if that is not too large.
func (d *DeadLetter) body(l lambda.Letter) (string, error) {
	document, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	// JSON text may hold these two, in strings only, and XML may not; everything
	// else that SQS does not take, encoding/json has escaped.
	document = bytes.ReplaceAll(document, []byte("\uFFFE"), []byte(`\ufffe`))
	document = bytes.ReplaceAll(document, []byte("\uFFFF"), []byte(`\uffff`))
	if n := len(document); n > d.config.maxBytes {
		return "", fmt.Errorf("%w: it takes %d bytes of at most %d", ErrTooLarge, n, d.config.maxBytes)
	}
	return string(document), nil
}

// group returns the message group in a FIFO queue.
func (d *DeadLetter) group(l lambda.Letter) string {
	if d.config.byKey {
		return hash(l.StreamARN + "\n" + l.PartitionKey)
	}
	return hash(l.StreamARN + "\n" + l.ShardID)
}

// hash makes a name that SQS takes in a FIFO queue: at most 128 characters, and no
// odd ones.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func isFIFO(queueURL string) bool { return strings.HasSuffix(queueURL, ".fifo") }

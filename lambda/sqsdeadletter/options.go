package sqsdeadletter

// This file owns the options: every With* function, and one validate that names
// all that is wrong at once.

import (
	"context"
	"errors"
	"fmt"

	"github.com/kinpack/kinpack/lambda"
)

// Sizes of a message in bytes (SQS API Reference, SendMessage, and
// MaximumMessageSize of SetQueueAttributes).
const (
	minBytes = 1 << 10
	maxBytes = 1 << 20
)

// Option changes a setting of a [DeadLetter]. Of two that set the same, the last
// one wins.
type Option func(*config)

type config struct {
	maxBytes    int
	overflow    Overflow
	hasOverflow bool
	byKey       bool
	nilOption   bool
}

// Overflow takes letters that are too large for the queue. *DeadLetter of the
// package lambda/s3deadletter is one.
type Overflow interface {
	// Store stores the letter whole and says where it can be found, such as
	// s3://bucket/key. A letter may be stored again. It is called as Send of
	// lambda.DeadLetter is.
	Store(ctx context.Context, l lambda.Letter) (location string, err error)
}

// WithMaxBytes sets the size of the largest message that the queue takes, in
// bytes: its MaximumMessageSize. It is 1,024 to 1,048,576, which is the default and
// that of a new queue. Queues made before that were the most, in 2025, may have
// 262,144.
func WithMaxBytes(n int) Option {
	return func(c *config) { c.maxBytes = n }
}

// WithOverflow has letters that are too large for the queue stored in o, before
// the message that says where. The default is none: such a letter is an error.
func WithOverflow(o Overflow) Option {
	return func(c *config) { c.overflow, c.hasOverflow = o, true }
}

// WithGroupByKey makes the partition key of the user record, in its stream, the
// message group of a FIFO queue, so that letters of different keys can be received
// side by side. The default is the shard.
func WithGroupByKey() Option {
	return func(c *config) { c.byKey = true }
}

// validate joins every complaint.
func (c *config) validate(client Client, queueURL string) error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("sqsdeadletter: "+text))
		}
	}
	complain(client == nil, "the client is nil")
	complain(queueURL == "", "the queue's URL is empty")
	complain(c.nilOption, "an option is nil")
	complain(c.maxBytes < minBytes || c.maxBytes > maxBytes, fmt.Sprintf("WithMaxBytes(%d): want %d to %d", c.maxBytes, minBytes, maxBytes))
	complain(c.hasOverflow && c.overflow == nil, "WithOverflow(nil): leave the option out to have none")
	complain(c.byKey && !isFIFO(queueURL), fmt.Sprintf("WithGroupByKey: %.120q is no FIFO queue, whose URL ends with .fifo", queueURL))
	return errors.Join(errs...)
}

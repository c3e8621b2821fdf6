package s3deadletter

// This file owns the options and the call of S3. A letter is stored when S3 says
// so, and never in parts.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/kinpack/kinpack/lambda"
)

// Client is what is needed of [s3.Client].
type Client interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Option changes a setting of a [DeadLetter]. Of two that set the same, the last
// one wins.
type Option func(*config)

type config struct {
	prefix    string
	input     func(*s3.PutObjectInput)
	hasInput  bool
	nilOption bool
}

// maxPrefix leaves as much of S3's 1,024 bytes for a key to the rest of it, which
// takes less than 400 with the longest names that AWS gives.
const maxPrefix = 512

// WithPrefix puts prefix in front of every key, with a slash between if it does
// not end with one. It is UTF-8 of at most 512 bytes without control characters,
// and does not begin with a slash. The default is none.
func WithPrefix(prefix string) Option {
	return func(c *config) { c.prefix = prefix }
}

// WithInput has f change each request before it goes out: to set encryption, a
// storage class, tags or the bucket's expected owner. f is called concurrently.
// Should it change bucket or key, the letter is stored there.
func WithInput(f func(*s3.PutObjectInput)) Option {
	return func(c *config) { c.input, c.hasInput = f, true }
}

// validate joins every complaint.
func (c *config) validate(client Client, bucket string) error {
	var errs []error
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("s3deadletter: "+text))
		}
	}
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	complain(client == nil, "the client is nil")
	complain(bucket == "", "the bucket's name is empty")
	complain(c.nilOption, "an option is nil")
	complain(len(c.prefix) > maxPrefix || !utf8.ValidString(c.prefix) || strings.ContainsFunc(c.prefix, control) || strings.HasPrefix(c.prefix, "/"),
		fmt.Sprintf("WithPrefix(%.40q): want at most %d bytes of UTF-8 without control characters, not beginning with a slash", c.prefix, maxPrefix))
	complain(c.hasInput && c.input == nil, "WithInput(nil): leave the option out to change nothing")
	return errors.Join(errs...)
}

// DeadLetter stores letters in a bucket. It is safe for concurrent use. Make it
// with [New].
type DeadLetter struct {
	client Client
	bucket string
	config config
}

var _ lambda.DeadLetter = (*DeadLetter)(nil)

// New makes a DeadLetter of a bucket, which is its name or the ARN of an access
// point. Its error joins all that is wrong with the arguments; whether the bucket
// is there, the first letter shows.
func New(client Client, bucket string, opts ...Option) (*DeadLetter, error) {
	var c config
	for _, o := range opts {
		if o == nil {
			c.nilOption = true
			continue
		}
		o(&c)
	}
	if err := c.validate(client, bucket); err != nil {
		return nil, err
	}
	if c.prefix != "" && !strings.HasSuffix(c.prefix, "/") {
		c.prefix += "/"
	}
	return &DeadLetter{client: client, bucket: bucket, config: c}, nil
}

// Send stores the letter. It is Store without the location.
func (d *DeadLetter) Send(ctx context.Context, l lambda.Letter) error {
	_, err := d.Store(ctx, l)
	return err
}

// Store stores the letter whole in one call and returns its location, such as
// s3://my-bucket/key. An error is the client's, which has tried as often as it is
// set to.
func (d *DeadLetter) Store(ctx context.Context, l lambda.Letter) (location string, err error) {
	document, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("s3deadletter: letter %s: %w", l.ID, err)
	}
	in := &s3.PutObjectInput{
		Bucket: aws.String(d.bucket), Key: aws.String(d.Key(l)),
		Body:        bytes.NewReader(append(document, '\n')), // objects that are joined make lines
		ContentType: aws.String("application/json"),
	}
	if d.config.input != nil {
		d.config.input(in)
	}
	location = "s3://" + aws.ToString(in.Bucket) + "/" + aws.ToString(in.Key)
	if _, err := d.client.PutObject(ctx, in); err != nil {
		return "", fmt.Errorf("s3deadletter: put %s: %w", location, err)
	}
	return location, nil
}

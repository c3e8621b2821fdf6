package emf

// This file owns the options and the writing of lines: one Write a line, one at a
// time.

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/kinpack/kinpack/internal/emf"
	"github.com/kinpack/kinpack/lambda"
)

// Option changes a setting of the hooks. Of two WithLogger the last one wins.
type Option func(*config)

type config struct {
	dimensions []emf.Dimension
	logger     *slog.Logger
	nilOption  bool
}

// WithDimension adds a dimension to those of every line, such as the name of the
// function; at most 29 can be added. Name is 1 to 250 bytes of ASCII, not beginning
// with a colon, and not that of another dimension or of a metric; value is 1 to
// 1,024 bytes of ASCII. Neither is blank or has control characters. Each
// combination of values is a set of metrics of its own, and billed as such.
func WithDimension(name, value string) Option {
	return func(c *config) { c.dimensions = append(c.dimensions, emf.Dimension{Name: name, Value: value}) }
}

// WithLogger sets the logger for lines that could not be written; the default is
// slog.Default() at the time of New.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// New returns hooks that write to out, in a function os.Stdout, under CloudWatch's
// namespace: 1 to 255 bytes of letters, digits and .-_/#: or space, not beginning
// with a colon or AWS/. Its error joins all that is wrong with the arguments.
//
// Batch, Passed and CheckpointError are set, the other hooks are nil. They are
// safe for concurrent use. Each writes its line in one call of out.Write, and no
// two at a time. A line that could not be written is logged as an error, and is
// not written again.
func New(out io.Writer, namespace string, opts ...Option) (lambda.Hooks, error) {
	c := config{logger: slog.Default()}
	for _, o := range opts {
		if o == nil {
			c.nilOption = true
			continue
		}
		o(&c)
	}
	if err := c.validate(out, namespace); err != nil {
		return lambda.Hooks{}, fmt.Errorf("emf: %w", err)
	}
	w := &writer{namespace: namespace, dimensions: c.dimensions, logger: c.logger, out: out}
	return w.hooks(), nil
}

// validate joins every complaint.
func (c *config) validate(out io.Writer, namespace string) error {
	errs := []error{emf.CheckNamespace(namespace), emf.CheckDimensions(c.dimensions, 1, reserved)}
	complain := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	complain(out == nil, "the writer is nil")
	complain(c.nilOption, "an option is nil")
	complain(c.logger == nil, "WithLogger(nil): use slog.New(slog.DiscardHandler) to log nothing")
	return errors.Join(errs...)
}

// writer writes lines. It is safe for concurrent use.
type writer struct {
	namespace  string
	dimensions []emf.Dimension // added
	logger     *slog.Logger

	mu  sync.Mutex // of out
	out io.Writer
}

// write writes a line of metrics of the shard's stream.
func (w *writer) write(s lambda.Shard, metrics ...emf.Metric) {
	dimensions := append([]emf.Dimension{{Name: "StreamName", Value: streamName(s.StreamARN)}}, w.dimensions...)
	line := emf.Line{Namespace: w.namespace, Time: time.Now(), Dimensions: dimensions, Metrics: metrics}.AppendTo(nil)
	if err := w.put(line); err != nil {
		w.logger.Error("emf: metrics of an invocation were not written", "stream", s.StreamARN, "shard", s.ID, "err", err)
	}
}

func (w *writer) put(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock() // also if out panics
	_, err := w.out.Write(line)
	return err
}

// streamName is the name in the ARN of a stream, or of a consumer of one, and
// "unknown" if there is none that can be a dimension's value.
func streamName(arn string) string {
	_, name, _ := strings.Cut(arn, ":stream/")
	name, _, _ = strings.Cut(name, "/")
	if emf.CheckValue("stream", name) != nil {
		return "unknown"
	}
	return name
}

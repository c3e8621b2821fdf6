package kinemf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kinpack/kinpack/producer"
)

// Option sets one thing about a Writer.
type Option func(*config)

type config struct {
	names  []string
	values map[string]string
	errs   []error
}

// WithDimension adds a dimension to those of every line, such as the name of the
// function; at most 28 can be added. Name is 1 to 250 bytes of ASCII, not beginning
// with a colon, and not that of another dimension or of a metric; value is 1 to
// 1,024 bytes of ASCII. Neither is blank or has control characters.
func WithDimension(name, value string) Option {
	return func(c *config) {
		switch _, twice := c.values[name]; {
		case !printable(name, maxName) || name[0] == ':':
			c.errs = append(c.errs, fmt.Errorf("WithDimension: name %.40q, want 1 to %d bytes of ASCII, not beginning with a colon", name, maxName))
		case twice || reserved(name):
			c.errs = append(c.errs, fmt.Errorf("WithDimension: name %q is taken", name))
		case !printable(value, maxValue):
			c.errs = append(c.errs, fmt.Errorf("WithDimension: value %.40q of %s, want 1 to %d bytes of ASCII", value, name, maxValue))
		default:
			c.names, c.values[name] = append(c.names, name), value
		}
	}
}

// Writer writes metrics. It is safe for concurrent use. Make it with New.
type Writer struct {
	namespace string
	names     []string // of the added dimensions
	values    map[string]string
	err       error // of New

	mu   sync.Mutex // also of out
	out  io.Writer
	last map[string]producer.Stats // by stream
}

// New makes a Writer to out, with CloudWatch's namespace: 1 to 255 bytes of
// letters, digits and .-_/#: or space, not beginning with a colon or AWS/. What is
// wrong with its arguments each Write returns.
func New(out io.Writer, namespace string, opts ...Option) *Writer {
	c := config{values: map[string]string{}}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if out == nil {
		c.errs = append(c.errs, errors.New("nil writer"))
	}
	if !validNamespace(namespace) {
		c.errs = append(c.errs, fmt.Errorf("namespace %.40q, want 1 to 255 letters, digits and .-_/#: or space, not beginning with a colon or AWS/", namespace))
	}
	if len(c.names) > maxDimensions-2 {
		c.errs = append(c.errs, fmt.Errorf("%d dimensions added, want at most %d", len(c.names), maxDimensions-2))
	}
	return &Writer{namespace: namespace, names: c.names, values: c.values, err: errors.Join(c.errs...), out: out, last: map[string]producer.Stats{}}
}

// CloudWatch's limits (EMF specification; CloudWatch API Reference, Dimension and
// MetricDatum).
const (
	maxDimensions = 30
	maxName       = 250
	maxValue      = 1024
	maxNamespace  = 255
)

func validNamespace(s string) bool {
	if !printable(s, maxNamespace) || strings.HasPrefix(s, ":") || strings.HasPrefix(s, "AWS/") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_/#: ", r))
	})
}

// printable says whether s is ASCII without control characters, not blank, and of
// at most limit bytes.
func printable(s string, limit int) bool {
	return len(s) <= limit && strings.Trim(s, " ") != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// reserved says whether a member of that name is written anyway.
func reserved(name string) bool {
	switch name {
	case "_aws", "StreamName", "ErrorCode", "ErrorsByCode":
		return true
	}
	return slices.ContainsFunc(metrics(), func(m metric) bool { return m.name == name })
}

// Write writes s, the Stats of the stream's Producer as they are now: what has
// happened since the last Write for the stream. The first one writes what has
// happened since the Producer was made, and so does one whose counts are below
// the last, which are those of a new Producer. That takes one Producer a stream
// and Writer, and Stats in their order: let one goroutine write a stream.
//
// All lines go to out in one call. Its error is returned, or New's, and then what
// was not written is part of the next Write, even if out took some of it.
func (w *Writer) Write(stream string, s producer.Stats) error {
	if w.err != nil {
		return fmt.Errorf("kinemf: %w", w.err)
	}
	if !printable(stream, maxValue) {
		return fmt.Errorf("kinemf: stream %.40q, want 1 to %d bytes of ASCII", stream, maxValue)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := since(w.last[stream], s)
	now := time.Now().UnixMilli()
	var lines bytes.Buffer
	err := w.line(&lines, now, stream, "", measure(&d))
	for _, code := range slices.Sorted(maps.Keys(d.ErrorsByCode)) {
		n := float64(d.ErrorsByCode[code])
		err = errors.Join(err, w.line(&lines, now, stream, cmp.Or(code, "none"), []measured{{"ErrorsByCode", count, n}}))
	}
	if err == nil {
		_, err = w.out.Write(lines.Bytes())
	}
	if err != nil {
		return fmt.Errorf("kinemf: %w", err)
	}
	s.ErrorsByCode = maps.Clone(s.ErrorsByCode)
	w.last[stream] = s
	return nil
}

// definition and directive are what the format calls so.
type definition struct {
	Name string
	Unit string
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type metadata struct {
	Timestamp         int64
	CloudWatchMetrics []directive
}

// line adds a line of all's metrics; code is "" for none.
func (w *Writer) line(to *bytes.Buffer, now int64, stream, code string, all []measured) error {
	root := map[string]any{"StreamName": stream}
	dimensions := []string{"StreamName"}
	if code != "" {
		root["ErrorCode"] = code
		dimensions = append(dimensions, "ErrorCode")
	}
	for _, name := range w.names {
		root[name] = w.values[name]
		dimensions = append(dimensions, name)
	}
	definitions := make([]definition, 0, len(all))
	for _, m := range all {
		root[m.name] = m.value
		definitions = append(definitions, definition{m.name, m.unit})
	}
	root["_aws"] = metadata{now, []directive{{w.namespace, [][]string{dimensions}, definitions}}}
	return json.NewEncoder(to).Encode(root)
}

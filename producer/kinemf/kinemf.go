package kinemf

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/kinpack/kinpack/internal/emf"
	"github.com/kinpack/kinpack/producer"
)

// Option sets one thing about a Writer.
type Option func(*config)

type config struct{ dimensions []emf.Dimension }

// WithDimension adds a dimension to those of every line, such as the name of the
// function; at most 28 can be added. Name is 1 to 250 bytes of ASCII, not beginning
// with a colon, and not that of another dimension or of a metric; value is 1 to
// 1,024 bytes of ASCII. Neither is blank or has control characters.
func WithDimension(name, value string) Option {
	return func(c *config) { c.dimensions = append(c.dimensions, emf.Dimension{Name: name, Value: value}) }
}

// Writer writes metrics. It is safe for concurrent use. Make it with New.
type Writer struct {
	namespace  string
	dimensions []emf.Dimension // added
	err        error           // of New

	mu   sync.Mutex // also of out
	out  io.Writer
	last map[string]producer.Stats // by stream
}

// New makes a Writer to out, with CloudWatch's namespace: 1 to 255 bytes of
// letters, digits and .-_/#: or space, not beginning with a colon or AWS/. What is
// wrong with its arguments each Write returns.
func New(out io.Writer, namespace string, opts ...Option) *Writer {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	var noWriter error
	if out == nil {
		noWriter = errors.New("nil writer")
	}
	err := errors.Join(emf.CheckDimensions(c.dimensions, 2, reserved), noWriter, emf.CheckNamespace(namespace))
	return &Writer{namespace: namespace, dimensions: c.dimensions, err: err, out: out, last: map[string]producer.Stats{}}
}

// reserved says whether a member of that name is written anyway.
func reserved(name string) bool {
	switch name {
	case "StreamName", "ErrorCode", "ErrorsByCode":
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
	if err := emf.CheckValue("stream", stream); err != nil {
		return fmt.Errorf("kinemf: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := since(w.last[stream], s)
	now := time.Now()
	lines := w.line(nil, now, stream, "", measure(&d))
	for _, code := range slices.Sorted(maps.Keys(d.ErrorsByCode)) {
		n := float64(d.ErrorsByCode[code])
		lines = w.line(lines, now, stream, cmp.Or(code, "none"), []emf.Metric{{Name: "ErrorsByCode", Unit: emf.Count, Value: n}})
	}
	if _, err := w.out.Write(lines); err != nil {
		return fmt.Errorf("kinemf: %w", err)
	}
	s.ErrorsByCode = maps.Clone(s.ErrorsByCode)
	w.last[stream] = s
	return nil
}

// line appends a line of all's metrics; code is "" for none.
func (w *Writer) line(to []byte, now time.Time, stream, code string, all []emf.Metric) []byte {
	dimensions := []emf.Dimension{{Name: "StreamName", Value: stream}}
	if code != "" {
		dimensions = append(dimensions, emf.Dimension{Name: "ErrorCode", Value: code})
	}
	return emf.Line{Namespace: w.namespace, Time: now, Dimensions: append(dimensions, w.dimensions...), Metrics: all}.AppendTo(to)
}

package emf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/internal/emf/emftest"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/emf"
)

func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := hooks(t, &log, emf.WithDimension("FunctionName", "intake"), emf.WithDimension("Zone", "b<c"))
		h.Batch(t.Context(), lambda.Batch{
			Shard: shard, OuterRecords: 1, UserRecords: 14, Skipped: 2, Succeeded: 3, Poison: 4, Undecided: 5, FailedAttempts: 6, Malformed: 7,
			OutOfRangeAggregates: 8, Age: 1500 * time.Microsecond, Duration: 2 * time.Second, Reported: "4956", TimeUp: true,
		})
		h.Passed(t.Context(), lambda.Passed{Shard: shard, SequenceNumber: "4956"})
		h.CheckpointError(t.Context(), lambda.CheckpointError{Shard: shard, Operation: "Load", Err: io.EOF})
		lines := emftest.Parse(t, log.String())
		if len(lines) != 3 {
			t.Fatalf("%d lines, want 3", len(lines))
		}
		dimensions := map[string]string{"StreamName": "orders", "FunctionName": "intake", "Zone": "b<c"}
		lines[0].Check(t, "Orders", dimensions, map[string]emftest.Measured{
			"OuterRecords": {Value: 1, Unit: "Count"}, "UserRecords": {Value: 14, Unit: "Count"}, "SkippedRecords": {Value: 2, Unit: "Count"}, "SucceededRecords": {Value: 3, Unit: "Count"},
			"PoisonRecords": {Value: 4, Unit: "Count"}, "UndecidedRecords": {Value: 5, Unit: "Count"}, "FailedAttempts": {Value: 6, Unit: "Count"}, "MalformedAggregates": {Value: 7, Unit: "Count"},
			"OutOfRangeAggregates": {Value: 8, Unit: "Count"}, "BatchAge": {Value: 1.5, Unit: "Milliseconds"}, "BatchDuration": {Value: 2000, Unit: "Milliseconds"},
			"PartialAnswers": {Value: 1, Unit: "Count"}, "TimeUps": {Value: 1, Unit: "Count"}, "FunctionErrors": {Value: 0, Unit: "Count"},
		})
		lines[1].Check(t, "Orders", dimensions, map[string]emftest.Measured{"PassedFailures": {Value: 1, Unit: "Count"}})
		lines[2].Check(t, "Orders", dimensions, map[string]emftest.Measured{"CheckpointErrors": {Value: 1, Unit: "Count"}})
		for _, l := range lines {
			if l.Timestamp != time.Now().UnixMilli() {
				t.Errorf("timestamp is %d, want %d", l.Timestamp, time.Now().UnixMilli())
			}
		}
		if h.DeadLetter != nil || h.OutOfRange != nil {
			t.Error("a hook is set whose count is that of Batch")
		}
	})
}

// How an invocation ended: one of these at most, beside the end of the time.
func TestEnd(t *testing.T) {
	for _, c := range []struct {
		name                string
		batch               lambda.Batch
		partial, up, failed float64
	}{
		{"whole", lambda.Batch{}, 0, 0, 0},
		{"partial", lambda.Batch{Reported: "1"}, 1, 0, 0},
		{"time up", lambda.Batch{Reported: "1", TimeUp: true}, 1, 1, 0},
		{"error", lambda.Batch{Err: io.EOF}, 0, 0, 1},
		{"error in the place of a partial answer", lambda.Batch{Reported: "1", Err: io.EOF, TimeUp: true}, 0, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			hooks(t, &log).Batch(t.Context(), c.batch)
			m := emftest.Parse(t, log.String())[0].Metrics
			if m["PartialAnswers"].Value != c.partial || m["TimeUps"].Value != c.up || m["FunctionErrors"].Value != c.failed {
				t.Errorf("metrics are %v", m)
			}
			if age, ok := m["BatchAge"]; ok {
				t.Errorf("an unknown age is %v", age)
			}
		})
	}
}

func TestStreamName(t *testing.T) {
	for arn, want := range map[string]string{
		shard.StreamARN:                                             "orders",
		shard.StreamARN + "/consumer/fan-out:1":                     "orders",
		"arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a.b-c_D": "a.b-c_D",
		"":                                     "unknown",
		"orders":                               "unknown",
		"arn:aws:sqs:us-east-1:1:orders":       "unknown",
		"arn:aws:kinesis:us-east-1:1:stream/":  "unknown",
		"arn:aws:kinesis:us-east-1:1:stream/é": "unknown",
		"arn:aws:kinesis:us-east-1:1:stream/" + strings.Repeat("a", 1025): "unknown",
	} {
		var log bytes.Buffer
		hooks(t, &log).Passed(t.Context(), lambda.Passed{Shard: lambda.Shard{StreamARN: arn}})
		if got := emftest.Parse(t, log.String())[0].Dimensions["StreamName"]; got != want {
			t.Errorf("the stream of %.60q is %q, want %q", arn, got, want)
		}
	}
}

// out is a writer that fails or panics on demand, and counts its calls.
type out struct {
	bytes.Buffer
	err    error
	panics bool
	calls  int
}

func (o *out) Write(b []byte) (int, error) {
	o.calls++
	if o.panics {
		panic("no writer")
	}
	if o.err != nil {
		return 0, o.err
	}
	return o.Buffer.Write(b)
}

// A line that is not written is logged, and the next one is written.
func TestFailedWrite(t *testing.T) {
	var log bytes.Buffer
	o := &out{err: io.ErrShortWrite}
	h, err := emf.New(o, "Orders", emf.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	h.Passed(t.Context(), lambda.Passed{Shard: shard})
	for _, want := range []string{"level=ERROR", shard.StreamARN, shard.ID, io.ErrShortWrite.Error()} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q: %s", want, log.String())
		}
	}
	log.Reset()
	o.err, o.panics = nil, true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		h.Passed(t.Context(), lambda.Passed{Shard: shard})
	}()
	o.panics = false
	h.Passed(t.Context(), lambda.Passed{Shard: shard})
	if n := len(emftest.Parse(t, o.String())); n != 1 || log.Len() > 0 {
		t.Errorf("%d lines after the failures, want 1; logged %q", n, log.String())
	}
}

// Without WithLogger it is slog's default logger at the time of New.
func TestDefaultLogger(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	h, err := emf.New(&out{err: io.ErrShortWrite}, "Orders")
	if err != nil {
		t.Fatal(err)
	}
	slog.SetDefault(before)
	h.Passed(t.Context(), lambda.Passed{Shard: shard})
	if !strings.Contains(log.String(), io.ErrShortWrite.Error()) {
		t.Errorf("logged %q", log.String())
	}
}

func TestBadArguments(t *testing.T) {
	var many []emf.Option
	for i := range 30 {
		many = append(many, emf.WithDimension(fmt.Sprint("d", i), "v"))
	}
	if _, err := emf.New(io.Discard, "Orders", many[:29]...); err != nil {
		t.Error(err)
	}
	taken := []emf.Option{emf.WithDimension("StreamName", "v"), emf.WithDimension("BatchAge", "v"),
		emf.WithDimension("PassedFailures", "v"), emf.WithDimension("CheckpointErrors", "v"), emf.WithDimension("_aws", "v")}
	for _, c := range []struct {
		name      string
		out       io.Writer
		namespace string
		opts      []emf.Option
		complains int
		says      string
	}{
		{"nil writer", nil, "Orders", nil, 1, "writer is nil"},
		{"namespace", io.Discard, "AWS/Kinesis", nil, 1, `namespace "AWS/Kinesis"`},
		{"nil option", io.Discard, "Orders", []emf.Option{nil}, 1, "option is nil"},
		{"nil logger", io.Discard, "Orders", []emf.Option{emf.WithLogger(nil)}, 1, "WithLogger(nil)"},
		{"many dimensions", io.Discard, "Orders", many, 1, "30 dimensions added, want at most 29"},
		{"names taken", io.Discard, "Orders", taken, 5, "taken"},
		{"all", nil, "", []emf.Option{nil, emf.WithLogger(nil), emf.WithDimension("", "")}, 5, "emf: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := emf.New(c.out, c.namespace, c.opts...)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Count(err.Error(), "\n") != c.complains-1 {
				t.Errorf("error %v, want %d complaints with %q", err, c.complains, c.says)
			}
			if h.Batch != nil || h.Passed != nil || h.CheckpointError != nil {
				t.Error("there are hooks beside the error")
			}
		})
	}
}

// The metrics of the package's documentation are those that are written.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for row := range strings.Lines(string(doc)) {
		if f := strings.Fields(row); len(f) > 3 && (f[2] == "Count" || f[2] == "Milliseconds") {
			want[f[1]] = f[2]
		}
	}
	var log bytes.Buffer
	h := hooks(t, &log)
	h.Batch(t.Context(), lambda.Batch{Age: time.Second})
	h.Passed(t.Context(), lambda.Passed{})
	h.CheckpointError(t.Context(), lambda.CheckpointError{Err: errors.New("no")})
	got := map[string]string{}
	for _, l := range emftest.Parse(t, log.String()) {
		for name, m := range l.Metrics {
			got[name] = m.Unit
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("written are\n%v\ndocumented are\n%v", got, want)
	}
}

// Lines of concurrent invocations do not mix, and each is one Write.
func TestConcurrency(t *testing.T) {
	o := &out{}
	h, err := emf.New(o, "Orders", emf.WithDimension("FunctionName", "intake"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				h.Batch(t.Context(), lambda.Batch{Shard: shard, UserRecords: 3})
			}
		})
	}
	wg.Wait()
	sum := 0.0
	lines := emftest.Parse(t, o.String())
	for _, l := range lines {
		sum += l.Metrics["UserRecords"].Value
	}
	if sum != 1200 || len(lines) != 400 || o.calls != 400 {
		t.Errorf("%v user records in %d lines and %d writes, want 1200 in 400 and 400", sum, len(lines), o.calls)
	}
}

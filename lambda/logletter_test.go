package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// sendLetter sends a poison record with odd bytes to a log, and returns the
// letter as another dead letter would have it.
func sendLetter(t *testing.T, l *slog.Logger, maxBytes int) (letter lambda.Letter, err error) {
	t.Helper()
	to := lambda.LogDeadLetter(l, maxBytes)
	c := newConsumer(t, func(context.Context, *lambda.Record) error { return lambda.Poison(errBoom) },
		lambda.WithDeadLetter(lambda.DeadLetterFunc(func(ctx context.Context, l lambda.Letter) error {
			letter = l
			err = to.Send(ctx, l)
			return err
		})))
	data := pack(t, aggregate.Record{PartitionKey: "ké\"y\n", ExplicitHashKey: "7", Data: []byte("a\x00\xff\"<b>")})
	want := ""
	answer := invoke(t, c, event(record(1, "outer", data)))
	if err != nil {
		want = sequence(1)
	}
	check(t, "answer", answer, want)
	return letter, err
}

func TestLogDeadLetter(t *testing.T) {
	t.Run("JSON", func(t *testing.T) {
		var out bytes.Buffer
		want, err := sendLetter(t, slog.New(slog.NewJSONHandler(&out, nil)), 0)
		if err != nil {
			t.Fatal(err)
		}
		var line struct {
			Level, Msg string
			Letter     lambda.Letter
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		check(t, "line", line.Level+" "+line.Msg, "ERROR dead letter")
		check(t, "letter", fmt.Sprintf("%+v", line.Letter), fmt.Sprintf("%+v", want))
		check(t, "lines", strings.Count(out.String(), "\n"), 1)
	})
	t.Run("text", func(t *testing.T) {
		var out bytes.Buffer
		want, err := sendLetter(t, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "letter" { // what a reader of the text would take apart
				a.Value = slog.StringValue(fmt.Sprintf("%s", a.Value.Any()))
			}
			return a
		}})), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(out.String(), "letter=")
		var text string
		if err := json.Unmarshal([]byte(quoted), &text); err != nil {
			t.Fatalf("%v in %s", err, out.String())
		}
		var letter lambda.Letter
		if err := json.Unmarshal([]byte(text), &letter); err != nil {
			t.Fatal(err)
		}
		check(t, "letter", fmt.Sprintf("%+v", letter), fmt.Sprintf("%+v", want))
	})
	t.Run("text as it is", func(t *testing.T) {
		var out bytes.Buffer
		want, err := sendLetter(t, slog.New(slog.NewTextHandler(&out, nil)), 0)
		if err != nil {
			t.Fatal(err)
		}
		document, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), fmt.Sprintf("letter=%q", document)) {
			t.Errorf("no letter in %s", out.String())
		}
	})
}

// What does not get into the log is not done.
func TestLogDeadLetterFails(t *testing.T) {
	var out bytes.Buffer
	want, err := sendLetter(t, slog.New(slog.NewJSONHandler(&out, nil)), 0)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		logger *slog.Logger
		max    int
		err    string
	}{
		"as long as may be": {slog.New(slog.DiscardHandler), len(document), "does not write level ERROR"},
		"long enough":       {slog.New(slog.NewJSONHandler(&out, nil)), len(document), ""},
		"too long":          {slog.New(slog.NewJSONHandler(&out, nil)), len(document) - 1, fmt.Sprintf("is %d bytes, want at most %d", len(document), len(document)-1)},
		"level off":         {slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelError + 1})), 0, "does not write level ERROR"},
		"handler fails":     {slog.New(slog.NewJSONHandler(full{}, nil)), 0, "boom"},
		"no logger":         {nil, 0, "no logger"},
	} {
		t.Run(name, func(t *testing.T) {
			out.Reset()
			_, err := sendLetter(t, test.logger, test.max)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			check(t, "something was written", out.Len() > 0, test.err == "")
		})
	}
}

// By default a letter may have 250,000 bytes.
func TestLogDeadLetterOfItself(t *testing.T) {
	var out bytes.Buffer
	d := lambda.LogDeadLetter(slog.New(slog.NewJSONHandler(&out, nil)), -1)
	document, err := json.Marshal(lambda.Letter{})
	if err != nil {
		t.Fatal(err)
	}
	room := 250_000 - len(document)
	check(t, "error", d.Send(t.Context(), lambda.Letter{Error: strings.Repeat("x", room)}), nil)
	if err := d.Send(t.Context(), lambda.Letter{Error: strings.Repeat("x", room+1)}); err == nil {
		t.Error("no error for 250,001 bytes")
	}
	out.Reset()
	if err := d.Send(t.Context(), lambda.Letter{ApproximateArrivalTimestamp: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil || out.Len() > 0 {
		t.Errorf("a time that JSON does not hold: %v", err)
	}
}

// full is a writer that has no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errBoom }

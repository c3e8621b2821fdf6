package lambda

// This file owns the dead letter of those who have nothing but a log.

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// maxLogLetter is below the 256 KB of a CloudWatch log event, with room for what
// a handler writes around the letter (CloudWatch Logs quotas; accounts with the
// newer quota take 1 MB).
const maxLogLetter = 250_000

// LogDeadLetter returns a [DeadLetter] that writes each letter to l: a line
// "dead letter" at level error with the attribute letter, its JSON form. That
// holds the record's data and keys: who reads the log reads them. The command
// kinpack redrive reads the documents back.
//
// maxBytes is the longest JSON form that is written, in bytes; 0 is 250,000,
// which fits into a CloudWatch log event. A longer letter is an error, so that it
// is not cut off but stays undecided; so is a level that l does not write, and an
// error of its handler. l must not be nil.
func LogDeadLetter(l *slog.Logger, maxBytes int) DeadLetter {
	if maxBytes <= 0 {
		maxBytes = maxLogLetter
	}
	return DeadLetterFunc(func(ctx context.Context, letter Letter) error {
		if l == nil {
			return fmt.Errorf("lambda: LogDeadLetter has no logger")
		}
		document, err := json.Marshal(letter)
		if err != nil {
			return err
		}
		if len(document) > maxBytes {
			return fmt.Errorf("lambda: dead letter %s is %d bytes, want at most %d", letter.ID, len(document), maxBytes)
		}
		h := l.Handler()
		if !h.Enabled(ctx, slog.LevelError) {
			return fmt.Errorf("lambda: the logger does not write level %s", slog.LevelError)
		}
		line := slog.NewRecord(time.Now(), slog.LevelError, "dead letter", 0)
		line.AddAttrs(slog.Any("letter", json.RawMessage(document)))
		return h.Handle(ctx, line)
	})
}

package lines

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kinpack/kinpack/producer"
)

// This file owns why a line failed, in words that hold nothing of the line.

// MaxReasons is how many reasons are told apart.
const MaxReasons = 10

// Reason is why lines failed.
type Reason struct {
	// Code is the service's error code if it gave one, else one of NotJSON, NoKey,
	// BadKey, BadQuotes, TooLarge, Expired, LandingUnknown, HandedBack, Refused and
	// Invalid.
	Code string
	// Text says more, of the first of the lines to fail.
	Text  string
	Line  int64 // the number of that one, from 1
	Lines int64 // how many

	kind  string // the same for all of them
	fatal bool   // it is none of the line's own: others will fail as well
}

// because returns a reason that is all in its text.
func because(code, format string, a ...any) *Reason {
	text := fmt.Sprintf(format, a...)
	return &Reason{Code: code, Text: text, kind: code + text}
}

func tooLong(limit int) *Reason {
	return &Reason{Code: "TooLarge", Text: fmt.Sprintf("longer than the %d bytes that the stream takes as a record", limit), kind: "TooLarge"}
}

// reasonOf returns what an error of the producer's says.
func reasonOf(err error) *Reason {
	e, ok := errors.AsType[*producer.PutError](err)
	switch {
	case errors.Is(err, producer.ErrTooLarge): // its text holds sizes only
		return &Reason{Code: "TooLarge", Text: words(err), kind: "TooLarge"}
	case !ok: // the text may hold the key
		return because("Invalid", "the producer does not take it")
	}
	kind := errors.Unwrap(e)
	why := &Reason{Code: e.Code, Text: words(kind), kind: kind.Error() + e.Code}
	if kind == producer.ErrClosed {
		why.Text = "given up"
	}
	if why.Text += fmt.Sprintf(" after %d attempt", e.Attempts); e.Attempts != 1 {
		why.Text += "s"
	}
	own := ownFault(e.Code)
	if e.Message != "" && !own { // a complaint about the request may quote the record
		why.Text += ": " + e.Message
	}
	if why.Code == "" {
		why.Code = codeOf(kind)
	}
	why.fatal = kind == producer.ErrRefused && !own
	return why
}

// ownFault says whether the service refused what a record is.
func ownFault(code string) bool {
	return code == "ValidationException" || code == "InvalidArgumentException"
}

func codeOf(kind error) string {
	switch kind {
	case producer.ErrExpired:
		return "Expired"
	case producer.ErrLandingUnknown:
		return "LandingUnknown"
	case producer.ErrClosed:
		return "HandedBack"
	}
	return "Refused"
}

// words is an error's text without the package's name.
func words(err error) string { return strings.TrimPrefix(err.Error(), "producer: ") }

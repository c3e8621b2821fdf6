package kinesistest

// This file owns the constraints that the service's model puts on single
// members. They are checked before anything is looked up, all of them, and
// told together in one ValidationException, as the service does.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	// maxViolations is how many violations the service tells of at most.
	maxViolations = 10
	// maxBlob is the length that the model allows a record's data; a stream
	// may allow less (API Reference, PutRecordsRequestEntry).
	maxBlob       = 10 << 20
	maxKeyLength  = 256 // Unicode code points of a partition key
	maxNameLength = 128
	maxSeqDigits  = 129
	maxShardCount = 100_000

	namePattern    = "[a-zA-Z0-9_.-]+"
	arnPattern     = `arn:aws.*:kinesis:.*:\d{12}:stream/\S+`
	hashKeyPattern = `0|([1-9]\d{0,38})`
	seqPattern     = `0|([1-9]\d{0,128})`
)

// constraints collects violations. The zero value is ready.
type constraints struct{ violations []string }

func (c *constraints) add(value, path, rule string) {
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, fmt.Sprintf("Value%s at '%s' failed to satisfy constraint: %s", value, path, rule))
	}
}

func (c *constraints) err() error {
	n := len(c.violations)
	if n == 0 {
		return nil
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	return invalid("%d validation error%s detected: %s", n, plural, strings.Join(c.violations, "; "))
}

// present reports a member that is required and missing.
func (c *constraints) present(path string, ok bool) bool {
	if !ok {
		c.add(" null", path, "Member must not be null")
	}
	return ok
}

// size checks a number; kind is "length" or "value". v is what has it, nil
// if the service does not repeat it.
func (c *constraints) size(v *string, path, kind string, n, low, high int) {
	told := ""
	if v != nil {
		told = " '" + *v + "'"
	}
	if n < low {
		c.add(told, path, fmt.Sprintf("Member must have %s greater than or equal to %d", kind, low))
	}
	if n > high {
		c.add(told, path, fmt.Sprintf("Member must have %s less than or equal to %d", kind, high))
	}
}

// integer checks a number that may be left out.
func (c *constraints) integer(path string, v *int32, low, high int) {
	if v != nil {
		told := strconv.Itoa(int(*v))
		c.size(&told, path, "value", int(*v), low, high)
	}
}

func (c *constraints) match(v, path, pattern string, ok bool) {
	if !ok {
		c.add(fmt.Sprintf(" '%s'", v), path, "Member must satisfy regular expression pattern: "+pattern)
	}
}

// name checks the name of a stream or shard; it may be left out.
func (c *constraints) name(path string, v *string) {
	if v == nil {
		return
	}
	c.match(*v, path, namePattern, isName(*v))
	c.size(v, path, "length", utf8.RuneCountInString(*v), 1, maxNameLength)
}

// requiredName is name for a member that must be there.
func (c *constraints) requiredName(path string, v *string) {
	if c.present(path, v != nil) {
		c.name(path, v)
	}
}

// stream checks the two members that name a stream. Which of them are needed
// is not a constraint of the model.
func (c *constraints) stream(name, arn *string) {
	c.name("streamName", name)
	if arn != nil {
		c.match(*arn, "streamARN", arnPattern, isStreamARN(*arn))
	}
}

// token checks an iterator or page token.
func (c *constraints) token(path string, v *string, longest int) {
	if v != nil {
		c.size(v, path, "length", len(*v), 1, longest)
	}
}

func (c *constraints) sequence(path string, v *string) {
	if v != nil {
		c.match(*v, path, seqPattern, isDecimal(*v, maxSeqDigits))
	}
}

// enum checks a member that must be one of values; "" is a missing member.
func (c *constraints) enum(path, v string, values []string) {
	if c.present(path, v != "") && !slices.Contains(values, v) {
		c.add(fmt.Sprintf(" '%s'", v), path, "Member must satisfy enum value set: ["+strings.Join(values, ", ")+"]")
	}
}

// entry checks record number i of a put, from 0; a put of one record has no
// numbers, i is -1.
func (c *constraints) entry(i int, data []byte, key, explicit *string, keyRequired bool) {
	if len(c.violations) == maxViolations {
		return // a bad request may have millions of entries
	}
	path := func(member string) string {
		if i < 0 {
			return member
		}
		return "records." + strconv.Itoa(i+1) + ".member." + member
	}
	switch {
	case key == nil && keyRequired:
		c.present(path("partitionKey"), false)
	case key != nil:
		if n := utf8.RuneCountInString(*key); n < 1 || n > maxKeyLength {
			c.size(key, path("partitionKey"), "length", n, 1, maxKeyLength)
		}
	}
	if explicit != nil && !isDecimal(*explicit, hashkey.MaxDigits) {
		c.match(*explicit, path("explicitHashKey"), hashKeyPattern, false)
	}
	switch {
	case data == nil:
		c.present(path("data"), false)
	case len(data) > maxBlob:
		c.size(nil, path("data"), "length", len(data), 0, maxBlob)
	}
}

// names turns the values of an SDK enum into strings.
func names[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

func isDecimal(s string, digits int) bool {
	if s == "" || len(s) > digits || s[0] == '0' && len(s) > 1 {
		return false
	}
	return allDigits(s)
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func isStreamARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 {
		return false
	}
	name, ok := strings.CutPrefix(parts[5], "stream/")
	return ok && parts[0] == "arn" && strings.HasPrefix(parts[1], "aws") && parts[2] == "kinesis" &&
		len(parts[4]) == 12 && allDigits(parts[4]) && name != "" && !strings.ContainsAny(name, " \t\n\r\f\v")
}

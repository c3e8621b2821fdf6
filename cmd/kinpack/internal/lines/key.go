package lines

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kinpack/kinpack/aggregate"
)

// This file owns the partition key of a line. A key that is returned is one that
// a stream takes.

// Key returns a line's partition key, or why it has none. It is called by one
// goroutine at a time.
type Key func(line []byte) (string, *Reason)

// RandomKey gives each line a key of its own: up to 13 characters of 0-9 and a-z.
func RandomKey([]byte) (string, *Reason) { return strconv.FormatUint(rand.Uint64(), 36), nil }

// MemberKey returns the Key that is a member of the line, a JSON object. A dot in
// path leads into a nested object; \. is a dot and \\ a backslash of a name. A
// string counts as it is, a number or boolean as it is written. Of members with
// one name the last counts.
func MemberKey(path string) (Key, error) {
	names, err := splitPath(path)
	if err != nil {
		return nil, err
	}
	return func(line []byte) (string, *Reason) {
		if !json.Valid(line) || space(line)[0] != '{' {
			return "", because("NotJSON", "not a JSON object")
		}
		value, ok := line, true
		for _, name := range names {
			if value, ok = member(value, name); !ok {
				return "", because("NoKey", "no member %s", path)
			}
		}
		return scalar(value, "member "+path)
	}, nil
}

func splitPath(path string) (names []string, err error) {
	var name strings.Builder
	for rest := path; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c == '\\' && rest != "" && (rest[0] == '.' || rest[0] == '\\'):
			name.WriteByte(rest[0])
			rest = rest[1:]
		case c == '\\':
			return nil, fmt.Errorf(`%q: want \. or \\ after a backslash`, path)
		case c == '.':
			names = append(names, name.String())
			name.Reset()
		default:
			name.WriteByte(c)
		}
	}
	names = append(names, name.String())
	for _, n := range names {
		if n == "" {
			return nil, fmt.Errorf("%q: want the name of a member, or names with a dot between them", path)
		}
	}
	return names, nil
}

// scalar returns a valid JSON value as a key.
func scalar(value []byte, where string) (string, *Reason) {
	switch value[0] {
	case '{':
		return "", because("BadKey", "%s is an object", where)
	case '[':
		return "", because("BadKey", "%s is an array", where)
	case 'n':
		return "", because("BadKey", "%s is null", where)
	case '"':
		if !utf8.Valid(value) { // package json would replace what is not
			return "", because("BadKey", "%s is not valid UTF-8", where)
		}
		return checked(unquote(value), where)
	}
	return checked(string(value), where)
}

// ColumnKey returns the Key that is a column, by its number from 1, of a line whose
// columns the delimiter parts, as in package encoding/csv: a column may be quoted,
// and a "\r" at the end is none of the last column. A quoted column ends with its
// line. The delimiter is one character, or \t in two.
func ColumnKey(number, delimiter string) (Key, error) {
	column, err := strconv.Atoi(number)
	if err != nil || column < 1 {
		return nil, errors.New("want the number of a column, from 1")
	}
	part := []byte(delimiter)
	if delimiter == `\t` {
		part = []byte{'\t'}
	}
	comma, size := utf8.DecodeRune(part)
	if _, err := columns(nil, comma); size < len(part) || err != io.EOF { // it says what it does not take
		return nil, errors.New("want one character as delimiter, no quote and no end of a line")
	}
	where := "column " + strconv.Itoa(column)
	return func(line []byte) (string, *Reason) {
		if bytes.IndexByte(line, '"') < 0 { // no need of a csv.Reader
			rest := bytes.TrimSuffix(line, []byte{'\r'})
			for range column - 1 {
				var ok bool
				if _, rest, ok = bytes.Cut(rest, part); !ok {
					return "", because("NoKey", "no %s", where)
				}
			}
			value, _, _ := bytes.Cut(rest, part)
			return checked(string(value), where)
		}
		all, err := columns(line, comma)
		switch {
		case err != nil:
			return "", because("BadQuotes", "the quotes are not those of CSV")
		case len(all) < column:
			return "", because("NoKey", "no %s", where)
		}
		return checked(all[column-1], where)
	}, nil
}

func columns(line []byte, delimiter rune) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.Comma = delimiter
	return r.Read()
}

// checked returns a key if a stream takes it.
func checked(key, where string) (string, *Reason) {
	switch n := len(key); {
	case n == 0:
		return "", because("BadKey", "%s is empty, a partition key has 1 to %d characters", where, aggregate.MaxPartitionKey)
	case !utf8.ValidString(key):
		return "", because("BadKey", "%s is not valid UTF-8", where)
	case n > aggregate.MaxPartitionKey && utf8.RuneCountInString(key) > aggregate.MaxPartitionKey:
		return "", because("BadKey", "%s has more than %d characters, the most of a partition key", where, aggregate.MaxPartitionKey)
	}
	return key, nil
}

package lines

import (
	"bytes"
	"encoding/json"
)

// This file owns how a member of a JSON object is found: without taking the others
// in, which package json needs several times as long for. Everything here is given
// valid JSON.

// member returns the value of an object's member; of several with one name that of
// the last. ok is false if there is none, or if it is no object.
func member(object []byte, name string) (value []byte, ok bool) {
	rest := space(object)
	if rest[0] != '{' {
		return nil, false
	}
	for rest = space(rest[1:]); rest[0] != '}'; {
		n := valueLen(rest)
		key := rest[:n]
		rest = space(space(rest[n:])[1:]) // the colon
		n = valueLen(rest)
		if isString(key, name) {
			value, ok = rest[:n], true
		}
		if rest = space(rest[n:]); rest[0] == ',' {
			rest = space(rest[1:])
		}
	}
	return value, ok
}

func space(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// valueLen returns how long the value is that b begins with.
func valueLen(b []byte) int {
	switch b[0] {
	case '"':
		return stringLen(b)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += stringLen(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return bytes.IndexAny(b, ",}] \t\r\n") // it is in an object, so there is one
}

// stringLen returns how long the string is that b begins with, quotes included.
func stringLen(b []byte) int {
	i := 1
	for ; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isString says whether a JSON string stands for s.
func isString(value []byte, s string) bool {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1:len(value)-1]) == s
	}
	return unquote(value) == s
}

// unquote returns what a JSON string of valid UTF-8 stands for.
func unquote(value []byte) (s string) {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	_ = json.Unmarshal(value, &s) // it is valid
	return s
}

package kinesistest

// This file owns what a CBOR item is (RFC 8949) and where it ends. check
// looks at all of a body before anything of it is kept, so that what is read
// afterwards is known to be there. It allocates nothing but its error.

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how many maps, arrays and tags may lie in each other, as in the
// decoder of smithy-go v1.28.9. The protocol needs 4.
const maxDepth = 128

// The major types of items.
const (
	majorUnsigned = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// The simple values of RFC 8949, by the low bits of their heads.
const (
	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23
	simpleFloat32   = 26
	simpleFloat64   = 27
)

// codeBreak ends an item that is open.
const codeBreak = 0xff

// cborHead is the beginning of an item.
type cborHead struct {
	major byte
	low   byte   // the low 5 bits of the first byte
	arg   uint64 // a number, a length, or the bits of a float
	open  bool   // the length is not told, a break comes at the end
}

// String is the kind of the item, for messages.
func (h cborHead) String() string {
	switch {
	case h.major < majorSimple:
		return [...]string{"an integer", "an integer", "a byte string", "a text string", "an array", "a map", "a tag"}[h.major]
	case h.boolean():
		return "a boolean"
	case h.null():
		return "null"
	}
	return "a float"
}

func (h cborHead) integer() bool { return h.major == majorUnsigned || h.major == majorNegative }

func (h cborHead) boolean() bool {
	return h.major == majorSimple && (h.low == simpleFalse || h.low == simpleTrue)
}

func (h cborHead) null() bool {
	return h.major == majorSimple && (h.low == simpleNull || h.low == simpleUndefined)
}

// cborReader goes through a body.
type cborReader struct {
	body []byte
	pos  int
}

func (r *cborReader) malformed(format string, args ...any) error {
	return fmt.Errorf("bad CBOR at byte %d: %w", r.pos, fmt.Errorf(format, args...))
}

func (r *cborReader) cut() error { return r.malformed("the body ends within an item") }

// head passes over one head.
func (r *cborReader) head() (cborHead, error) {
	if r.pos >= len(r.body) {
		return cborHead{}, r.cut()
	}
	first := r.body[r.pos]
	h := cborHead{major: first >> 5, low: first & 0x1f}
	switch {
	case h.low < 24:
		h.arg = uint64(h.low)
		r.pos++
		return h, nil
	case h.low < 28:
		width := 1 << (h.low - 24)
		rest := r.body[r.pos+1:]
		if len(rest) < width {
			return h, r.cut()
		}
		var b [8]byte
		copy(b[8-width:], rest[:width])
		h.arg = binary.BigEndian.Uint64(b[:])
		r.pos += 1 + width
		return h, nil
	case h.low == 31 && h.major >= majorBytes && h.major <= majorMap:
		h.open = true
		r.pos++
		return h, nil
	}
	return h, r.malformed("an item cannot begin with 0x%02x", first)
}

// broken passes over a break, if there is one.
func (r *cborReader) broken() bool {
	if r.pos < len(r.body) && r.body[r.pos] == codeBreak {
		r.pos++
		return true
	}
	return false
}

// more says whether another item of h, or pair of items, follows the i before
// it. It passes over the break of an open one.
func (r *cborReader) more(h cborHead, i uint64) bool {
	if h.open {
		return !r.broken()
	}
	return i < h.arg
}

// check passes over one item with all that is in it, or says what is wrong
// with it. depth is how many it lies in.
func (r *cborReader) check(depth int) error {
	h, err := r.head()
	if err != nil {
		return err
	}
	if h.major >= majorArray && h.major <= majorTag && depth >= maxDepth {
		return r.malformed("more than %d items in each other", maxDepth)
	}
	switch h.major {
	case majorBytes, majorText:
		return r.checkString(h)
	case majorArray, majorMap:
		return r.checkItems(h, depth)
	case majorTag:
		return r.check(depth + 1)
	case majorSimple:
		if h.low < simpleFalse || h.low == 24 {
			return r.malformed("simple value %d has no meaning", h.arg)
		}
	}
	return nil
}

// checkItems passes over what is in an array or map. A map has text for keys.
// Each item takes a byte at least, so a length over the body's ends early.
func (r *cborReader) checkItems(h cborHead, depth int) error {
	for i := uint64(0); r.more(h, i); i++ {
		if h.major == majorMap {
			key, err := r.head()
			if err != nil {
				return err
			}
			if key.major != majorText {
				return r.malformed("the key of a map is %v", key)
			}
			if err := r.checkString(key); err != nil {
				return err
			}
		}
		if err := r.check(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// checkString passes over what follows the head of a string. Text is UTF-8,
// also each chunk of it alone.
func (r *cborReader) checkString(h cborHead) error {
	if h.open {
		return r.checkChunks(h)
	}
	if h.arg > uint64(len(r.body)-r.pos) {
		return r.cut()
	}
	s := r.body[r.pos : r.pos+int(h.arg)]
	if h.major == majorText && !utf8.Valid(s) {
		return r.malformed("text that is not UTF-8")
	}
	r.pos += len(s)
	return nil
}

// checkChunks passes over the strings that a string in chunks is made of.
func (r *cborReader) checkChunks(h cborHead) error {
	for !r.broken() {
		chunk, err := r.head()
		if err != nil {
			return err
		}
		if chunk.major != h.major || chunk.open {
			return r.malformed("%v within %v", chunk, h)
		}
		if err := r.checkString(chunk); err != nil {
			return err
		}
	}
	return nil
}

package kinwire

// This file owns what a request is made of: the skeleton, which the SDK's serializer
// writes, and the blobs, which stay where they are.

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
)

// skeleton is a request whose blobs are empty. Whatever members the SDK's types
// have, or get, are in it.
type skeleton struct {
	in    *kinesis.PutRecordsInput
	cbor  bool
	text  []byte
	blobs []blob
}

// blob is one that was left out.
type blob struct {
	data []byte
	name string // of the member
	at   int    // in CBOR, where the empty one stands
}

// Serialize implements smithy.Serializable.
func (k *skeleton) Serialize(s smithy.ShapeSerializer) {
	k.blobs = make([]blob, 0, len(k.in.Records))
	k.in.Serialize(&withoutBlobs{s, k})
	k.text = s.Bytes()
}

// withoutBlobs is a serializer of the SDK's that writes empty blobs.
type withoutBlobs struct {
	smithy.ShapeSerializer
	k *skeleton
}

// WriteString implements smithy.ShapeSerializer. Text in CBOR has to be UTF-8; the
// SDK's JSON has the replacement character for each byte that is not.
func (w *withoutBlobs) WriteString(member *smithy.Schema, s string) {
	if w.k.cbor && !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	w.ShapeSerializer.WriteString(member, s)
}

// WriteBlob implements smithy.ShapeSerializer.
func (w *withoutBlobs) WriteBlob(member *smithy.Schema, data []byte) {
	if data == nil {
		w.ShapeSerializer.WriteBlob(member, nil)
		return
	}
	w.ShapeSerializer.WriteBlob(member, []byte{})
	b := blob{data: data, name: member.MemberName()}
	if w.k.cbor { // in JSON Bytes is a copy
		b.at = len(w.Bytes()) - 1
	}
	w.k.blobs = append(w.k.blobs, b)
}

// body puts the blobs into their places, or returns nil if it cannot tell them.
func (k *skeleton) body() *body {
	b := k.bodyJSON
	if k.cbor {
		b = k.bodyCBOR
	}
	if whole := b(); whole != nil && whole.size <= math.MaxInt32 { // an int may have 32 bits
		return whole
	}
	return nil
}

// bodyCBOR puts each blob, with its length, where there is an empty one of 1 byte.
func (k *skeleton) bodyCBOR() *body {
	b := newBody(len(k.blobs))
	lengths := make([]byte, 0, 5*len(k.blobs))
	from := 0
	for _, l := range k.blobs {
		b.add(k.text[from:l.at], false)
		start := len(lengths)
		lengths = appendLength(lengths, len(l.data))
		b.add(lengths[start:], false)
		b.add(l.data, false)
		from = l.at + 1
	}
	b.add(k.text[from:], false)
	return b
}

// appendLength appends the head of a byte string (RFC 8949, section 3.1).
func appendLength(dst []byte, n int) []byte {
	const byteString = 2 << 5
	switch {
	case n < 24:
		return append(dst, byteString|byte(n))
	case n < 1<<8:
		return append(dst, byteString|24, byte(n))
	case n < 1<<16:
		return append(dst, byteString|25, byte(n>>8), byte(n))
	}
	return append(dst, byteString|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// bodyJSON puts each blob between the quotes of an empty one. Those are found by the
// member's name: inside a string there is no quote without a backslash before it, so
// only an empty string under the same name could be taken for one. PutRecords has none;
// in one that gets it the count would be wrong.
func (k *skeleton) bodyJSON() *body {
	b := newBody(len(k.blobs))
	rest := k.text
	for i, l := range k.blobs {
		empty := `"` + l.name + `":""`
		if i == 0 && bytes.Count(rest, []byte(empty)) != len(k.blobs) {
			return nil
		}
		at := bytes.Index(rest, []byte(empty))
		if at < 0 {
			return nil
		}
		at += len(empty) - 1
		b.add(rest[:at], false)
		b.add(l.data, true)
		rest = rest[at:]
	}
	b.add(rest, false)
	return b
}

package kinesistest

// This file owns the form that the AWS SDK for Java speaks: CBOR, with blobs as
// byte strings, and with times as milliseconds since 1970 under tag 1, where
// RFC 8949 has seconds. The service answers so, too (aws-sdk-java-v2, issues
// 184 and 4661).

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
)

const cborType = "application/x-amz-cbor-1.1"

// tagEpoch is the tag of a time.
const tagEpoch = 1

type cborForm struct{}

func (cborForm) contentType() string { return cborType }

// decode reads one map and nothing behind it. null is as if the member were
// absent, unknown members are passed over, of two with one name the last
// counts, and tags change nothing. Blobs lie in the body, but for those in
// chunks.
func (cborForm) decode(body []byte, input any) error {
	if len(body) == 0 {
		return notAStructure()
	}
	r := &cborReader{body: body}
	if err := r.check(0); err != nil {
		return serialization("%v", err)
	}
	if r.pos < len(body) {
		return serialization("%v", r.malformed("there is more than one item"))
	}
	r.pos = 0
	h := r.item()
	if h.major != majorMap {
		return notAStructure()
	}
	if err := r.fillStruct(h, reflect.ValueOf(input).Elem()); err != nil {
		return serialization("%v", err)
	}
	return nil
}

// item passes over the head of an item and the tags before it.
func (r *cborReader) item() cborHead {
	h, _ := r.head() // check has been there
	for h.major == majorTag {
		h, _ = r.head()
	}
	return h
}

// fill puts the item that begins with h into v.
func (r *cborReader) fill(h cborHead, v reflect.Value) error {
	kind := v.Kind()
	switch {
	case h.null():
		v.SetZero()
	case kind == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return r.fill(h, v.Elem())
	case v.Type() == reflect.TypeFor[time.Time]():
		return h.fillTime(v)
	case kind == reflect.Struct && h.major == majorMap:
		return r.fillStruct(h, v)
	case kind == reflect.Map && h.major == majorMap:
		return r.fillMap(h, v)
	case v.Type() == reflect.TypeFor[[]byte]() && h.major == majorBytes:
		v.SetBytes(r.content(h))
	case v.Type() != reflect.TypeFor[[]byte]() && kind == reflect.Slice && h.major == majorArray:
		return r.fillList(h, v)
	case kind == reflect.String && h.major == majorText:
		v.SetString(string(r.content(h)))
	case kind == reflect.Bool && h.boolean():
		v.SetBool(h.low == simpleTrue)
	case v.CanInt() && h.integer():
		n := int64(h.arg)
		if h.major == majorNegative {
			n = -1 - n
		}
		if h.arg > math.MaxInt64 || v.OverflowInt(n) {
			return fmt.Errorf("an integer is beyond the range of %v", v.Type())
		}
		v.SetInt(n)
	default:
		return fmt.Errorf("%v can not be read as %v", h, v.Type())
	}
	return nil
}

// content returns the bytes of a string, which are the body's own if it is in
// one piece.
func (r *cborReader) content(h cborHead) []byte {
	if !h.open {
		end := r.pos + int(h.arg)
		s := r.body[r.pos:end:end]
		r.pos = end
		return s
	}
	s := []byte{}
	for !r.broken() {
		chunk, _ := r.head()
		s = append(s, r.content(chunk)...)
	}
	return s
}

func (r *cborReader) fillStruct(h cborHead, v reflect.Value) error {
	for i := uint64(0); r.more(h, i); i++ {
		name := string(r.content(r.item()))
		field, ok := v.Type().FieldByName(name)
		if !ok || !field.IsExported() {
			_ = r.check(0)
			continue
		}
		if err := r.fill(r.item(), v.FieldByIndex(field.Index)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (r *cborReader) fillList(h cborHead, v reflect.Value) error {
	n := r.count(h)
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		if err := r.fill(r.item(), v.Index(i)); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	if h.open {
		r.broken()
	}
	return nil
}

// count returns how many items are in an array, and stays before the first.
func (r *cborReader) count(h cborHead) int {
	if !h.open {
		return int(h.arg)
	}
	n, start := 0, r.pos
	for ; r.more(h, 0); n++ {
		_ = r.check(0)
	}
	r.pos = start
	return n
}

func (r *cborReader) fillMap(h cborHead, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	value := reflect.New(v.Type().Elem()).Elem()
	for i := uint64(0); r.more(h, i); i++ {
		key := string(r.content(r.item()))
		if err := r.fill(r.item(), value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
	return nil
}

// fillTime reads milliseconds since 1970.
func (h cborHead) fillTime(v reflect.Value) error {
	var ms float64
	switch {
	case h.major == majorUnsigned:
		ms = float64(h.arg)
	case h.major == majorNegative:
		ms = -1 - float64(h.arg)
	case h.major == majorSimple && h.low == simpleFloat32:
		ms = float64(math.Float32frombits(uint32(h.arg)))
	case h.major == majorSimple && h.low == simpleFloat64:
		ms = math.Float64frombits(h.arg)
	default: // a float of 16 bits ends a minute after 1970
		return fmt.Errorf("%v can not be read as milliseconds since epoch", h)
	}
	if !(math.Abs(ms) <= maxMillis) { // or not a number
		return fmt.Errorf("%g can not be converted to milliseconds since epoch", ms)
	}
	v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(ms))).UTC()))
	return nil
}

// appendCBORHead writes the shortest head.
func appendCBORHead(b []byte, major byte, arg uint64) []byte {
	major <<= 5
	switch {
	case arg < 24:
		return append(b, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(b, major|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), arg)
}

func (cborForm) begin(b []byte, c container, n int) []byte {
	if c == object {
		return appendCBORHead(b, majorMap, uint64(n))
	}
	return appendCBORHead(b, majorArray, uint64(n))
}

func (cborForm) next(b []byte, _ int) []byte { return b }

func (cborForm) end(b []byte, _ container) []byte { return b }

func (f cborForm) key(b []byte, name string) []byte { return f.text(b, name) }

func (cborForm) text(b []byte, s string) []byte {
	s = validText(s)
	return append(appendCBORHead(b, majorText, uint64(len(s))), s...)
}

func (cborForm) blob(b, data []byte) []byte {
	return append(appendCBORHead(b, majorBytes, uint64(len(data))), data...)
}

func (cborForm) integer(b []byte, n int64) []byte {
	if n < 0 {
		return appendCBORHead(b, majorNegative, uint64(-1-n))
	}
	return appendCBORHead(b, majorUnsigned, uint64(n))
}

func (cborForm) boolean(b []byte, v bool) []byte {
	if v {
		return appendCBORHead(b, majorSimple, simpleTrue)
	}
	return appendCBORHead(b, majorSimple, simpleFalse)
}

func (f cborForm) moment(b []byte, t time.Time) []byte {
	return f.integer(appendCBORHead(b, majorTag, tagEpoch), t.UnixMilli())
}

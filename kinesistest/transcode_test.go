package kinesistest_test

// A client of the SDK that speaks CBOR: what it sends and gets as JSON is
// turned into CBOR and back, by another encoder and decoder than the package's.

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/encoding/cbor"
)

const cborType = "application/x-amz-cbor-1.1"

// inCBOR makes a client speak CBOR. If open, no length is told of maps and
// arrays, as Jackson writes them, and strings come in chunks.
func inCBOR(t *testing.T, open bool) func(*kinesis.Options) {
	return func(o *kinesis.Options) { o.HTTPClient = &transcoder{t, open, o.HTTPClient} }
}

type transcoder struct {
	t     *testing.T
	open  bool
	inner kinesis.HTTPClient
}

func (c *transcoder) Do(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var body []byte
	if item := fromJSON(c.t, text); c.open {
		body = openItem(item)
	} else {
		body = cbor.Encode(item)
	}
	shown := r.Clone(r.Context())
	shown.Header.Set("Content-Type", cborType)
	shown.Body, shown.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out, err := c.inner.Do(shown)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	answer, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, err
	}
	if got := out.Header.Get("Content-Type"); got != cborType {
		c.t.Errorf("an answer of type %s to a request in CBOR", got)
	}
	text = toJSON(c.t, answer)
	out.Header.Set("Content-Type", "application/x-amz-json-1.1")
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return out, nil
}

// fromJSON returns what stands in a request in JSON.
func fromJSON(t *testing.T, text []byte) cbor.Value {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Errorf("JSON %s: %v", text, err)
	}
	return toItem("", v)
}

func toItem(member string, v any) cbor.Value {
	switch v := v.(type) {
	case map[string]any:
		m := cbor.Map{}
		for k, x := range v {
			m[k] = toItem(k, x)
		}
		return m
	case []any:
		var l cbor.List
		for _, x := range v {
			l = append(l, toItem(member, x))
		}
		return l
	case string:
		if member == "Data" {
			return cbor.Slice(must(base64.StdEncoding.DecodeString(v)))
		}
		return cbor.String(v)
	case json.Number:
		if strings.HasSuffix(member, "Timestamp") {
			return &cbor.Tag{ID: 1, Value: cbor.Uint(math.Round(must(v.Float64()) * 1000))}
		}
		if n := must(v.Int64()); n < 0 {
			return cbor.NegInt(-n)
		}
		return cbor.Uint(must(v.Int64()))
	case bool:
		return cbor.Bool(v)
	}
	return &cbor.Nil{}
}

// openItem encodes what cbor.Encode cannot: maps, arrays and strings that end
// with a break, with lengths in 8 bytes where they still are.
func openItem(v cbor.Value) []byte {
	long := func(major byte, s string) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, uint64(len(s))), s...)
	}
	var b []byte
	switch v := v.(type) {
	case cbor.Map:
		b = append(b, 0xbf)
		for k, x := range v {
			b = append(append(b, long(3, k)...), openItem(x)...)
		}
	case cbor.List:
		b = append(b, 0x9f)
		for _, x := range v {
			b = append(b, openItem(x)...)
		}
	case cbor.Slice:
		half := len(v) / 2
		b = append(append(append(b, 0x5f), long(2, string(v[:half]))...), long(2, string(v[half:]))...)
	case cbor.String:
		b = append(b, 0x7f)
		for _, r := range v {
			b = append(b, long(3, string(r))...)
		}
	default:
		return cbor.Encode(v)
	}
	return append(b, 0xff)
}

// toJSON returns an answer as it would be in JSON. Nothing follows it, and all
// its lengths are as short as they can be.
func toJSON(t *testing.T, answer []byte) []byte {
	if len(answer) == 0 {
		return nil
	}
	item, err := cbor.Decode(answer)
	if err != nil || len(cbor.Encode(item)) != len(answer) {
		t.Errorf("answer %x is bad CBOR or longer than it could be: %v", answer, err)
	}
	return appendJSON(nil, item)
}

func appendJSON(b []byte, v cbor.Value) []byte {
	switch v := v.(type) {
	case cbor.Map:
		fields := map[string]json.RawMessage{}
		for k, x := range v {
			fields[k] = appendJSON(nil, x)
		}
		return append(b, must(json.Marshal(fields))...)
	case cbor.List:
		items := []json.RawMessage{}
		for _, x := range v {
			items = append(items, appendJSON(nil, x))
		}
		return append(b, must(json.Marshal(items))...)
	case cbor.Slice:
		return append(b, must(json.Marshal([]byte(v)))...)
	case cbor.String:
		return append(b, must(json.Marshal(string(v)))...)
	case cbor.Uint:
		return strconv.AppendUint(b, uint64(v), 10)
	case cbor.NegInt:
		return strconv.AppendUint(append(b, '-'), uint64(v), 10)
	case cbor.Bool:
		return strconv.AppendBool(b, bool(v))
	case *cbor.Tag:
		if ms, ok := v.Value.(cbor.Uint); ok && v.ID == 1 {
			return fmt.Appendf(b, "%d.%03d", ms/1000, ms%1000)
		}
	}
	return append(b, fmt.Sprintf("no item of an answer: %#v", v)...)
}

package kinesistest

// This file owns the form awsJson1.1: times are seconds since 1970 with a
// fraction, blobs base64.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const jsonType = "application/x-amz-json-1.1"

type jsonForm struct{}

func (jsonForm) contentType() string { return jsonType }

func (jsonForm) decode(body []byte, input any) error {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return notAStructure()
	}
	var err error
	switch in := input.(type) { // those with times
	case *kinesis.ListShardsInput:
		shown := listShardsJSON{ListShardsInput: in}
		err = json.Unmarshal(body, &shown)
		shown.keep()
	case *kinesis.GetShardIteratorInput:
		shown := getShardIteratorJSON{GetShardIteratorInput: in}
		err = json.Unmarshal(body, &shown)
		in.Timestamp = (*time.Time)(shown.Timestamp)
	default:
		err = json.Unmarshal(body, input)
	}
	if err != nil {
		return serialization("%v", err)
	}
	return nil
}

// epoch is a time on the wire. A field of this type hides the SDK's field of
// the same name, which encoding/json would read as RFC 3339.
type epoch time.Time

// UnmarshalJSON reads seconds since 1970, to the millisecond.
func (e *epoch) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	sec, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(sec) > maxMillis/1000 {
		return fmt.Errorf("%s can not be converted to milliseconds since epoch", b)
	}
	*e = epoch(time.UnixMilli(int64(math.Round(sec * 1000))).UTC())
	return nil
}

// maxMillis is how far from 1970 a time may be, in milliseconds: over 3,000
// years, so that no arithmetic on it overflows.
const maxMillis = 1e14

type listShardsJSON struct {
	*kinesis.ListShardsInput
	StreamCreationTimestamp *epoch
	ShardFilter             *struct {
		types.ShardFilter
		Timestamp *epoch
	}
}

// keep puts what was read in place of the SDK's fields into them.
func (j *listShardsJSON) keep() {
	j.ListShardsInput.StreamCreationTimestamp = (*time.Time)(j.StreamCreationTimestamp)
	if j.ShardFilter != nil {
		filter := j.ShardFilter.ShardFilter
		filter.Timestamp = (*time.Time)(j.ShardFilter.Timestamp)
		j.ListShardsInput.ShardFilter = &filter
	}
}

type getShardIteratorJSON struct {
	*kinesis.GetShardIteratorInput
	Timestamp *epoch
}

func (jsonForm) begin(b []byte, c container, _ int) []byte { return append(b, "{["[c]) }

func (jsonForm) next(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func (jsonForm) end(b []byte, c container) []byte { return append(b, "}]"[c]) }

// key writes the name of a field, in which nothing has to be escaped.
func (jsonForm) key(b []byte, name string) []byte {
	return append(append(append(b, '"'), name...), `":`...)
}

func (jsonForm) text(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always marshals
	return append(b, quoted...)
}

func (jsonForm) blob(b, data []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), data), '"')
}

func (jsonForm) integer(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func (jsonForm) boolean(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func (jsonForm) moment(b []byte, t time.Time) []byte {
	return strconv.AppendFloat(b, float64(t.UnixMilli())/1000, 'f', 3, 64)
}

package kinesistest

// This file owns the form on the wire, awsJson1.1: inputs of the SDK out of
// JSON, outputs of the SDK into JSON. Members are named as the fields of the
// SDK's types; times are seconds since 1970 with a fraction, blobs base64.

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// decodeInput reads the input of the operation op.
func decodeInput(op string, body []byte) (any, error) {
	switch op {
	case "CreateStream":
		return decode[kinesis.CreateStreamInput](body)
	case "DeleteStream":
		return decode[kinesis.DeleteStreamInput](body)
	case "DescribeStream":
		return decode[kinesis.DescribeStreamInput](body)
	case "DescribeStreamSummary":
		return decode[kinesis.DescribeStreamSummaryInput](body)
	case "ListStreams":
		return decode[kinesis.ListStreamsInput](body)
	case "ListShards":
		in, err := decode[listShardsInput](body)
		return in.input(), err
	case "PutRecord":
		return decode[kinesis.PutRecordInput](body)
	case "PutRecords":
		return decode[kinesis.PutRecordsInput](body)
	case "GetShardIterator":
		in, err := decode[getShardIteratorInput](body)
		return in.input(), err
	case "GetRecords":
		return decode[kinesis.GetRecordsInput](body)
	case "SplitShard":
		return decode[kinesis.SplitShardInput](body)
	case "MergeShards":
		return decode[kinesis.MergeShardsInput](body)
	case "UpdateShardCount":
		return decode[kinesis.UpdateShardCountInput](body)
	case "UpdateStreamRecordDistributionStrategy":
		return decode[kinesis.UpdateStreamRecordDistributionStrategyInput](body)
	}
	return nil, unknownOperation(op)
}

func decode[T any](body []byte) (*T, error) {
	in := new(T)
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return in, serialization("Start of structure expected")
	}
	if err := json.Unmarshal(body, in); err != nil {
		return in, serialization("%v", err)
	}
	return in, nil
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
	if err != nil || math.Abs(sec) > 1e11 {
		return fmt.Errorf("%s can not be converted to milliseconds since epoch", b)
	}
	*e = epoch(time.UnixMilli(int64(math.Round(sec * 1000))).UTC())
	return nil
}

type listShardsInput struct {
	kinesis.ListShardsInput
	StreamCreationTimestamp *epoch
	ShardFilter             *struct {
		types.ShardFilter
		Timestamp *epoch
	}
}

func (in *listShardsInput) input() *kinesis.ListShardsInput {
	out := in.ListShardsInput
	out.StreamCreationTimestamp = (*time.Time)(in.StreamCreationTimestamp)
	if in.ShardFilter != nil {
		filter := in.ShardFilter.ShardFilter
		filter.Timestamp = (*time.Time)(in.ShardFilter.Timestamp)
		out.ShardFilter = &filter
	}
	return &out
}

type getShardIteratorInput struct {
	kinesis.GetShardIteratorInput
	Timestamp *epoch
}

func (in *getShardIteratorInput) input() *kinesis.GetShardIteratorInput {
	out := in.GetShardIteratorInput
	out.Timestamp = (*time.Time)(in.Timestamp)
	return &out
}

// encodeOutput writes an output of the SDK. One without members is an empty
// body, as the service answers.
func encodeOutput(output any) []byte {
	b := appendValue(nil, reflect.ValueOf(output))
	if string(b) == "{}" {
		return nil
	}
	return b
}

func encodeError(code, message string) []byte {
	b := append([]byte(`{"__type":`), quote(code)...)
	b = append(append(b, `,"message":`...), quote(message)...)
	return append(b, '}')
}

// appendValue writes v, which is no nil pointer.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return appendValue(b, v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return strconv.AppendFloat(b, float64(t.UnixMilli())/1000, 'f', 3, 64)
		}
		return appendStruct(b, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b = append(b, '"')
			b = base64.StdEncoding.AppendEncode(b, v.Bytes())
			return append(b, '"')
		}
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.String:
		return append(b, quote(v.String())...)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	default: // the outputs have integers and no other kind
		return strconv.AppendInt(b, v.Int(), 10)
	}
}

// appendStruct writes the members that are set. ResultMetadata is of the SDK,
// not of the service.
func appendStruct(b []byte, v reflect.Value) []byte {
	b = append(b, '{')
	comma := false
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Anonymous || field.Name == "ResultMetadata" || v.Field(i).IsZero() {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(b, '"')
		b = append(b, field.Name...)
		b = append(b, `":`...)
		b = appendValue(b, v.Field(i))
	}
	return append(b, '}')
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return b
}

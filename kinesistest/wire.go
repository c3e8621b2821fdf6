package kinesistest

// This file owns what the two forms on the wire, awsJson1.1 (json.go) and CBOR
// (cbor.go), have in common: the inputs and outputs are the SDK's types, and
// their members are named as the fields. What is in one form is in the other.

import (
	"mime"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// form is one of the two ways to write a request and its answer.
type form interface {
	contentType() string
	// decode reads a body into a new input of the SDK. The body must not
	// change any more: what is read may lie in it.
	decode(body []byte, input any) error

	// The others append to b. begin is followed by as many calls of next as it
	// was told, each of them by one value, and by end; in an object a key comes
	// before the value.
	begin(b []byte, c container, n int) []byte
	next(b []byte, i int) []byte
	end(b []byte, c container) []byte
	key(b []byte, name string) []byte
	text(b []byte, s string) []byte
	blob(b, data []byte) []byte
	integer(b []byte, n int64) []byte
	boolean(b []byte, v bool) []byte
	moment(b []byte, t time.Time) []byte
}

type container int

const (
	object container = iota
	list
)

// formOf returns the form for a Content-Type. Whoever sends an unknown one is
// told so in JSON.
func formOf(contentType string) (form, error) {
	if contentType == "" {
		return jsonForm{}, nil
	}
	switch media, _, err := mime.ParseMediaType(contentType); {
	case err != nil:
	case media == jsonType, media == "application/json":
		return jsonForm{}, nil
	case media == cborType:
		return cborForm{}, nil
	}
	return jsonForm{}, serialization("kinesistest reads %s and %s, not %s", jsonType, cborType, contentType)
}

// decodeInput reads the input of the operation op.
func decodeInput(f form, op string, body []byte) (any, error) {
	input := newInput(op)
	if input == nil {
		return nil, unknownOperation(op)
	}
	return input, f.decode(body, input)
}

// newInput returns an empty input of the operation op, nil if it is not known.
func newInput(op string) any {
	switch op {
	case "CreateStream":
		return new(kinesis.CreateStreamInput)
	case "DeleteStream":
		return new(kinesis.DeleteStreamInput)
	case "DescribeStream":
		return new(kinesis.DescribeStreamInput)
	case "DescribeStreamSummary":
		return new(kinesis.DescribeStreamSummaryInput)
	case "ListStreams":
		return new(kinesis.ListStreamsInput)
	case "ListShards":
		return new(kinesis.ListShardsInput)
	case "PutRecord":
		return new(kinesis.PutRecordInput)
	case "PutRecords":
		return new(kinesis.PutRecordsInput)
	case "GetShardIterator":
		return new(kinesis.GetShardIteratorInput)
	case "GetRecords":
		return new(kinesis.GetRecordsInput)
	case "SplitShard":
		return new(kinesis.SplitShardInput)
	case "MergeShards":
		return new(kinesis.MergeShardsInput)
	case "UpdateShardCount":
		return new(kinesis.UpdateShardCountInput)
	case "UpdateStreamRecordDistributionStrategy":
		return new(kinesis.UpdateStreamRecordDistributionStrategyInput)
	}
	return nil
}

// encodeOutput writes an output of the SDK. One without members is an empty
// body, as the service answers.
func encodeOutput(f form, output any) []byte {
	v := reflect.ValueOf(output).Elem()
	if v.IsZero() {
		return nil
	}
	return appendStruct(f, nil, v)
}

func encodeError(f form, code, message string) []byte {
	b := f.begin(nil, object, 2)
	b = f.text(f.key(f.next(b, 0), "__type"), code)
	b = f.text(f.key(f.next(b, 1), "message"), message)
	return f.end(b, object)
}

// appendValue writes v, which is no nil pointer.
func appendValue(f form, b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return appendValue(f, b, v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return f.moment(b, t)
		}
		return appendStruct(f, b, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return f.blob(b, v.Bytes())
		}
		b = f.begin(b, list, v.Len())
		for i := range v.Len() {
			b = appendValue(f, f.next(b, i), v.Index(i))
		}
		return f.end(b, list)
	case reflect.String:
		return f.text(b, v.String())
	case reflect.Bool:
		return f.boolean(b, v.Bool())
	default: // the outputs have integers and no other kind
		return f.integer(b, v.Int())
	}
}

// appendStruct writes the members that are set. ResultMetadata, which is of the
// SDK and not of the service, never is.
func appendStruct(f form, b []byte, v reflect.Value) []byte {
	n := 0
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			n++
		}
	}
	b = f.begin(b, object, n)
	n = 0
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		b = appendValue(f, f.key(f.next(b, n), v.Type().Field(i).Name), v.Field(i))
		n++
	}
	return f.end(b, object)
}

package kinwire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/kinwire"
)

// inCBOR returns what JSON says in CBOR.
func inCBOR(t *testing.T, text string) []byte {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	var convert func(any) cbor.Value
	convert = func(v any) cbor.Value {
		switch v := v.(type) {
		case string:
			return cbor.String(v)
		case float64:
			return cbor.Uint(v)
		case nil:
			return &cbor.Nil{}
		case []any:
			l := cbor.List{}
			for _, e := range v {
				l = append(l, convert(e))
			}
			return l
		}
		m := cbor.Map{}
		for name, e := range v.(map[string]any) {
			m[name] = convert(e)
		}
		return m
	}
	return cbor.Encode(convert(v))
}

// An answer is the same to the caller in either form, and as the SDK reads it.
func TestAnswers(t *testing.T) {
	const inJSON, cborType = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"
	for _, c := range []struct {
		name   string
		status int
		text   string
		header string // X-Amzn-ErrorType
	}{
		{"stored", 200, stored, ""},
		{"empty list", 200, `{"Records":[]}`, ""},
		{"unknown members and nulls", 200, `{"Records":[{"SequenceNumber":"1","ShardId":"s","ErrorCode":null,"New":{"a":[1,"x"]}}],"FailedRecordCount":0,"Other":[{}]}`, ""},
		{"typed", 400, `{"__type":"ResourceNotFoundException","message":"no stream"}`, ""},
		{"throttled", 400, `{"__type":"ProvisionedThroughputExceededException","message":"Rate exceeded"}`, ""},
		{"KMS", 400, `{"__type":"KMSThrottlingException","message":"slow down"}`, ""},
		{"with a namespace", 400, `{"__type":"com.amazonaws.kinesis.v20131202#InvalidArgumentException","message":"bad"}`, ""},
		{"not of the model", 400, `{"__type":"ValidationException","message":"1 validation error detected"}`, ""},
		{"internal", 500, `{"__type":"InternalFailure"}`, ""},
		{"type in the header", 400, `{"message":"no stream"}`, "ResourceNotFoundException:http://internal.amazon.com/"},
		{"type in the header alone", 400, `{}`, "AccessDeniedException"},
		{"another type in the header", 400, `{"__type":"ResourceNotFoundException","message":"m"}`, "LimitExceededException"},
		{"Message", 400, `{"__type":"AccessDeniedException","Message":"not authorized"}`, ""},
		{"Message, not of the model", 400, `{"__type":"InvalidSignatureException","Message":"expired"}`, ""},
		{"code", 400, `{"code":"ThrottlingException","message":"m"}`, ""},
		{"members of other kinds", 400, `{"__type":"ThrottlingException","message":"m","retry":3}`, ""},
		{"nothing known", 503, `{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := func(option func(*kinesis.Options), contentType string, body []byte) string {
				client := newClient(option, func(*http.Request) (*http.Response, error) {
					r := answer(c.status, contentType, body)
					if c.header != "" {
						r.Header.Set("X-Amzn-ErrorType", c.header)
					}
					return r, nil
				})
				return outcome(client.PutRecords(t.Context(), inputs["one"]))
			}
			want := call(stock, inJSON, []byte(c.text))
			for _, f := range forms[1:] {
				if got := call(f.option, inJSON, []byte(c.text)); got != want {
					t.Errorf("%s, answered in JSON: %s, want %s", f.name, got, want)
				}
			}
			if got := call(kinwire.CBOR, cborType, inCBOR(t, c.text)); got != want {
				t.Errorf("answered in CBOR: %s, want %s", got, want)
			}
		})
	}
}

// What is no answer of the service's is an error with its status.
func TestNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name, contentType string
		status            int
		body              string
	}{
		{"a proxy's page", "text/html", 502, "<html>Bad Gateway</html>"},
		{"nothing", "", 503, ""},
		{"nothing, said to be CBOR", "application/x-amz-cbor-1.1", 500, ""},
		{"broken CBOR", "application/x-amz-cbor-1.1", 200, "\xbf\x67Records"},
		{"broken error", "application/x-amz-cbor-1.1", 400, "\xbf\x61"},
		{"no map", "application/x-amz-cbor-1.1", 400, "\x01"},
		{"nothing of unknown length", "application/x-amz-cbor-1.1", 500, "-"},
		{"broken Content-Type", "a/b/c;;", 200, "x"},
	} {
		for _, f := range forms[1:] {
			_, err := newClient(f.option, func(*http.Request) (*http.Response, error) {
				r := answer(c.status, c.contentType, []byte(c.body))
				if c.body == "-" {
					r.Body, r.ContentLength = http.NoBody, -1
				}
				return r, nil
			}).PutRecords(t.Context(), inputs["one"])
			status := 0
			if re, ok := as[interface {
				error
				HTTPStatusCode() int
			}](err); ok {
				status = re.HTTPStatusCode()
			}
			if err == nil || status != c.status {
				t.Errorf("%s, %s: status %d, %v", c.name, f.name, status, err)
			}
		}
	}
}

// All but PutRecords is the SDK's own, and the data of PutRecord its own copy.
func TestOtherOperations(t *testing.T) {
	calls := map[string]func(*kinesis.Client) (any, error){
		"PutRecord": func(c *kinesis.Client) (any, error) {
			return c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), Data: []byte("x")})
		},
		"ListShards": func(c *kinesis.Client) (any, error) {
			return c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}})
		},
		"DescribeStreamSummary": func(c *kinesis.Client) (any, error) {
			return c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
		},
	}
	for name, call := range calls {
		var bodies [3]string
		for i, f := range forms {
			client := newClient(f.option, func(r *http.Request) (*http.Response, error) {
				b := make([]byte, r.ContentLength)
				_, err := r.Body.Read(b)
				bodies[i] = r.Header.Get("Content-Type") + r.Header.Get("X-Amz-Target") + string(b)
				if bodies[i] == "" {
					t.Errorf("%s, %s: no request", name, f.name)
				}
				return answer(200, "application/x-amz-json-1.1", []byte("{}")), err
			})
			if _, err := call(client); err != nil {
				t.Errorf("%s, %s: %v", name, f.name, err)
			}
		}
		if bodies[1] != bodies[0] || bodies[2] != bodies[0] {
			t.Errorf("%s: %q", name, bodies)
		}
	}
}

// What the SDK refuses is refused, and what it sends with members missing is sent so.
func TestMissingMembers(t *testing.T) {
	for name, in := range map[string]*kinesis.PutRecordsInput{
		"all":           {},
		"records":       {StreamName: aws.String("s")},
		"data":          {StreamName: aws.String("s"), Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k")}, entry("l", "", []byte("x"))}},
		"partition key": {StreamName: aws.String("s"), Records: []types.PutRecordsRequestEntry{{Data: []byte("x")}}},
	} {
		var got [2]string
		for i, f := range forms[:2] {
			got[i] = outcome(newClient(f.option, func(r *http.Request) (*http.Response, error) {
				b, err := io.ReadAll(r.Body)
				return answer(400, "application/x-amz-json-1.1", []byte(`{"message":"`+hash(b)+`"}`)), err
			}).PutRecords(t.Context(), in))
		}
		t.Log(name, got[0])
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", name, got[1], got[0])
		}
	}
}

// What is put in either form is what a stream holds, and its answers are understood.
func TestKinesis(t *testing.T) {
	server := kinesistest.New()
	if err := server.AddStream("orders", 3); err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		client := server.SDKClient(f.option)
		in := large(5)
		before := len(server.Records("orders"))
		out, err := client.PutRecords(t.Context(), in)
		if err != nil || aws.ToInt32(out.FailedRecordCount) != 0 || len(out.Records) != len(in.Records) {
			t.Fatalf("%s: %v, %v", f.name, out, err)
		}
		stored := map[string][]byte{}
		for _, r := range server.Records("orders")[before:] {
			stored[r.ShardID+r.SequenceNumber+r.PartitionKey] = r.Data
		}
		for i, r := range out.Records {
			if e := in.Records[i]; !bytes.Equal(stored[*r.ShardId+*r.SequenceNumber+*e.PartitionKey], e.Data) {
				t.Errorf("%s: record %d is not in the stream as it was put", f.name, i)
			}
		}
		in.StreamName = aws.String("odrers")
		if _, err := client.PutRecords(t.Context(), in); !isNotFound(err) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*types.ResourceNotFoundException](err)
	return ok
}

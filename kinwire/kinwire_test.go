package kinwire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/encoding/cbor"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kinpack/kinpack/kinwire"
)

// stock is the client as the SDK makes it.
func stock(*kinesis.Options) {}

// forms are the ways that a client can be made.
var forms = []struct {
	name   string
	option func(*kinesis.Options)
}{{"stock", stock}, {"JSON", kinwire.JSON}, {"CBOR", kinwire.CBOR}}

// newClient returns a client whose requests go to do.
func newClient(option func(*kinesis.Options), do func(*http.Request) (*http.Response, error)) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: smithyhttp.ClientDoFunc(do),
		Retryer:    aws.NopRetryer{},
	}, option)
}

// answer returns a response.
func answer(status int, contentType string, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

const stored = `{"FailedRecordCount":1,"Records":[{"SequenceNumber":"49","ShardId":"shardId-000000000000"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"}],"EncryptionType":"NONE"}`

// request is what a client has sent.
type request struct {
	header http.Header
	method string
	url    string
	length int64
	body   []byte
}

// sent returns the request that a client made like that sends for in.
func sent(t *testing.T, option func(*kinesis.Options), in *kinesis.PutRecordsInput) request {
	t.Helper()
	var got request
	c := newClient(option, func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		got = request{r.Header.Clone(), r.Method, r.URL.String(), r.ContentLength, b}
		return answer(200, "application/x-amz-json-1.1", []byte(stored)), err
	})
	if _, err := c.PutRecords(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return got
}

// entry is an entry of a request.
func entry(key, hashKey string, data []byte) types.PutRecordsRequestEntry {
	e := types.PutRecordsRequestEntry{PartitionKey: &key, Data: data}
	if hashKey != "" {
		e.ExplicitHashKey = &hashKey
	}
	return e
}

var inputs = map[string]*kinesis.PutRecordsInput{
	"one":        {StreamName: aws.String("orders"), Records: []types.PutRecordsRequestEntry{entry("a", "340282366920938463463374607431768211455", []byte("data"))}},
	"no records": {StreamName: aws.String("orders"), Records: []types.PutRecordsRequestEntry{}},
	"empty data": {StreamName: aws.String("orders"), Records: []types.PutRecordsRequestEntry{entry("a", "", []byte{}), entry("b", "0", []byte{}), entry("c", "", []byte("x"))}},
	"every member": {
		StreamName: aws.String("orders"), StreamARN: aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/orders"), StreamId: aws.String("id"), DryRun: aws.Bool(true),
		Records: []types.PutRecordsRequestEntry{entry("a", "1", []byte("data"))},
	},
	"keys like the form": {StreamName: aws.String(`"Data":""`), Records: []types.PutRecordsRequestEntry{
		entry(`"Data":""`, "", []byte("1")), entry("\",\"Data\":\"", "", []byte("22")), entry("dData@", "", []byte("333")), entry("\\\"Data\\\":\"\"", "", []byte{}),
		entry(`\`, "", []byte("4")), entry("\u2028\u2029\x00\x7f\n\r\t<>&", "", []byte("5")), entry("\xff\xfe ü 鍵 \U0001f511", "", []byte("6")),
	}},
	"lengths": {StreamName: aws.String("orders"), Records: []types.PutRecordsRequestEntry{
		entry("a", "", make([]byte, 23)), entry("a", "", make([]byte, 24)), entry("a", "", make([]byte, 255)), entry("a", "", make([]byte, 256)),
		entry("a", "", make([]byte, 65_535)), entry("a", "", make([]byte, 65_536)), entry("a", "", bytes.Repeat([]byte("0123456789"), 104_857)),
	}},
}

// In JSON the requests are the SDK's, header by header and byte by byte. User agent
// and invocation id are other ones at every call.
func TestJSONIsTheSDKs(t *testing.T) {
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			want, got := sent(t, stock, in), sent(t, kinwire.JSON, in)
			for _, r := range []*request{&want, &got} {
				r.header.Del("Amz-Sdk-Invocation-Id")
				// Signed with it, and by the second.
				r.header.Del("X-Amz-Date")
				r.header.Set("Authorization", strings.Split(r.header.Get("Authorization"), "Signature=")[0])
			}
			if !bytes.Equal(got.body, want.body) {
				t.Errorf("body\n%.300q, want\n%.300q", got.body, want.body)
			}
			got.body, want.body = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("request\n%v, want\n%v", got, want)
			}
		})
	}
}

// value returns what the input is in CBOR.
func value(in *kinesis.PutRecordsInput) cbor.Map {
	m := cbor.Map{}
	put := func(m cbor.Map, name string, s *string) {
		if s != nil {
			m[name] = cbor.String([]rune(*s)) // valid UTF-8, as in JSON
		}
	}
	put(m, "StreamName", in.StreamName)
	put(m, "StreamARN", in.StreamARN)
	put(m, "StreamId", in.StreamId)
	if in.DryRun != nil {
		m["DryRun"] = cbor.Bool(*in.DryRun)
	}
	records := cbor.List{}
	for _, r := range in.Records {
		e := cbor.Map{"Data": cbor.Slice(r.Data)}
		put(e, "PartitionKey", r.PartitionKey)
		put(e, "ExplicitHashKey", r.ExplicitHashKey)
		records = append(records, e)
	}
	m["Records"] = records
	return m
}

// In CBOR the requests say the same as the input, under the same headers but for
// the Content-Type, and the signature covers them.
func TestCBOR(t *testing.T) {
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			want, got := sent(t, stock, in), sent(t, kinwire.CBOR, in)
			v, err := cbor.Decode(got.body)
			if err != nil || !reflect.DeepEqual(v, cbor.Value(value(in))) {
				t.Errorf("body\n%.300q: %v", got.body, err)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/x-amz-cbor-1.1" {
				t.Errorf("Content-Type %s", ct)
			}
			for _, h := range []http.Header{got.header, want.header} {
				for _, name := range []string{"Content-Type", "Content-Length", "Authorization", "X-Amz-Date", "Amz-Sdk-Invocation-Id"} {
					h.Del(name)
				}
			}
			if !reflect.DeepEqual(got.header, want.header) {
				t.Errorf("headers %v, want %v", got.header, want.header)
			}
			if got.url != want.url || got.method != want.method || got.length != int64(len(got.body)) {
				t.Errorf("%s %s with %d bytes of %d, want %s %s", got.method, got.url, got.length, len(got.body), want.method, want.url)
			}
			data, whole := 0, len(got.body)
			for _, r := range in.Records {
				data += len(r.Data)
			}
			if data > 50_000 && float64(whole) > 1.01*float64(data) {
				t.Errorf("%d bytes for %d of data", whole, data)
			}
		})
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func FuzzRequest(f *testing.F) {
	f.Add("orders", "a", "0", []byte("data"), 3)
	f.Add("\xff", "\"Data\":\"\"", "", []byte{}, 1)
	f.Fuzz(func(t *testing.T, name, key, hashKey string, data []byte, n int) {
		in := &kinesis.PutRecordsInput{StreamName: &name, Records: []types.PutRecordsRequestEntry{}}
		for i := range min(max(n, 0), 10) {
			in.Records = append(in.Records, entry(key[min(i, len(key)):], hashKey, data[min(i, len(data)):]))
			if in.Records[i].Data == nil {
				in.Records[i].Data = []byte{}
			}
		}
		if want, got := sent(t, stock, in), sent(t, kinwire.JSON, in); !bytes.Equal(got.body, want.body) {
			t.Errorf("JSON\n%q, want\n%q", got.body, want.body)
		}
		if v, err := cbor.Decode(sent(t, kinwire.CBOR, in).body); err != nil || !reflect.DeepEqual(v, cbor.Value(value(in))) {
			t.Errorf("CBOR\n%v, want\n%v: %v", v, value(in), err)
		}
	})
}

// outcome is what a call came to, to compare.
func outcome(out *kinesis.PutRecordsOutput, err error) string {
	if err != nil {
		var re interface{ HTTPStatusCode() int }
		status := 0
		if errors.As(err, &re) {
			status = re.HTTPStatusCode()
		}
		inner := err
		for errors.Unwrap(inner) != nil {
			inner = errors.Unwrap(inner)
		}
		return fmt.Sprintf("%d %T %v", status, inner, inner)
	}
	out.ResultMetadata.Set("x", nil)
	s := fmt.Sprint(aws.ToInt32(out.FailedRecordCount), out.FailedRecordCount != nil, out.EncryptionType, len(out.Records))
	for _, r := range out.Records {
		s += fmt.Sprintf(" [%s %s %s %s]", aws.ToString(r.SequenceNumber), aws.ToString(r.ShardId), aws.ToString(r.ErrorCode), aws.ToString(r.ErrorMessage))
	}
	return s
}

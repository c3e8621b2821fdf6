package kinesistest_test

// The wire: what clients other than the AWS SDK for Go see.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinesistest"
)

func post(h http.Handler, target, contentType, body string) *http.Response {
	r := httptest.NewRequest("POST", "/any/path", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestWire(t *testing.T) {
	const v11 = "application/x-amz-json-1.1"
	s, _ := newServer(t, 1)
	for _, test := range []struct {
		name, target, contentType, body string
		status                          int
		want                            string // regular expression of the whole body
	}{
		{"no output", "Kinesis_20131202.CreateStream", v11, `{"StreamName":"w","ShardCount":1,"Unknown":[{}]}`, 200, ``},
		{"output", "Kinesis_20131202.PutRecord", v11, `{"StreamName":"w","PartitionKey":"k","Data":"AP8i"}`, 200,
			`\{"SequenceNumber":"\d{56}","ShardId":"shardId-000000000000"\}`},
		{"charset", "Kinesis_20131202.PutRecord", v11 + "; charset=utf-8", `{"StreamName":"w","PartitionKey":"k","Data":""}`, 200, `\{.*\}`},
		{"no content type", "Kinesis_20131202.ListStreams", "", `{}`, 200, `\{"HasMoreStreams":false,"StreamNames":\["s","w"\],"StreamSummaries":.*\}`},
		{"times", "Kinesis_20131202.DescribeStreamSummary", v11, `{"StreamName":"w"}`, 200, `\{.*"StreamCreationTimestamp":\d+\.\d{3},.*\}`},
		{"null is absent", "Kinesis_20131202.ListShards", v11, `{"StreamName":"w","ShardFilter":null,"StreamCreationTimestamp":null}`, 200, `\{"Shards":\[\{.*\}\]\}`},
		{"typed error", "Kinesis_20131202.DescribeStream", v11, `{"StreamName":"x"}`, 400,
			`\{"__type":"ResourceNotFoundException","message":"Stream x under account 123456789012 not found."\}`},
		{"required member", "Kinesis_20131202.PutRecords", v11, `{"StreamName":"w","Records":[{},{"Data":"","PartitionKey":"k"}]}`, 400,
			`\{"__type":"ValidationException","message":"2 validation errors detected: Value null at 'records.1.member.partitionKey' failed to satisfy constraint: Member must not be null; Value null at 'records.1.member.data' .*"\}`},
		{"all violations, at most 10", "Kinesis_20131202.PutRecords", v11, `{"StreamName":"w","Records":[{},{},{},{},{},{}]}`, 400, `.*"10 validation errors detected: .*`},
		{"required enum", "Kinesis_20131202.GetShardIterator", v11, `{"StreamName":"w","ShardId":"0"}`, 400, `.*Value null at 'shardIteratorType'.*`},
		{"required number", "Kinesis_20131202.UpdateShardCount", v11, `{"StreamName":"w"}`, 400, `.*Value null at 'scalingType'.*Value null at 'targetShardCount'.*`},
		{"required iterator", "Kinesis_20131202.GetRecords", v11, `{}`, 400, `.*Value null at 'shardIterator'.*`},
		{"unknown operation", "Kinesis_20131202.PutRekord", v11, `{}`, 400, `\{"__type":"UnknownOperationException",.*\}`},
		{"unknown service", "DynamoDB_20120810.PutItem", v11, `{}`, 400, `\{"__type":"UnknownOperationException",.*\}`},
		{"no target", "", v11, `{}`, 400, `\{"__type":"UnknownOperationException",.*\}`},
		{"no body", "Kinesis_20131202.ListStreams", v11, ``, 400, `\{"__type":"SerializationException",.*\}`},
		{"no object", "Kinesis_20131202.ListStreams", v11, `null`, 400, `\{"__type":"SerializationException",.*\}`},
		{"bad JSON", "Kinesis_20131202.ListStreams", v11, `{`, 400, `\{"__type":"SerializationException",.*\}`},
		{"more than JSON", "Kinesis_20131202.ListStreams", v11, `{}{}`, 400, `\{"__type":"SerializationException",.*\}`},
		{"bad type", "Kinesis_20131202.ListStreams", v11, `{"Limit":"1"}`, 400, `\{"__type":"SerializationException",.*\}`},
		{"bad blob", "Kinesis_20131202.PutRecord", v11, `{"StreamName":"w","PartitionKey":"k","Data":"?"}`, 400, `\{"__type":"SerializationException",.*\}`},
		{"bad time", "Kinesis_20131202.ListShards", v11, `{"StreamName":"w","StreamCreationTimestamp":"2020-01-01T00:00:00Z"}`, 400, `\{"__type":"SerializationException",.*\}`},
		{"far time", "Kinesis_20131202.GetShardIterator", v11, `{"StreamName":"w","Timestamp":1e300}`, 400, `\{"__type":"SerializationException",.*\}`},
		{"another CBOR", "Kinesis_20131202.ListStreams", "application/cbor", "\xa0", 400,
			`\{"__type":"SerializationException","message":"kinesistest reads application/x-amz-json-1.1 and application/x-amz-cbor-1.1, not application/cbor"\}`},
		{"bad content type", "Kinesis_20131202.ListStreams", "application/x-amz-cbor-1.1; =", "\xa0", 400, `\{"__type":"SerializationException",.*\}`},
		{"unknown service in an unknown form", "X", "text/xml", "", 400, `\{"__type":"UnknownOperationException",.*\}`},
		{"too large", "Kinesis_20131202.ListStreams", v11, `{"NextToken":"` + strings.Repeat("x", 22<<20) + `"}`, 413, `\{"__type":"RequestEntityTooLargeException",.*\}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := post(s, test.target, test.contentType, test.body)
			body, _ := io.ReadAll(r.Body)
			if r.StatusCode != test.status || !regexp.MustCompile(`^`+test.want+`$`).Match(body) {
				t.Errorf("status %d, body %s\nwant %d, %s", r.StatusCode, body, test.status, test.want)
			}
			if got := r.Header.Get("Content-Type"); got != v11 {
				t.Errorf("Content-Type %q, want %q", got, v11)
			}
			if got := r.Header.Get("x-amzn-RequestId"); !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(got) {
				t.Errorf("x-amzn-RequestId %q, want a UUID", got)
			}
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("GET: status %d, want 400", w.Code)
	}
}

// TestTimeOnTheWire reads a time back by another JSON than the package's own.
func TestTimeOnTheWire(t *testing.T) {
	s, c := newServer(t, 1)
	put(t, c, "0", "x")
	it := iterate(t, c, shard0, "TRIM_HORIZON", nil)
	r := post(s, "Kinesis_20131202.GetRecords", "", `{"ShardIterator":"`+*it+`"}`)
	var out struct {
		Records []struct {
			ApproximateArrivalTimestamp float64
			Data                        []byte
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	want := float64(s.Records("s")[0].ArrivalTime.UnixMilli()) / 1000
	if got := out.Records[0]; got.ApproximateArrivalTimestamp != want || string(got.Data) != "x" {
		t.Errorf("record %+v, want x at %f", got, want)
	}
}

func TestListenAndClose(t *testing.T) {
	s, _ := newServer(t, 1)
	if err := s.Close(); err != nil {
		t.Errorf("Close before Listen: %v", err)
	}
	for range 2 {
		endpoint := must(s.Listen())
		if again := must(s.Listen()); again != endpoint || !strings.HasPrefix(endpoint, "http://127.0.0.1:") {
			t.Errorf("endpoints %s and %s, want the same on 127.0.0.1", endpoint, again)
		}
		c := kinesistest.NewSDKClient(endpoint, noRetry)
		put(t, c, "0", "x") // and leave the connection open
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.ListStreams(t.Context(), nil); err == nil {
			t.Error("a call after Close succeeded")
		}
	}
	if n := len(s.Records("s")); n != 2 {
		t.Errorf("%d records after Close, want 2", n)
	}
}

func TestTransportLeavesTheRequestAlone(t *testing.T) {
	s, _ := newServer(t, 1)
	body := &closer{Reader: strings.NewReader(`{"StreamName":"s"}`)}
	req := must(http.NewRequestWithContext(t.Context(), "POST", "http://x/", body))
	req.Header.Set("X-Amz-Target", "Kinesis_20131202.DescribeStreamSummary")
	resp, err := s.Transport().RoundTrip(req)
	if err != nil || resp.StatusCode != 200 || resp.Request != req || req.Body != io.ReadCloser(body) || body.closed != 1 {
		t.Errorf("response %+v, error %v, body closed %d times; want 200, none, once", resp, err, body.closed)
	}
	resp, err = s.Transport().RoundTrip(&http.Request{Method: "POST"})
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("an empty request: %+v, %v; want status 400", resp, err)
	}
	resp = must((&http.Client{Transport: s.Transport()}).Post("http://x/", "", iotestErr{}))
	if resp.StatusCode != 400 {
		t.Errorf("a body that cannot be read: status %d, want 400", resp.StatusCode)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, fmt.Errorf("broken") }

type closer struct {
	io.Reader
	closed int
}

func (c *closer) Close() error { c.closed++; return nil }

// FuzzServeHTTP sends anything: no panic, an answer in JSON, and a stream that
// still covers its key space.
func FuzzServeHTTP(f *testing.F) {
	ops := []string{"CreateStream", "DeleteStream", "DescribeStream", "DescribeStreamSummary", "ListStreams", "ListShards", "PutRecord",
		"PutRecords", "GetShardIterator", "GetRecords", "SplitShard", "MergeShards", "UpdateShardCount", "UpdateStreamRecordDistributionStrategy"}
	bodies := []string{`{"StreamName":"s","ShardCount":3,"StreamModeDetails":{"StreamMode":"ON_DEMAND"}}`,
		`{"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/s","Limit":1,"ExclusiveStartShardId":"0"}`,
		`{"StreamName":"s","ShardFilter":{"Type":"AT_TIMESTAMP","Timestamp":1.5e9},"MaxResults":1}`,
		`{"StreamName":"s","Records":[{"PartitionKey":"k","ExplicitHashKey":"1","Data":"AAAA"}],"PartitionKey":"k","Data":""}`,
		`{"StreamName":"s","ShardId":"shardId-1","ShardIteratorType":"AT_TIMESTAMP","Timestamp":0}`,
		`{"StreamName":"s","ShardId":"0","ShardIteratorType":"AT_SEQUENCE_NUMBER","StartingSequenceNumber":"49000000000000000000010000000000000000010000000000000002"}`,
		`{"ShardIterator":"MDAwMDAwMDAvMS9zLzEvLTEvMQ==","NextToken":"MDAwMDAwMDAvMS9z"}`,
		`{"StreamName":"s","ShardToSplit":"0","NewStartingHashKey":"170141183460469231731687303715884105728"}`,
		`{"StreamName":"s","ShardToMerge":"0","AdjacentShardToMerge":"1"}`,
		`{"StreamName":"s","ScalingType":"UNIFORM_SCALING","TargetShardCount":4}`,
		`{"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/s","RecordDistributionStrategy":"AUTO"}`, `null`, ``}
	for _, op := range ops {
		for _, body := range bodies {
			f.Add(op, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, op string, body []byte) {
		s := kinesistest.New(kinesistest.WithShardLimit(64))
		if err := s.AddStream("s", 2); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second finds what the first has left
			r := post(s, "Kinesis_20131202."+op, "", string(body))
			answer, _ := io.ReadAll(r.Body)
			if r.StatusCode != 200 && r.StatusCode != 400 || len(answer) > 0 && !json.Valid(answer) {
				t.Fatalf("status %d, body %q", r.StatusCode, answer)
			}
		}
		if len(s.Shards("s")) > 0 {
			keys := 0
			for _, hashKey := range []string{"0", middle, last, kinesistest.HashKey(op)} {
				for _, sh := range s.Shards("s") {
					if sh.Open && sh.Contains(hashKey) {
						keys++
					}
				}
			}
			if keys != 4 {
				t.Errorf("4 hash keys have %d open shards", keys)
			}
		}
	})
}

// FuzzTokens hands back iterators, tokens, sequence numbers and shard ids that
// were never given.
func FuzzTokens(f *testing.F) {
	s := kinesistest.New()
	if err := s.AddStream("s", 2); err != nil {
		f.Fatal(err)
	}
	c := s.Client()
	seq := must(c.PutRecord(f.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), Data: []byte("x")}))
	it := must(c.GetShardIterator(f.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String("1"), ShardIteratorType: "LATEST"}))
	page := must(c.ListShards(f.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: aws.Int32(1)}))
	for _, seed := range []string{*seq.SequenceNumber, *it.ShardIterator, *page.NextToken, "-", "a--1", strings.Repeat("9", 56)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, x string) {
		_, _ = c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: &x})
		_, _ = c.ListShards(t.Context(), &kinesis.ListShardsInput{NextToken: &x})
		_, _ = c.ListStreams(t.Context(), &kinesis.ListStreamsInput{NextToken: &x})
		_, _ = c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: &x, ShardIteratorType: "LATEST"})
		_, _ = c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String("0"),
			ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: &x})
		_, _ = c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{StreamARN: &x})
		_ = kinesistest.Shard{FirstHashKey: x, LastHashKey: x}.Contains(x)
	})
}

func BenchmarkPutRecords(b *testing.B) {
	records := entries(500, 1000)
	for _, f := range faces()[:2] {
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(500 * 1000)
			b.ReportAllocs()
			s := kinesistest.New()
			var c api
			for i := 0; b.Loop(); i++ {
				if i%100 == 0 { // the store must not outgrow the machine
					s = kinesistest.New()
					if err := s.AddStream("s", 4); err != nil {
						b.Fatal(err)
					}
					c = f.client(nil, s)
				}
				out, err := c.PutRecords(b.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: records})
				if err != nil || len(out.Records) != 500 {
					b.Fatal(err)
				}
			}
			if n := len(s.Records("s")); n == 0 || !bytes.Equal(s.Records("s")[0].Data, records[0].Data) {
				b.Fatalf("%d records stored", n)
			}
		})
	}
}

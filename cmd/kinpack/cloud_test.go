package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

// cloud stands in for the services that commands call, behind one endpoint:
// Kinesis is kinesistest's, Lambda and DynamoDB answer as the test says.
type cloud struct {
	kinesis  *kinesistest.Server
	function func(w http.ResponseWriter, payload []byte)
	query    func(w http.ResponseWriter, body []byte)
	form     atomic.Value // Content-Type of the last PutRecords

	mu    sync.Mutex
	calls []string // what was asked of Lambda and DynamoDB
	auth  string   // of the last of them
}

// newCloud points the environment at a new cloud, and away from the machine's own.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{kinesis: kinesistest.New()}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if strings.HasPrefix(target, "Kinesis_") {
		if strings.HasSuffix(target, ".PutRecords") {
			c.form.Store(r.Header.Get("Content-Type"))
		}
		c.kinesis.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+target))
	c.auth = r.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(target, "DynamoDB_") && c.query != nil:
		c.query(w, body)
	case strings.Contains(r.URL.Path, "/functions/") && c.function != nil:
		c.function(w, body)
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

// stream makes a stream with user records as plain ones and returns its ARN and
// what it holds.
func (c *cloud) stream(t *testing.T, name string, shards int, data ...string) (arn string, records []kinesistest.Record) {
	t.Helper()
	if err := c.kinesis.AddStream(name, shards); err != nil {
		t.Fatal(err)
	}
	return c.put(t, name, data...)
}

func (c *cloud) put(t *testing.T, name string, data ...string) (arn string, records []kinesistest.Record) {
	t.Helper()
	client := c.kinesis.Client()
	for _, d := range data {
		in := &kinesis.PutRecordsInput{StreamName: &name, Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("key " + d), Data: []byte(d)}}}
		if _, err := client.PutRecords(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	summary, err := client.DescribeStreamSummary(context.Background(), &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *summary.StreamDescriptionSummary.StreamARN, c.kinesis.Records(name)
}

// onFailure is Lambda's document for a batch.
func onFailure(arn string, size int, records ...kinesistest.Record) string {
	first, last := records[0], records[len(records)-1]
	b, err := json.Marshal(map[string]any{
		"requestContext": map[string]any{"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 2},
		"version":        "1.0", "timestamp": "2026-11-14T00:38:06.021Z",
		"KinesisBatchInfo": map[string]any{
			"shardId": first.ShardID, "startSequenceNumber": first.SequenceNumber, "endSequenceNumber": last.SequenceNumber,
			"batchSize": size, "streamArn": arn,
		},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// eventsIn reads events, one a line.
func eventsIn(t *testing.T, lines string) (out []events.KinesisEvent) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var e events.KinesisEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

// data names the data of the events' records, with | between events.
func data(t *testing.T, lines string) string {
	t.Helper()
	var all []string
	for _, e := range eventsIn(t, lines) {
		var of []string
		for _, r := range e.Records {
			of = append(of, string(r.Kinesis.Data))
		}
		all = append(all, strings.Join(of, " "))
	}
	return strings.Join(all, " | ")
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda"
)

// saved is a lambda.Checkpoint that keeps what a consumer saves, in order.
type saved []lambda.SavedProgress

func (*saved) Load(context.Context, lambda.Shard, string, string) ([]lambda.SavedProgress, error) {
	return nil, nil
}

func (s *saved) Save(_ context.Context, _ lambda.Shard, p lambda.SavedProgress, _ []string) (int, error) {
	c := p
	c.Entries = nil
	for _, e := range p.Entries {
		c.Entries = append(c.Entries, append([]byte(nil), e...))
	}
	*s = append(*s, c)
	return len(p.Entries), nil
}

func (*saved) Delete(context.Context, lambda.Shard, []string) error { return nil }

// items is what a table has of it, in DynamoDB's JSON.
func (s *saved) items(expires time.Time) []map[string]any {
	items := []map[string]any{}
	for _, p := range *s {
		list := []any{}
		for _, e := range p.Entries {
			list = append(list, map[string]any{"B": e})
		}
		items = append(items, map[string]any{
			"shardKey": map[string]any{"S": "x"}, "sequenceNumber": map[string]any{"S": fmt.Sprintf("%0129s", p.SequenceNumber)},
			"entries": map[string]any{"L": list}, "expiresAt": map[string]any{"N": fmt.Sprint(expires.Unix())},
		})
	}
	return items
}

// batchOf puts an aggregate of user records and a plain one into a stream. It
// returns them and the event that Lambda makes of them.
func batchOf(t *testing.T, c *cloud) (arn string, records []kinesistest.Record, e events.KinesisEvent) {
	t.Helper()
	var b aggregate.Builder
	for _, d := range []string{"1", "2", "3"} {
		if err := b.Add(aggregate.Record{PartitionKey: d, Data: []byte(d)}); err != nil {
			t.Fatal(err)
		}
	}
	arn, records = c.stream(t, "s", 1, "0", string(b.AppendTo(nil)), "4")
	for _, r := range records {
		e.Records = append(e.Records, events.KinesisEventRecord{
			EventID: r.ShardID + ":" + r.SequenceNumber, EventSource: "aws:kinesis", EventSourceArn: arn,
			Kinesis: events.KinesisRecord{
				PartitionKey: r.PartitionKey, SequenceNumber: r.SequenceNumber, Data: r.Data,
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: r.ArrivalTime},
			},
		})
	}
	return arn, records, decoded(t, e)
}

// What the function's progress says is done is left out.
func TestRedriveCheckpoint(t *testing.T) {
	c := newCloud(t)
	arn, records, event := batchOf(t, c)
	var s saved
	consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "3" {
			return errors.New("not now")
		}
		return nil
	}, lambda.WithCheckpoint(&s), lambda.WithProgressNamespace("f"), lambda.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := consumer.Kinesis(t.Context(), event); err != nil || len(answer.BatchItemFailures) != 1 || answer.BatchItemFailures[0].ItemIdentifier != records[1].SequenceNumber {
		t.Fatalf("%+v, %v", answer, err)
	}

	expires, pages := time.Now().Add(time.Hour), 0
	var asked struct {
		TableName, KeyConditionExpression string
		ConsistentRead                    bool
		ExpressionAttributeValues         map[string]map[string]string
		ExclusiveStartKey                 map[string]any
	}
	c.query = func(w http.ResponseWriter, body []byte) {
		asked.ExclusiveStartKey = nil
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Error(err)
		}
		out := map[string]any{"Items": s.items(expires)}
		if pages++; asked.ExclusiveStartKey == nil { // the first page is empty
			out = map[string]any{"Items": []any{}, "LastEvaluatedKey": map[string]any{"shardKey": map[string]any{"S": "x"}}}
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Error(err)
		}
	}
	doc := onFailure(arn, 2, records[1:]...)
	code, out, errOut := kinpack(t, doc, "redrive", "--checkpoint", "progress", "--namespace", "ns")
	if code != 0 || handled(t, out) != "3 4" || !strings.Contains(errOut, "2 user records, 2 outer records, 1 events made; left out: 0 duplicates, 2 done") {
		t.Errorf("exit code %d, %s, %s", code, handled(t, out), errOut)
	}
	values := asked.ExpressionAttributeValues
	if asked.TableName != "progress" || !asked.ConsistentRead || asked.KeyConditionExpression != "shardKey = :shard AND sequenceNumber BETWEEN :first AND :last" ||
		values[":shard"]["S"] != arn+"#"+records[0].ShardID+"#ns" || values[":first"]["S"] != strings.Repeat("0", 73)+records[1].SequenceNumber ||
		values[":last"]["S"] != strings.Repeat("0", 73)+records[2].SequenceNumber || pages != 2 {
		t.Errorf("asked %+v, %d pages", asked, pages)
	}
	if want := "POST / DynamoDB_20120810.Query"; c.calls[0] != want || !strings.Contains(c.auth, "Credential=id/") || !strings.Contains(c.auth, "/us-east-1/dynamodb/aws4_request") {
		t.Errorf("%q, %q", c.calls, c.auth)
	}

	// An event in the document goes the same way.
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	withEvent := strings.Replace(doc, `"version"`, `"payload":`+string(payload)+`,"version"`, 1)
	if _, out, errOut := kinpack(t, withEvent, "redrive", "--checkpoint", "progress", "--namespace", "ns"); handled(t, out) != "0 3 4" {
		t.Errorf("with the event: %s, %s", handled(t, out), errOut)
	}
	// Of another record with that sequence number it says nothing, nor once it is expired.
	other := strings.Replace(withEvent, `"partitionKey":"key `, `"partitionKey":"kez `, 3)
	if _, out, errOut := kinpack(t, other, "redrive", "--checkpoint", "progress", "--namespace", "ns"); handled(t, out) != "0 1 2 3 4" {
		t.Errorf("another record: %s, %s", handled(t, out), errOut)
	}
	expires = time.Now().Add(-time.Second)
	if _, out, errOut := kinpack(t, doc, "redrive", "--checkpoint", "progress", "--namespace", "ns"); handled(t, out) != "1 2 3 4" {
		t.Errorf("expired: %s, %s", handled(t, out), errOut)
	}
	// Letters and events are taken as they are.
	if _, out, _ := kinpack(t, string(payload), "redrive", "--checkpoint", "progress", "--namespace", "ns"); handled(t, out) != "0 1 2 3 4" {
		t.Errorf("an event: %s", handled(t, out))
	}
}

// handled names the user records' data in events.
func handled(t *testing.T, lines string) string {
	t.Helper()
	var all []string
	for _, e := range eventsIn(t, lines) {
		c, err := lambda.New(func(_ context.Context, r *lambda.Record) error { all = append(all, string(r.Data)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Kinesis(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(all, " ")
}

// A table that can't be read leaves the document alone; throttling passes.
func TestRedriveCheckpointFails(t *testing.T) {
	c := newCloud(t)
	arn, records, _ := batchOf(t, c)
	doc := onFailure(arn, 3, records...)
	refuse := func(status int, body string) func(http.ResponseWriter, []byte) {
		return func(w http.ResponseWriter, _ []byte) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for name, q := range map[string]func(http.ResponseWriter, []byte){
		"status 400, ResourceNotFoundException: no such table": refuse(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no such table"}`),
		"the answer can't be read":                             answers(`{"Items":1}`),
		"an item's expiresAt is \"\", want seconds":            answers(`{"Items":[{}]}`),
		"saved progress can't be read":                         answers(`{"Items":[{"expiresAt":{"N":"9999999999"},"entries":{"L":[{"B":"AAAA"}]}}]}`),
	} {
		c.query, c.calls = q, nil
		code, out, errOut := kinpack(t, doc, "redrive", "--checkpoint", "t", "--namespace", "ns")
		if code != 1 || out != "" || !strings.Contains(errOut, "document 1 (byte 0): read the function's progress: ") || !strings.Contains(errOut, name) || len(c.calls) != 1 {
			t.Errorf("%s: exit code %d, %q, %s", name, code, out, errOut)
		}
	}
	// Nor without a region, or without credentials.
	unset := func(names ...string) (restore func()) {
		old := make(map[string]string)
		for _, n := range names {
			old[n] = os.Getenv(n)
			t.Setenv(n, "")
		}
		return func() {
			for n, v := range old {
				t.Setenv(n, v)
			}
		}
	}
	s3 := strings.Replace(doc, `"version"`, `"payload":`+eventJSON(t, "x")+`,"version"`, 1)
	for want, names := range map[string][]string{
		"no region": {"AWS_REGION", "AWS_ENDPOINT_URL"}, "credentials": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	} {
		restore := unset(names...)
		if code, out, errOut := kinpack(t, s3, "redrive", "--checkpoint", "t", "--namespace", "ns"); code != 1 || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d, %q, %s", want, code, out, errOut)
		}
		restore()
	}
	calls := 0
	c.query = func(w http.ResponseWriter, body []byte) {
		if calls++; calls == 1 {
			refuse(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`)(w, body)
			return
		}
		fmt.Fprint(w, `{"Items":[]}`)
	}
	if code, out, errOut := kinpack(t, doc, "redrive", "--checkpoint", "t", "--namespace", "ns"); code != 0 || handled(t, out) != "0 1 2 3 4" || calls != 2 {
		t.Errorf("throttled: exit code %d, %s, %d calls, %s", code, handled(t, out), calls, errOut)
	}
}

// The namespace is the function's name, as in the function, unless it is given.
func TestRedriveNamespace(t *testing.T) {
	c := newCloud(t)
	arn, records, _ := batchOf(t, c)
	shard := ""
	c.query = func(w http.ResponseWriter, body []byte) {
		var in struct{ ExpressionAttributeValues map[string]map[string]string }
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		shard = in.ExpressionAttributeValues[":shard"]["S"]
		fmt.Fprint(w, `{"Items":[]}`)
	}
	c.function = answers(`{}`)
	doc := onFailure(arn, 3, records...)
	for args, want := range map[string]string{
		"--invoke my-f":                "my-f",
		"--invoke my-f --namespace ns": "ns",
		"--invoke arn:aws:lambda:eu-west-1:123456789012:function:my-f:live": "my-f",
	} {
		code, _, errOut := kinpack(t, doc, append([]string{"redrive", "--region", "us-east-1", "--checkpoint", "progress"}, strings.Fields(args)...)...)
		if code != 0 || shard != arn+"#"+records[0].ShardID+"#"+want {
			t.Errorf("%s: exit code %d, asked for %s; %s", args, code, shard, errOut)
		}
	}
}

func TestFunctionName(t *testing.T) {
	for function, want := range map[string]string{
		"my-function":                            "my-function",
		"my_function:7":                          "my_function",
		"f:$LATEST":                              "f",
		"f:live":                                 "f",
		"function":                               "function",
		"function:f":                             "f",
		"function:f:live":                        "f",
		"123456789012:f:1":                       "f",
		"123456789012:function:my-function":      "my-function",
		"123456789012:function:my-function:live": "my-function",
		"arn:aws:lambda:us-west-2:123456789012:function:my-function":    "my-function",
		"arn:aws:lambda:us-west-2:123456789012:function:my-function:42": "my-function",
		"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f:x": "f",
		"arn:aws-cn:lambda:cn-north-1:123456789012:function:function":   "function",
		"":    "",
		":":   "",
		"f:":  "",
		"a b": "",
		"arn:aws:kinesis:us-east-1:123456789012:stream/s": "",
	} {
		if got := functionName(function); got != want {
			t.Errorf("%s: %q, want %q", function, got, want)
		}
	}
}

func TestDynamoEndpoint(t *testing.T) {
	for _, c := range []struct{ region, base, all, own, want string }{
		{"eu-west-1", "", "", "", "https://dynamodb.eu-west-1.amazonaws.com"},
		{"cn-north-1", "", "", "", "https://dynamodb.cn-north-1.amazonaws.com.cn"},
		{"eu-west-1", "", "http://all", "", "http://all"},
		{"eu-west-1", "", "http://all", "http://own", "http://own"},
		{"eu-west-1", "http://flag", "http://all", "http://own", "http://flag"},
		{"", "", "", "", "no region"},
	} {
		newCloud(t)
		t.Setenv("AWS_REGION", c.region)
		t.Setenv("AWS_ENDPOINT_URL", c.all)
		t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", c.own)
		f := awsFlags{endpoint: c.base}
		var config aws.Config
		config, err := f.load(t.Context(), "table")
		if err != nil {
			t.Fatal(err)
		}
		got, err := dynamoEndpoint(t.Context(), config)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && !strings.HasPrefix(got, c.want+":") {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

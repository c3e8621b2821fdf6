package lambdatest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

var arrival = time.Date(2018, 12, 17, 17, 4, 10, 987e6, time.UTC)

func one(name string) lambdatest.Record {
	return lambdatest.Record{PartitionKey: `k"<é`, SequenceNumber: "4959", Data: []byte(name), ApproximateArrivalTimestamp: arrival}
}

const (
	kinesisPart = `"kinesisSchemaVersion":"1.0","partitionKey":"k\"\u003cé","sequenceNumber":"4959","data":"SGk=","approximateArrivalTimestamp":1545066250.987`
	commonPart  = `"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:4959","eventName":"aws:kinesis:record",` +
		`"invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-1","eventSourceARN":"arn:aws:kinesis:us-east-1:123456789012:stream/example"`
)

// seen is a function that keeps its events, and answers with answer.
type seen struct {
	events []string
	answer string
}

func (s *seen) factory() lambdatest.Factory {
	return always(func(_ context.Context, p []byte) ([]byte, error) {
		s.events = append(s.events, string(p))
		return []byte(s.answer), nil
	})
}

func TestEventJSON(t *testing.T) {
	var s seen
	drained(t, lambdatest.Records([]lambdatest.Record{one("Hi")}), s.factory())
	check(t, "event", s.events[0], `{"Records":[{"kinesis":{`+kinesisPart+`},`+commonPart+`}]}`)

	s = seen{}
	drained(t, lambdatest.Records([]lambdatest.Record{one("Hi")}), s.factory(), lambdatest.WithPipes())
	check(t, "event of a pipe", s.events[0], `[{`+kinesisPart+`,`+commonPart+`}]`)

	s = seen{answer: `{"state":{}}`}
	drained(t, lambdatest.Records([]lambdatest.Record{one("Hi")}), s.factory(), lambdatest.WithTumblingWindow(2*time.Minute))
	window := `"window":{"start":"2018-12-17T17:04:00Z","end":"2018-12-17T17:06:00Z"},"state":{},"shardId":"shardId-000000000000",` +
		`"eventSourceARN":"arn:aws:kinesis:us-east-1:123456789012:stream/example","isFinalInvokeForWindow":`
	check(t, "events of a window", strings.Join(s.events, "\n"), lines(
		`{"Records":[{"kinesis":{`+kinesisPart+`},`+commonPart+`}],`+window+`false,"isWindowTerminatedEarly":false}`,
		`{"Records":[],`+window+`true,"isWindowTerminatedEarly":false}`))
	var e events.KinesisTimeWindowEvent
	if err := json.Unmarshal([]byte(s.events[0]), &e); err != nil || e.ShardID != "shardId-000000000000" || string(e.Records[0].Kinesis.Data) != "Hi" {
		t.Errorf("decoded: %+v, %v", e, err)
	}
}

func TestTimesInEvents(t *testing.T) {
	for ms, want := range map[int64]string{
		1480641523477: "1480641523.477", 1607497475000: "1607497475.000", 1607497475007: "1607497475.007",
		0: "0.000", -1: "-0.001", -1500: "-1.500", -2000: "-2.000",
		time.Time{}.UnixMilli() + 1: "-62135596799.999",
	} {
		r := one("Hi")
		r.ApproximateArrivalTimestamp = time.UnixMilli(ms)
		var s seen
		drained(t, lambdatest.Records([]lambdatest.Record{r}), s.factory())
		check(t, "has the time "+want, strings.Contains(s.events[0], `"approximateArrivalTimestamp":`+want+`}`), true)
	}
}

// killed is a function whose sandbox dies when it is called.
func killed(s *lambdatest.Sandbox) lambdatest.Function {
	return raw(func(context.Context, []byte) ([]byte, error) { s.Kill(); return nil, nil })
}

func TestOnFailureJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		records := numbered(2)
		records[0].ApproximateArrivalTimestamp = start.Add(-50 * time.Second)
		records[1].ApproximateArrivalTimestamp = start.Add(-40 * time.Second)
		event := func(f lambdatest.OnFailure) (document, payload string) {
			payload, f.Payload = f.Payload, ""
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			return string(b), payload
		}
		info := func(count int) string {
			return fmt.Sprintf(`"KinesisBatchInfo":{"shardId":"shardId-000000000000","startSequenceNumber":"%s","endSequenceNumber":"%s",`+
				`"approximateArrivalOfFirstRecord":"1999-12-31T23:59:10.000Z","approximateArrivalOfLastRecord":"1999-12-31T23:59:20.000Z",`+
				`"batchSize":2,"streamArn":"arn:aws:kinesis:us-east-1:123456789012:stream/example"}}`, sequence(0), sequence(1))
		}
		arn := "arn:aws:lambda:us-east-1:123456789012:function:mine"
		opts := []lambdatest.Option{lambdatest.WithFunctionARN(arn), lambdatest.WithReportBatchItemFailures()}

		m := drained(t, lambdatest.Records(records), throws("0"), append(opts, lambdatest.WithMaximumRetryAttempts(1))...)
		got, payload := event(m.OnFailures()[0])
		id := m.Invocations()[1].RequestID
		check(t, "retries used up", got, `{"requestContext":{"requestId":"`+id+`","functionArn":"`+arn+`","condition":"RetryAttemptsExhausted","approximateInvokeCount":2},`+
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2000-01-01T00:00:00.100Z",`+info(2))
		var e events.KinesisEvent
		if err := json.Unmarshal([]byte(payload), &e); err != nil || len(e.Records) != 2 {
			t.Errorf("payload: %s, %v", payload, err)
		}

		m = drained(t, lambdatest.Records(records), reports("0"), append(opts, lambdatest.WithMaximumRetryAttempts(0))...)
		got, _ = event(m.OnFailures()[0])
		const noError = `"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},`
		check(t, "partial answer", strings.Contains(got, noError), true)

		m = drained(t, lambdatest.Records(records), answers(`{"batchItemFailures":[{"itemIdentifier":""}]}`), append(opts, lambdatest.WithMaximumRetryAttempts(0))...)
		got, _ = event(m.OnFailures()[0])
		check(t, "bad answer", strings.Contains(got, noError), true)

		m = drained(t, lambdatest.Records(records), reports("0"), append(opts, lambdatest.WithMaximumRecordAge(time.Minute),
			lambdatest.WithBackoff(func(int) time.Duration { return 30 * time.Second }))...)
		got, _ = event(m.OnFailures()[0])
		id = m.Invocations()[0].RequestID
		check(t, "too old", got, `{"requestContext":{"requestId":"`+id+`","functionArn":"`+arn+`","condition":"RecordAgeExceeded","approximateInvokeCount":1},`+
			`"version":"1.0","timestamp":"2000-01-01T00:00:30.100Z",`+info(1))
		var back lambdatest.OnFailure
		if err := json.Unmarshal([]byte(got), &back); err != nil || !back.KinesisBatchInfo.ApproximateArrivalOfFirstRecord.Equal(start.Add(-50*time.Second)) {
			t.Errorf("read back: %+v, %v", back, err)
		}

		for end, f := range map[string]lambdatest.Factory{
			"time out": always(func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, nil }),
			"panic":    always(func(context.Context, []byte) ([]byte, error) { panic(errBoom) }),
			"kill":     killed,
		} {
			m = drained(t, lambdatest.Records(records), f, append(opts, lambdatest.WithMaximumRetryAttempts(0))...)
			check(t, end, m.OnFailures()[0].ResponseContext.FunctionError, "Unhandled")
		}
	})
}

// The function's context is what the Lambda runtime gives.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var id string
		f := always(func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, ok := ctx.Deadline()
			check(t, "has a deadline", ok, true)
			check(t, "time left", time.Until(deadline), 7*time.Second)
			lc, ok := lambdacontext.FromContext(ctx)
			check(t, "has a Lambda context", ok, true)
			check(t, "ARN", lc.InvokedFunctionArn, "arn:x")
			id = lc.AwsRequestID
			check(t, "value", ctx.Value(key{}) == 1, true)
			return nil, nil
		})
		m := newMapping(t, lambdatest.Records(numbered(1)), f, lambdatest.WithTimeout(7*time.Second), lambdatest.WithFunctionARN("arn:x"))
		defer m.Close()
		if err := m.Drain(context.WithValue(t.Context(), key{}, 1)); err != nil {
			t.Fatal(err)
		}
		check(t, "request id", id, m.Invocations()[0].RequestID)
		check(t, "its length", len(id), 36)
	})
}

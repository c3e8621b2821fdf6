package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/kinpack/kinpack/lambda"
)

// document is an event as Lambda sends it.
func document(records ...string) string {
	const one = `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"a","sequenceNumber":"%[1]s","data":"%[2]s","approximateArrivalTimestamp":1480641523.477},
"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:%[1]s","eventName":"aws:kinesis:record",
"invokeIdentityArn":"arn:aws:iam::123456789012:role/LambdaRole","awsRegion":"us-east-1","eventSourceARN":"` + streamARN + `"}`
	var all []string
	for i, data := range records {
		all = append(all, fmt.Sprintf(one, sequence(i+1), base64.StdEncoding.EncodeToString([]byte(data))))
	}
	return `{"Records":[` + strings.Join(all, ",") + `]}`
}

func TestThroughTheRuntimesHandler(t *testing.T) {
	h := &tape{once: map[string]error{"two": errBoom}}
	var seen []lambda.Record
	c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
		seen = append(seen, *r)
		return h.handle(ctx, r)
	})
	runtime := awslambda.NewHandler(c.Kinesis)
	doc := []byte(document("zero", string(packed(t, 2, "one", "two", "three").Kinesis.Data)))
	for _, want := range []string{`{"batchItemFailures":[{"itemIdentifier":"` + sequence(2) + `"}]}`, `{"batchItemFailures":[]}`} {
		got, err := runtime.Invoke(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "answer", string(got), want)
	}
	check(t, "calls", h.take(), "zero one two zero two three")
	r := seen[len(seen)-1]
	check(t, "stream", r.StreamARN, streamARN)
	check(t, "shard", r.ShardID, shardA)
	check(t, "sequence numbers", fmt.Sprintf("%s %d", r.SequenceNumber, r.SubSequenceNumber), sequence(2)+" 2")
	check(t, "keys", r.PartitionKey+" "+r.OuterPartitionKey, "key-three a")
	check(t, "arrival", r.ApproximateArrivalTimestamp.UnixMilli(), 1480641523477-1) // the runtime's decoder cuts off
}

// child is what this test program does instead of testing, when it is started as
// a Lambda function.
const child = "KINPACK_TEST_LAMBDA_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "bad":
		lambda.Start(nil, lambda.WithMaxAttempts(-1))
	case "good":
		lambda.Start(func(_ context.Context, r *lambda.Record) error {
			if string(r.Data) == "bad" {
				return errBoom
			}
			return nil
		})
	default:
		os.Exit(m.Run())
	}
}

func startChild(t *testing.T, what string, env ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), append(env, child+"="+what)...)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

func TestStartWithBadConfiguration(t *testing.T) {
	out, code := startChild(t, "bad")
	check(t, "exit code", code, 1)
	check(t, "output", out, "lambda: the handler is nil; lambda: WithMaxAttempts(-1): want 0 for no limit, or more\n")
}

func TestStart(t *testing.T) {
	answers := make(chan string, 1)
	sent := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if sent {
			w.WriteHeader(http.StatusInternalServerError) // ends the function's process
			return
		}
		sent = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		io.WriteString(w, document("good", "bad", "good"))
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/response", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		answers <- string(b)
		w.WriteHeader(http.StatusAccepted)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	out, _ := startChild(t, "good", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))
	select {
	case got := <-answers:
		check(t, "answer", got, `{"batchItemFailures":[{"itemIdentifier":"`+sequence(2)+`"}]}`)
		check(t, "valid JSON", json.Valid([]byte(got)), true)
	default:
		t.Fatalf("no answer came; output: %s", out)
	}
	if !strings.Contains(out, shardA+":"+sequence(2)+":0") {
		t.Errorf("the default log does not name the record: %s", out)
	}
}

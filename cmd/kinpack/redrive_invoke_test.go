package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// answers is a function that always says the same.
func answers(s string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) { fmt.Fprint(w, s) }
}

func eventJSON(t *testing.T, data ...string) string {
	t.Helper()
	var all [][]byte
	for _, d := range data {
		all = append(all, []byte(d))
	}
	b, err := json.Marshal(kinesisEvent(all...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRedriveInvoke(t *testing.T) {
	c := newCloud(t)
	var got []string
	c.function = func(w http.ResponseWriter, payload []byte) {
		got = append(got, data(t, string(payload)))
		fmt.Fprint(w, `{"batchItemFailures":[]}`)
	}
	in := eventJSON(t, "0", "1", "2", "3", "4")
	code, out, errOut := kinpack(t, in, "redrive", "--invoke", "f", "--qualifier", "live", "--batch-size", "2")
	if code != 0 || out != "" || !slices.Equal(got, []string{"0 1", "2 3", "4"}) || !strings.Contains(errOut, "5 of 5 user records done, 0 left") {
		t.Errorf("exit code %d, %q, %q, %s", code, out, got, errOut)
	}
	if want := "POST /2015-03-31/functions/f/invocations?Qualifier=live"; c.calls[0] != want || !strings.Contains(c.auth, "/us-east-1/lambda/aws4_request") {
		t.Errorf("%s, %s", c.calls[0], c.auth)
	}
	// An ARN brings its region; a flag counts more.
	arn := "arn:aws:lambda:eu-west-1:123456789012:function:f"
	if code, _, _ := kinpack(t, in, "redrive", "--invoke", arn); code != 0 || !strings.Contains(c.auth, "/eu-west-1/lambda/") {
		t.Errorf("exit code %d, %s", code, c.auth)
	}
	if code, _, _ := kinpack(t, in, "redrive", "--invoke", arn, "--region", "eu-north-1"); code != 0 || !strings.Contains(c.auth, "/eu-north-1/lambda/") {
		t.Errorf("exit code %d, %s", code, c.auth)
	}
}

// What the function does not do is left, and may be redriven.
func TestRedriveInvokeLeft(t *testing.T) {
	c := newCloud(t)
	in := eventJSON(t, "0", "1", "2", "3", "4", "5")
	var event events.KinesisEvent
	if err := json.Unmarshal([]byte(in), &event); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left.jsonl")
	c.function = func(w http.ResponseWriter, payload []byte) {
		switch data(t, string(payload)) {
		case "2 3":
			fmt.Fprintf(w, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, event.Records[3].Kinesis.SequenceNumber)
		default:
			fmt.Fprint(w, `null`)
		}
	}
	code, out, errOut := kinpack(t, in, "redrive", "--invoke", "f", "--batch-size", "2", "--left", left)
	if code != 1 || out != "" {
		t.Errorf("exit code %d, %q", code, out)
	}
	for _, want := range []string{"event 2 of 3, shardId-000000000001 from " + event.Records[2].Kinesis.SequenceNumber + " on: the function reports record " + event.Records[3].Kinesis.SequenceNumber + ": 1 of 2 records are left",
		"1 more events were not tried", "3 of 6 user records done, 3 left"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in %s", want, errOut)
		}
	}
	rest, err := os.ReadFile(left)
	if err != nil || data(t, string(rest)) != "3 | 4 5" {
		t.Fatalf("left: %s, %v", rest, err)
	}
	if code, _, errOut := kinpack(t, in, "redrive", "--invoke", "f", "--left", left); code != 1 || !strings.Contains(errOut, "exists") {
		t.Errorf("over another run's file: exit code %d, %s", code, errOut)
	}
	again := filepath.Join(t.TempDir(), "again.jsonl")
	c.function = answers(``)
	if code, _, errOut := kinpack(t, "", "redrive", "--in", left, "--invoke", "f", "--left", again); code != 0 || !strings.Contains(errOut, "3 of 3 user records done") {
		t.Errorf("what was left: exit code %d, %s", code, errOut)
	}
	if _, err := os.Stat(again); !os.IsNotExist(err) {
		t.Errorf("an empty file is left: %v", err)
	}
	c.function = answers(`{"batchItemFailures":[{"itemIdentifier":"17"}]}`)
	if code, out, errOut := kinpack(t, in, "redrive", "--invoke", "f"); code != 1 || data(t, out) != "0 1 2 3 4 5" || !strings.Contains(errOut, "no record of the event") {
		t.Errorf("a strange answer: exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

// A call that can't be made ends it, and nothing is lost.
func TestRedriveInvokeRefused(t *testing.T) {
	c := newCloud(t)
	c.function = func(w http.ResponseWriter, payload []byte) {
		if data(t, string(payload)) == "0" {
			return
		}
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"Message":"not you"}`)
	}
	code, out, errOut := kinpack(t, eventJSON(t, "0", "1", "2", "3"), "redrive", "--invoke", "f", "--batch-size", "1")
	if code != 1 || data(t, out) != "1 | 2 | 3" || len(c.calls) != 2 || !strings.Contains(errOut, "AccessDeniedException: not you") || !strings.Contains(errOut, "2 more events were not tried") {
		t.Errorf("exit code %d, %s, %d calls, %s", code, data(t, out), len(c.calls), errOut)
	}
	t.Setenv("AWS_PROFILE", "none")
	for _, args := range []string{"--invoke f", "--stream s --yes", "--checkpoint t --invoke f"} {
		if code, _, errOut := kinpack(t, eventJSON(t, "0"), append([]string{"redrive"}, strings.Fields(args)...)...); code != 1 || !strings.Contains(errOut, "none") {
			t.Errorf("%s with a profile that is not there: exit code %d, %s", args, code, errOut)
		}
	}
}

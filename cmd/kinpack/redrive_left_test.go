package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

// failing is a function that fails every event.
func failing(w http.ResponseWriter, _ []byte) {
	w.Header().Set("X-Amz-Function-Error", "Unhandled")
	fmt.Fprint(w, `{}`)
}

// Runs that each leave a part of one outer record: what they left goes together,
// and with the whole outer record.
func TestRedriveLeftFilesTogether(t *testing.T) {
	c := newCloud(t)
	arrival := time.UnixMilli(1545084650987)
	letter := func(sub int) string {
		l := lambda.Letter{
			StreamARN: redriveStream, ShardID: "shardId-0", SequenceNumber: "7", SubSequenceNumber: sub, OuterPartitionKey: "a",
			ApproximateArrivalTimestamp: arrival, PartitionKey: "k", Data: fmt.Append(nil, sub), Aggregated: true,
		}
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	c.function = failing
	dir := t.TempDir()
	var left []string
	for i, letters := range []string{letter(2), letter(0) + letter(1), letter(5), letter(0)} {
		name := filepath.Join(dir, fmt.Sprint(i))
		if code, _, errOut := kinpack(t, letters, "redrive", "--invoke", "f", "--left", name); code != 1 {
			t.Fatalf("exit code %d, %s", code, errOut)
		}
		left = append(left, "--in", name)
	}
	code, out, errOut := kinpack(t, "", append([]string{"redrive"}, left...)...)
	if code != 0 || handled(t, out) != "0 1 2 5" || !strings.Contains(errOut, "left out: 1 duplicates") || strings.Contains(errOut, "could not be read") {
		t.Errorf("exit code %d, %s, %s", code, handled(t, out), errOut)
	}

	var b aggregate.Builder
	for i := range 6 {
		if err := b.Add(aggregate.Record{PartitionKey: "k", Data: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := json.Marshal(events.KinesisEvent{Records: []events.KinesisEventRecord{{
		EventID: "shardId-0:7", EventSource: "aws:kinesis", EventSourceArn: redriveStream,
		Kinesis: events.KinesisRecord{PartitionKey: "a", SequenceNumber: "7", Data: b.AppendTo(nil), ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: arrival}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "whole")
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, in := range [][]string{append([]string{"redrive", "--in", name}, left...), append(append([]string{"redrive"}, left...), "--in", name)} {
		if code, out, errOut := kinpack(t, "", in...); code != 0 || handled(t, out) != "0 1 2 3 4 5" {
			t.Errorf("with the whole: exit code %d, %s, %s", code, handled(t, out), errOut)
		}
	}
}

// What is not read is in both lines that sum up.
func TestRedriveSaysWhatIsNotRead(t *testing.T) {
	c := newCloud(t)
	c.function = answers(`{}`)
	in := filepath.Join(t.TempDir(), "in")
	other := strings.ReplaceAll(eventJSON(t, "0", "1"), `"data":"`, `"data":"AAAA`)
	if err := os.WriteFile(in, []byte(eventJSON(t, "0", "1")+other+`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := kinpack(t, "", "redrive", "--invoke", "f", "--in", in, "--in", in+"none")
	for _, want := range []string{"left out: 0 duplicates, 0 done; 3 documents could not be read\n", "2 of 2 user records done, 0 left; 3 documents could not be read\n"} {
		if code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("exit code %d, no %q in %s", code, want, errOut)
		}
	}
}

// Behind an event that is left, those of its shard wait; others go on.
func TestRedriveOrderBehindFailed(t *testing.T) {
	c := newCloud(t)
	in := eventJSON(t, "0", "1", "2", "3", "4")
	in += strings.ReplaceAll(in, "shardId-000000000001", "shardId-000000000002")
	var event events.KinesisEvent
	if err := json.NewDecoder(strings.NewReader(in)).Decode(&event); err != nil {
		t.Fatal(err)
	}
	partly := answers(fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, event.Records[1].Kinesis.SequenceNumber))
	for _, x := range []struct {
		first       func(http.ResponseWriter, []byte)
		left, error string
	}{
		{failing, "0 1 | 2 3 | 4", "the function failed (Unhandled): {}"}, {partly, "1 | 2 3 | 4", ": 1 of 2 records are left"},
	} {
		var got []string
		c.function = func(w http.ResponseWriter, payload []byte) {
			d := data(t, string(payload))
			if got = append(got, d); strings.Contains(string(payload), "shardId-000000000001") && d == "0 1" {
				x.first(w, payload)
				return
			}
			fmt.Fprint(w, `{}`)
		}
		code, out, errOut := kinpack(t, in, "redrive", "--invoke", "f", "--batch-size", "2")
		if code != 1 || !slices.Equal(got, []string{"0 1", "0 1", "2 3", "4"}) || data(t, out) != x.left || strings.Contains(out, "shardId-000000000002") ||
			!strings.Contains(errOut, x.error) || !strings.Contains(errOut, "2 more events were not tried") {
			t.Errorf("exit code %d, calls %q, left %s, want %s; %s", code, got, data(t, out), x.left, errOut)
		}
	}
}

// What the function set aside it also remembers as done, as long as a record
// before it is not. Its letter is handled all the same.
func TestRedriveRememberedLetter(t *testing.T) {
	var b aggregate.Builder
	for _, d := range []string{"1", "2"} {
		if err := b.Add(aggregate.Record{PartitionKey: d, Data: []byte(d)}); err != nil {
			t.Fatal(err)
		}
	}
	event := decoded(t, kinesisEvent([]byte("0"), b.AppendTo(nil), []byte("3"), seal("\xff")))
	rest, err := json.Marshal(events.KinesisEvent{Records: event.Records[1:]})
	if err != nil {
		t.Fatal(err)
	}
	for before, after := range map[string]string{"": "", string(rest): "", " ": string(rest)} {
		var ran []string
		var letters strings.Builder
		var mu sync.Mutex // of both
		repaired := false
		ranToo := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, what)
		}
		consumer, err := lambda.New(func(_ context.Context, r *lambda.Record) error {
			ranToo(string(r.Data))
			switch {
			case repaired:
				return nil
			case string(r.Data) == "0":
				return errors.New("later")
			}
			return lambda.Poison(errors.New("no"))
		}, lambda.WithLogger(slog.New(slog.DiscardHandler)), lambda.WithConcurrency(4), // others than "0" go on
			lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
				if repaired {
					ranToo(fmt.Sprintf("letter %d", l.SubSequenceNumber))
				}
				mu.Lock()
				defer mu.Unlock()
				return json.NewEncoder(&letters).Encode(l)
			})))
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := consumer.Kinesis(t.Context(), event); err != nil || len(answer.BatchItemFailures) != 1 || len(ran) != 4 {
			t.Fatalf("%+v, %v, ran %q", answer, err, ran)
		}
		_, out, errOut := kinpack(t, before+letters.String()+after, "redrive")
		repaired, ran = true, nil
		if answer, err := consumer.Kinesis(t.Context(), eventsIn(t, out)[0]); err != nil || len(answer.BatchItemFailures) != 0 {
			t.Fatalf("%+v, %v", answer, err)
		}
		slices.Sort(ran)
		if got := strings.Join(ran, ", "); got != "1, 2, 3, letter -1" {
			t.Errorf("ran %s, %s", got, errOut)
		}
	}
}

// One broken letter among letters without line breaks takes no other with it, and
// the bytes that are passed over are told.
func TestRedriveBrokenAmongOthers(t *testing.T) {
	letter := func(n int) string {
		b, err := json.Marshal(lambda.Letter{StreamARN: redriveStream, ShardID: "shardId-0", SequenceNumber: fmt.Sprint(n), PartitionKey: "k", Data: fmt.Append(nil, n)})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, cut := range []int{1, 5, 20, 100, len(letter(2)) - 1} {
		in := letter(1) + letter(2)[:cut] + letter(3) + letter(4)
		want := fmt.Sprintf("; %d bytes are passed over, up to byte %d of %d", cut, len(letter(1))+cut, len(in))
		if code, out, errOut := kinpack(t, in, "redrive"); code != 1 || data(t, out) != "1 3 4" || !strings.Contains(errOut, want) || !strings.Contains(errOut, "1 documents could not be read") {
			t.Errorf("cut behind %d bytes: exit code %d, %s, %s", cut, code, data(t, out), errOut)
		}
	}
	in := letter(1) + letter(2)[:100] + "\nnothing more"
	want := fmt.Sprintf("; 113 bytes are passed over, up to byte %d of %[1]d", len(in))
	if code, out, errOut := kinpack(t, in, "redrive"); code != 1 || data(t, out) != "1" || !strings.Contains(errOut, want) {
		t.Errorf("the last: exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

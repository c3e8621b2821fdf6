package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/kinesistest"
)

func TestRedriveStream(t *testing.T) {
	c := newCloud(t)
	arn, _ := c.stream(t, "s", 4)
	odd := kinesisEvent([]byte("plain"), oddAggregate(), seal("\xff"), nil)
	b, err := json.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"s", arn} {
		before := len(c.kinesis.Records("s"))
		code, out, errOut := kinpack(t, string(b), "redrive", "--stream", stream, "--yes")
		if code != 0 || out != "" || !strings.Contains(errOut, "7 user records go back into "+stream+": every other consumer of the stream sees them again") ||
			!strings.Contains(errOut, "7 of 7 user records done, 0 left") {
			t.Fatalf("exit code %d, %s, %s", code, out, errOut)
		}
		records := c.kinesis.Records("s")[before:]
		if len(records) != 7 {
			t.Fatalf("%d records", len(records))
		}
		var put strings.Builder
		for _, r := range records {
			line, err := json.Marshal(kinesisRecord{r.PartitionKey, r.ExplicitHashKey, r.Data})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Data) != string(seal("\xff")) {
				put.Write(append(line, '\n'))
			}
		}
		code, out, errOut = kinpack(t, put.String(), "decode")
		var got []string
		for line := range strings.Lines(out) {
			var u unpacked
			if err := json.Unmarshal([]byte(line), &u); err != nil {
				t.Fatal(err)
			}
			key := u.PartitionKey
			if u.PartitionKeyBase64 != nil {
				key = string(u.PartitionKeyBase64)
			}
			got = append(got, fmt.Sprintf("%q:%s", key, u.Data))
		}
		slices.Sort(got)
		if want := `"":,"":d0,"k\xff\x00":d1,"k\xff\x00":d2,"outer 0":plain,"outer 3":`; code != 0 || strings.Join(got, ",") != want {
			t.Errorf("got %s, want %s; %s", strings.Join(got, ","), want, errOut)
		}
	}
}

// Entries that fail are put again; what is refused for good is left.
func TestRedriveStreamFailures(t *testing.T) {
	c := newCloud(t)
	c.stream(t, "s", 1)
	calls := 0
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		if calls++; calls == 1 {
			return kinesistest.Fault{Entries: map[int]string{1: "ProvisionedThroughputExceededException", 3: "InternalFailure"}}
		}
		return kinesistest.Fault{}
	})
	stored := func() string {
		var all []string
		for _, r := range c.kinesis.Records("s") {
			all = append(all, fmt.Sprintf("%.5s", r.Data))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	in := eventJSON(t, "0", "1", "2", "3", "4")
	if code, out, errOut := kinpack(t, in, "redrive", "--stream", "s", "--yes"); code != 0 || out != "" || calls != 2 || stored() != "0 1 2 3 4" {
		t.Errorf("exit code %d, %q, %d calls, %s, %s", code, out, calls, stored(), errOut)
	}

	// One record is too large for the stream, and must not take others with it.
	c.stream(t, "t", 1)
	c.kinesis.SetFaults()
	large := eventJSON(t, "5", "6", strings.Repeat("x", 1<<20), "7", "8")
	code, out, errOut := kinpack(t, large, "redrive", "--stream", "t", "--yes")
	if code != 1 || len(c.kinesis.Records("t")) != 4 || len(data(t, out)) != 1<<20 || !strings.Contains(errOut, `the user record with partition key "outer 2": `) ||
		!strings.Contains(errOut, "4 of 5 user records done, 1 left") {
		t.Errorf("exit code %d, %d stored, %d bytes left, %.500s", code, len(c.kinesis.Records("t")), len(data(t, out)), errOut)
	}
	code, out, errOut = kinpack(t, in, "redrive", "--stream", "none", "--yes")
	if code != 1 || data(t, out) != "0 1 2 3 4" || !strings.Contains(errOut, "ResourceNotFoundException") {
		t.Errorf("no such stream: exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

// Of an aggregate only the user records that did not get in are left; a stream
// that takes nothing is given up.
func TestRedrivePutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := kinesistest.New()
		if err := server.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		made, calls := eventsOf(t, kinesisEvent(oddAggregate(), []byte("plain"))), 0
		server.SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
			calls++
			failed := map[int]string{}
			for i := range r.PutRecords.Records {
				if n := len(r.PutRecords.Records); n < 5 || i%2 == 1 {
					failed[i] = "ProvisionedThroughputExceededException"
				}
			}
			return kinesistest.Fault{Entries: failed}
		})
		var said []string
		p := putter{client: server.SDKClient(), stream: "s", complain: func(err error) { said = append(said, err.Error()) }}
		left, err := p.run(t.Context(), made)
		if err != nil || len(left) != 1 || left[0].UserRecords() != 2 || len(left[0]) != 1 {
			t.Errorf("left %+v, %v", left, err)
		}
		want := "10 calls in a row stored nothing: 2 user records are refused, the last of a call with ProvisionedThroughputExceededException: "
		if len(said) != 1 || !strings.HasPrefix(said[0], want) || len(said[0]) == len(want) || len(server.Records("s")) != 3 || calls != 11 {
			t.Errorf("%q, %d stored, %d calls", said, len(server.Records("s")), calls)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if left, _ := p.run(ctx, left); len(left) != 1 || left[0].UserRecords() != 2 {
			t.Errorf("left after the context's end: %+v", left)
		}
	})
}

func eventsOf(t *testing.T, e events.KinesisEvent) []redrive.Event {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var s redrive.Set
	for d := range redrive.Documents(b) {
		for i := range d.Records {
			if _, _, err := s.AddRecord(&d.Records[i], nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	made, err := s.Events(100)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestRedriveAsk(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, " y ": true, "": false, "n\n": false, "\n": false, "yesterday\n": false} {
		var said strings.Builder
		if err := ask(t.Context(), streams{strings.NewReader(answer), nil, &said}); (err == nil) != want || said.String() != "Go on? [y/N] " {
			t.Errorf("%q: %v, %q", answer, err, said.String())
		}
	}
	if terminal(strings.NewReader("")) {
		t.Error("a text is a terminal")
	}
}

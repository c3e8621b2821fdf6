package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/kinesistest"
)

// A document without the records is filled from the stream.
func TestRedriveReadsBack(t *testing.T) {
	c := newCloud(t)
	arn, records := c.stream(t, "s", 1, "0", "1", "2", "3", "4", "5")
	code, out, errOut := kinpack(t, onFailure(arn, 3, records[1:4]...)+onFailure(arn, 2, records[2:4]...), "redrive")
	if code != 0 || data(t, out) != "1 2 3" || !strings.Contains(errOut, "left out: 2 duplicates") {
		t.Fatalf("exit code %d, %s, %s", code, data(t, out), errOut)
	}
	r := eventsIn(t, out)[0].Records[0]
	if want := records[1]; r.EventID != want.ShardID+":"+want.SequenceNumber || r.EventSourceArn != arn || r.AwsRegion != "us-east-1" ||
		r.Kinesis.PartitionKey != want.PartitionKey || r.Kinesis.ApproximateArrivalTimestamp.Sub(want.ArrivalTime).Abs() > time.Millisecond {
		t.Errorf("record %+v, want %+v", r, want)
	}

	// The end of the range is the end of the shard, or lies in no record,
	// which Lambda does not send.
	if _, out, _ := kinpack(t, onFailure(arn, 2, records[4:]...), "redrive"); data(t, out) != "4 5" {
		t.Errorf("to the end: %s", data(t, out))
	}
	between := onFailure(arn, 2, records[1:3]...)
	between = strings.Replace(between, `"endSequenceNumber":"`+records[2].SequenceNumber, `"endSequenceNumber":"`+records[3].SequenceNumber[:55]+"0", 1)
	if code, out, _ := kinpack(t, between, "redrive"); code != 1 || data(t, out) != "1 2" && data(t, out) != "1 2 3" {
		t.Errorf("to a number between: exit code %d, %s", code, data(t, out))
	}
	// The ARN of a consumer, as with enhanced fan-out.
	if code, out, errOut := kinpack(t, onFailure(arn+"/consumer/c:1", 1, records[1]), "redrive"); code != 0 || data(t, out) != "1" {
		t.Errorf("a consumer's ARN: exit code %d, %s, %s", code, out, errOut)
	}
}

func TestRedriveReadsBackWhatIsThere(t *testing.T) {
	c := newCloud(t)
	arn, records := c.stream(t, "s", 1, "0", "1", "2", "3")
	code, out, errOut := kinpack(t, onFailure(arn, 6, records...), "redrive")
	if want := "document 1 (byte 0): only 4 of the 6 records of the batch are still in the stream, the others are past its retention"; code != 1 || data(t, out) != "0 1 2 3" || !strings.Contains(errOut, want) {
		t.Errorf("some are gone: exit code %d, %s, %s", code, data(t, out), errOut)
	}
	code, out, errOut = kinpack(t, onFailure(arn, 2, records...), "redrive")
	if want := "4 records stand where the batch of 2 records was"; code != 0 || data(t, out) != "0 1 2 3" || !strings.Contains(errOut, want) {
		t.Errorf("too many: exit code %d, %s, %s", code, data(t, out), errOut)
	}
	// Of a closed shard, whose last page has no iterator to go on with.
	if err := c.kinesis.Scale("s", 2); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := kinpack(t, onFailure(arn, 5, records...), "redrive"); code != 1 || data(t, out) != "0 1 2 3" || !strings.Contains(errOut, "only 4 of the 5") {
		t.Errorf("a closed shard: exit code %d, %s, %s", code, data(t, out), errOut)
	}
	gone := strings.Replace(onFailure(arn, 4, records...), "stream/s", "stream/gone", 1)
	if code, out, errOut := kinpack(t, gone+eventJSON(t, "x"), "redrive"); code != 1 || data(t, out) != "x" || !strings.Contains(errOut, "read the batch from the stream: operation error Kinesis: GetShardIterator") {
		t.Errorf("no such stream: exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

// A throttled read is tried again; the endpoint may be one of Kinesis's own.
func TestRedriveThrottled(t *testing.T) {
	c := newCloud(t)
	arn, records := c.stream(t, "s", 1, "0", "1")
	endpoint, err := c.kinesis.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer c.kinesis.Close()
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_KINESIS", endpoint)
	reads := 0
	c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		if r.Operation == "GetRecords" {
			if reads++; reads == 1 {
				return kinesistest.Fault{Failure: kinesistest.APIError(http.StatusBadRequest, "ProvisionedThroughputExceededException")}
			}
		}
		return kinesistest.Fault{}
	})
	code, out, errOut := kinpack(t, onFailure(arn, 2, records...), "redrive")
	if code != 0 || data(t, out) != "0 1" || reads != 2 {
		t.Errorf("exit code %d, %s, %d reads, %s", code, data(t, out), reads, errOut)
	}
	t.Setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:1")
	if code, out, errOut := kinpack(t, onFailure(arn, 2, records...), "redrive", "--endpoint", endpoint); code != 0 || data(t, out) != "0 1" {
		t.Errorf("--endpoint: exit code %d, %s, %s", code, data(t, out), errOut)
	}
}

// Reads of one shard keep their distance, and what is past the retention is gone.
func TestRedriveRangeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "s", 1)
		c := &cloud{kinesis: client.Server()}
		arn, _ := c.put(t, "s", "0", "1")
		time.Sleep(20 * time.Hour)
		_, records := c.put(t, "s", "2", "3")
		var reads []time.Time
		c.kinesis.SetFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
			if r.Operation == "GetRecords" {
				reads = append(reads, time.Now())
			}
			return kinesistest.Fault{}
		})
		r := rangeReader{connect: func(context.Context, string) (shardClient, error) { return client, nil }}
		b := &redrive.Batch{StreamARN: arn, ShardID: records[0].ShardID, First: records[0].SequenceNumber, Last: records[3].SequenceNumber, Size: 4}
		for _, want := range []int{4, 4, 2} {
			got, err := r.records(t.Context(), b)
			if err != nil || len(got) != want {
				t.Errorf("%d records, %v; want %d", len(got), err, want)
			}
			if len(reads) == 2 {
				if gap := reads[1].Sub(reads[0]); gap < readPause {
					t.Errorf("two reads within %v", gap)
				}
				time.Sleep(5 * time.Hour)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.records(ctx, b); err == nil {
			t.Error("no error after the context's end")
		}
	})
}

// pages is a shard that is always said to be read to its end, as some emulators do.
type pages [][]string

func (p *pages) GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String("it")}, nil
}

func (p *pages) GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	out := &kinesis.GetRecordsOutput{NextShardIterator: aws.String("it"), MillisBehindLatest: aws.Int64(0)}
	if len(*p) == 0 {
		return nil, errors.New("no more")
	}
	for _, sequence := range (*p)[0] {
		out.Records = append(out.Records, types.Record{SequenceNumber: &sequence})
	}
	*p = (*p)[1:]
	return out, nil
}

// Reading ends with the range's last record, behind it, or where there is none.
func TestRedriveRangeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			pages pages
			want  int // -1: an error
		}{
			{pages{{"8"}, {"9", "10"}}, 3}, {pages{{"8"}, {"9", "11"}}, 2}, {pages{{"8"}, {}}, 1}, {pages{{"8"}, {"9"}}, -1},
		} {
			r := rangeReader{connect: func(context.Context, string) (shardClient, error) { return &c.pages, nil }}
			got, err := r.records(t.Context(), &redrive.Batch{StreamARN: "s", ShardID: "x", First: "8", Last: "10"})
			if err != nil && c.want >= 0 || err == nil && len(got) != c.want {
				t.Errorf("%d records, %v; want %d", len(got), err, c.want)
			}
		}
	})
}

// Records of others between those of a batch don't hide that some of it are gone.
func TestRedriveTrimmed(t *testing.T) {
	for _, c := range []struct {
		found []string
		size  int
		want  string // what is said of it
		fails bool
	}{
		{[]string{"1", "10"}, 2, "", false},
		{[]string{"1", "5", "7", "10"}, 2, "4 records stand where the batch of 2 records was", false},
		{[]string{"5", "6", "7", "10"}, 2, "the batch's first record is no longer in the stream, and maybe others of its 2 are past the retention, too; 4 records were found: shardId-0 from 1 to 10", true},
		{[]string{"1", "5", "9"}, 2, "the batch's last record is not in the stream; 3 records were found, the batch had 2: shardId-0 from 1 to 10", true},
		{[]string{"10"}, 2, "only 1 of the 2 records of the batch are still in the stream", true},
		{nil, 2, "only 0 of the 2 records", true},
		{nil, 0, "the batch's first record is no longer in the stream", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := pages{c.found, nil}
			var errOut strings.Builder
			r := redriver{streams: streams{err: &errOut}, flags: &redriveFlags{}}
			r.ranges.connect = func(context.Context, string) (shardClient, error) { return &p, nil }
			d := redrive.Document{Batch: &redrive.Batch{StreamARN: redriveStream, ShardID: "shardId-0", First: "1", Last: "10", Size: c.size}}
			if err := r.batch(t.Context(), "in: document 1", d); err != nil || r.failed != c.fails {
				t.Errorf("%v of %d: failed %v, %v", c.found, c.size, r.failed, err)
			}
			if said := errOut.String(); !strings.Contains(said, c.want) || (said == "") != (c.want == "") {
				t.Errorf("%v of %d: said %q, want %q", c.found, c.size, said, c.want)
			}
		})
	}
}

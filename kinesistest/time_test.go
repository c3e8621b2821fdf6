package kinesistest_test

// Time: delays, expiry and retention, on the clock of a synctest bubble.

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

func status(t *testing.T, c api) types.StreamStatus {
	t.Helper()
	out, err := c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
	if code(err) == "ResourceNotFoundException" {
		return "gone"
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.StreamDescriptionSummary.StreamStatus
}

func TestDelay(t *testing.T) {
	for _, f := range faces()[:2] {
		t.Run(f.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testDelay(t, f) }) })
	}
}

func testDelay(t *testing.T, f face) {
	s := kinesistest.New(kinesistest.WithDelay(30 * time.Second))
	c := f.client(t, s)
	must(c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)}))
	time.Sleep(29 * time.Second)
	refusedWhileCreating(t, c)
	d := must(c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("s")})).StreamDescription
	if d.StreamStatus != "CREATING" || len(d.Shards) != 0 {
		t.Errorf("status %s with %d shards after 29 s, want CREATING without", d.StreamStatus, len(d.Shards))
	}
	waiter := kinesis.NewStreamExistsWaiter(c.(kinesis.DescribeStreamAPIClient))
	if err := waiter.Wait(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("s")}, time.Minute); err != nil {
		t.Fatal(err)
	}

	split(t, c, shard0, middle)
	time.Sleep(29 * time.Second)
	if got := status(t, c); got != "UPDATING" {
		t.Errorf("status %s after 29 s, want UPDATING", got)
	}
	if out := put(t, c, last, "x"); *out.ShardId != shard0 {
		t.Errorf("a put while UPDATING went to %s, want %s", *out.ShardId, shard0)
	}
	if got := code(mergeOf("s", shard0, shard1)(t.Context(), c)); got != "ResourceInUseException" {
		t.Errorf("merge while UPDATING: %s, want ResourceInUseException", got)
	}
	ready := time.Now().Add(time.Second)
	time.Sleep(time.Hour) // the change is as of the time it was due, not of the next call
	filter := &types.ShardFilter{Type: "AT_TIMESTAMP", Timestamp: aws.Time(ready.Add(time.Minute))}
	if n := len(must(c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: filter})).Shards); n != 2 {
		t.Errorf("%d shards open a minute after the split was due, want 2", n)
	}
	if out := put(t, c, last, "y"); *out.ShardId != shard2 {
		t.Errorf("a put after the split went to %s, want %s", *out.ShardId, shard2)
	}

	must(c.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")}))
	if got := status(t, c); got != "DELETING" {
		t.Errorf("status %s, want DELETING", got)
	}
	if got := code(puts(kinesis.PutRecordsInput{Records: entries(1, 1)})(t.Context(), c)); got != "ResourceNotFoundException" {
		t.Errorf("put while DELETING: %s, want ResourceNotFoundException", got)
	}
	time.Sleep(30 * time.Second)
	if got := status(t, c); got != "gone" {
		t.Errorf("status %s after 30 s, want gone", got)
	}
}

func refusedWhileCreating(t *testing.T, c api) {
	t.Helper()
	for name, call := range map[string]struct {
		err  error
		want string
	}{
		"put":     {puts(kinesis.PutRecordsInput{Records: entries(1, 1)})(t.Context(), c), "ResourceNotFoundException"},
		"iterate": {iterator(kinesis.GetShardIteratorInput{ShardId: aws.String(shard0), ShardIteratorType: "LATEST"})(t.Context(), c), "ResourceNotFoundException"},
		"list":    {listShards(kinesis.ListShardsInput{StreamName: aws.String("s")})(t.Context(), c), "ResourceInUseException"},
		"split":   {splitAt("s", shard0, middle)(t.Context(), c), "ResourceInUseException"},
		"scale":   {scale("s", 2)(t.Context(), c), "ResourceInUseException"},
		"delete":  {drop(c.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})), "ResourceInUseException"},
	} {
		if got := code(call.err); got != call.want {
			t.Errorf("%s while CREATING: %s, want %s", name, got, call.want)
		}
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, 2)
		c := s.SDKClient(noRetry)
		it := iterate(t, c, shard0, "LATEST", nil)
		token := must(c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: aws.Int32(1)})).NextToken
		records := func() error {
			return drop(c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it}))
		}
		page := func() error { return drop(c.ListShards(t.Context(), &kinesis.ListShardsInput{NextToken: token})) }
		time.Sleep(5 * time.Minute)
		if err := records(); err != nil {
			t.Errorf("iterator after 5 minutes: %v", err)
		}
		if err := page(); err != nil {
			t.Errorf("token after 300 s: %v", err)
		}
		time.Sleep(time.Millisecond)
		if got := describe(records()); !strings.Contains(got, "*types.ExpiredIteratorException") ||
			!strings.Contains(got, "The iterator was created at time Sat Jan 01 00:00:00 UTC 2000 while right now it is Sat Jan 01 00:05:00 UTC 2000") {
			t.Errorf("iterator after 5 minutes and 1 ms: %s", got)
		}
		if got := describe(page()); !strings.Contains(got, "*types.ExpiredNextTokenException") {
			t.Errorf("token after 300 s and 1 ms: %s", got)
		}
	})
}

func TestTimestamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, 1)
		c := s.SDKClient(noRetry) // a time must survive the wire
		time.Sleep(1500*time.Millisecond + 700*time.Microsecond)
		put(t, c, "0", "a")
		time.Sleep(time.Second)
		put(t, c, "0", "b")
		arrivals := []time.Time{}
		for _, r := range s.Records("s") {
			arrivals = append(arrivals, r.ArrivalTime)
			if r.ArrivalTime != r.ArrivalTime.Truncate(time.Millisecond) {
				t.Errorf("arrival at %v, want whole milliseconds", r.ArrivalTime)
			}
		}
		split(t, c, shard0, middle)
		time.Sleep(time.Second)
		at := func(ts time.Time) string {
			out, err := c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
				StreamName: aws.String("s"), ShardId: aws.String(shard0), ShardIteratorType: "AT_TIMESTAMP", Timestamp: &ts})
			if err != nil {
				return code(err)
			}
			return datas(get(t, c, out.ShardIterator, nil).Records)
		}
		open := func(typ types.ShardFilterType, ts time.Time) int {
			out, err := c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &types.ShardFilter{Type: typ, Timestamp: &ts}})
			if err != nil {
				return -1
			}
			return len(out.Shards)
		}
		ms := time.Millisecond
		for _, test := range []struct {
			ts                 time.Time
			records            string
			atShards, fromTime int
		}{
			{arrivals[0].Add(-time.Hour), "a b ", 1, 3}, // before the stream: its start
			{arrivals[0], "a b ", 1, 3},
			{arrivals[0].Add(ms), "b ", 1, 3},
			{arrivals[1], "b ", 3, 3}, // the split was in that very millisecond
			{arrivals[1].Add(ms), "", 2, 2},
			{time.Now(), "", 2, 2},
			{time.Now().Add(ms), "InvalidArgumentException", -1, -1},
		} {
			if got := at(test.ts); got != test.records {
				t.Errorf("records at %v: %q, want %q", test.ts, got, test.records)
			}
			if got := open("AT_TIMESTAMP", test.ts); got != test.atShards {
				t.Errorf("%d shards at %v, want %d", got, test.ts, test.atShards)
			}
			if got := open("FROM_TIMESTAMP", test.ts); got != test.fromTime {
				t.Errorf("%d shards from %v, want %d", got, test.ts, test.fromTime)
			}
		}
	})
}

func TestMillisBehindLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newServer(t, 1)
		for range 3 {
			put(t, c, "0", "x")
			time.Sleep(time.Second)
		}
		it := iterate(t, c, shard0, "TRIM_HORIZON", nil)
		for _, want := range []int64{3000, 2000, 0, 0} {
			out := get(t, c, it, aws.Int32(1))
			if *out.MillisBehindLatest != want {
				t.Errorf("%d ms behind, want %d", *out.MillisBehindLatest, want)
			}
			it = out.NextShardIterator
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newServer(t, 1)
		put(t, c, "0", "a")
		time.Sleep(time.Hour)
		put(t, c, "0", "b")
		split(t, c, shard0, middle)
		time.Sleep(23 * time.Hour)
		if got := datas(get(t, c, iterate(t, c, shard0, "TRIM_HORIZON", nil), nil).Records); got != "a b " {
			t.Errorf("records after 24 hours: %q, want both", got)
		}
		time.Sleep(time.Millisecond)
		if got := datas(get(t, c, iterate(t, c, shard0, "TRIM_HORIZON", nil), nil).Records); got != "b " {
			t.Errorf("records after 24 hours and 1 ms: %q, want the second", got)
		}
		trim := &kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &types.ShardFilter{Type: "AT_TRIM_HORIZON"}}
		if n := len(must(c.ListShards(t.Context(), trim)).Shards); n != 1 {
			t.Errorf("%d shards at the trim horizon, want the parent", n)
		}
		it := iterate(t, c, shard0, "TRIM_HORIZON", nil)
		time.Sleep(time.Hour)
		time.Sleep(time.Millisecond)
		it2 := must(c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String(shard1), ShardIteratorType: "LATEST"}))
		if err := drop(c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it2.ShardIterator})); err != nil {
			t.Error(err)
		}
		if got := code(drop(c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it}))); got != "ExpiredIteratorException" {
			t.Errorf("the old iterator: %s, want ExpiredIteratorException", got)
		}
		if n := len(s.Shards("s")); n != 2 || len(s.Records("s")) != 0 {
			t.Errorf("%d shards, %d records a day after the split; want the 2 children without", n, len(s.Records("s")))
		}
		if n := len(must(c.ListShards(t.Context(), trim)).Shards); n != 2 {
			t.Errorf("%d shards at the trim horizon, want the children", n)
		}
		err := iterator(kinesis.GetShardIteratorInput{ShardId: aws.String(shard0), ShardIteratorType: "TRIM_HORIZON"})(t.Context(), c)
		if code(err) != "ResourceNotFoundException" {
			t.Errorf("iterator of the expired shard: %v", err)
		}
	})
}

// TestSameName: a stream is not its namesake of before.
func TestSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // both in one millisecond
		s, c := newServer(t, 1)
		old := put(t, c, "0", "old").SequenceNumber
		it := iterate(t, c, shard0, "TRIM_HORIZON", nil)
		must(c.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamARN: aws.String(arnOf + "s")}))
		if err := s.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		put(t, c, "0", "new")
		if got := code(drop(c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it}))); got != "ResourceNotFoundException" {
			t.Errorf("iterator of the stream before: %s, want ResourceNotFoundException", got)
		}
		err := iterator(kinesis.GetShardIteratorInput{ShardId: aws.String(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: old})(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), "did not come from this stream") {
			t.Errorf("sequence number of the stream before: %v", err)
		}
		other := time.Now().Add(-time.Hour)
		if got := code(listShards(kinesis.ListShardsInput{StreamName: aws.String("s"), StreamCreationTimestamp: &other})(t.Context(), c)); got != "ResourceNotFoundException" {
			t.Errorf("creation time of another stream: %s, want ResourceNotFoundException", got)
		}
	})
}

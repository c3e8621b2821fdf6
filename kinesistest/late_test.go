package kinesistest_test

// Faults that are about time, on the clock of a synctest bubble.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

// inBubble runs a test for the two faces that fit synctest.
func inBubble(t *testing.T, test func(*testing.T, face)) {
	for _, f := range faces()[:2] {
		t.Run(f.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, f) }) })
	}
}

func TestLatency(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		s, _ := newServer(t, 1, kinesistest.WithFaults(
			always(kinesistest.Fault{Delay: 3 * time.Second, AnswerDelay: -time.Hour}),
			always(kinesistest.Fault{Delay: time.Second, AnswerDelay: 2 * time.Second})))
		c := f.client(t, s)
		begin := time.Now()
		for _, test := range []struct {
			timeout, took time.Duration
			err           error
			stored        string
		}{
			{time.Minute, 6 * time.Second, nil, "abc"},
			{3 * time.Second, 3 * time.Second, context.DeadlineExceeded, "abc"},
			{5 * time.Second, 5 * time.Second, context.DeadlineExceeded, "abcabc"}, // carried out after 4 s
		} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
			_, err := putABC(ctx, c)
			cancel()
			if took := time.Since(start); !errors.Is(err, test.err) || took != test.took || stored(s) != test.stored {
				t.Errorf("timeout %v: error %v after %v, stored %s; want %v after %v, %s", test.timeout, err, took, stored(s), test.err, test.took, test.stored)
			}
		}
		for i, want := range map[int]time.Duration{0: 4 * time.Second, 3: 13 * time.Second} {
			if at := s.Records("s")[i].ArrivalTime.Sub(begin); at != want {
				t.Errorf("record %d arrived after %v, want %v", i, at, want)
			}
		}
		// A failure takes its time, too.
		start := time.Now()
		s.SetFaults(always(kinesistest.Fault{Delay: time.Second, AnswerDelay: time.Second, Failure: kinesistest.APIError(500, "X")}))
		if _, err := putABC(t.Context(), c); code(err) != "X" || time.Since(start) != 2*time.Second {
			t.Errorf("error %v after %v, want X after 2 s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := putABC(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
	})
}

// TestLatencyHoldsNoLock has slow calls run side by side.
func TestLatencyHoldsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Delay: time.Second, AnswerDelay: time.Second})))
		start := time.Now()
		for range 10 {
			go func() { _, _ = putABC(t.Context(), c) }()
		}
		time.Sleep(1500 * time.Millisecond)
		if got := len(s.Records("s")); got != 30 || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("%d records after %v, want 30 after 1.5 s", got, time.Since(start))
		}
		time.Sleep(time.Second)
	})
}

func TestLatencyOverASocket(t *testing.T) {
	s, _ := newServer(t, 1, kinesistest.WithFaults(always(kinesistest.Fault{Delay: 30 * time.Millisecond, AnswerDelay: time.Hour})))
	c := faces()[2].client(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := putABC(ctx, c); !errors.Is(err, context.DeadlineExceeded) || stored(s) != "" {
		t.Errorf("error %v, stored %s; want the context's and nothing", err, stored(s))
	}
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := putABC(ctx, c); !errors.Is(err, context.DeadlineExceeded) || stored(s) != "abc" {
		t.Errorf("error %v, stored %s; want the context's and abc", err, stored(s))
	}
}

// TestLate carries requests out after their failure, in the order of their
// times, with what their callers have put into them at the call.
func TestLate(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		late := map[string]time.Duration{"a": 5 * time.Second, "b": 2 * time.Second, "c": 5 * time.Second, "d": 2*time.Second + 500*time.Microsecond}
		s := kinesistest.New(kinesistest.WithDelay(3*time.Second), kinesistest.WithFaults(func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
			if r.PutRecords == nil {
				return kinesistest.Fault{}
			}
			return kinesistest.Fault{Failure: kinesistest.ConnectionReset(), Late: late[string(r.PutRecords.Records[0].Data[:1])], Entries: map[int]string{1: "X"}}
		}))
		if err := s.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		c := f.client(t, s)
		start := time.Now().UTC().Truncate(time.Millisecond)
		split(t, c, shard0, middle) // done after 3 s
		in := &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: make([]types.PutRecordsRequestEntry, 2)}
		data, key, name := []byte("?1"), "key", "s"
		in.StreamName = &name
		for _, x := range []string{"a", "b", "c", "d"} {
			copy(data, x+"1")
			key, name = "key", "s"
			for i := range in.Records {
				in.Records[i] = types.PutRecordsRequestEntry{PartitionKey: &key, ExplicitHashKey: aws.String(last), Data: data}
			}
			if _, err := c.PutRecords(t.Context(), in); code(err) == "" {
				t.Errorf("the caller of %s got no failure", x)
			}
			copy(data, "!!")
			key, name = "other", "other"
			clear(in.Records)
		}
		if got := stored(s); got != "" {
			t.Errorf("stored %s at once", got)
		}
		s.SetFaults(nil)           // what is late still comes
		time.Sleep(10 * time.Hour) // nobody looks meanwhile
		want := []struct {
			data, shard string
			after       time.Duration
		}{{"b1", shard0, 2000}, {"d1", shard0, 2000}, {"a1", shard2, 5000}, {"c1", shard2, 5000}}
		records := s.Records("s")
		if len(records) != len(want) {
			t.Fatalf("%d records, want %d", len(records), len(want))
		}
		for i, r := range records {
			w := want[i]
			if string(r.Data) != w.data || r.ShardID != w.shard || r.PartitionKey != "key" || !r.ArrivalTime.Equal(start.Add(w.after*time.Millisecond)) {
				t.Errorf("record %d is %s of %s in %s after %v, want %+v", i, r.Data, r.PartitionKey, r.ShardID, r.ArrivalTime.Sub(start), w)
			}
		}
	})
}

// TestLateAfterSilence counts from the time the caller gave up, and applies
// changes of shards, which Shards looks at.
func TestLateAfterSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		s, _ := newServer(t, 2, kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.NoAnswer(), Late: time.Second, Applied: true})))
		c := f.client(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if err := mergeOf("s", shard0, shard1)(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := mergeOf("s", shard0, "x")(ctx, c); !errors.Is(err, context.DeadlineExceeded) { // fails late, too
			t.Errorf("error %v, want the context's", err)
		}
		time.Sleep(998 * time.Millisecond)
		if n := len(s.Shards("s")); n != 2 {
			t.Errorf("%d shards after 0.999 s, want 2", n)
		}
		time.Sleep(time.Millisecond)
		if n := len(s.Shards("s")); n != 3 {
			t.Errorf("%d shards after a second, want 3", n)
		}
	})
}

func TestThroughput(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		s, _ := newServer(t, 2, kinesistest.WithThroughput(4, 100))
		c := f.client(t, s)
		const low, high = "0", last
		sizes := func(hashKey string, sizes ...int) string {
			in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
			for _, n := range sizes { // the key is one byte of it
				in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), ExplicitHashKey: aws.String(hashKey), Data: make([]byte, n-1)})
			}
			out := must(c.PutRecords(t.Context(), in))
			text, failed := "", 0
			for _, e := range out.Records {
				switch aws.ToString(e.ErrorCode) {
				case "":
					text += "+"
				case "ProvisionedThroughputExceededException":
					text += "-"
					failed++
					if !strings.HasPrefix(*e.ErrorMessage, "Rate exceeded for shard shardId-00000000000") || e.SequenceNumber != nil {
						t.Errorf("entry %q with sequence number %v", *e.ErrorMessage, e.SequenceNumber)
					}
				}
			}
			if int(*out.FailedRecordCount) != failed {
				t.Errorf("FailedRecordCount %d, want %d", *out.FailedRecordCount, failed)
			}
			return text
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		check("a second's records at once", sizes(low, 1, 1, 1, 1, 1, 1), "++++--")
		check("the other shard", sizes(high, 60, 41, 40), "+-+") // what fits in between passes
		time.Sleep(250 * time.Millisecond)
		check("a quarter second later", sizes(low, 1, 1), "+-")
		check("25 bytes later", sizes(high, 26, 25), "-+")
		time.Sleep(249 * time.Millisecond)
		check("not yet", sizes(low, 1), "-")
		time.Sleep(time.Millisecond)
		check("now", sizes(low, 1, 1), "+-")
		time.Sleep(time.Hour)
		check("no more than a second's", sizes(low, 1, 1, 1, 1, 1), "++++-")
		check("large", sizes(high, 301, 1), "+-")
		time.Sleep(2010 * time.Millisecond)
		check("large is paid for", sizes(high, 1), "-")
		time.Sleep(10 * time.Millisecond)
		check("but for a byte", sizes(high, 2, 1), "-+")

		_, err := c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), ExplicitHashKey: aws.String(high), Data: []byte("x")})
		check("PutRecord", describe(err), "Kinesis.PutRecord status 400, id true *types.ProvisionedThroughputExceededException ProvisionedThroughputExceededException: "+
			"Rate exceeded for shard "+shard1+" in stream s under account 123456789012.")
		split(t, c, shard1, "255211775190703847597530955573826158591")
		check("a new shard", sizes(high, 100, 1), "+-")
		if n := len(s.Records("s")); n != 16 {
			t.Errorf("%d records stored, want 16", n)
		}
	})
}

func TestThroughputLimits(t *testing.T) {
	for _, test := range []struct {
		records, bytes int
		want           int // of 2,000 records of 1,000 bytes each
	}{
		{0, 0, 2000},
		{-1, -1, 2000},
		{math.MaxInt, math.MaxInt, 2000},
		{kinesistest.ShardRecordsPerSecond, 0, 1000},
		{0, kinesistest.ShardBytesPerSecond, 1048},
		{kinesistest.ShardRecordsPerSecond, kinesistest.ShardBytesPerSecond, 1000},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, c := newServer(t, 1, kinesistest.WithThroughput(test.records, test.bytes))
			for range 4 {
				must(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(500, 999)}))
			}
			if got := len(s.Records("s")); got != test.want {
				t.Errorf("%d records/s and %d bytes/s: %d taken, want %d", test.records, test.bytes, got, test.want)
			}
		})
	}
}

// TestListShardsLag follows a split and a merge through every filter.
func TestListShardsLag(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		s, _ := newServer(t, 1, kinesistest.WithListShardsLag(10*time.Second))
		c := f.client(t, s)
		list := func(typ types.ShardFilterType, at time.Time) string {
			in := &kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: aws.Int32(1)}
			if typ != "" {
				in.ShardFilter = &types.ShardFilter{Type: typ, ShardId: aws.String(shard0), Timestamp: &at}
			}
			text := ""
			for {
				out := must(c.ListShards(t.Context(), in))
				for _, sh := range out.Shards {
					text += strings.TrimLeft((*sh.ShardId)[8:], "0")
					if strings.HasSuffix(*sh.ShardId, "0") {
						text += "0"
					}
					if sh.SequenceNumberRange.EndingSequenceNumber != nil {
						text += "x"
					}
					text += " "
				}
				if out.NextToken == nil {
					return text
				}
				in = &kinesis.ListShardsInput{NextToken: out.NextToken, MaxResults: aws.Int32(1)}
			}
		}
		start := time.Now()
		check := func(want string) {
			t.Helper()
			got := ""
			for _, typ := range append([]types.ShardFilterType{""}, types.ShardFilterType("").Values()...) {
				got += list(typ, start) + "| "
			}
			got += list("AT_TIMESTAMP", time.Now()) + "| " + list("FROM_TIMESTAMP", time.Now())
			if got != want {
				t.Errorf("after %v\n  %s, want\n  %s", time.Since(start), got, want)
			}
		}
		// In the order: all, AFTER_SHARD_ID 0, AT_TRIM_HORIZON, FROM_TRIM_HORIZON,
		// AT_LATEST, AT_TIMESTAMP and FROM_TIMESTAMP of the start, and of now.
		check("0 | | 0 | 0 | 0 | 0 | 0 | 0 | 0 ")
		time.Sleep(20 * time.Second)
		split(t, c, shard0, middle)
		time.Sleep(5 * time.Second)
		merge(t, c, shard1, shard2)
		check("0 | | 0 | 0 | 0 | 0 | 0 | 0 | 0 ")
		time.Sleep(4999 * time.Millisecond)
		check("0 | | 0 | 0 | 0 | 0 | 0 | 0 | 0 ")
		time.Sleep(time.Millisecond)
		check("0x 1 2 | 1 2 | 0x | 0x 1 2 | 1 2 | 0x | 0x 1 2 | 1 2 | 1 2 ")
		time.Sleep(5 * time.Second)
		check("0x 1x 2x 3 | 1x 2x 3 | 0x | 0x 1x 2x 3 | 3 | 0x | 0x 1x 2x 3 | 3 | 3 ")
		split(t, c, shard3, middle)
		if got := fmt.Sprint(len(s.Shards("s")), len(must(c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("s")})).StreamDescription.Shards)); got != "6 6" {
			t.Errorf("Shards and DescribeStream have %s shards, want 6: they do not lag", got)
		}
		if out := put(t, c, last, "x"); *out.ShardId != "shardId-000000000005" {
			t.Errorf("a put went to %s, want the child that is not listed", *out.ShardId)
		}
	})
}

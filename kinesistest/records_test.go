package kinesistest_test

// Records: putting, reading from every kind of position, and limits.

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

func TestPutRecords(t *testing.T) {
	s, c := newServer(t, 2)
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
	for i := range 500 {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String(fmt.Sprint(i)), Data: []byte{byte(i)}})
	}
	in.Records[7].ExplicitHashKey = aws.String(last)
	out := must(c.PutRecords(t.Context(), in))
	records := s.Records("s")
	if len(out.Records) != 500 || len(records) != 500 || *out.FailedRecordCount != 0 {
		t.Fatalf("%d answers, %d records, %d failed; want 500, 500, 0", len(out.Records), len(records), *out.FailedRecordCount)
	}
	seq := regexp.MustCompile(`^49\d{54}$`)
	for i, r := range records { // answer and stream in the order of the request
		answer := out.Records[i]
		if *answer.SequenceNumber != r.SequenceNumber || *answer.ShardId != r.ShardID || r.PartitionKey != fmt.Sprint(i) || r.Data[0] != byte(i) {
			t.Fatalf("answer %d is %s in %s, the record %+v", i, *answer.SequenceNumber, *answer.ShardId, r)
		}
		if !seq.MatchString(r.SequenceNumber) {
			t.Fatalf("sequence number %s, want 56 digits", r.SequenceNumber)
		}
		if want := map[bool]string{true: last, false: kinesistest.HashKey(r.PartitionKey)}[i == 7]; r.HashKey != want {
			t.Fatalf("hash key %s, want %s", r.HashKey, want)
		}
	}
	if r := records[7]; r.ShardID != shard1 || r.ExplicitHashKey != last {
		t.Errorf("explicit hash key %s went to %s, want %s in %s", r.ExplicitHashKey, r.ShardID, last, shard1)
	}
}

func TestSizes(t *testing.T) {
	put := func(c api, stream string, n, size int) error {
		return drop(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: &stream, Records: entries(n, size)}))
	}
	_, c := newServer(t, 1)
	must(c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("large"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(10240)}))
	_, old := newServer(t, 1, kinesistest.WithMaxRequestSize(5<<20))
	for _, test := range []struct {
		c       api
		stream  string
		n, size int // size without the key, of 1 byte
		want    string
	}{
		{c, "s", 1, 1<<20 - 1, ""},
		{c, "s", 1, 1 << 20, "InvalidArgumentException"},
		{c, "s", 10, 1<<20 - 1, ""},
		{c, "s", 11, 1<<20 - 1, "InvalidArgumentException"},
		{c, "large", 1, 10<<20 - 1, ""},
		{c, "large", 1, 10 << 20, "InvalidArgumentException"},
		{c, "large", 1, 10<<20 + 1, "ValidationException"}, // no stream takes that
		{c, "large", 2, 5 << 20, "InvalidArgumentException"},
		{old, "s", 5, 1<<20 - 1, ""},
		{old, "s", 6, 1<<20 - 1, "InvalidArgumentException"},
	} {
		if got := code(put(test.c, test.stream, test.n, test.size)); got != test.want {
			t.Errorf("%d records of %d bytes and a key to %s: %q, want %q", test.n, test.size, test.stream, got, test.want)
		}
	}
	key := strings.Repeat("😀", 256) // 1,024 bytes
	err := drop(c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &key, Data: []byte("x")}))
	if err != nil {
		t.Errorf("a key of 256 code points: %v", err)
	}
}

func TestIterators(t *testing.T) {
	_, c := newServer(t, 1)
	var seq []*string
	for i := range 5 {
		seq = append(seq, put(t, c, "0", fmt.Sprint(i)).SequenceNumber)
	}
	shard := must(c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s")})).Shards[0]
	type reader struct {
		typ, want string
		it        *string
	}
	var readers []reader
	for _, r := range []struct {
		typ  types.ShardIteratorType
		seq  *string
		want string
	}{
		{"TRIM_HORIZON", nil, "0 1 2 3 4 5 "},
		{"LATEST", nil, "5 "},
		{"AT_SEQUENCE_NUMBER", seq[3], "3 4 5 "},
		{"AFTER_SEQUENCE_NUMBER", seq[3], "4 5 "},
		{"AFTER_SEQUENCE_NUMBER", seq[4], "5 "},
		{"AT_SEQUENCE_NUMBER", shard.SequenceNumberRange.StartingSequenceNumber, "0 1 2 3 4 5 "},
	} {
		readers = append(readers, reader{string(r.typ), r.want, iterate(t, c, shard0, r.typ, r.seq)})
	}
	put(t, c, "0", "5")
	for _, r := range readers {
		for _, limit := range []*int32{nil, aws.Int32(1), aws.Int32(2)} {
			got, it := "", r.it
			for range 8 {
				out := get(t, c, it, limit)
				got += datas(out.Records)
				it = out.NextShardIterator
				if limit != nil && len(out.Records) > int(*limit) || it == nil || out.ChildShards != nil {
					t.Fatalf("%s: %d records, next %v, children %v", r.typ, len(out.Records), it, out.ChildShards)
				}
			}
			if got != r.want {
				t.Errorf("%s with limit %v: %s, want %s", r.typ, aws.ToInt32(limit), got, r.want)
			}
		}
	}
}

func TestReadLimits(t *testing.T) {
	_, c := newServer(t, 1)
	must(c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("large"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(10240)}))
	for _, size := range []int{10<<20 - 1, 1, 6 << 20, 4 << 20, 1} {
		must(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("large"), Records: entries(1, size)}))
	}
	it := must(c.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: aws.String("large"), ShardId: aws.String("0"), ShardIteratorType: "TRIM_HORIZON"})).ShardIterator
	var got []int
	for range 3 {
		out := get(t, c, it, nil)
		got = append(got, len(out.Records))
		it = out.NextShardIterator
	}
	if fmt.Sprint(got) != "[2 2 1]" {
		t.Errorf("answers of %v records, want 2, 2 and 1: at most 10 MiB of data each", got)
	}
	for range 21 {
		must(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(500, 0)}))
	}
	if n := len(get(t, c, iterate(t, c, shard0, "TRIM_HORIZON", nil), nil).Records); n != 10_000 {
		t.Errorf("an answer of %d records, want 10,000", n)
	}
}

// TestCopies writes into everything that goes in and comes out.
func TestCopies(t *testing.T) {
	s, c := newServer(t, 1)
	data := []byte("data")
	key := "key"
	must(c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &key, Data: data}))
	copy(data, "XXXX")
	key = "other"
	for range 2 {
		out := get(t, c, iterate(t, c, shard0, "TRIM_HORIZON", nil), nil)
		r := s.Records("s")[0]
		if string(out.Records[0].Data) != "data" || *out.Records[0].PartitionKey != "key" || string(r.Data) != "data" || r.PartitionKey != "key" {
			t.Fatalf("record is %+v, want data and key as they were put", r)
		}
		copy(out.Records[0].Data, "YYYY")
		*out.Records[0].PartitionKey = "x"
		copy(r.Data, "ZZZZ")
		shards := must(c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s")})).Shards
		*shards[0].HashKeyRange.EndingHashKey, *shards[0].ShardId = "1", "x"
	}
}

// TestConcurrentFaces is for the race detector: all faces at once, through
// reshards, lose and repeat nothing.
func TestConcurrentFaces(t *testing.T) {
	s, c := newServer(t, 2)
	var work sync.WaitGroup
	for _, f := range faces() {
		client := f.client(t, s)
		for w := range 2 {
			work.Go(func() {
				for i := range 50 {
					_, err := client.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: []types.PutRecordsRequestEntry{
						{PartitionKey: aws.String(fmt.Sprint(f.name, w, i)), Data: []byte("a")},
						{PartitionKey: aws.String(fmt.Sprint(i, w, f.name)), Data: bytes.Repeat([]byte("b"), 1000)},
					}})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	for n := int32(3); n < 9; n++ {
		must(c.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{StreamName: aws.String("s"), ScalingType: "UNIFORM_SCALING", TargetShardCount: &n}))
		s.Records("s")
	}
	work.Wait()
	seen := map[string]bool{}
	for _, sh := range s.Shards("s") {
		for it := iterate(t, c, sh.ID, "TRIM_HORIZON", nil); it != nil; {
			out := get(t, c, it, nil)
			for _, r := range out.Records {
				seen[*r.SequenceNumber] = true
			}
			if it = out.NextShardIterator; len(out.Records) == 0 {
				break
			}
		}
	}
	if want := 200 * len(faces()); len(seen) != want || len(s.Records("s")) != want {
		t.Errorf("%d records read, %d stored; want %d", len(seen), len(s.Records("s")), want)
	}
}

func TestInspectUnknownStream(t *testing.T) {
	s := kinesistest.New(nil, kinesistest.WithDelay(-1), kinesistest.WithMaxRequestSize(-1), kinesistest.WithShardLimit(4))
	if r, sh := s.Records("x"), s.Shards("x"); len(r) != 0 || len(sh) != 0 {
		t.Errorf("records %v, shards %v of a stream that does not exist, want none", r, sh)
	}
	for _, shards := range []int{-1, 5, 1 << 30} {
		if err := s.AddStream("x", shards); err == nil {
			t.Errorf("AddStream took %d shards of 4", shards)
		}
	}
	if err := s.AddStream("x", 0); err != nil {
		t.Error(err)
	}
	if got := code(drop(s.Client().PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("x"), Records: entries(1, 1)}))); got != "InvalidArgumentException" {
		t.Errorf("2 bytes of at most 1: %q, want InvalidArgumentException", got)
	}
}

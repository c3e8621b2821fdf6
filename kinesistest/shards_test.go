package kinesistest_test

// Shards: ranges, lineage and routing through every kind of change.

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

func number(t *testing.T, s string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("%q is not a number", s)
	}
	return n
}

// checkShards verifies what holds for the shards of any stream: the open ones
// cover the key space, each child covers what its parents did not give to
// others, and sequence numbers follow the lineage.
func checkShards(t *testing.T, c api, wantOpen int) []types.Shard {
	t.Helper()
	var shards []types.Shard
	in := &kinesis.ListShardsInput{StreamName: aws.String("s")}
	for {
		out, err := c.ListShards(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, out.Shards...)
		if out.NextToken == nil {
			break
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
	byID := map[string]types.Shard{}
	var open []types.Shard
	for i, sh := range shards {
		if want := fmt.Sprintf("shardId-%012d", i); *sh.ShardId != want {
			t.Fatalf("shard %d is %s, want %s", i, *sh.ShardId, want)
		}
		byID[*sh.ShardId] = sh
		if sh.SequenceNumberRange.EndingSequenceNumber == nil {
			open = append(open, sh)
		} else if *sh.SequenceNumberRange.EndingSequenceNumber <= *sh.SequenceNumberRange.StartingSequenceNumber {
			t.Errorf("%s ends before it starts", *sh.ShardId)
		}
		for _, parent := range []*string{sh.ParentShardId, sh.AdjacentParentShardId} {
			if parent != nil {
				checkParent(t, sh, byID[*parent])
			}
		}
	}
	slices.SortFunc(open, func(a, b types.Shard) int {
		return number(t, *a.HashKeyRange.StartingHashKey).Cmp(number(t, *b.HashKeyRange.StartingHashKey))
	})
	if len(open) != wantOpen {
		t.Fatalf("%d open shards, want %d", len(open), wantOpen)
	}
	next := big.NewInt(0)
	for _, sh := range open {
		if first := number(t, *sh.HashKeyRange.StartingHashKey); first.Cmp(next) != 0 {
			t.Fatalf("%s starts at %s, want %s", *sh.ShardId, first, next)
		}
		next.Add(number(t, *sh.HashKeyRange.EndingHashKey), big.NewInt(1))
	}
	if want := new(big.Int).Lsh(big.NewInt(1), 128); next.Cmp(want) != 0 {
		t.Fatalf("the open shards end at %s, want 2^128", next)
	}
	return shards
}

func checkParent(t *testing.T, child, parent types.Shard) {
	t.Helper()
	if parent.SequenceNumberRange == nil || parent.SequenceNumberRange.EndingSequenceNumber == nil {
		t.Errorf("the parent of %s is open or unknown", *child.ShardId)
		return
	}
	if *child.SequenceNumberRange.StartingSequenceNumber <= *parent.SequenceNumberRange.EndingSequenceNumber {
		t.Errorf("%s starts before its parent %s ends", *child.ShardId, *parent.ShardId)
	}
	c1, c2 := number(t, *child.HashKeyRange.StartingHashKey), number(t, *child.HashKeyRange.EndingHashKey)
	p1, p2 := number(t, *parent.HashKeyRange.StartingHashKey), number(t, *parent.HashKeyRange.EndingHashKey)
	if c2.Cmp(p1) < 0 || p2.Cmp(c1) < 0 {
		t.Errorf("%s does not overlap its parent %s", *child.ShardId, *parent.ShardId)
	}
}

func TestSplitAndMerge(t *testing.T) {
	s, c := newServer(t, 1)
	before := put(t, c, middle, "before")
	split(t, c, "shard-0", middle) // the service takes any prefix
	low, high := put(t, c, "170141183460469231731687303715884105727", "low"), put(t, c, middle, "high")
	if *low.ShardId != shard1 || *high.ShardId != shard2 {
		t.Errorf("records either side of the split went to %s and %s, want %s and %s", *low.ShardId, *high.ShardId, shard1, shard2)
	}
	if *before.SequenceNumber >= *low.SequenceNumber || *low.SequenceNumber >= *high.SequenceNumber {
		t.Errorf("sequence numbers do not rise: %s, %s, %s", *before.SequenceNumber, *low.SequenceNumber, *high.SequenceNumber)
	}
	merge(t, c, shard1, shard2)
	if out := put(t, c, last, "after"); *out.ShardId != shard3 {
		t.Errorf("the record after the merge went to %s, want %s", *out.ShardId, shard3)
	}
	shards := checkShards(t, c, 1)
	if sh := shards[1]; *sh.ParentShardId != shard0 || sh.AdjacentParentShardId != nil {
		t.Errorf("parents of a split shard are %v and %v, want %s alone", *sh.ParentShardId, sh.AdjacentParentShardId, shard0)
	}
	if sh := shards[3]; *sh.ParentShardId != shard1 || *sh.AdjacentParentShardId != shard2 {
		t.Errorf("parents of a merged shard are %s and %s, want %s and %s", *sh.ParentShardId, *sh.AdjacentParentShardId, shard1, shard2)
	}
	if sh := s.Shards("s"); len(sh) != 4 || sh[3].ParentID != shard1 || sh[3].AdjacentParentID != shard2 || sh[1].Open || !sh[3].Open ||
		!sh[2].Contains(middle) || sh[1].Contains(middle) || sh[3].Contains("x") {
		t.Errorf("Shards: %+v", sh)
	}

	// The closed shards can still be read, to their end and their children.
	out := get(t, c, iterate(t, c, shard0, "TRIM_HORIZON", nil), nil)
	if datas(out.Records) != "before " || out.NextShardIterator != nil || len(out.ChildShards) != 2 {
		t.Errorf("closed shard: %s, next %v, %d children; want its record, none, 2", datas(out.Records), out.NextShardIterator, len(out.ChildShards))
	}
	out = get(t, c, iterate(t, c, shard2, "LATEST", nil), nil)
	if len(out.Records) != 0 || out.NextShardIterator != nil || len(out.ChildShards) != 1 ||
		!slices.Equal(out.ChildShards[0].ParentShards, []string{shard1, shard2}) || *out.ChildShards[0].HashKeyRange.EndingHashKey != last {
		t.Errorf("LATEST of a closed shard: %+v", out)
	}
}

// TestUpdateShardCount scales streams, even and uneven, to every count that
// is allowed, and looks where records go.
func TestUpdateShardCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for from := 1; from <= 9; from++ {
		for to := (from + 1) / 2; to <= 2*from; to++ {
			s, c := newServer(t, from)
			if from%2 == 0 { // uneven, the same number of shards
				split(t, c, shard0, fmt.Sprint(2+rng.Uint64N(1<<60)))
				all := s.Shards("s")
				merge(t, c, all[len(all)-1].ID, all[1].ID)
			}
			out := must(c.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{
				StreamARN: aws.String(arnOf + "s"), ScalingType: "UNIFORM_SCALING", TargetShardCount: aws.Int32(int32(to))}))
			if *out.CurrentShardCount != int32(from) || *out.TargetShardCount != int32(to) || *out.StreamName != "s" {
				t.Errorf("from %d to %d: answer %+v", from, to, out)
			}
			checkShards(t, c, to)
			even, _ := newServer(t, to)
			want := map[string]bool{}
			for _, sh := range even.Shards("s") {
				want[sh.FirstHashKey+"-"+sh.LastHashKey] = true
			}
			for _, sh := range s.Shards("s") {
				if sh.Open && !want[sh.FirstHashKey+"-"+sh.LastHashKey] {
					t.Errorf("from %d to %d: %s has range %s-%s, which is not one of %d even ones", from, to, sh.ID, sh.FirstHashKey, sh.LastHashKey, to)
				}
			}
		}
	}
}

// TestRandomReshards does whatever is allowed at random and puts records
// between: each must land in the open shard of its hash key, and none be lost.
func TestRandomReshards(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s, c := newServer(t, 2)
	puts := 0
	for range 60 {
		open := slices.DeleteFunc(s.Shards("s"), func(sh kinesistest.Shard) bool { return !sh.Open })
		n := len(open)
		switch a, b := open[rng.IntN(n)], open[rng.IntN(n)]; rng.IntN(3) {
		case 0:
			first, last := number(t, a.FirstHashKey), number(t, a.LastHashKey)
			split(t, c, a.ID, first.Add(first, last).Rsh(first, 1).String())
			n++
		case 1:
			next := number(t, a.LastHashKey)
			if next.Add(next, big.NewInt(1)).String() != b.FirstHashKey {
				continue
			}
			merge(t, c, a.ID, b.ID)
			n--
		case 2:
			n = min(max(n+rng.IntN(n+1)-n/2, 1), 12)
			if _, err := c.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{
				StreamName: aws.String("s"), ScalingType: "UNIFORM_SCALING", TargetShardCount: aws.Int32(int32(n))}); err != nil {
				t.Fatal(err)
			}
		}
		checkShards(t, c, n)
		for range 5 {
			puts++
			must(c.PutRecord(t.Context(), &kinesis.PutRecordInput{
				StreamName: aws.String("s"), PartitionKey: aws.String(fmt.Sprint("key ", puts)), Data: []byte("x")}))
		}
		open = s.Shards("s")
		for _, r := range s.Records("s")[puts-5:] {
			i := slices.IndexFunc(open, func(sh kinesistest.Shard) bool { return sh.ID == r.ShardID })
			if !open[i].Open || !open[i].Contains(r.HashKey) || r.HashKey != kinesistest.HashKey(r.PartitionKey) {
				t.Fatalf("record %+v is in %+v", r, open[i])
			}
		}
	}
	records := s.Records("s")
	if len(records) != puts {
		t.Errorf("%d records, want %d", len(records), puts)
	}
	if !slices.IsSortedFunc(records, func(a, b kinesistest.Record) int { return strings.Compare(a.SequenceNumber, b.SequenceNumber) }) {
		t.Error("the sequence numbers do not rise in the order of the puts")
	}
}

func TestListShardsFilters(t *testing.T) {
	_, c := newServer(t, 2)
	split(t, c, shard1, "200000000000000000000000000000000000000") // 2, 3
	merge(t, c, shard0, shard2)                                    // 4
	for _, test := range []struct {
		filter types.ShardFilter
		want   string
	}{
		{types.ShardFilter{Type: "AT_LATEST"}, "3 4"},
		{types.ShardFilter{Type: "AT_TRIM_HORIZON"}, "0 1"},
		{types.ShardFilter{Type: "FROM_TRIM_HORIZON"}, "0 1 2 3 4"},
		{types.ShardFilter{Type: "AFTER_SHARD_ID", ShardId: aws.String(shard2)}, "3 4"},
		{types.ShardFilter{Type: "AFTER_SHARD_ID", ShardId: aws.String(shard4)}, ""},
	} {
		for _, pageSize := range []int32{1, 2, 1000, 10_000} {
			in := &kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: &pageSize, ShardFilter: &test.filter}
			var got []string
			for {
				out := must(c.ListShards(t.Context(), in))
				for _, sh := range out.Shards {
					got = append(got, strconv.Itoa(must(strconv.Atoi(strings.TrimPrefix(*sh.ShardId, "shardId-")))))
				}
				if out.NextToken == nil {
					break
				}
				in = &kinesis.ListShardsInput{NextToken: out.NextToken, MaxResults: &pageSize}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s in pages of %d: %q, want %q", test.filter.Type, pageSize, got, test.want)
			}
		}
	}
}

func TestPages(t *testing.T) {
	s, c := newServer(t, 1001)
	out := must(c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: aws.Int32(5000)}))
	if len(out.Shards) != 1000 || out.NextToken == nil {
		t.Errorf("ListShards gave %d shards, next %v; want 1000 and a token", len(out.Shards), out.NextToken)
	}
	d := must(c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("s")})).StreamDescription
	if len(d.Shards) != 100 || !*d.HasMoreShards {
		t.Errorf("DescribeStream gave %d shards, more %t; want 100 and more", len(d.Shards), *d.HasMoreShards)
	}
	d = must(c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{
		StreamName: aws.String("s"), ExclusiveStartShardId: aws.String("shardId-000000000998")})).StreamDescription
	if len(d.Shards) != 2 || *d.HasMoreShards {
		t.Errorf("DescribeStream gave %d shards, more %t; want the last 2", len(d.Shards), *d.HasMoreShards)
	}
	for _, name := range []string{"c", "a", "b"} {
		if err := s.AddStream(name, 1); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for p := kinesis.NewListStreamsPaginator(c, &kinesis.ListStreamsInput{Limit: aws.Int32(3)}); p.HasMorePages(); {
		names = append(names, must(p.NextPage(t.Context())).StreamNames...)
	}
	if got := strings.Join(names, " "); got != "a b c s" {
		t.Errorf("streams %s, want a b c s", got)
	}
	if got := must(c.ListStreams(t.Context(), &kinesis.ListStreamsInput{ExclusiveStartStreamName: aws.String("b")})).StreamNames; strings.Join(got, " ") != "c s" {
		t.Errorf("streams after b: %s, want c s", got)
	}
}

func TestOnDemand(t *testing.T) {
	s, c := newServer(t, 0)
	checkShards(t, c, 4)
	must(c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("auto"), RecordDistributionStrategy: "AUTO",
		StreamModeDetails: &types.StreamModeDetails{StreamMode: "ON_DEMAND"}}))
	for range 40 {
		must(c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("auto"), PartitionKey: aws.String("one"), Data: []byte("x")}))
	}
	count := map[string]int{}
	for _, r := range s.Records("auto") {
		count[r.ShardID]++
	}
	for id, n := range count {
		if n != 10 || len(count) != 4 {
			t.Errorf("%s has %d of 40 records of one key, want 10: the service spreads them", id, n)
		}
	}
}

func TestShardLimitOfSplit(t *testing.T) {
	_, c := newServer(t, 2, kinesistest.WithShardLimit(2))
	if got := code(splitAt("s", shard0, "5")(t.Context(), c)); got != "LimitExceededException" {
		t.Errorf("split over the limit: %s, want LimitExceededException", got)
	}
}

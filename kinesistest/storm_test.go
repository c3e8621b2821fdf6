package kinesistest_test

// Faults by chance, and changes of the shards by chance.

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

var foul = kinesistest.Weather{
	Unavailable: 0.1, Throttled: 0.1, Denied: 0.1, Reset: 0.1, NoAnswer: 0.1, Lost: 0.2, Late: 0.2,
	Entry: 0.2, Truncated: 0.2, MaxLatency: time.Second, MaxLate: time.Minute,
}

func request(n uint64, records int) kinesistest.Request {
	return kinesistest.Request{Number: n, Operation: "PutRecords", PutRecords: &kinesis.PutRecordsInput{Records: entries(records, 1)}}
}

// TestStormIsDeterministic asks about the same requests in different orders.
func TestStormIsDeterministic(t *testing.T) {
	const n = 500
	forth, back := make([]string, n), make([]string, n)
	one, two := kinesistest.Storm(7, foul), kinesistest.Storm(7, foul)
	for i := range n {
		forth[i] = fmt.Sprint(one(t.Context(), request(uint64(i), 20)))
		j := n - 1 - i
		back[j] = fmt.Sprint(two(t.Context(), request(uint64(j), 20)))
	}
	if !slices.Equal(forth, back) {
		t.Error("the order of the requests changes their faults")
	}
	same := 0
	other := kinesistest.Storm(8, foul)
	for i := range n {
		if forth[i] == fmt.Sprint(other(t.Context(), request(uint64(i), 20))) {
			same++
		}
	}
	if same > n/10 {
		t.Errorf("%d of %d faults are the same with another seed", same, n)
	}
}

// TestStormChances counts each kind of fault on its own.
func TestStormChances(t *testing.T) {
	const n = 20_000
	failed := func(f kinesistest.Fault) bool { return f.Failure != kinesistest.Failure{} }
	for _, test := range []struct {
		name    string
		weather kinesistest.Weather
		kinds   int // of failures
		hit     func(kinesistest.Fault) bool
		want    float64
	}{
		{"fair", kinesistest.Weather{}, 0, func(f kinesistest.Fault) bool {
			return failed(f) || f.Entries != nil || f.Unanswered != 0 || f.Delay != 0 || f.AnswerDelay != 0 || f.Applied || f.Late != 0
		}, 0},
		{"unavailable", kinesistest.Weather{Unavailable: 0.3}, 2, func(f kinesistest.Fault) bool { return failed(f) && !f.Applied }, 0.3},
		{"throttled", kinesistest.Weather{Throttled: 0.3}, 1, func(f kinesistest.Fault) bool {
			return f.Failure == kinesistest.APIError(400, "ProvisionedThroughputExceededException")
		}, 0.3},
		{"denied", kinesistest.Weather{Denied: 0.3}, 2, failed, 0.3},
		{"reset", kinesistest.Weather{Reset: 0.3}, 1, func(f kinesistest.Fault) bool { return f.Failure == kinesistest.ConnectionReset() }, 0.3},
		{"no answer", kinesistest.Weather{NoAnswer: 0.3}, 1, func(f kinesistest.Fault) bool { return f.Failure == kinesistest.NoAnswer() && !f.Applied }, 0.3},
		{"lost", kinesistest.Weather{Lost: 0.3}, 3, func(f kinesistest.Fault) bool { return failed(f) && f.Applied && f.Late == 0 }, 0.3},
		{"lost, or no answer", kinesistest.Weather{Lost: 0.3, NoAnswer: 0.1}, 4, func(f kinesistest.Fault) bool { return f.Failure == kinesistest.NoAnswer() }, 0.1 + 0.9*0.1},
		{"late", kinesistest.Weather{Late: 0.3, MaxLate: time.Second}, 3, func(f kinesistest.Fault) bool {
			return failed(f) && !f.Applied && f.Late >= time.Millisecond && f.Late < time.Second
		}, 0.3},
		{"late at least", kinesistest.Weather{Late: 0.3}, 3, func(f kinesistest.Fault) bool { return f.Late == time.Millisecond }, 0.3},
		{"entry", kinesistest.Weather{Entry: 0.3}, 0, func(f kinesistest.Fault) bool { return f.Entries[4] == "InternalFailure" }, 0.15},
		{"entry throttled", kinesistest.Weather{Entry: 0.3}, 0, func(f kinesistest.Fault) bool { return f.Entries[0] == "ProvisionedThroughputExceededException" }, 0.15},
		{"truncated", kinesistest.Weather{Truncated: 0.3}, 0, func(f kinesistest.Fault) bool { return f.Unanswered > 0 && f.Unanswered <= 5 }, 0.3},
		{"all of it", kinesistest.Weather{Truncated: 0.5}, 0, func(f kinesistest.Fault) bool { return f.Unanswered == 5 }, 0.1},
		{"latency", kinesistest.Weather{MaxLatency: time.Second}, 0, func(f kinesistest.Fault) bool { return f.Delay >= time.Second/2 && f.Delay < time.Second }, 0.5},
		{"latency of the answer", kinesistest.Weather{MaxLatency: time.Second}, 0, func(f kinesistest.Fault) bool { return f.AnswerDelay < time.Second/4 }, 0.25},
		{"always", kinesistest.Weather{Reset: 1, Denied: -1}, 1, failed, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			storm := kinesistest.Storm(3, test.weather)
			hits, kinds := 0, map[kinesistest.Failure]bool{}
			for i := range n {
				f := storm(t.Context(), request(uint64(i), 5))
				if test.hit(f) {
					hits++
				}
				if failed(f) {
					kinds[f.Failure] = true
				}
			}
			if got := float64(hits) / n; math.Abs(got-test.want) > 0.015 {
				t.Errorf("%.3f of the requests, want %.3f", got, test.want)
			}
			if len(kinds) != test.kinds {
				t.Errorf("%d kinds of failure, want %d: %v", len(kinds), test.kinds, slices.Collect(maps.Keys(kinds)))
			}
		})
	}
	if f := kinesistest.Storm(1, kinesistest.Weather{Truncated: 1})(t.Context(), request(0, 0)); f.Unanswered != 0 {
		t.Errorf("%d unanswered of none", f.Unanswered)
	}
}

// TestStorm weathers one: writers retry until they get an answer, the shards
// change all the time, and in the end everything was stored that was answered.
func TestStorm(t *testing.T) {
	inBubble(t, func(t *testing.T, f face) {
		weather := foul
		weather.Reshard = 0.2
		s, _ := newServer(t, 2, kinesistest.WithDelay(time.Second), kinesistest.WithThroughput(20, 1000), kinesistest.WithListShardsLag(time.Second))
		s.SetFaults(kinesistest.Storm(11, weather))
		c := f.client(t, s)
		var mu sync.Mutex
		answered, failures := map[string]string{}, 0
		var work sync.WaitGroup
		for w := range 4 {
			work.Go(func() {
				for i := range 60 {
					in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
					for k := range 5 {
						data := fmt.Sprint(w, ".", i, ".", k)
						in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: &data, Data: []byte(data)})
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					out, err := c.PutRecords(ctx, in)
					cancel()
					mu.Lock()
					if err != nil {
						failures++
					} else {
						for k, e := range out.Records {
							if e.SequenceNumber != nil {
								answered[*e.SequenceNumber] = string(in.Records[k].Data)
							}
						}
					}
					mu.Unlock()
				}
			})
		}
		work.Wait()
		before := len(s.Records("s"))
		s.SetFaults(nil)
		time.Sleep(2 * time.Minute)
		records := s.Records("s")
		if len(records) <= before || failures < 50 || len(answered) < 50 || len(s.Shards("s")) < 10 {
			t.Errorf("%d records, %d of them late; %d failures, %d answers, %d shards: too fair", len(records), len(records)-before, failures, len(answered), len(s.Shards("s")))
		}
		shards := map[string]kinesistest.Shard{}
		for _, sh := range s.Shards("s") {
			shards[sh.ID] = sh
		}
		for _, r := range records {
			if want, ok := answered[r.SequenceNumber]; ok && want != string(r.Data) {
				t.Errorf("record %s is %s, answered for %s", r.SequenceNumber, r.Data, want)
			}
			delete(answered, r.SequenceNumber)
			if !shards[r.ShardID].Contains(r.HashKey) {
				t.Errorf("%s is not in the range of %s", r.HashKey, r.ShardID)
			}
		}
		if len(answered) != 0 {
			t.Errorf("%d records were answered and are not stored", len(answered))
		}
		time.Sleep(time.Second)
		checkShards(t, s.Client(), openShards(t, s.Client()))
	})
}

func openShards(t *testing.T, c api) int {
	t.Helper()
	out := must(c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")}))
	return int(*out.StreamDescriptionSummary.OpenShardCount)
}

func TestReshard(t *testing.T) {
	for _, shards := range []int{0, 1, 100} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			s, c := newServer(t, shards)
			rnd := rand.New(rand.NewPCG(1, 2))
			kinds := map[string]int{}
			open, most := 0, 0
			for i := range 200 {
				what, err := s.Reshard("s", rnd)
				if err != nil {
					t.Fatal(err)
				}
				kinds[strings.Fields(what)[0]]++
				open = openShards(t, c)
				if i > 20 { // down from 100
					most = max(most, open)
				}
			}
			checkShards(t, c, open)
			if kinds["split"] < 20 || kinds["merge"] < 20 || kinds["scale"] < 20 || most > 32 || most < 20 {
				t.Errorf("changes %v, up to %d shards; want all kinds, and 32", kinds, most)
			}
		})
	}
	s, _ := newServer(t, 1, kinesistest.WithShardLimit(1))
	refused := 0
	for i := range 20 {
		what, err := s.Reshard("s", rand.New(rand.NewPCG(1, uint64(i))))
		if code(err) == "LimitExceededException" && what == "" {
			refused++
		}
	}
	if refused == 0 || len(s.Shards("s")) != 1 {
		t.Errorf("%d of 20 changes refused, %d shards; want some, 1", refused, len(s.Shards("s")))
	}
	if _, err := s.Reshard("x", rand.New(rand.NewPCG(1, 2))); code(err) != "ResourceNotFoundException" {
		t.Errorf("a stream that does not exist: %v", err)
	}
}

// TestReshardNarrow has shards that the API does not split.
func TestReshardNarrow(t *testing.T) {
	wide := 0
	for seed := range uint64(60) {
		s, c := newServer(t, 1)
		split(t, c, shard0, "2")
		split(t, c, shard2, "340282366920938463463374607431768211454") // 2^128-2
		what := must(s.Reshard("s", rand.New(rand.NewPCG(3, seed))))
		if strings.HasPrefix(what, "split "+shard3) {
			wide++
		} else if strings.HasPrefix(what, "split") {
			t.Errorf("%s, of two keys", what)
		}
		checkShards(t, c, openShards(t, c))
	}
	if wide == 0 {
		t.Error("no split at all")
	}
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := kinesistest.New(kinesistest.WithDelay(time.Second), kinesistest.WithShardLimit(20),
			kinesistest.WithFaults(always(kinesistest.Fault{Failure: kinesistest.ConnectionReset()})))
		for name, shards := range map[string]int{"s": 0, "p": 2} {
			if err := s.AddStream(name, shards); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{9, 1, 4} {
				if err := s.Scale(name, n); err != nil {
					t.Fatal(err)
				}
				if err := s.Scale(name, 1); code(err) != "ResourceInUseException" {
					t.Errorf("a second change at once: %v", err)
				}
				if _, err := s.Reshard(name, rand.New(rand.NewPCG(1, 2))); code(err) != "ResourceInUseException" {
					t.Errorf("a third: %v", err)
				}
				time.Sleep(time.Second)
				open := 0
				for _, sh := range s.Shards(name) {
					if sh.Open {
						open++
					}
				}
				if open != n {
					t.Errorf("%d shards of %s, want %d", open, name, n)
				}
			}
		}
		for n, want := range map[int]string{0: "ValidationException", math.MinInt: "ValidationException", math.MaxInt: "ValidationException",
			100_001: "ValidationException", 17: "LimitExceededException"} {
			if err := s.Scale("s", n); code(err) != want {
				t.Errorf("Scale to %d: %v, want %s", n, err, want)
			}
		}
		if err := s.Scale("x", 1); code(err) != "ResourceNotFoundException" {
			t.Errorf("a stream that does not exist: %v", err)
		}
		s.SetFaults(nil)
		checkShards(t, s.Client(), 4)
	})
}

// TestStrategy switches an on-demand stream there and back.
func TestStrategy(t *testing.T) {
	for _, f := range faces() {
		t.Run(f.name, func(t *testing.T) {
			s, _ := newServer(t, 0)
			c := f.client(t, s)
			spread := func() string {
				before := len(s.Records("s"))
				must(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(40, 1)}))
				counts := map[string]int{}
				for _, r := range s.Records("s")[before:] {
					counts[r.ShardID]++
				}
				summary := must(c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")}))
				return fmt.Sprint(summary.StreamDescriptionSummary.RecordDistributionStrategy, " ",
					summary.StreamDescriptionSummary.StreamStatus, " ", slices.Sorted(maps.Values(counts)))
			}
			got := spread()
			for _, strategy := range []types.RecordDistributionStrategy{"AUTO", "USER_PARTITION_KEY"} {
				must(c.UpdateStreamRecordDistributionStrategy(t.Context(), &kinesis.UpdateStreamRecordDistributionStrategyInput{
					StreamARN: aws.String(arnOf + "s"), RecordDistributionStrategy: strategy}))
				got += "; " + spread()
			}
			if want := "USER_PARTITION_KEY ACTIVE [40]; AUTO ACTIVE [10 10 10 10]; USER_PARTITION_KEY ACTIVE [40]"; got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

// TestAutoThrottled throttles a stream that spreads its records, evenly.
func TestAutoThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newServer(t, 0, kinesistest.WithThroughput(5, 0))
		must(c.UpdateStreamRecordDistributionStrategy(t.Context(), &kinesis.UpdateStreamRecordDistributionStrategyInput{
			StreamARN: aws.String(arnOf + "s"), RecordDistributionStrategy: "AUTO"}))
		out := must(c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(40, 1)}))
		if *out.FailedRecordCount != 20 || len(s.Records("s")) != 20 {
			t.Errorf("%d of 40 refused, %d stored; want 20, 20", *out.FailedRecordCount, len(s.Records("s")))
		}
	})
}

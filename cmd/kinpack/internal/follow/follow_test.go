package follow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
)

func middle(t testing.TB, s kinesistest.Shard) string {
	t.Helper()
	r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey)
	if err != nil {
		t.Fatal(err)
	}
	return r.Mid().String()
}

func Example() {
	server := kinesistest.New()
	if err := server.AddStream("clicks", 2); err != nil {
		panic(err)
	}
	client := server.SDKClient()
	for _, d := range []string{"one", "two"} {
		in := &kinesis.PutRecordInput{StreamName: aws.String("clicks"), PartitionKey: aws.String("k"), Data: []byte(d)}
		if _, err := client.PutRecord(context.Background(), in); err != nil {
			panic(err)
		}
	}
	s := follow.Stream{Client: client, Name: aws.String("clicks")}
	for r, err := range s.Read(context.Background(), follow.TrimHorizon(), follow.WithStopAtTip()) {
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Shard.ID, string(r.Data))
	}
	// Output:
	// shardId-000000000001 one
	// shardId-000000000001 two
}

// Each position, before and behind a split, reads what it says.
func TestPositions(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(times []time.Time, sequences []string) follow.Position
		opts []follow.Option
		want string
	}{
		{"trim horizon", func([]time.Time, []string) follow.Position { return follow.TrimHorizon() }, nil, "a b c d later"},
		{"latest", func([]time.Time, []string) follow.Position { return follow.Latest() }, nil, "later"},
		{"a time", func(at []time.Time, _ []string) follow.Position { return follow.AtTime(at[1]) }, nil, "b c d later"},
		{"the time of a child", func(at []time.Time, _ []string) follow.Position { return follow.AtTime(at[3]) }, nil, "d later"},
		{"a time to come", func(at []time.Time, _ []string) follow.Position { return follow.AtTime(at[3].Add(time.Hour)) }, nil, "later"},
		{"before all times", func([]time.Time, []string) follow.Position { return follow.AtTime(time.Unix(0, 0)) }, nil, "a b c d later"},
		{"a sequence number", func(_ []time.Time, s []string) follow.Position { return follow.AtSequenceNumber(s[1]) },
			[]follow.Option{follow.WithShard(shardID(0))}, "b"},
		{"one closed shard", func([]time.Time, []string) follow.Position { return follow.TrimHorizon() },
			[]follow.Option{follow.WithShard(shardID(0))}, "a b"},
		{"the latest of one closed shard", func([]time.Time, []string) follow.Position { return follow.Latest() },
			[]follow.Option{follow.WithShard(shardID(0))}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client := kinesistest.Fake(t, stream, 1)
				var times []time.Time
				var sequences []string
				for _, d := range []string{"a", "b", "c", "d"} {
					time.Sleep(time.Minute)
					times = append(times, time.Now())
					sequences = append(sequences, put(t, client, d))
					if d == "b" {
						split(t, client, shardID(0))
					}
				}
				time.Sleep(time.Minute)
				r := read(t, client, c.from(times, sequences), c.opts...)
				wait(5 * time.Second)
				put(t, client, "later")
				wait(5 * time.Second)
				same(t, r.data(), strings.Fields(c.want))
				if r.cancel(); len(c.opts) > 0 {
					r.done.Wait()
					if r.err != nil {
						t.Errorf("a shard that is closed: %v", r.err)
					}
					return
				}
				r.stop(t)
			})
		})
	}
}

// A record carries what the service says of it.
func TestRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2)
		put(t, client, "a", "b", "c")
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil {
			t.Fatal(err)
		}
		stored := map[string]kinesistest.Record{}
		for _, r := range client.Server().Records(stream) {
			stored[r.SequenceNumber] = r
		}
		for _, r := range got {
			want := stored[r.SequenceNumber]
			if r.PartitionKey != want.PartitionKey || string(r.Data) != string(want.Data) || r.Shard.ID != want.ShardID || !r.Arrival.Equal(want.ArrivalTime) || !r.Shard.Open {
				t.Errorf("%+v, want %+v", r, want)
			}
			if k, err := hashkey.Parse(want.HashKey); err != nil || !r.Shard.HashKeys.Contains(k) {
				t.Errorf("%s is not in %v", want.HashKey, r.Shard.HashKeys)
			}
		}
		if len(got) != 3 {
			t.Errorf("%d records", len(got))
		}
	})
}

// It stops with the caller, and with its context, also in the middle of a page.
func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 4)
		spread(t, client, "k", 100)
		n := 0
		for _, err := range of(client).Read(t.Context(), follow.TrimHorizon()) {
			if n++; err != nil || n == 7 {
				break
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m := 0
		var last error
		for _, err := range of(client).Read(ctx, follow.TrimHorizon()) {
			if m++; m == 7 {
				cancel()
			}
			last = err
		}
		if n != 7 || m != 8 || last != context.Canceled {
			t.Errorf("%d records, %d records and %v", n, m, last)
		}
	})
}

// Calls under way end with it, also those that take their time.
func TestStopWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{Client: kinesistest.Fake(t, stream, 2)}
		put(t, client.Client, "a")
		var calls atomic.Int64
		client.getRecords = func(ctx context.Context, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
			calls.Add(1)
			defer calls.Add(-1)
			out, err := client.Client.GetRecords(ctx, in)
			if err == nil && len(out.Records) == 0 {
				<-ctx.Done()
				time.Sleep(time.Second)
			}
			return out, err
		}
		for r, err := range of(client).Read(t.Context(), follow.TrimHorizon()) {
			if err != nil || string(r.Data) != "a" {
				t.Errorf("%q, %v", r.Data, err)
			}
			time.Sleep(time.Second)
			if calls.Load() != 1 {
				t.Errorf("%d calls are under way", calls.Load())
			}
			break
		}
		if calls.Load() != 0 {
			t.Errorf("%d calls are under way", calls.Load())
		}
	})
}

// Up to the tip is all that was there, over all generations of shards, even while
// there is a writer that never ends.
func TestStopAtTip(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2)
		want := spread(t, client, "before", 50)
		split(t, client, shardID(0)) // 2, 3
		want = append(want, spread(t, client, "split", 50)...)
		merge(t, client, shardID(3), shardID(1)) // 4
		want = append(want, spread(t, client, "merged", 50)...)
		ctx, cancel := context.WithCancel(t.Context())
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				spread(t, client, fmt.Sprint("while", i, "-"), 10)
				time.Sleep(50 * time.Millisecond)
			}
		})
		start := time.Now()
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
		cancel()
		writer.Wait()
		if err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		same(t, slices.DeleteFunc(data(got), func(d string) bool { return strings.HasPrefix(d, "while") }), want)
	})
}

// Not all that speak the protocol know how far behind a page is.
func TestStopAtTipUntold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{Client: kinesistest.Fake(t, stream, 1), answer: func(out *kinesis.GetRecordsOutput) { out.MillisBehindLatest = nil }}
		want := spread(t, client.Client, "k", 50)
		time.Sleep(time.Minute)
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip(), follow.WithPageSize(7))
		if err != nil {
			t.Error(err)
		}
		if !slices.Equal(data(got), want) {
			t.Errorf("%q", data(got))
		}
	})
}

// Idle is told when nothing is at hand, and the tip when all of a shard is handed
// out.
func TestIdleAndTip(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 1)
		put(t, client, "a", "b")
		time.Sleep(time.Hour)
		var log []string
		note := func(s string) {
			if len(log) == 0 || log[len(log)-1] != s {
				log = append(log, s)
			}
		}
		start := time.Now()
		opts := []follow.Option{
			follow.WithIdle(func() { note("idle") }),
			follow.WithTip(func(s *follow.Shard, at time.Time) {
				note("tip of " + s.ID)
				if at.Before(start) || at.After(time.Now()) {
					t.Errorf("tip at %v", at)
				}
			}),
		}
		for r, err := range of(client).Read(t.Context(), follow.TrimHorizon(), opts...) {
			if err != nil {
				t.Fatal(err)
			}
			if note(string(r.Data)); string(r.Data) == "c" {
				break
			} else if string(r.Data) == "b" {
				time.AfterFunc(10*time.Second, func() { put(t, client, "c") })
			}
		}
		tip := "tip of " + shardID(0)
		if want := []string{"idle", "a", "b", tip, "idle"}; !slices.Equal(log[:5], want) || log[len(log)-1] != "c" || log[len(log)-2] != "idle" {
			t.Errorf("%q", log)
		}
	})
}

// The end of a shard is no tip.
func TestNoTip(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 1)
		put(t, client, "a")
		split(t, client, shardID(0))
		var tips []string
		_, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip(), follow.WithTip(func(s *follow.Shard, _ time.Time) { tips = append(tips, s.ID) }))
		slices.Sort(tips)
		if err != nil || !slices.Equal(tips, []string{shardID(1), shardID(2)}) {
			t.Errorf("%q, %v", tips, err)
		}
	})
}

// Not all that speak the protocol send empty data.
func TestNoData(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{Client: kinesistest.Fake(t, stream, 1), answer: func(out *kinesis.GetRecordsOutput) {
			for i := range out.Records {
				out.Records[i].Data = nil
			}
		}}
		put(t, client.Client, "a")
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil || len(got) != 1 || got[0].Data == nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestOptions(t *testing.T) {
	client := kinesistest.Fake(t, stream, 1)
	for _, c := range []struct {
		from follow.Position
		opts []follow.Option
		want string
	}{
		{follow.Latest(), []follow.Option{follow.WithWorkers(0), follow.WithPageSize(10_001)},
			"follow: WithWorkers: 0, want 1 to 1024\nfollow: WithPageSize: 10001 records, want 1 to 10000"},
		{follow.Position{}, nil, "follow: no position"},
		{follow.AtSequenceNumber("049"), nil, "follow: AtSequenceNumber: \"049\" is no sequence number\nfollow: AtSequenceNumber: want WithShard with it"},
		{follow.TrimHorizon(), []follow.Option{follow.WithShard("shardId-000000000007")}, `no shard "shardId-000000000007" in stream s`},
	} {
		got, err := readAll(t, client, c.from, c.opts...)
		if err == nil || err.Error() != c.want || len(got) != 0 {
			t.Errorf("%d records, %v, want %s", len(got), err, c.want)
		}
	}
}

package follow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

// ordered fails the test unless each key's records were read once and in order. Data
// is key-number.
func ordered(t testing.TB, got []follow.Record, keys, each int) {
	t.Helper()
	next := map[string]int{}
	for _, r := range got {
		key, number, _ := strings.Cut(string(r.Data), "-")
		if want := fmt.Sprint(next[key]); number != want {
			t.Errorf("%s of %s: want number %s next", r.Data, r.Shard.ID, want)
			return
		}
		next[key]++
	}
	if len(got) != keys*each {
		t.Errorf("%d records, want %d", len(got), keys*each)
	}
}

// putNumbered puts a record of each key, with a number.
func putNumbered(t testing.TB, c *kinesistest.Client, keys, number int) {
	t.Helper()
	name := stream
	for k := range keys {
		key := fmt.Sprint("k", k)
		in := &kinesis.PutRecordInput{StreamName: &name, PartitionKey: &key, Data: fmt.Appendf(nil, "%s-%d", key, number)}
		if _, err := c.PutRecord(context.Background(), in); err != nil {
			t.Error(err)
		}
	}
}

// Splits and merges under a reader: every record once, and a key's in order, even
// though the reader is slow and the pages are small.
func TestReshard(t *testing.T) {
	for _, lag := range []time.Duration{0, 20 * time.Second} {
		t.Run(fmt.Sprint("listed ", lag, " late"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client := kinesistest.Fake(t, stream, 4, kinesistest.WithListShardsLag(lag))
				const keys, each = 40, 60
				r := read(t, client, follow.Latest(), follow.WithPageSize(5))
				wait(time.Second)
				for i := range each {
					putNumbered(t, client, keys, i)
					time.Sleep(100 * time.Millisecond)
					if i%10 == 5 {
						if err := client.Server().Scale(stream, []int{8, 3, 5, 1, 16, 2}[i/10]); err != nil {
							t.Fatal(err)
						}
					}
				}
				wait(5 * time.Minute)
				r.stop(t)
				ordered(t, r.records, keys, each)
			})
		})
	}
}

// The child of a merge whose one parent is not even known yet waits for it.
func TestUnknownParent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2, kinesistest.WithListShardsLag(time.Hour))
		const keys = 40
		putNumbered(t, client, keys, 0)
		split(t, client, shardID(0)) // 2, 3
		putNumbered(t, client, keys, 1)
		merge(t, client, shardID(3), shardID(1)) // 4
		putNumbered(t, client, keys, 2)
		// The listing still shows 0 and 1, and 0 is slow, so that 4 is heard of
		// before its parent 3.
		slow := &altered{Client: client}
		var once sync.Once
		slow.iterator = func(in *kinesis.GetShardIteratorInput) {
			if *in.ShardId == shardID(0) {
				once.Do(func() { time.Sleep(30 * time.Second) })
			}
		}
		got, err := readAll(t, slow, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil {
			t.Error(err)
		}
		ordered(t, got, keys, 3)
	})
}

// A shard that is left at its tip, and merged then, does not hold up the end; what
// comes after it is not wanted.
func TestStopAtTipMerged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2)
		putNumbered(t, client, 20, 0)
		slow := &altered{Client: client}
		slow.iterator = func(in *kinesis.GetShardIteratorInput) {
			if *in.ShardId == shardID(0) {
				time.Sleep(10 * time.Second)
			}
		}
		time.AfterFunc(5*time.Second, func() { merge(t, client, shardID(0), shardID(1)) })
		got, err := readAll(t, slow, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil {
			t.Error(err)
		}
		ordered(t, got, 20, 1)
	})
}

// endless hands out an empty page at the tip before any other page of a shard.
type endless struct {
	*kinesistest.Client
	shard string
	mu    sync.Mutex
	empty map[string]bool // iterators
}

func (e *endless) GetShardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	out, err := e.Client.GetShardIterator(ctx, in)
	if err == nil && *in.ShardId == e.shard {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.empty[*out.ShardIterator] = true
	}
	return out, err
}

func (e *endless) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.empty[*in.ShardIterator] {
		delete(e.empty, *in.ShardIterator)
		return &kinesis.GetRecordsOutput{NextShardIterator: in.ShardIterator}, nil
	}
	return e.Client.GetRecords(ctx, in)
}

// A closed shard has no tip: it is read to its end, whatever a page looks like.
func TestStopAtTipClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 1)
		putNumbered(t, client, 20, 0)
		split(t, client, shardID(0))
		putNumbered(t, client, 20, 1)
		got, err := readAll(t, &endless{Client: client, shard: shardID(0), empty: map[string]bool{}}, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil {
			t.Error(err)
		}
		ordered(t, got, 20, 2)
	})
}

// Where the end of a shard names no children, they are listed, sooner or later.
func TestChildrenListed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{
			Client: kinesistest.Fake(t, stream, 2, kinesistest.WithListShardsLag(15*time.Second)),
			answer: func(out *kinesis.GetRecordsOutput) { out.ChildShards = nil },
		}
		r := read(t, client, follow.TrimHorizon())
		const keys, each = 20, 30
		for i := range each {
			putNumbered(t, client.Client, keys, i)
			if err := client.Server().Scale(stream, 2+i%3); err != nil {
				t.Fatal(err)
			}
			wait(time.Minute)
		}
		r.stop(t)
		ordered(t, r.records, keys, each)
	})
}

// Some name only themselves as the parent of what they name.
func TestChildrenWithoutParents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{Client: kinesistest.Fake(t, stream, 1)}
		client.answer = func(out *kinesis.GetRecordsOutput) {
			for i := range out.ChildShards {
				out.ChildShards[i].ParentShards, out.ChildShards[i].HashKeyRange = nil, nil
			}
		}
		r := read(t, client, follow.TrimHorizon())
		wait(time.Second)
		split(t, client.Client, shardID(0))
		putNumbered(t, client.Client, 20, 0)
		wait(10 * time.Minute)
		r.stop(t)
		ordered(t, r.records, 20, 1)
	})
}

// Nobody lists a child: that is said.
func TestNoChildren(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{
			Client: kinesistest.Fake(t, stream, 1, kinesistest.WithListShardsLag(time.Hour)),
			answer: func(out *kinesis.GetRecordsOutput) { out.ChildShards = nil },
		}
		split(t, client.Client, shardID(0))
		start := time.Now()
		_, err := readAll(t, client, follow.TrimHorizon())
		if want := shardID(0) + " of stream s has ended, and the stream lists no shard that follows it"; err == nil || err.Error() != want {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// The other parent of a merged shard does not come up: that is said, too.
func TestParentNeverListed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := &altered{Client: kinesistest.Fake(t, stream, 1, kinesistest.WithListShardsLag(time.Hour))}
		client.answer = func(out *kinesis.GetRecordsOutput) {
			for i := range out.ChildShards {
				out.ChildShards[i].ParentShards = []string{shardID(0), shardID(9)}
			}
		}
		split(t, client.Client, shardID(0))
		_, err := readAll(t, client, follow.TrimHorizon())
		if err == nil || !strings.HasSuffix(err.Error(), "follows shards that the stream does not list: [shardId-000000000000 shardId-000000000009]") {
			t.Error(err)
		}
	})
}

// Once it is listed, such a parent counts as past the retention period.
func TestParentExpired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2)
		putNumbered(t, client, 20, 0)
		split(t, client, shardID(0)) // 2, 3
		time.Sleep(23 * time.Hour)
		merge(t, client, shardID(2), shardID(3)) // 4
		putNumbered(t, client, 20, 1)
		time.Sleep(2 * time.Hour) // 0 is gone, and is the parent of 2 and 3
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil || len(got) != 20 {
			t.Errorf("%d records, %v", len(got), err)
		}
	})
}

// A hundred shards, more than are read at a time, take turns.
func TestManyShards(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 100)
		slow := &altered{Client: client}
		slow.getRecords = func(ctx context.Context, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
			time.Sleep(20 * time.Millisecond)
			return client.GetRecords(ctx, in)
		}
		r := read(t, slow, follow.Latest(), follow.WithWorkers(8))
		wait(time.Second)
		const keys, each = 300, 20
		for i := range each {
			putNumbered(t, client, keys, i)
			time.Sleep(100 * time.Millisecond)
			if i == 10 {
				if err := client.Server().Scale(stream, 150); err != nil {
					t.Fatal(err)
				}
			}
		}
		wait(5 * time.Second)
		r.stop(t)
		ordered(t, r.records, keys, each)
		seen := map[string]bool{}
		for _, rec := range r.records {
			seen[rec.Shard.ID] = true
		}
		if len(seen) < 150 {
			t.Errorf("%d shards", len(seen))
		}
	})
}

// A stream with more shards than one page of ListShards has.
func TestListedPages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 2500)
		want := spread(t, client, "k", 5000)
		start := time.Now()
		got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
		if err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		same(t, data(got), want)
		shards, err := of(client).Shards(t.Context())
		if err != nil || len(shards) != 2500 || slices.ContainsFunc(shards, func(s *follow.Shard) bool { return !s.Open }) {
			t.Errorf("%d shards, %v", len(shards), err)
		}
	})
}

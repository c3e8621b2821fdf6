package follow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

const stream = "s"

// bubble runs f in virtual time. A goroutine that outlives it fails the test.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func of(c follow.Client) follow.Stream { return follow.Stream{Client: c, Name: aws.String(stream)} }

// put puts a record each, and returns the sequence number of the last.
func put(t testing.TB, c *kinesistest.Client, data ...string) (sequence string) {
	t.Helper()
	for _, d := range data {
		out, err := c.PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: aws.String(stream), PartitionKey: &d, Data: []byte(d)})
		if err != nil {
			t.Fatal(err)
		}
		sequence = *out.SequenceNumber
	}
	return sequence
}

// spread puts n records with keys of their own, and returns them.
func spread(t testing.TB, c *kinesistest.Client, prefix string, n int) []string {
	t.Helper()
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(prefix, i)
	}
	put(t, c, all...)
	return all
}

func split(t testing.TB, c *kinesistest.Client, id string) {
	t.Helper()
	time.Sleep(time.Millisecond) // what a stream begins with is listed at once
	for _, s := range c.Server().Shards(stream) {
		if s.ID != id {
			continue
		}
		_, err := c.SplitShard(context.Background(), &kinesis.SplitShardInput{StreamName: aws.String(stream), ShardToSplit: &id, NewStartingHashKey: aws.String(middle(t, s))})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func merge(t testing.TB, c *kinesistest.Client, lower, upper string) {
	t.Helper()
	_, err := c.MergeShards(context.Background(), &kinesis.MergeShardsInput{StreamName: aws.String(stream), ShardToMerge: &lower, AdjacentShardToMerge: &upper})
	if err != nil {
		t.Fatal(err)
	}
}

func shardID(n int) string { return fmt.Sprintf("shardId-%012d", n) }

// reading is a read that goes on in the background.
type reading struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	records []follow.Record
	err     error
}

// read starts one. Its context ends with the test.
func read(t testing.TB, c follow.Client, from follow.Position, opts ...follow.Option) *reading {
	ctx, cancel := context.WithCancel(t.Context())
	r := &reading{cancel: cancel}
	r.done.Go(func() {
		for rec, err := range of(c).Read(ctx, from, opts...) {
			r.mu.Lock()
			if err != nil {
				r.err = err
			} else {
				r.records = append(r.records, rec)
			}
			r.mu.Unlock()
		}
	})
	return r
}

// stop ends it.
func (r *reading) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	r.done.Wait()
	if !errors.Is(r.err, context.Canceled) {
		t.Errorf("it ended with %v", r.err)
	}
}

// data is the data of what was read, in order.
func (r *reading) data() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return data(r.records)
}

func data(records []follow.Record) []string {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = string(r.Data)
	}
	return all
}

// readAll reads until reading ends by itself.
func readAll(t testing.TB, c follow.Client, from follow.Position, opts ...follow.Option) ([]follow.Record, error) {
	t.Helper()
	var all []follow.Record
	for r, err := range of(c).Read(t.Context(), from, opts...) {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// same fails the test unless got is want, in any order.
func same(t testing.TB, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%d records, want %d\n%.500q\n%.500q", len(got), len(want), got, want)
	}
}

// altered is a client with its calls watched, and answers changed.
type altered struct {
	*kinesistest.Client
	getRecords func(context.Context, *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error)
	answer     func(*kinesis.GetRecordsOutput)
	iterator   func(*kinesis.GetShardIteratorInput)
	list       func(*kinesis.ListShardsOutput)
}

func (a *altered) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	get := a.getRecords
	if get == nil {
		get = func(ctx context.Context, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
			return a.Client.GetRecords(ctx, in)
		}
	}
	out, err := get(ctx, in)
	if err == nil && a.answer != nil {
		a.answer(out)
	}
	return out, err
}

func (a *altered) GetShardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	if a.iterator != nil {
		a.iterator(in)
	}
	return a.Client.GetShardIterator(ctx, in)
}

func (a *altered) ListShards(ctx context.Context, in *kinesis.ListShardsInput, _ ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	out, err := a.Client.ListShards(ctx, in)
	if err == nil && a.list != nil {
		a.list(out)
	}
	return out, err
}

// on makes faults of one operation; nil is none.
func on(operation string, fault func() *kinesistest.Fault) kinesistest.Faults {
	return func(_ context.Context, r kinesistest.Request) kinesistest.Fault {
		if r.Operation == operation {
			if f := fault(); f != nil {
				return *f
			}
		}
		return kinesistest.Fault{}
	}
}

func wait(d time.Duration) { time.Sleep(d); synctest.Wait() }

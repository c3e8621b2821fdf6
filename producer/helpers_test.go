package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// fake is a Kinesis with one stream whose calls a test can watch and change.
type fake struct {
	*kinesistest.Client
	srv *kinesistest.Server
	// put and list, if not nil, take the place of the n-th call, from 0.
	put  func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error)
	list func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error)
	// describe, if not nil, is asked for an error before DescribeStreamSummary.
	describe func(n int) error

	mu    sync.Mutex
	puts  []call
	lists []*kinesis.ListShardsInput
	asked int // calls of DescribeStreamSummary
}

// call is a PutRecords call as the client saw it.
type call struct {
	at      time.Time
	entries []types.PutRecordsRequestEntry
	stream  string // name or ARN
}

func newFake(t testing.TB, shards int) *fake {
	t.Helper()
	srv := kinesistest.New()
	if err := srv.AddStream(stream, shards); err != nil {
		t.Fatal(err)
	}
	return &fake{Client: srv.Client(), srv: srv}
}

func (f *fake) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	f.mu.Lock()
	n := len(f.puts)
	c := call{time.Now(), nil, aws.ToString(in.StreamName) + aws.ToString(in.StreamARN)}
	for _, e := range in.Records {
		e.PartitionKey, e.ExplicitHashKey = aws.String(*e.PartitionKey), aws.String(*e.ExplicitHashKey)
		c.entries = append(c.entries, e)
	}
	f.puts = append(f.puts, c)
	f.mu.Unlock()
	if f.put != nil {
		return f.put(n, ctx, in)
	}
	return f.Client.PutRecords(ctx, in)
}

func (f *fake) ListShards(ctx context.Context, in *kinesis.ListShardsInput, _ ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	f.mu.Lock()
	n := len(f.lists)
	f.lists = append(f.lists, in)
	f.mu.Unlock()
	if f.list != nil {
		return f.list(n, ctx, in)
	}
	return f.Client.ListShards(ctx, in)
}

func (f *fake) DescribeStreamSummary(ctx context.Context, in *kinesis.DescribeStreamSummaryInput, _ ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	f.mu.Lock()
	n := f.asked
	f.asked++
	f.mu.Unlock()
	if f.describe != nil {
		if err := f.describe(n); err != nil {
			return nil, err
		}
	}
	return f.Client.DescribeStreamSummary(ctx, in)
}

// describes returns how often the stream's summary was asked for.
func (f *fake) describes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// calls returns the PutRecords calls so far.
func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.puts[:len(f.puts):len(f.puts)]
}

func (f *fake) listings() []*kinesis.ListShardsInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists[:len(f.lists):len(f.lists)]
}

// fail makes PutRecords answer err as long as more says so.
func (f *fake) fail(err error, more func(n int) bool) {
	f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		if more(n) {
			return nil, err
		}
		return f.Client.PutRecords(ctx, in)
	}
}

func always(int) bool        { return true }
func theFirst(n int) bool    { return n == 0 }
func reset() error           { return errors.New("connection reset by peer") }
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// sub is PutRecords for the entries that pass; the others get an error code.
func (f *fake) sub(ctx context.Context, in *kinesis.PutRecordsInput, codeOf func(e types.PutRecordsRequestEntry) string) (*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{}
	for _, e := range in.Records {
		if c := codeOf(e); c != "" {
			out.Records = append(out.Records, types.PutRecordsResultEntry{ErrorCode: &c, ErrorMessage: aws.String("not now")})
			continue
		}
		one := *in
		one.Records = []types.PutRecordsRequestEntry{e}
		o, err := f.Client.PutRecords(ctx, &one)
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, o.Records[0])
	}
	return out, nil
}

func (f *fake) split(t testing.TB, shard string) {
	t.Helper()
	for _, s := range f.srv.Shards(stream) {
		if s.ID == shard {
			_, err := f.SplitShard(context.Background(), &kinesis.SplitShardInput{StreamName: aws.String(stream), ShardToSplit: &shard, NewStartingHashKey: aws.String(middle(s))})
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no shard %s", shard)
}

func (f *fake) merge(t testing.TB, a, b string) {
	t.Helper()
	if _, err := f.MergeShards(context.Background(), &kinesis.MergeShardsInput{StreamName: aws.String(stream), ShardToMerge: &a, AdjacentShardToMerge: &b}); err != nil {
		t.Fatal(err)
	}
}

// keys returns n partition keys that a shard owns.
func (f *fake) keys(t testing.TB, shard string, n int) (keys []string) {
	t.Helper()
	for _, s := range f.srv.Shards(stream) {
		for i := 0; s.ID == shard && len(keys) < n; i++ {
			if key := fmt.Sprintf("key %d", i); s.Contains(kinesistest.HashKey(key)) {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) < n {
		t.Fatalf("no shard %s", shard)
	}
	return keys
}

func shardID(n int) string { return fmt.Sprintf("shardId-%012d", n) }

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// open makes a Producer that is closed at the end of the test.
func open(t testing.TB, client producer.Client, opts ...producer.Option) *producer.Producer {
	t.Helper()
	p, err := producer.New(t.Context(), client, stream, append([]producer.Option{producer.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := p.Close(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if s := p.Stats(); s.BufferedBytes != 0 || s.UserRecordsPending != 0 {
			t.Errorf("after Close: %+v", s)
		}
	})
	return p
}

// book keeps what the dones are told.
type book struct {
	mu      sync.Mutex
	results []producer.Result
	at      []time.Time
}

func (b *book) done(res producer.Result) {
	res.Record.Data = bytes.Clone(res.Record.Data)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results = append(b.results, res)
	b.at = append(b.at, time.Now())
}

func (b *book) all() []producer.Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.results[:len(b.results):len(b.results)]
}

// of returns the only Result of the record with that data.
func (b *book) of(t testing.TB, data string) (found producer.Result) {
	t.Helper()
	n := 0
	for _, r := range b.all() {
		if string(r.Record.Data) == data {
			n++
			found = r
		}
	}
	if n != 1 {
		t.Errorf("done ran %d times for %.30q", n, data)
	}
	return found
}

// put puts records whose data is their key.
func put(t testing.TB, p *producer.Producer, b *book, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := p.Put(t.Context(), producer.Record{PartitionKey: k, Data: []byte(k)}, b.done); err != nil {
			t.Fatalf("Put %q: %v", k, err)
		}
	}
}

// wait lets everything come to rest, without time passing.
func wait() { synctest.Wait() }

// pass lets virtual time pass, and what falls due in it happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func flush(t testing.TB, p *producer.Producer) {
	t.Helper()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

// putError returns err as the *PutError that a Result carries.
func putError(t testing.TB, err error) *producer.PutError {
	t.Helper()
	pe, ok := errors.AsType[*producer.PutError](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *PutError", err, err)
	}
	return pe
}

// kclReads returns how often a KCL delivers each user record's data.
func (f *fake) kclReads(t testing.TB) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, r := range readAll(t, f.srv, stream) {
		if !r.dropped {
			n[r.data]++
		}
	}
	return n
}

// copies returns how often each user record is in the stream for a reader that
// filters nothing.
func (f *fake) copies(t testing.TB) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, r := range readAll(t, f.srv, stream) {
		n[r.data]++
	}
	return n
}

func repeat(n int) string { return strings.Repeat("x", n) }

// middle is the hash key that splits a shard in two halves.
func middle(s kinesistest.Shard) string {
	r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey)
	if err != nil {
		panic(err)
	}
	return r.Mid().String()
}

// stalled is a fake that does not answer before release is closed, and keeps the
// sizes of what it was sent.
type stalled struct {
	*fake
	release <-chan struct{}
}

func newStalled(f *fake, release <-chan struct{}) *stalled { return &stalled{f, release} }

func (s *stalled) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	<-s.release
	s.mu.Lock()
	s.puts = append(s.puts, call{at: time.Now(), entries: in.Records})
	s.mu.Unlock()
	out := &kinesis.PutRecordsOutput{}
	for range in.Records {
		out.Records = append(out.Records, types.PutRecordsResultEntry{ShardId: aws.String(shardID(0)), SequenceNumber: aws.String("1")})
	}
	return out, nil
}

func (s *stalled) sizes() (sizes []int) {
	for _, c := range s.calls() {
		for _, e := range c.entries {
			sizes = append(sizes, len(e.Data))
		}
	}
	return sizes
}

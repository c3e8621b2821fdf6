package producer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// keyless puts n records without a key, whose data is their number.
func keyless(t testing.TB, p *producer.Producer, b *book, n int, every time.Duration) {
	t.Helper()
	for i := range n {
		if err := p.Put(t.Context(), producer.Record{Data: fmt.Appendf(nil, "%05d %s", i, repeat(500))}, b.done); err != nil {
			t.Fatal(err)
		}
		time.Sleep(every)
	}
}

// Keyless records come back as they were put, and readers see them under one
// partition key and with an explicit hash key of the shard that they are in.
func TestKeyless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		p := open(t, f)
		var b book
		keyless(t, p, &b, 200, ms(1))
		flush(t, p)
		shards := map[string]int{}
		for _, r := range readAll(t, f.srv, stream) {
			if r.key != producer.KeylessPartitionKey || r.dropped {
				t.Errorf("read as %q, dropped: %v", r.key, r.dropped)
			}
			shards[r.shard]++
		}
		if len(shards) < 2 || len(f.copies(t)) != 200 {
			t.Errorf("%d records in shards %v", len(f.copies(t)), shards)
		}
		for _, r := range b.all() {
			if r.Err != nil || r.Record.PartitionKey != "" || r.Record.ExplicitHashKey != "" || len(r.Record.Data) != 506 {
				t.Fatalf("%+v", r)
			}
		}
		var lone book
		keyless(t, p, &lone, 1, 0)
		flush(t, p)
		if r := lone.all()[0]; r.Err != nil || r.Aggregated || r.Record.PartitionKey != "" {
			t.Errorf("a lone one: %+v", r)
		}
	})
}

// All shards get as many of them, and the keyed neighbours of theirs share units.
func TestKeylessEvenly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const shards, units = 7, 70
		f := newFake(t, shards)
		p := open(t, f)
		var b book
		keyless(t, p, &b, 97*units/2, ms(1)/2)
		flush(t, p)
		n := map[string]int{}
		for _, r := range f.srv.Records(stream) {
			n[r.ShardID]++
		}
		for id, k := range n {
			if k < len(f.srv.Records(stream))/shards || k > len(f.srv.Records(stream))/shards+1 {
				t.Errorf("%s has %d aggregates: %v", id, k, n)
			}
		}
		if len(n) != shards {
			t.Errorf("only %v", n)
		}
	})
}

// A shard that does not take them holds up nobody: they go to the others.
func TestKeylessAvoidsBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return f.sub(ctx, in, func(e types.PutRecordsRequestEntry) string {
				if f.owner(e) == shardID(2) {
					return "ProvisionedThroughputExceededException"
				}
				return ""
			})
		}
		p := open(t, f)
		var b book
		start := time.Now()
		keyless(t, p, &b, 2000, ms(1))
		flush(t, p)
		if d := time.Since(start); d > 2*time.Second+ms(300) {
			t.Errorf("2 s of records took %v", d)
		}
		for _, r := range b.all() {
			if r.Err != nil || r.ShardID == shardID(2) {
				t.Fatalf("%+v", r)
			}
		}
		if s := p.Stats(); s.EntryErrors > 40 || s.EntryErrors == 0 {
			t.Errorf("%d entries went to the shard in vain", s.EntryErrors)
		}
	})
}

// A split does not part the keyless records of an aggregate: nothing is sent twice.
func TestKeylessAcrossSplit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		for i := range 6 {
			keyless(t, p, &b, 30, ms(1))
			f.split(t, shardID([]int{0, 1, 2, 3, 4, 5}[i]))
		}
		flush(t, p)
		if s := p.Stats(); s.WrongLandings != 0 || s.UserRecordsPut != 180 {
			t.Errorf("%+v", s)
		}
	})
}

// Without a map they go out plain, anywhere.
func TestKeylessWithoutMap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		p := open(t, f)
		var b book
		keyless(t, p, &b, 100, 0)
		flush(t, p)
		shards := map[string]bool{}
		for _, r := range b.all() {
			if r.Err != nil || r.Aggregated {
				t.Fatalf("%+v", r)
			}
			shards[r.ShardID] = true
		}
		if len(shards) != 4 {
			t.Errorf("only %v", shards)
		}
	})
}

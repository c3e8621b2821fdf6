package producer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// sent puts the keys' records and lets reshard run between the Producer's cutting
// the call and the server's taking it.
func sent(t *testing.T, f *fake, p *producer.Producer, b *book, keys []string, reshard func()) {
	t.Helper()
	n := len(f.calls())
	f.put = func(i int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		if i == n {
			reshard()
		}
		return f.Client.PutRecords(ctx, in)
	}
	put(t, p, b, keys...)
	flush(t, p)
}

// delivered checks that a KCL delivers each record that was reported put, at the
// place that was reported.
func delivered(t *testing.T, f *fake, b *book, keys []string) {
	t.Helper()
	for _, k := range keys {
		r := b.of(t, k)
		if r.Err != nil || f.kclReads(t)[k] != 1 {
			t.Errorf("%s: %+v, delivered %d times", k, r, f.kclReads(t)[k])
		}
		for _, at := range readAll(t, f.srv, stream) {
			if at.sequenceNumber == r.SequenceNumber && at.subSequence == r.SubSequenceNumber && (at.data != k || at.dropped || at.shard != r.ShardID) {
				t.Errorf("%s is reported where %+v is", k, at)
			}
		}
	}
}

// A split while an aggregate is under way: the child that stores it does not own
// all of it, so all of it goes again, to both children.
func TestSplitUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		keys := f.keys(t, shardID(0), 20)
		sent(t, f, p, &b, keys, func() { f.split(t, shardID(0)) })
		delivered(t, f, &b, keys)
		for _, k := range keys {
			if n, r := f.copies(t)[k], b.of(t, k); n != 2 || r.Attempts != 2 {
				t.Errorf("%s: %d copies, %+v", k, n, r)
			}
		}
		if s := p.Stats(); s.WrongLandings != 1 || s.Shards != 2 || s.KinesisRecordsPut != 3 || s.UserRecordsRetried != 20 || s.UserRecordsPut != 20 {
			t.Errorf("%+v", s)
		}
		if s := p.Stats(); s.MapRefreshes != 2 {
			t.Errorf("%d listings for one split", s.MapRefreshes-1)
		}
	})
}

// Records that were stored where a KCL drops them, and then failed, may be seen by
// another reader.
func TestWrongLandingMaybeStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n > 0 {
				return nil, accessDenied
			}
			f.split(t, shardID(0))
			return f.Client.PutRecords(ctx, in)
		}
		var b book
		keys := f.keys(t, shardID(0), 10)
		put(t, p, &b, keys...)
		flush(t, p)
		for _, k := range keys {
			if r := b.of(t, k); !errors.Is(r.Err, producer.ErrRefused) || !r.MaybeStored || r.Attempts != 2 {
				t.Errorf("%+v", r)
			}
		}
	})
}

// An aggregate whose keys all fit the child that stored it counts.
func TestSplitThatFits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		// The first half of a stream of two has the keys of the lower child.
		keys := newFake(t, 2).keys(t, shardID(0), 5)
		sent(t, f, p, &b, keys, func() { f.split(t, shardID(0)) })
		delivered(t, f, &b, keys)
		if s := p.Stats(); s.WrongLandings != 0 || s.KinesisRecordsPut != 1 || s.Shards != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// After a merge everything fits: nothing is sent twice.
func TestMergeUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		p := open(t, f)
		var b book
		keys := append(f.keys(t, shardID(0), 5), f.keys(t, shardID(1), 5)...)
		keys = append(keys, f.keys(t, shardID(3), 5)...)
		sent(t, f, p, &b, keys, func() { f.merge(t, shardID(0), shardID(1)) })
		delivered(t, f, &b, keys)
		for k, n := range f.copies(t) {
			if n != 1 {
				t.Errorf("%s: %d copies", k, n)
			}
		}
		if s := p.Stats(); s.WrongLandings != 0 || s.UserRecordsRetried != 0 || s.Shards != 3 || s.KinesisRecordsPut != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// A plain record counts wherever it is, at once; the map is looked at anyway.
func TestPlainRecordLandsAnywhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.ListShards(ctx, in)
		}
		start := time.Now()
		sent(t, f, p, &b, []string{"lone"}, func() { f.split(t, shardID(0)) })
		if time.Since(start) != 0 {
			t.Errorf("waited %v for the map", time.Since(start))
		}
		delivered(t, f, &b, []string{"lone"})
		pass(2 * time.Second)
		if s := p.Stats(); s.Shards != 2 || s.WrongLandings != 0 || s.KinesisRecordsPut != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// While the range of the shard that took an aggregate is being learnt its lane
// waits, and others do not.
func TestLaneWaitsForJudgement(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f, producer.WithMaxBufferedTime(0))
		ask := make(chan struct{})
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			<-ask
			return f.Client.ListShards(ctx, in)
		}
		var b book
		low, high := f.keys(t, shardID(0), 6), f.keys(t, shardID(1), 2)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(ms(1))
			if n == 1 {
				f.split(t, shardID(0))
			}
			return f.Client.PutRecords(ctx, in)
		}
		put(t, p, &b, low[:1]...) // alone, so that the next ones meet
		wait()
		put(t, p, &b, low[1:4]...)
		pass(ms(10))
		put(t, p, &b, low[4:]...)
		put(t, p, &b, high...)
		pass(ms(10))
		if n := len(b.all()); n != 1+2 {
			t.Errorf("%d records done, want the first and the other shard's two", n)
		}
		close(ask)
		flush(t, p)
		delivered(t, f, &b, append(low, high...))
		first := b.of(t, low[1])
		for _, k := range low[4:] {
			if b.of(t, k).SequenceNumber < first.SequenceNumber && b.of(t, k).ShardID == first.ShardID {
				t.Errorf("%s overtook", k)
			}
		}
	})
}

// A range that cannot be learnt: handed back after the time to live, with the
// place where it is.
func TestLandingUnknown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithRecordTTL(10*time.Second))
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		var b book
		keys := f.keys(t, shardID(0), 3)
		start := time.Now()
		sent(t, f, p, &b, keys, func() { f.split(t, shardID(0)) })
		if d := time.Since(start); d < 10*time.Second || d > 16*time.Second {
			t.Errorf("handed back after %v", d)
		}
		stored := f.srv.Records(stream)[0]
		for i, k := range keys {
			r := b.of(t, k)
			if !errors.Is(r.Err, producer.ErrLandingUnknown) || r.ShardID != stored.ShardID || r.SequenceNumber != stored.SequenceNumber ||
				r.SubSequenceNumber != i || !r.Aggregated || !r.MaybeStored || r.Attempts != 1 || putError(t, r.Err).Attempts != 1 {
				t.Errorf("%+v", r)
			}
		}
		f.list = nil
		put(t, p, &b, "later") // and the lane goes on
		flush(t, p)
		if r := b.of(t, "later"); r.Err != nil {
			t.Errorf("%+v", r)
		}
	})
}

// The shard that took the aggregate is split itself before the map comes: it is
// no longer open, so only the full listing tells its range.
func TestSplitTwice(t *testing.T) {
	for name, keys := range map[string]func(f *fake) []string{
		"does not fit": func(f *fake) []string { return f.keys(t, shardID(0), 12) },
		"fits":         func(f *fake) []string { return newFake(t, 2).keys(t, shardID(0), 6) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, 1)
				p := open(t, f)
				var b book
				keys := keys(f)
				f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
					if n == 1 {
						f.split(t, f.srv.Records(stream)[0].ShardID)
					}
					return f.Client.ListShards(ctx, in)
				}
				sent(t, f, p, &b, keys, func() { f.split(t, shardID(0)) })
				delivered(t, f, &b, keys)
				wrong := int64(1)
				if name == "fits" {
					wrong = 0
				}
				if s := p.Stats(); s.WrongLandings != wrong || s.Shards != 3 || s.MapRefreshErrors != 0 {
					t.Errorf("%+v", s)
				}
				full := 0
				for _, l := range f.listings() {
					if l.ShardFilter != nil && l.ShardFilter.Type == types.ShardFilterTypeFromTrimHorizon {
						full++
					}
				}
				if full != 1 {
					t.Errorf("%d full listings, want 1", full)
				}
			})
		})
	}
}

// What waits for a shard that is gone moves to the children, behind what the
// parent has under way; a Flush that waits for it does not wait for a deadline.
func TestReshardMovesWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithMaxBufferedTime(time.Hour), producer.WithRecordTTL(0), producer.WithAggregationMaxSize(300))
		key := f.keys(t, shardID(0), 1)[0]
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 0 {
				time.Sleep(time.Second)
				f.split(t, shardID(0))
			}
			return f.Client.PutRecords(ctx, in)
		}
		var b book
		start := time.Now()
		var datas []string
		for i := range 40 {
			datas = append(datas, string(rune('A'+i)))
			k := key
			if i%2 == 1 {
				k = f.keys(t, shardID(0), i)[i-1]
			}
			if err := p.Put(t.Context(), producer.Record{PartitionKey: k, Data: []byte(datas[i])}, b.done); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, p)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("flushed after %v", d)
		}
		delivered(t, f, &b, datas)
		last := ""
		for i := 0; i < len(datas); i += 2 {
			if r := b.of(t, datas[i]); r.SequenceNumber < last {
				t.Errorf("%s overtook", datas[i])
			} else {
				last = r.SequenceNumber
			}
		}
	})
}

// A listing that is older than the map does not make the Producer send to a
// closed shard for ever: a second wrong landing is reason to look again.
func TestStaleListing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		old, err := f.Client.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &[]string{stream}[0], ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}})
		if err != nil {
			t.Fatal(err)
		}
		p := open(t, f)
		var b book
		low, high := f.keys(t, shardID(0), 6), f.keys(t, shardID(1), 1)
		sent(t, f, p, &b, low[:3], func() { f.split(t, shardID(0)) })
		// The other shard's split is noticed by a listing from before both.
		f.list = func(n int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if n == 2 {
				return old, nil
			}
			return f.Client.ListShards(ctx, in)
		}
		sent(t, f, p, &b, high, func() { f.split(t, shardID(1)) })
		pass(time.Second)
		put(t, p, &b, low[3:]...)
		flush(t, p)
		delivered(t, f, &b, append(low, high...))
		if s := p.Stats(); s.WrongLandings > 3 {
			t.Errorf("%d wrong landings", s.WrongLandings)
		}
	})
}

package producer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// events keeps what hooks are told.
type events struct {
	mu       sync.Mutex
	starts   []producer.CallStart
	ends     []producer.CallEnd
	entries  []producer.Entry
	finished []producer.Finished
	shards   []producer.Shards
}

type ctxKey struct{}

func (e *events) hooks(t testing.TB) producer.Hooks {
	keep := func(f func()) {
		e.mu.Lock()
		defer e.mu.Unlock()
		f()
	}
	return producer.Hooks{
		CallStart: func(ctx context.Context, s producer.CallStart) context.Context {
			keep(func() { e.starts = append(e.starts, s) })
			return context.WithValue(ctx, ctxKey{}, len(e.starts))
		},
		CallEnd: func(ctx context.Context, s producer.CallEnd) {
			if ctx.Value(ctxKey{}) == nil {
				t.Error("CallEnd without CallStart's context")
			}
			keep(func() { e.ends = append(e.ends, s) })
		},
		Entry:    func(_ context.Context, s producer.Entry) { keep(func() { e.entries = append(e.entries, s) }) },
		Finished: func(_ context.Context, s producer.Finished) { keep(func() { e.finished = append(e.finished, s) }) },
		Shards:   func(_ context.Context, s producer.Shards) { keep(func() { e.shards = append(e.shards, s) }) },
	}
}

// Every hook, in a story of a few records; what they are told agrees with Stats.
func TestHooks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		var e events
		var p *producer.Producer
		more := producer.Hooks{Finished: func(context.Context, producer.Finished) { p.Stats() }}
		p = open(t, f, producer.WithHooks(e.hooks(t)), producer.WithHooks(more))
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if ctx.Value(ctxKey{}) == nil {
				t.Error("the call is not made with CallStart's context")
			}
			time.Sleep(ms(30))
			if n == 1 {
				return nil, unavailable
			}
			return f.sub(ctx, in, func(e types.PutRecordsRequestEntry) string {
				if n == 0 && f.owner(e) == shardID(1) {
					return "KMSDisabledException"
				}
				return ""
			})
		}
		var b book
		low, high := f.keys(t, shardID(0), 3), f.keys(t, shardID(1), 2)
		put(t, p, &b, low...)
		put(t, p, &b, high...)
		pass(ms(40))
		flush(t, p) // call 0: the aggregate of high fails
		put(t, p, &b, low[0])
		flush(t, p) // call 1 fails as a whole, 2 does not
		s := p.Stats()

		if fmt.Sprint(e.shards) != fmt.Sprint([]producer.Shards{{Stream: stream, Open: 2}}) {
			t.Errorf("Shards: %+v", e.shards)
		}
		if len(e.starts) != 3 || e.starts[0] != (producer.CallStart{Stream: stream, KinesisRecords: 2, UserRecords: 5, Bytes: e.starts[0].Bytes}) {
			t.Errorf("CallStart: %+v", e.starts)
		}
		if len(e.ends) != 3 || e.ends[0].CallStart != e.starts[0] || e.ends[0].Failed != 1 || e.ends[0].Err != nil || e.ends[0].Duration != ms(30) ||
			e.ends[1].Code != "ServiceUnavailable" || !errors.Is(e.ends[1].Err, unavailable) || e.ends[1].Failed != 1 {
			t.Errorf("CallEnd: %+v", e.ends)
		}
		stored, failed, units := 0, 0, 0
		for _, x := range e.entries {
			units += x.Units
			switch {
			case x.Verdict == producer.Stored && x.ShardID == shardID(0) && x.Code == "" && x.Units == 1:
				stored++
			case x.Verdict == producer.NotStored && x.Code != "" && x.Units == 0:
				failed++
			default:
				t.Errorf("Entry: %+v", x)
			}
			if x.Late > x.Buffered || x.Stream != stream || x.UserRecords < 1 || x.Aggregated != (x.UserRecords > 1) || x.Bytes == 0 {
				t.Errorf("Entry: %+v", x)
			}
		}
		if stored != 2 || failed != 2 || int64(units) != s.PutUnits || int64(stored) != s.KinesisRecordsPut || int64(failed) != s.EntryErrors {
			t.Errorf("%d stored, %d failed, %d units; Stats: %+v", stored, failed, units, s)
		}
		if first := e.entries[0]; first.Buffered != ms(40) || first.Late != 0 {
			t.Errorf("the first entry was buffered for %v, %v late", first.Buffered, first.Late)
		}
		checkFinished(t, &e, s)
	})
}

func checkFinished(t *testing.T, e *events, s producer.Stats) {
	t.Helper()
	if len(e.finished) != 3 {
		t.Fatalf("Finished: %+v", e.finished)
	}
	var records, bytes, units, retries int
	for _, x := range e.finished {
		if x.Err != nil {
			if !errors.Is(x.Err, producer.ErrRefused) || x.ShardID != "" || x.UserRecords != 2 {
				t.Errorf("Finished: %+v", x)
			}
			continue
		}
		if x.ShardID != shardID(0) || x.Age < ms(30) {
			t.Errorf("Finished: %+v", x)
		}
		records, bytes, units, retries = records+x.UserRecords, bytes+x.Bytes, units+x.UnitsUnpacked, retries+x.Retries
	}
	if int64(records) != s.UserRecordsPut || int64(bytes) != s.UserRecordsDataPut || int64(units) != s.PutUnitsUnpacked || retries != 1 {
		t.Errorf("%d records, %d bytes, %d units, %d retries; Stats: %+v", records, bytes, units, retries, s)
	}
}

// A wrong landing, and one that stays unknown, have verdicts of their own.
func TestHooksOfLandings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		var e events
		p := open(t, f, producer.WithHooks(e.hooks(t)), producer.WithRecordTTL(time.Second))
		var b book
		f.split(t, shardID(0))
		for i := range 30 {
			put(t, p, &b, fmt.Sprint(i))
		}
		flush(t, p)
		n := map[producer.Verdict]int{}
		for _, x := range e.entries {
			n[x.Verdict]++
		}
		if n[producer.WrongLanding] != 1 || n[producer.Stored] != 2 || len(e.shards) != 2 {
			t.Errorf("%v; %+v", n, e.shards)
		}
		f.list = func(int, context.Context, *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			return nil, reset()
		}
		f.split(t, shardID(1))
		put(t, p, &b, f.keys(t, shardID(1), 30)...)
		flush(t, p)
		last := e.entries[len(e.entries)-1]
		if last.Verdict != producer.LandingUnknown || last.Units != 1 || last.ShardID < shardID(3) || e.shards[len(e.shards)-1].Err == nil {
			t.Errorf("%+v", last)
		}
		for v, want := range map[producer.Verdict]string{producer.Stored: "stored", producer.WrongLanding: "wrong_landing", producer.LandingUnknown: "landing_unknown", producer.NotStored: "not_stored"} {
			if v.String() != want {
				t.Errorf("%d is %q, want %q", v, v, want)
			}
		}
	})
}

// OldestAge, and what a record waits beyond its deadline.
func TestLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		var b book
		put(t, p, &b, "first")
		pass(ms(50))
		if age := p.Stats().OldestAge; age != ms(50) {
			t.Errorf("while it waits it is %v old", age)
		}
		pass(ms(150))
		put(t, p, &b, "second") // goes 900 ms later, when the first is acknowledged
		if age := p.Stats().OldestAge; age != ms(200) {
			t.Errorf("while it is under way it is %v old", age)
		}
		flush(t, p)
		if s := p.Stats(); s.OldestAge != 0 || s.BufferingTime != ms(100)+ms(900) || s.LateTime != ms(800) || s.RequestTime != 2*time.Second {
			t.Errorf("%+v", s)
		}
	})
}

package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// batches are what a Batch hook was told.
type batches struct {
	mu  sync.Mutex
	all []lambda.Batch
}

func (b *batches) option() lambda.Option {
	return lambda.WithHooks(lambda.Hooks{Batch: func(_ context.Context, x lambda.Batch) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all = append(b.all, x)
	}})
}

// take returns the one that there is, with what time says left out, and checks
// the sum.
func (b *batches) take(t testing.TB) lambda.Batch {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) != 1 {
		t.Fatalf("the hook was called %d times, want once", len(b.all))
	}
	x := b.all[0]
	b.all = nil
	check(t, "UserRecords is Skipped + Succeeded + Poison + Undecided", x.Skipped+x.Succeeded+x.Poison+x.Undecided, x.UserRecords)
	return x
}

func TestBatchHook(t *testing.T) {
	shard := lambda.Shard{Namespace: "ours", StreamARN: streamARN, ID: shardA}
	e := event(plain(1), packed(t, 2, "a", "b", "c"), plain(3))
	withMalformed := event(plain(1), record(2, "x", malformed()), packed(t, 3, "a", "b"))
	one := func(f map[string]error) *tape { return &tape{fail: f} }
	for name, test := range map[string]struct {
		h      *tape
		opts   []lambda.Option
		event  events.KinesisEvent
		twice  bool // it is about the second time
		want   lambda.Batch
		failed string // the hook's Err
		level  string
	}{
		"success": {one(nil), nil, e, false, lambda.Batch{OuterRecords: 3, UserRecords: 5, Succeeded: 5}, "", "DEBUG"},
		"a failure, in order": {one(map[string]error{"b": errBoom}), nil, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 4, Succeeded: 2, Undecided: 2, FailedAttempts: 1, Reported: sequence(2)}, "", "INFO"},
		"again": {one(map[string]error{"b": errBoom}), nil, e, true,
			lambda.Batch{OuterRecords: 3, UserRecords: 4, Skipped: 1, Succeeded: 1, Undecided: 2, FailedAttempts: 1, Reported: sequence(2)}, "", "INFO"},
		"a failure, by key": {one(map[string]error{"b": errBoom}), []lambda.Option{lambda.WithConcurrency(3)}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 5, Succeeded: 4, Undecided: 1, FailedAttempts: 1, Reported: sequence(2)}, "", "INFO"},
		"again, by key": {one(map[string]error{"b": errBoom}), []lambda.Option{lambda.WithConcurrency(3)}, e, true,
			lambda.Batch{OuterRecords: 3, UserRecords: 5, Skipped: 3, Succeeded: 1, Undecided: 1, FailedAttempts: 1, Reported: sequence(2)}, "", "INFO"},
		"poison": {one(map[string]error{"b": lambda.Poison(errBoom)}), []lambda.Option{lambda.WithDeadLetter(&letters{})}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 5, Succeeded: 4, Poison: 1, FailedAttempts: 1}, "", "INFO"},
		"a failure that passes": {&tape{once: map[string]error{"b": errBoom}}, []lambda.Option{lambda.WithMaxAttempts(2)}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 5, Succeeded: 5, FailedAttempts: 1}, "", "INFO"},
		"attempts": {one(map[string]error{"b": errBoom}), []lambda.Option{lambda.WithMaxAttempts(3), lambda.WithDeadLetter(&letters{})}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 5, Succeeded: 4, Poison: 1, FailedAttempts: 3}, "", "INFO"},
		"malformed": {one(nil), nil, withMalformed, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 2, Succeeded: 1, Undecided: 1, Malformed: 1, Reported: sequence(2)}, "", "INFO"},
		"malformed, set aside": {one(nil), []lambda.Option{lambda.WithDeadLetter(&letters{})}, withMalformed, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 4, Succeeded: 3, Poison: 1, Malformed: 1}, "", "INFO"},
		"out of range": {one(nil), []lambda.Option{lambda.WithShardRange(nowhere())}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 2, Succeeded: 2, OutOfRangeAggregates: 1}, "", "INFO"},
		"whole batch error": {one(map[string]error{"b": errBoom}), []lambda.Option{lambda.WithWholeBatchError()}, e, false,
			lambda.Batch{OuterRecords: 3, UserRecords: 4, Succeeded: 2, Undecided: 2, FailedAttempts: 1}, lambda.ErrUndecided.Error(), "INFO"},
		"several shards": {one(map[string]error{"1": errBoom}), nil, event(plain(1), recordOf(shardB, 2, "k", nil)), false,
			lambda.Batch{OuterRecords: 2, UserRecords: 1, Undecided: 1, FailedAttempts: 1}, "several shards", "INFO"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, l := &batches{}, &log{}
				c := newConsumer(t, test.h.handle, append(test.opts, b.option(), l.option(), lambda.WithProgressNamespace("ours"))...)
				if test.twice {
					c.Kinesis(t.Context(), test.event)
					b.take(t)
				}
				c.Kinesis(t.Context(), test.event)
				got := b.take(t)
				if (got.Err == nil) != (test.failed == "") || got.Err != nil && !strings.Contains(got.Err.Error(), test.failed) {
					t.Errorf("error %v, want %q", got.Err, test.failed)
				}
				want := test.want
				want.Shard, want.Err, want.Duration = shard, got.Err, got.Duration
				check(t, "batch", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
				if !test.twice {
					check(t, "log lines", l.count("level="+test.level+" msg=batch"), 1)
				}
			})
		})
	}
}

// nowhere gives shards a range that no key of these tests lies in.
func nowhere() lambda.ShardRanges {
	return lambda.ShardRangesFunc(func(context.Context, string, string) (string, string, error) { return "0", "0", nil })
}

func TestBatchHookAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, h := &batches{}, &tape{}
		h.do = func(_ context.Context, r *lambda.Record) error {
			if r.Attempt == 1 && string(r.Data) == "b" {
				time.Sleep(9 * time.Second)
			}
			return nil
		}
		c := newConsumer(t, h.handle, b.option())
		r := packed(t, 1, "a", "b", "c")
		r.Kinesis.ApproximateArrivalTimestamp.Time = time.Now().Add(-90 * time.Second)
		e := event(r, plain(2))
		invokeFor(t, c, 4*time.Second, e)
		want := lambda.Batch{
			Shard: b.all[0].Shard, OuterRecords: 2, UserRecords: 3, Succeeded: 1, Undecided: 2, FailedAttempts: 1,
			Age: 90 * time.Second, Duration: 3500 * time.Millisecond, Reported: sequence(1), TimeUp: true,
		}
		check(t, "time up", fmt.Sprintf("%+v", b.take(t)), fmt.Sprintf("%+v", want))
		invokeFor(t, c, 4*time.Second, e)
		want = lambda.Batch{Shard: want.Shard, OuterRecords: 2, Age: 93500 * time.Millisecond, Duration: 3500 * time.Millisecond, Reported: sequence(1), TimeUp: true}
		check(t, "it still runs", fmt.Sprintf("%+v", b.take(t)), fmt.Sprintf("%+v", want))
		r = plain(5)
		r.Kinesis.ApproximateArrivalTimestamp.Time = time.Now().Add(time.Minute) // by another clock
		invokeFor(t, c, 4*time.Second, event(r))
		check(t, "age of what is to come", b.take(t).Age, 0)
		r.Kinesis.ApproximateArrivalTimestamp.Time = time.Time{}
		invokeFor(t, c, 4*time.Second, event(r))
		check(t, "age of what has none", b.take(t).Age, 0)
		invokeFor(t, c, 4*time.Second, event())
		check(t, "no records, no batch", len(b.all), 0)
	})
}

// A window tells of each event, also of one without records, and of the error
// that it returns in the place of an answer.
func TestBatchHookOfWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, b, l := &folder{h: tape{fail: map[string]error{"b": errBoom}}}, &batches{}, &log{}
		c := newWindow(t, f.fold, f.finish, b.option(), l.option(), lambda.WithProgressNamespace("ours"))
		shard := lambda.Shard{Namespace: "ours", StreamARN: streamARN, ID: shardA}
		send := func(what string, e events.KinesisTimeWindowEvent, want lambda.Batch, failed string) {
			t.Helper()
			response, err := c.Kinesis(t.Context(), e)
			got := b.take(t)
			if got.Err != err || (err == nil) != (failed == "") || err != nil && (!strings.Contains(err.Error(), failed) || response.State != nil) {
				t.Errorf("%s: returned %v, told %v, want %q", what, err, got.Err, failed)
			}
			want.Shard, want.Age, want.Err, want.Duration = shard, got.Age, got.Err, got.Duration
			check(t, what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
		}
		e := inWindow(nil, packed(t, 1, "a", "b", "c"))
		send("in part", e, lambda.Batch{OuterRecords: 1, UserRecords: 3, Succeeded: 1, Undecided: 2, FailedAttempts: 1, Reported: sequence(1)}, "")
		f.h.fail = nil
		send("whole", e, lambda.Batch{OuterRecords: 1, UserRecords: 3, Succeeded: 3}, "")
		send("no records", inWindow(nil), lambda.Batch{}, "")
		f.fail = errBoom
		send("not finished", final(e), lambda.Batch{OuterRecords: 1, UserRecords: 3, Succeeded: 3}, "was not finished: boom")
		send("not finished, without records", final(inWindow(nil)), lambda.Batch{}, "was not finished: boom")
		send("a state that can't be read", inWindow(map[string]string{"state": "{"}, plain(1)), lambda.Batch{OuterRecords: 1}, "can't be read")
		check(t, "log lines", l.count("level=INFO msg=batch record="+shardA+":"), 3)
		check(t, "without records", l.count("level=INFO msg=batch record="+shardA+" "), 1)
		check(t, "errors in them", l.count(" error="), 6) // in these three, of the record, and of the finish twice
		check(t, "nothing special", l.count("level=DEBUG msg=batch"), 2)
	})
}

func TestHooks(t *testing.T) {
	var told []string
	tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	hooks := lambda.Hooks{
		DeadLetter: func(_ context.Context, l lambda.Letter) { tell("letter %s/%d", l.Data, l.Attempts) },
		OutOfRange: func(_ context.Context, o lambda.OutOfRange) {
			tell("out of range %s %s %d", o.Shard.ID, short(o.SequenceNumber), o.UserRecords)
		},
		Passed:          func(_ context.Context, p lambda.Passed) { tell("passed %s", short(p.SequenceNumber)) },
		CheckpointError: func(_ context.Context, e lambda.CheckpointError) { tell("%s %v", e.Operation, e.Err) },
		Batch:           func(context.Context, lambda.Batch) { tell("batch") },
	}
	h, p, d := &tape{fail: map[string]error{"2": lambda.Poison(errBoom)}}, newShelf(), &letters{fail: func() error { return errBoom }}
	p.save = func(context.Context) error { return errBoom }
	c := newConsumer(t, h.handle, lambda.WithHooks(lambda.Hooks{}), lambda.WithHooks(hooks), lambda.WithHooks(lambda.Hooks{Batch: hooks.Batch}),
		lambda.WithDeadLetter(d), lambda.WithShardRange(nowhere()), lambda.WithCheckpoint(p))
	check(t, "answer", invoke(t, c, event(packed(t, 1, "x", "y"), plain(2))), sequence(2))
	check(t, "told", strings.Join(told, ", "), "out of range "+shardA+" 1 2, Save boom, batch, batch")
	told, d.fail = nil, nil
	check(t, "answer", invoke(t, c, event(plain(2))), "")
	check(t, "told", strings.Join(told, ", "), "letter 2/2, batch, batch")
	told, h.fail["3"] = nil, errBoom
	check(t, "answer", invoke(t, c, event(record(3, "k", []byte("3")))), sequence(3))
	check(t, "answer", invoke(t, c, event(record(4, "k", []byte("4")))), "")
	check(t, "told", strings.Join(told, ", "), "Save boom, batch, batch, passed 3, batch, batch")
}

// A hook that panics is logged, and changes nothing.
func TestHooksThatPanic(t *testing.T) {
	l := &log{}
	h, d := &tape{fail: map[string]error{"2": lambda.Poison(errBoom)}}, &letters{}
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), l.option(), lambda.WithConcurrency(2), lambda.WithShardRange(nowhere()), lambda.WithHooks(lambda.Hooks{
		Batch:      func(context.Context, lambda.Batch) { panic("in Batch") },
		DeadLetter: func(context.Context, lambda.Letter) { panic("in DeadLetter") },
		OutOfRange: func(context.Context, lambda.OutOfRange) { panic("in OutOfRange") },
	}))
	check(t, "answer", invoke(t, c, event(packed(t, 1, "x"), plain(2), plain(3))), "")
	check(t, "letters", d.take(), "2/1")
	check(t, "log lines", l.count("a hook failed"), 3)
	for _, name := range []string{"in Batch", "in DeadLetter", "in OutOfRange"} {
		check(t, name, l.count("panic: "+name), 1)
	}
}

func TestIdentityFrom(t *testing.T) {
	type key struct{}
	type outside struct{}
	var got []string
	c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
		ctx, cancel := context.WithTimeout(context.WithValue(ctx, key{}, "more"), time.Hour)
		defer cancel()
		i, ok := lambda.IdentityFrom(ctx)
		check(t, "identity", i, r.Identity())
		check(t, "values beside it", fmt.Sprintf("%v %v %v", ok, ctx.Value(key{}), ctx.Value(outside{})), "true more yes")
		got = append(got, i.String())
		return nil
	})
	ctx := context.WithValue(t.Context(), outside{}, "yes")
	if _, err := c.Kinesis(ctx, event(packed(t, 1, "a", "b"), plain(2))); err != nil {
		t.Fatal(err)
	}
	check(t, "identities", strings.Join(got, " "), strings.ReplaceAll(
		"S/1/0 S/1/1 S/2/0", "S/", streamARN+"/"+shardA+"/"+sequence(0)[:len(sequence(0))-1]))
	if i, ok := lambda.IdentityFrom(t.Context()); ok || i != (lambda.Identity{}) {
		t.Errorf("a context of elsewhere says %v", i)
	}
	none := newBatch(t, func(ctx context.Context, _ []*lambda.Record) error {
		if _, ok := lambda.IdentityFrom(ctx); ok {
			return errors.New("a batch handler's context has an identity")
		}
		return nil
	})
	check(t, "answer", invoke(t, none, event(plain(1))), "")
}

// A context that a handler keeps says the same after the next record.
func TestIdentityIsKept(t *testing.T) {
	var kept []context.Context
	c := newConsumer(t, func(ctx context.Context, _ *lambda.Record) error { kept = append(kept, ctx); return nil })
	invoke(t, c, event(packed(t, 1, "a", "b"), plain(2)))
	for n, ctx := range kept {
		i, _ := lambda.IdentityFrom(ctx)
		check(t, "identity", fmt.Sprintf("%s %d", short(i.SequenceNumber), i.SubSequenceNumber), []string{"1 0", "1 1", "2 0"}[n])
	}
}

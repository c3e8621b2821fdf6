package lambda_test

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// defaultLog makes w the output of the default logger until the test ends.
func defaultLog(t *testing.T, w io.Writer) {
	was, out, flags := slog.Default(), stdlog.Writer(), stdlog.Flags()
	t.Cleanup(func() {
		slog.SetDefault(was)
		stdlog.SetOutput(out)
		stdlog.SetFlags(flags)
	})
	slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
}

// What each way to make a consumer says of its options: all that is wrong with
// them, and nothing else.
func TestOptionsThatAreWrong(t *testing.T) {
	single := func(opts ...lambda.Option) error { _, err := lambda.New((&tape{}).handle, opts...); return err }
	byKey := func(opts ...lambda.Option) error { _, err := lambda.NewByKey((&hands{}).handle, opts...); return err }
	batch := func(opts ...lambda.Option) error { _, err := lambda.NewBatch((&hands{}).handle, opts...); return err }
	window := func(opts ...lambda.Option) error {
		_, err := lambda.NewWindow((&folder{}).fold, (&folder{}).finish, opts...)
		return err
	}
	defaultLog(t, io.Discard)
	expanded := func(opts ...lambda.Option) error {
		_, err := lambda.Expand((&existing{}).handle, opts...)(t.Context(), events.KinesisEvent{})
		return err
	}
	type makers []func(...lambda.Option) error
	all := makers{single, byKey, batch, window, expanded}
	var noLetter lambda.DeadLetterFunc
	var noRange lambda.ShardRangesFunc
	for name, test := range map[string]struct {
		opts []lambda.Option
		of   makers
		want []string // none for no error
	}{
		"none":                      {nil, all, nil},
		"nil":                       {[]lambda.Option{nil}, all, []string{"an option is nil"}},
		"attempts":                  {[]lambda.Option{lambda.WithMaxAttempts(-3)}, all, []string{"WithMaxAttempts(-3): want 0 for no limit, or more"}},
		"attempts, the last":        {[]lambda.Option{lambda.WithMaxAttempts(-3), lambda.WithMaxAttempts(3)}, all, nil},
		"dead letter":               {[]lambda.Option{lambda.WithDeadLetter(nil)}, all, []string{"WithDeadLetter(nil)"}},
		"dead letter, a nil func":   {[]lambda.Option{lambda.WithDeadLetter(noLetter)}, all, []string{"WithDeadLetter(nil)"}},
		"dead letter, the last":     {[]lambda.Option{lambda.WithDeadLetter(nil), lambda.WithDeadLetter(&letters{})}, all, nil},
		"shard range":               {[]lambda.Option{lambda.WithShardRange(nil)}, all, []string{"WithShardRange(nil)"}},
		"shard range, a nil func":   {[]lambda.Option{lambda.WithShardRange(noRange)}, all, []string{"WithShardRange(nil)"}},
		"checkpoint":                {[]lambda.Option{lambda.WithCheckpoint(nil)}, makers{single, byKey, batch, expanded}, []string{"WithCheckpoint(nil)"}},
		"no namespace":              {[]lambda.Option{lambda.WithCheckpoint(newShelf())}, makers{single, byKey, batch, expanded}, []string{"WithCheckpoint: this is no Lambda function"}},
		"a good one":                {[]lambda.Option{lambda.WithCheckpoint(newShelf()), lambda.WithProgressNamespace("n")}, makers{single, byKey, batch, expanded}, nil},
		"of a window":               {[]lambda.Option{lambda.WithCheckpoint(newShelf())}, makers{window}, []string{"NewWindow: WithCheckpoint"}},
		"concurrency 0":             {[]lambda.Option{lambda.WithConcurrency(0)}, all, []string{"WithConcurrency(0): want 1 to 1000"}},
		"concurrency 1":             {[]lambda.Option{lambda.WithConcurrency(1)}, all, nil},
		"concurrency 1,000":         {[]lambda.Option{lambda.WithConcurrency(1000)}, makers{single, byKey}, nil},
		"concurrency 1,001":         {[]lambda.Option{lambda.WithConcurrency(1001)}, makers{single, byKey}, []string{"WithConcurrency(1001): want 1 to 1000"}},
		"concurrency of a batch":    {[]lambda.Option{lambda.WithConcurrency(2)}, makers{batch, expanded}, []string{"WithConcurrency: a handler of whole batches"}},
		"concurrency of a window":   {[]lambda.Option{lambda.WithConcurrency(2)}, makers{window}, []string{"NewWindow: WithConcurrency"}},
		"namespace":                 {[]lambda.Option{lambda.WithProgressNamespace(strings.Repeat("n", 256))}, all, nil},
		"namespace, too long":       {[]lambda.Option{lambda.WithProgressNamespace(strings.Repeat("n", 257))}, all, []string{`WithProgressNamespace("` + strings.Repeat("n", 40) + `"): want at most 256 bytes of UTF-8`}},
		"namespace, no UTF-8":       {[]lambda.Option{lambda.WithProgressNamespace("\xff")}, all, []string{`WithProgressNamespace("\xff")`}},
		"logger":                    {[]lambda.Option{lambda.WithLogger(nil)}, all, []string{"WithLogger(nil)"}},
		"more than one":             {[]lambda.Option{lambda.WithMaxAttempts(-1), lambda.WithLogger(nil), lambda.WithConcurrency(-1)}, all, []string{"WithMaxAttempts(-1)", "WithConcurrency(-1)", "WithLogger(nil)"}},
		"poisoned keys":             {[]lambda.Option{lambda.WithPoisonedKeys()}, all, []string{"WithPoisonedKeys: without WithDeadLetter"}},
		"with a dead letter":        {[]lambda.Option{lambda.WithPoisonedKeys(), lambda.WithDeadLetter(&letters{})}, all, nil},
		"listed":                    {[]lambda.Option{lambda.WithEveryFailureListed()}, makers{single, byKey, batch, window}, []string{"WithEveryFailureListed: is for Expand"}},
		"the others can't be wrong": {[]lambda.Option{lambda.WithWholeBatchError(), lambda.WithHooks(lambda.Hooks{})}, all, nil},
		"of Expand":                 {[]lambda.Option{lambda.WithEveryFailureListed()}, makers{expanded}, nil},
	} {
		for _, make := range test.of {
			err := make(test.opts...)
			if err == nil {
				check(t, name+": complaints", 0, len(test.want))
				continue
			}
			check(t, name+": lines of "+err.Error(), strings.Count(err.Error(), "\n")+1, len(test.want))
			for _, want := range test.want {
				check(t, name+": named in "+err.Error(), strings.Contains(err.Error(), "lambda: "+want), true)
			}
		}
	}
}

func TestHandlersThatAreNil(t *testing.T) {
	_, single := lambda.New(nil)
	_, byKey := lambda.NewByKey(nil)
	_, batch := lambda.NewBatch(nil)
	_, window := lambda.NewWindow[int](nil, func(context.Context, lambda.Window, int) error { return nil })
	for _, err := range []error{single, byKey, batch, window} {
		if err == nil || err.Error() != "lambda: the handler is nil" {
			t.Errorf("got %v", err)
		}
	}
	if _, err := lambda.NewWindow[int](nil, nil, lambda.WithMaxAttempts(-1)); err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), "finish is nil") {
		t.Errorf("got %v", err)
	}
}

// The records of a key follow the one that is in the dead letter, without a call;
// those of other keys, and of other shards, do not.
func TestPoisonedKeys(t *testing.T) {
	e := event(lettered(t, 1, "a1", "b1", "a2"), lettered(t, 2, "a3", "b2"))
	t.Run("one by one", func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"a1": lambda.Poison(errBoom)}}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
		check(t, "answer", invoke(t, c, e), "")
		check(t, "calls", h.take(), "a1 b1 b2")
		check(t, "why", d.got[1].Error, "follows a record of its partition key that is in the dead letter")
		check(t, "letters", d.take(), "a1/1 a2/0 a3/0")
		check(t, "the next batch", invoke(t, c, event(lettered(t, 3, "a4", "b3"))), "")
		check(t, "calls", h.take(), "b3")
		check(t, "letters", d.take(), "a4/0")
		other := lettered(t, 4, "a5")
		other.EventID = shardB + ":" + sequence(4)
		check(t, "another shard", invoke(t, c, event(other)), "")
		check(t, "calls", h.take(), "a5")
	})
	t.Run("by key", func(t *testing.T) {
		h, d := &hands{}, &letters{}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if holds(rs, "a1") {
				return lambda.FailedAt(0, len(rs), lambda.Poison(errBoom))
			}
			return nil
		}
		check(t, "answer", invoke(t, newByKey(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys()), e), "")
		check(t, "calls", h.take(), "a1 a2 a3|b1 b2")
		check(t, "letters", d.take(), "a1/1 a2/0 a3/0")
	})
	t.Run("batch", func(t *testing.T) {
		h, d := &hands{}, &letters{}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if holds(rs, "a1") {
				return lambda.FailedAt(0, len(rs), lambda.Poison(errBoom))
			}
			return nil
		}
		check(t, "answer", invoke(t, newBatch(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys()), e), "")
		check(t, "calls", h.take(), "a1 b1 a2 a3 b2|b1|b2")
		check(t, "letters", d.take(), "a1/1 a2/0 a3/0")
	})
	t.Run("without the option", func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"a1": lambda.Poison(errBoom)}}, &letters{}
		check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithDeadLetter(d)), e), "")
		check(t, "calls", h.take(), "a1 b1 a2 a3 b2")
	})
	t.Run("a follower's letter fails", func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"a1": lambda.Poison(errBoom)}}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys(), lambda.WithConcurrency(2))
		sent := 0
		d.fail = func() error {
			if sent++; sent == 2 {
				return errBoom
			}
			return nil
		}
		check(t, "answer", invoke(t, c, e), sequence(1))
		check(t, "letters", d.take(), "a1/1")
		check(t, "answer", invoke(t, c, e), "")
		check(t, "letters", d.take(), "a2/0 a3/0")
	})
	t.Run("a follower's letter fails, by key", func(t *testing.T) {
		h, d := &hands{}, &letters{}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if holds(rs, "a1") {
				return lambda.FailedAt(0, len(rs), lambda.Poison(errBoom))
			}
			return nil
		}
		sent := 0
		d.fail = func() error {
			if sent++; sent == 2 {
				return errBoom
			}
			return nil
		}
		c := newByKey(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
		check(t, "answer", invoke(t, c, e), sequence(1))
		check(t, "calls", h.take(), "a1 a2 a3|b1 b2")
		check(t, "letters", d.take(), "a1/1") // that of a3 waits for that of a2
		check(t, "answer", invoke(t, c, e), "")
		check(t, "letters", d.take(), "a2/0 a3/0")
	})
	t.Run("an aggregate that can't be read has no key", func(t *testing.T) {
		h, d := &tape{}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
		check(t, "answer", invoke(t, c, event(record(1, "a", malformed()), lettered(t, 2, "a1"))), "")
		check(t, "calls", h.take(), "a1")
	})
}

// A key is poisoned for an hour after its last letter, and at most 1,024 are.
func TestPoisonedKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := &tape{fail: map[string]error{"a1": lambda.Poison(errBoom)}}, &letters{}
		c := newConsumer(t, h.handle, lambda.WithDeadLetter(d), lambda.WithPoisonedKeys())
		invoke(t, c, event(lettered(t, 1, "a1")))
		h.take()
		time.Sleep(time.Hour)
		invoke(t, c, event(lettered(t, 2, "a2")))
		check(t, "after an hour", h.take(), "")
		time.Sleep(time.Hour + time.Second)
		invoke(t, c, event(lettered(t, 3, "a3")))
		check(t, "more than an hour after the last", h.take(), "a3")

		h.fail = map[string]error{}
		for n := range 1025 {
			h.fail[fmt.Sprint(n)] = lambda.Poison(errBoom)
			invoke(t, c, event(plain(n)))
			time.Sleep(time.Millisecond)
		}
		h.take()
		invoke(t, c, event(record(2000, "key-0", []byte("x")), record(2001, "key-1024", []byte("y"))))
		check(t, "the first of 1,025, not the last", h.take(), "x")
	})
}

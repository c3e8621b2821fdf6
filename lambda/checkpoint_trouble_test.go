package lambda_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// complaints are the checkpoint errors that a hook was told.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) option() lambda.Option {
	return lambda.WithHooks(lambda.Hooks{CheckpointError: func(_ context.Context, e lambda.CheckpointError) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, e.Operation+": "+e.Err.Error())
		if e.Shard.ID != shardA || e.Shard.StreamARN != streamARN {
			c.all = append(c.all, "of another shard")
		}
	}})
}

func (c *complaints) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.all = nil }()
	return strings.Join(c.all, "; ")
}

// A Checkpoint that can't be read: the invocation goes on, with what this
// process remembers, and says so.
func TestLoadFails(t *testing.T) {
	for name, test := range map[string]struct {
		load func(context.Context) error
		text string
		took time.Duration // of the 20 s that there are
	}{
		"error":               {func(context.Context) error { return errBoom }, "Load: boom", 0},
		"panic":               {func(context.Context) error { panic("boom") }, "Load: panic: boom", 0},
		"slow":                {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "Load: context deadline exceeded", 19 * time.Second / 4},
		"ignores its context": {func(context.Context) error { time.Sleep(10 * time.Second); return errBoom }, "Load: boom", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newShelf()
				p.load = test.load
				partThenWhole(t, p, test.text, test.took)
			})
		})
	}
}

// A Load has 5 seconds at most.
func TestLoadsTime(t *testing.T) {
	for _, left := range []time.Duration{0, 15 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			p := newShelf()
			p.load = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			start := time.Now()
			check(t, "answer", invokeFor(t, newConsumer(t, (&tape{}).handle, lambda.WithCheckpoint(p)), left, event(plain(1))), "")
			check(t, "time", time.Since(start), 5*time.Second)
		})
	}
}

// One that takes all of the time leaves none for a handler, and uses no attempt.
func TestLoadTakesAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := newShelf(), &hands{}
		p.load = func(context.Context) error { time.Sleep(6 * time.Second); return nil }
		c := newBatch(t, h.handle, lambda.WithCheckpoint(p))
		check(t, "answer", invokeFor(t, c, 5*time.Second, event(plain(1), plain(2))), sequence(1))
		p.load = nil
		check(t, "answer", invokeFor(t, c, 5*time.Second, event(plain(1), plain(2))), "")
		check(t, "calls", h.take(), "1 2")
	})
}

// What is not known of a Checkpoint that can't be read must not be skipped later.
func TestReplayAfterALoadThatFailed(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	e := event(packed(t, 1, "a", "b", "c"))
	here, there := newConsumer(t, h.handle, lambda.WithCheckpoint(p)), newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	check(t, "answer", invoke(t, here, e), sequence(1))
	p.load = func(context.Context) error { return errBoom }
	check(t, "answer", invoke(t, there, e), "")
	h.take()
	p.load = nil
	check(t, "replay", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), e), "")
	check(t, "calls", h.take(), "a b c")
}

// A Checkpoint that can't be written: the failure is reported all the same, and
// this process remembers.
func TestSaveFails(t *testing.T) {
	for name, test := range map[string]struct {
		save func(context.Context) error
		text string
		took time.Duration // of the 20 s, less what the answer needs
	}{
		"error": {func(context.Context) error { return errBoom }, "Save: boom", 0},
		"panic": {func(context.Context) error { panic("boom") }, "Save: panic: boom", 0},
		"slow":  {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "Save: context deadline exceeded", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newShelf()
				p.save = test.save
				partThenWhole(t, p, test.text, test.took)
				check(t, "checkpoint", p.take(), "load 1-1; save 1:1; load 1-1")
			})
		})
	}
}

// With little time left a Save has three quarters of that.
func TestSavesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := newShelf(), &tape{}
		h.do = func(ctx context.Context, _ *lambda.Record) error { <-ctx.Done(); return ctx.Err() }
		p.save = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		start := time.Now()
		check(t, "answer", invokeFor(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), 5*time.Second, event(plain(1))), sequence(1))
		check(t, "time", time.Since(start), 4875*time.Millisecond)
	})
}

func TestCheckpointIsSavedAfterACancel(t *testing.T) {
	p, h := newShelf(), &tape{}
	p.save = func(ctx context.Context) error { return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	h.do = func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "b" {
			cancel()
			return errBoom
		}
		return nil
	}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	done, err := c.Records(ctx, streamARN, shardA, []events.KinesisRecord{packed(t, 1, "a", "b").Kinesis})
	check(t, "done", fmt.Sprint(done, err), "0 <nil>")
	check(t, "items", p.left(), "1")
}

func TestDeleteFails(t *testing.T) {
	p, h, told := newShelf(), &tape{once: map[string]error{"1": errBoom}}, &complaints{}
	p.remove = func(context.Context) error { panic("boom") }
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), told.option())
	check(t, "answer", invoke(t, c, event(plain(1))), sequence(1))
	check(t, "answer", invoke(t, c, event(plain(1))), "")
	check(t, "told", told.take(), "Delete: panic: boom")
}

// If not all of it finds room, the rest is known to this process only.
func TestCheckpointIsFull(t *testing.T) {
	p, h, told := newShelf(), &tape{fail: map[string]error{"a1": errBoom, "b1": errBoom, "c1": errBoom}}, &complaints{}
	p.room = 2
	sandbox := func() *lambda.Consumer {
		return newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(2), told.option())
	}
	e := event(lettered(t, 1, "a1", "x1"), lettered(t, 2, "b1", "x2"), lettered(t, 3, "c1", "x3"))
	here := sandbox()
	check(t, "answer", invoke(t, here, e), sequence(1))
	check(t, "told", told.take(), "Save: only the first 2 of 3 outer records' progress found room")
	h.take()
	h.fail = nil
	there := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	check(t, "answer there", invoke(t, there, e), "")
	check(t, "calls there", h.take(), "a1 b1 c1 x3")
	// There it was finished, and deleted: here only what was not saved is skipped.
	check(t, "answer here", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), e), "")
	check(t, "calls in a new sandbox", h.take(), "a1 x1 b1 x2 c1 x3")
}

func TestCheckpointWithRoomForNothing(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(nothingKept{p}))
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a b b c")
}

// nothingKept says of every Save that nothing found room, or less.
type nothingKept struct{ *shelf }

func (nothingKept) Save(context.Context, lambda.Shard, lambda.SavedProgress, []string) (int, error) {
	return -1, nil
}

// What can't be read counts for nothing, and the entries beside it count.
func TestCheckpointIsCorrupt(t *testing.T) {
	for name, corrupt := range map[string]func(entry []byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"another version": func(e []byte) []byte { e[0]++; return e },
		"cut off":         func(e []byte) []byte { return e[:len(e)/2] },
		"nonsense":        func([]byte) []byte { return []byte("\x01\xff\xff\xff\xff\xff\xff") },
	} {
		t.Run(name, func(t *testing.T) {
			p, h, told := newShelf(), &tape{fail: map[string]error{"a1": errBoom, "b1": errBoom}}, &complaints{}
			e := event(lettered(t, 1, "a1", "x1"), lettered(t, 2, "b1", "x2"))
			check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(4)), e), sequence(1))
			h.take()
			h.fail = nil
			for _, items := range p.items {
				entries := items[sequence(1)].Entries
				entries[0] = corrupt(entries[0])
			}
			check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p), told.option()), e), "")
			check(t, "calls", h.take(), "a1 x1 b1")
			check(t, "told of it", strings.Contains(told.take(), "what is saved under "+sequence(1)+": "+lambda.ErrProgress.Error()), true)
			check(t, "items", p.left(), "")
		})
	}
}

// Sequence numbers that are no numbers are not asked for.
func TestCheckpointWithOddSequenceNumbers(t *testing.T) {
	p, h, told := newShelf(), &tape{}, &complaints{}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), told.option())
	odd := plain(1)
	odd.Kinesis.SequenceNumber = "one"
	check(t, "answer", invoke(t, c, event(odd)), "")
	check(t, "checkpoint", p.take(), "")
	check(t, "told of it", strings.Contains(told.take(), "want decimal numbers"), true)
	nowhere := plain(1)
	nowhere.EventID = ""
	check(t, "answer", invoke(t, c, event(nowhere)), "")
	check(t, "checkpoint", p.take(), "")
}

// Nor is anything saved under one.
func TestNothingIsSavedUnderAnOddSequenceNumber(t *testing.T) {

	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	odd := packed(t, 1, "a", "b", "c")
	odd.Kinesis.SequenceNumber = "one"
	check(t, "answer", invoke(t, c, event(odd)), "one")
	check(t, "answer", invoke(t, c, event(odd)), "")
	check(t, "calls", h.take(), "a b b c") // it is in memory
	check(t, "checkpoint", p.take(), "")
}

// What could not be deleted is deleted with a later batch, also if there is
// trouble in between; until then it may be skipped in a replay.
func TestDeleteIsMadeUpFor(t *testing.T) {
	for name, between := range map[string]func(*testing.T, *lambda.Consumer, *shelf, *tape){
		"nothing": func(*testing.T, *lambda.Consumer, *shelf, *tape) {},
		"a batch that fails at once": func(t *testing.T, c *lambda.Consumer, _ *shelf, h *tape) {
			h.fail = map[string]error{"5": errBoom}
			check(t, "answer", invoke(t, c, event(packed(t, 5, "5"))), sequence(5))
			h.fail = nil
		},
		"a Load that fails": func(t *testing.T, c *lambda.Consumer, p *shelf, _ *tape) {
			p.load = func(context.Context) error { return errBoom }
			check(t, "answer", invoke(t, c, event(packed(t, 5, "5"))), "")
			p.load = nil
		},
		"a Load that fails, and nothing is begun": func(t *testing.T, c *lambda.Consumer, p *shelf, _ *tape) {
			p.load = func(context.Context) error { time.Sleep(6 * time.Second); return errBoom }
			check(t, "answer", invokeFor(t, c, 5*time.Second, event(packed(t, 5, "5"))), sequence(5))
			p.load = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
				c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
				e := event(packed(t, 1, "a", "b", "c"))
				check(t, "answer", invoke(t, c, e), sequence(1))
				p.remove = func(context.Context) error { return errBoom }
				check(t, "answer", invoke(t, c, e), "")
				check(t, "items", p.left(), "1")
				p.remove = nil
				between(t, c, p, h)
				check(t, "answer", invoke(t, c, event(packed(t, 5, "5"))), "")
				check(t, "items", p.left(), "")
				h.take()
				check(t, "replay", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), e), "")
				check(t, "calls", h.take(), "a b c")
			})
		})
	}
}

// So is what a Save that failed has left.
func TestStaleIsMadeUpFor(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"1": errBoom, "2": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "1"), packed(t, 2, "2"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	p.save = func(context.Context) error { return errBoom }
	check(t, "answer", invoke(t, c, e), sequence(2))
	check(t, "items", p.left(), "1")
	check(t, "answer", invoke(t, c, event(e.Records[1])), "")
	check(t, "items", p.left(), "")
}

// partThenWhole has an aggregate answered in part and then whole, in the same
// process, with a Checkpoint in trouble: that is told once, and took that long.
func partThenWhole(t *testing.T, p *shelf, text string, took time.Duration) {
	t.Helper()
	h, l, told := &tape{once: map[string]error{"b": errBoom}}, &log{}, &complaints{}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), l.option(), told.option())
	e := event(packed(t, 1, "a", "b", "c"))
	start := time.Now()
	check(t, "answer", invokeFor(t, c, 20*time.Second, e), sequence(1))
	check(t, "time", time.Since(start), took)
	check(t, "told", told.take(), text)
	operation, _, _ := strings.Cut(text, ":")
	check(t, "log lines", l.count("checkpoint failed; the invocation goes on without\" operation="+operation), 1)
	check(t, "answer", invokeFor(t, c, 20*time.Second, e), "")
	check(t, "calls", h.take(), "a b b c")
}

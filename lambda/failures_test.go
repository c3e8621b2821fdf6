package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/lambda"
)

func TestFailures(t *testing.T) {
	notTried := fmt.Errorf("no room: %w", lambda.ErrNotTried)
	for name, test := range map[string]struct {
		err     error // of the call with all three
		calls   string
		letters string
		pause   bool
	}{
		"nil":                  {nil, "a b c", "", false},
		"empty":                {lambda.Failures{}, "a b c", "", false},
		"a nil map":            {lambda.Failures(nil), "a b c", "", false},
		"nil entries":          {lambda.Failures{1: nil, 2: nil}, "a b c", "", false},
		"one":                  {lambda.Failures{1: errBoom}, "a b c|b/2", "", true},
		"all":                  {lambda.Failures{0: errBoom, 1: errBoom, 2: errBoom}, "a b c|a/2 b/2 c/2", "", true},
		"wrapped":              {fmt.Errorf("more: %w", lambda.Failures{1: errBoom}), "a b c|b/2", "", true},
		"joined":               {errors.Join(errBoom, lambda.Failures{2: errBoom}), "a b c|a/2 b/2 c/2", "", true},
		"poison":               {lambda.Failures{0: lambda.Poison(errBoom)}, "a b c", "a/1", false},
		"poison and a failure": {lambda.Failures{0: errBoom, 2: lambda.Poison(errBoom)}, "a b c|a/2", "c/1", true},
		"poison and a nil":     {lambda.Failures{0: nil, 1: fmt.Errorf("so: %w", lambda.Poison(errBoom))}, "a b c", "b/1", false},
		"left for later":       {lambda.Failures{2: lambda.ErrNotTried}, "a b c|c", "", false},
		"wrapped not tried":    {lambda.Failures{1: notTried, 2: notTried}, "a b c|b c", "", false},
		"stopped":              {lambda.FailedAt(1, 3, errBoom), "a b c|b/2 c", "", true},
		"stopped by poison":    {lambda.FailedAt(1, 3, lambda.Poison(errBoom)), "a b c|c", "b/1", false},
		"index too high":       {lambda.Failures{0: lambda.Poison(errBoom), 3: lambda.ErrNotTried}, "a b c|a/2 b/2 c/2", "", true},
		"index too low":        {lambda.Failures{-1: errBoom}, "a b c|a/2 b/2 c/2", "", true},
		"nil at a wrong index": {lambda.Failures{7: nil}, "a b c|a/2 b/2 c/2", "", true},
		"whole":                {errBoom, "a b c|a/2 b/2 c/2", "", true},
		"whole, poison":        {lambda.Poison(errBoom), "a b c|a/2 b/2 c/2", "", true},
		"whole, not tried":     {lambda.ErrNotTried, "a b c|a/2 b/2 c/2", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, d := &hands{}, &letters{}
				first := true
				h.do = func(context.Context, []*lambda.Record) error {
					if first {
						first = false
						return test.err
					}
					return nil
				}
				c := newBatch(t, h.handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(d))
				start := time.Now()
				check(t, "answer", invoke(t, c, event(packed(t, 1, "a", "b", "c"))), "")
				check(t, "calls", h.take(), test.calls)
				check(t, "letters", d.take(), test.letters)
				check(t, "pause", time.Since(start) > 0, test.pause)
			})
		})
	}
}

// A named error that panics when it is asked is that record's matter only.
func TestNamedErrorsThatPanic(t *testing.T) {
	h := &hands{}
	h.do = func(context.Context, []*lambda.Record) error { return lambda.Failures{1: &badError{}} }
	c := newBatch(t, h.handle)
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "a b c|b/2")
}

// Without a limit of attempts there is one an invocation; what was only left for
// later is tried at once all the same.
func TestFailuresWithoutALimit(t *testing.T) {
	h := &hands{}
	var answers []error
	h.do = func(context.Context, []*lambda.Record) error {
		err := answers[0]
		answers = answers[1:]
		return err
	}
	c := newBatch(t, h.handle)
	e := event(packed(t, 1, "a", "b", "c", "d"))
	answers = []error{lambda.Failures{2: lambda.ErrNotTried, 3: lambda.ErrNotTried}, lambda.FailedAt(0, 2, errBoom)}
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "a b c d|c d")
	answers = []error{lambda.Failures{0: lambda.ErrNotTried, 1: lambda.ErrNotTried}}
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "a call that brings nothing ends it", h.take(), "c/2 d")
	answers = []error{errBoom}
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "calls", h.take(), "c/2 d")
	answers = []error{nil}
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "c/3 d/2")
}

// A handler that leaves everything for later is not called again, and has used no
// attempt; one that has done something of it is.
func TestEverythingIsLeftForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d, l := &hands{}, &letters{}, &log{}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			return lambda.FailedAt(0, len(rs), lambda.ErrNotTried)
		}
		c := newBatch(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(d), l.option())
		e := event(packed(t, 1, "a", "b", "c"))
		start := time.Now()
		for range 3 {
			check(t, "answer", invoke(t, c, e), sequence(1))
			check(t, "calls", h.take(), "a b c")
		}
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if len(rs) == 1 {
				return lambda.Failures{0: lambda.ErrNotTried}
			}
			return lambda.FailedAt(1, len(rs), lambda.ErrNotTried)
		}
		check(t, "answer", invoke(t, c, e), sequence(1))
		check(t, "calls", h.take(), "a b c|b c|c")
		check(t, "time", time.Since(start), 0)
		check(t, "letters", d.take(), "")
		check(t, "log lines on failures", l.count("failed"), l.count("failedAttempts=0"))
	})
}

func TestFailuresText(t *testing.T) {
	for want, f := range map[string]lambda.Failures{
		"no record failed":                   {},
		"1 records failed, record 4: boom":   {4: errBoom},
		"2 records failed, record 2: boom":   {7: errors.New("later"), 2: errBoom},
		"1 records failed, record 3: boom":   {1: nil, 3: errBoom},
		"no record failed ":                  nil,
		"2 records failed, record 0: poison": {0: lambda.Poison(errors.New("poison")), 1: lambda.ErrNotTried},
	} {
		if want == "no record failed " {
			want = "no record failed"
		}
		check(t, "text", f.Error(), want)
	}
	f := lambda.FailedAt(1, 4, errBoom)
	check(t, "FailedAt", fmt.Sprint(len(f), f[1] == errBoom, f[2] == lambda.ErrNotTried, f[3] == lambda.ErrNotTried), "3 true true true")
	check(t, "FailedAt the last", fmt.Sprint(lambda.FailedAt(3, 4, errBoom)), "1 records failed, record 3: boom")
}

// Whatever goes wrong with a call of several records is an attempt at each of
// them. Once these are used up each is called by itself, and only the one that
// fails then goes to the dead letter.
func TestCallOfSeveralFails(t *testing.T) {
	for name, test := range map[string]struct {
		fail  func(ctx context.Context) error
		calls []string // an invocation each
	}{
		"error":                     {func(context.Context) error { return errBoom }, []string{"a b c|a/2 b/2 c/2|a/3|b/3|c/3"}},
		"poison":                    {func(context.Context) error { return lambda.Poison(errBoom) }, []string{"a b c|a/2 b/2 c/2|a/3|b/3|c/3"}},
		"panic":                     {func(context.Context) error { panic("boom") }, []string{"a b c|a/2 b/2 c/2|a/3|b/3|c/3"}},
		"error that can't be asked": {func(context.Context) error { return &badError{} }, []string{"a b c|a/2 b/2 c/2|a/3|b/3|c/3"}},
		"wrong index":               {func(context.Context) error { return lambda.Failures{9: errBoom} }, []string{"a b c|a/2 b/2 c/2|a/3|b/3|c/3"}},
		"Goexit":                    {func(context.Context) error { runtime.Goexit(); return nil }, []string{"a b c", "a/2 b/2 c/2", "a/3|b/3", "c/3"}},
		"time up":                   {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, []string{"a b c", "a/2 b/2 c/2", "a/3|b/3", "c/3"}},
		"time up, silent":           {func(ctx context.Context) error { time.Sleep(7800 * time.Millisecond); return errBoom }, []string{"a b c", "a/2 b/2 c/2", "a/3|b/3", "c/3"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, d := &hands{}, &letters{}
				h.do = func(ctx context.Context, rs []*lambda.Record) error {
					if holds(rs, "b") {
						return test.fail(ctx)
					}
					return nil
				}
				c := newBatch(t, h.handle, lambda.WithMaxAttempts(2), lambda.WithDeadLetter(d))
				e := event(packed(t, 1, "a", "b", "c"))
				for i, calls := range test.calls {
					check(t, "letters", d.take(), "")
					want := sequence(1)
					if i == len(test.calls)-1 {
						want = ""
					}
					check(t, "answer", invokeFor(t, c, 8*time.Second, e), want)
					check(t, "calls", h.take(), calls)
				}
				check(t, "letters", d.take(), "b/3")
			})
		})
	}
}

// A call that ends well after all has done all of its records.
func TestLateSuccessOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, took := &hands{}, 6*time.Second
		h.do = func(context.Context, []*lambda.Record) error { time.Sleep(took); took = 0; return nil }
		c := newByKey(t, h.handle)
		e := event(lettered(t, 1, "a1", "b1", "a2"))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "calls", h.take(), "a1 a2")
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "b1")
	})
}

// A call that tells its failures after the answer: the others are done.
func TestLateFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, late := &hands{}, true
		h.do = func(_ context.Context, rs []*lambda.Record) error {
			if !late {
				return nil
			}
			late = false
			time.Sleep(6 * time.Second)
			return lambda.FailedAt(1, 3, lambda.Poison(errBoom))
		}
		d := &letters{}
		c := newBatch(t, h.handle, lambda.WithDeadLetter(d))
		e := event(packed(t, 1, "a", "b", "c"), plain(2))
		check(t, "answer", invokeFor(t, c, 5*time.Second, event(e.Records[0])), sequence(1))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), "")
		check(t, "calls", h.take(), "a b c|b/2 c/2 2")
		check(t, "letters", d.take(), "") // it was not said in time
	})
}

// The time is up while the dead letter has its last chance: the handler has none.
func TestNoCallAfterTheEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, sent := &hands{}, 0
		h.do = func(context.Context, []*lambda.Record) error { return lambda.Failures{0: errBoom} }
		c := newBatch(t, h.handle, lambda.WithMaxAttempts(1), lambda.WithDeadLetter(lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error {
			if sent++; sent == 2 {
				time.Sleep(6 * time.Second)
			}
			return errBoom
		})))
		e := event(packed(t, 1, "a"))
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "calls", h.take(), "a")
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		time.Sleep(time.Minute)
		check(t, "calls", h.take(), "")
		check(t, "answer", invokeFor(t, c, 5*time.Second, e), sequence(1))
		check(t, "calls", h.take(), "a/2")
	})
}

// What a call has said of its records counts before their dead letters are sent.
func TestSettledBeforeTheDeadLetter(t *testing.T) {
	for name, send := range map[string]func(ctx context.Context) error{
		"slow":   func(context.Context) error { time.Sleep(time.Minute); return errBoom },
		"Goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := &hands{}, newShelf()
				h.do = func(context.Context, []*lambda.Record) error {
					return lambda.Failures{0: lambda.Poison(errBoom), 2: errBoom}
				}
				d := lambda.DeadLetterFunc(func(ctx context.Context, _ lambda.Letter) error { return send(ctx) })
				e := event(packed(t, 1, "a", "b", "c"))
				check(t, "answer", invokeFor(t, newBatch(t, h.handle, lambda.WithDeadLetter(d), lambda.WithCheckpoint(p)), 5*time.Second, e), sequence(1))
				h = &hands{}
				check(t, "answer elsewhere", invokeFor(t, newBatch(t, h.handle, lambda.WithCheckpoint(p)), 5*time.Second, e), "")
				check(t, "calls", h.take(), "a/2 c/2")
				time.Sleep(time.Minute)
			})
		})
	}
}

package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// tally is a window's state in most of these tests: how often each user record,
// by its data, was folded.
type tally map[string]int

func (s tally) String() string { return strings.TrimPrefix(fmt.Sprint(map[string]int(s)), "map") }

// folder folds into a tally, a new one each time, and fails as told.
type folder struct {
	h        tape
	finished []string
	fail     error // of finish
}

func (f *folder) fold(ctx context.Context, _ lambda.Window, s tally, r *lambda.Record) (tally, error) {
	if err := f.h.handle(ctx, r); err != nil {
		return tally{"of a fold that failed": 1}, err
	}
	next := tally{}
	maps.Copy(next, s)
	next[string(r.Data)]++
	return next, nil
}

func (f *folder) finish(_ context.Context, w lambda.Window, s tally) error {
	if f.fail != nil {
		return f.fail
	}
	f.finished = append(f.finished, fmt.Sprint(w.Start.Format("04:05"), " ", s, " ", w.TerminatedEarly))
	return nil
}

func newWindow[S any](t testing.TB, fold lambda.Fold[S], finish lambda.Finish[S], opts ...lambda.Option) *lambda.WindowConsumer[S] {
	t.Helper()
	c, err := lambda.NewWindow(fold, finish, append([]lambda.Option{quiet(), lambda.WithProgressNamespace("test")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var windowStart = time.Date(2026, 11, 2, 3, 4, 0, 0, time.UTC)

// inWindow is an event of a window.
func inWindow(state map[string]string, records ...events.KinesisEventRecord) events.KinesisTimeWindowEvent {
	var e events.KinesisTimeWindowEvent
	e.Records, e.State, e.ShardID, e.EventSourceARN = records, state, shardA, streamARN
	e.Window = events.Window{Start: events.RFC3339EpochTime{Time: windowStart}, End: events.RFC3339EpochTime{Time: windowStart.Add(time.Minute)}}
	return e
}

func final(e events.KinesisTimeWindowEvent) events.KinesisTimeWindowEvent {
	e.IsFinalInvokeForWindow = true
	return e
}

// turn invokes as Lambda does, with the state as it would arrive, and returns the
// state that the answer has, and the id.
func turn[S any](t testing.TB, c *lambda.WindowConsumer[S], e events.KinesisTimeWindowEvent) (map[string]string, string) {
	t.Helper()
	return turnFor(t, c, time.Minute, e)
}

func turnFor[S any](t testing.TB, c *lambda.WindowConsumer[S], left time.Duration, e events.KinesisTimeWindowEvent) (map[string]string, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	response, err := c.Kinesis(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		State             map[string]string                `json:"state"`
		BatchItemFailures []events.KinesisBatchItemFailure `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(document, &back); err != nil || back.State == nil || back.BatchItemFailures == nil || len(back.BatchItemFailures) > 1 {
		t.Fatalf("answer %s: %v", document, err)
	}
	for _, f := range back.BatchItemFailures {
		return back.State, f.ItemIdentifier
	}
	return back.State, ""
}

// stateOf is the typed part of a state.
func stateOf(t testing.TB, state map[string]string) string {
	t.Helper()
	var s tally
	if text := state["state"]; text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
	}
	return s.String()
}

func TestWindowFromStartToEnd(t *testing.T) {
	f := &folder{}
	c := newWindow(t, f.fold, f.finish)
	state, id := turn(t, c, inWindow(nil, packed(t, 1, "a", "b"), plain(2)))
	check(t, "answer", id, "")
	check(t, "state", stateOf(t, state), "[2:1 a:1 b:1]")
	check(t, "keys of the state", len(state), 1)
	state, id = turn(t, c, inWindow(state, packed(t, 3, "a", "c")))
	check(t, "answer", id, "")
	check(t, "state", stateOf(t, state), "[2:1 a:2 b:1 c:1]")
	state, id = turn(t, c, inWindow(state)) // without records
	check(t, "answer", id, "")
	check(t, "state", stateOf(t, state), "[2:1 a:2 b:1 c:1]")
	check(t, "finished", len(f.finished), 0)
	state, id = turn(t, c, final(inWindow(state, plain(4))))
	check(t, "answer", id, "")
	check(t, "state after the end", len(state), 0)
	check(t, "finished", fmt.Sprint(f.finished), "[04:00 [2:1 4:1 a:2 b:1 c:1] false]")

	f.finished = nil
	state, _ = turn(t, c, inWindow(map[string]string{}, plain(5)))
	check(t, "the next window", stateOf(t, state), "[5:1]")
	e := inWindow(state)
	e.IsWindowTerminatedEarly = true
	state, id = turn(t, c, e)
	check(t, "answer", id, "")
	check(t, "state after an early end", len(state), 0)
	check(t, "finished", fmt.Sprint(f.finished), "[04:00 [5:1] true]")
}

// What the fold is told.
func TestWindowOfAFold(t *testing.T) {
	var got lambda.Window
	var identity lambda.Identity
	c := newWindow(t, func(ctx context.Context, w lambda.Window, s int, r *lambda.Record) (int, error) {
		got = w
		identity, _ = lambda.IdentityFrom(ctx)
		return s + 1, nil
	}, func(context.Context, lambda.Window, int) error { return nil })
	e := final(inWindow(nil, plain(1)))
	e.IsWindowTerminatedEarly = true
	turn(t, c, e)
	want := lambda.Window{StreamARN: streamARN, ShardID: shardA, Start: windowStart, End: windowStart.Add(time.Minute), Final: true, TerminatedEarly: true}
	check(t, "window", got, want)
	check(t, "identity", identity.SequenceNumber, sequence(1))
}

type account struct {
	Sum  int
	Seen []string `json:",omitempty"`
}

func TestWindowStates(t *testing.T) {
	two := inWindow(nil, packed(t, 1, "a", "bb"))
	t.Run("struct", func(t *testing.T) {
		var last account
		c := newWindow(t, func(_ context.Context, _ lambda.Window, s account, r *lambda.Record) (account, error) {
			return account{s.Sum + len(r.Data), append(s.Seen, string(r.Data))}, nil
		}, func(_ context.Context, _ lambda.Window, s account) error { last = s; return nil })
		state, _ := turn(t, c, two)
		check(t, "state", state["state"], `{"Sum":3,"Seen":["a","bb"]}`)
		turn(t, c, final(inWindow(state, plain(7))))
		check(t, "last", fmt.Sprint(last), "{4 [a bb 7]}")
	})
	t.Run("pointer", func(t *testing.T) {
		var last *account
		c := newWindow(t, func(_ context.Context, _ lambda.Window, s *account, r *lambda.Record) (*account, error) {
			if s == nil {
				s = &account{}
			}
			s.Sum += len(r.Data)
			return s, nil
		}, func(_ context.Context, _ lambda.Window, s *account) error { last = s; return nil })
		state, _ := turn(t, c, two)
		turn(t, c, final(inWindow(state, plain(7))))
		check(t, "last", fmt.Sprint(*last), "{4 []}")
		turn(t, c, final(inWindow(nil)))
		check(t, "of an empty window", last == nil, true)
		state, _ = turn(t, c, inWindow(nil))
		check(t, "state of an empty batch", state["state"], "null")
		turn(t, c, final(inWindow(state)))
		check(t, "of that", last == nil, true)
	})
	t.Run("map that is changed in place", func(t *testing.T) {
		c := newWindow(t, func(_ context.Context, _ lambda.Window, s map[string]int, r *lambda.Record) (map[string]int, error) {
			if s == nil {
				s = map[string]int{}
			}
			s[string(r.Data)]++
			return s, nil
		}, func(context.Context, lambda.Window, map[string]int) error { return nil })
		state, _ := turn(t, c, two)
		check(t, "state", state["state"], `{"a":1,"bb":1}`)
	})
}

// A failure in the middle of an aggregate: progress is in the state, whichever
// process gets it, and each record is in the sum once.
func TestWindowAnswersInPart(t *testing.T) {
	for name, elsewhere := range map[string]bool{"the same process": false, "another one": true} {
		t.Run(name, func(t *testing.T) {
			f := &folder{h: tape{fail: map[string]error{"b": errBoom}}}
			var attempts []int
			fold := func(ctx context.Context, w lambda.Window, s tally, r *lambda.Record) (tally, error) {
				if string(r.Data) == "b" {
					attempts = append(attempts, r.Attempt)
				}
				return f.fold(ctx, w, s, r)
			}
			c := newWindow(t, fold, f.finish)
			next := func() *lambda.WindowConsumer[tally] {
				if elsewhere {
					return newWindow(t, fold, f.finish)
				}
				return c
			}
			e := inWindow(nil, plain(1), packed(t, 2, "a", "b", "c"), plain(3))
			state, id := turn(t, next(), e)
			check(t, "answer", id, sequence(2))
			check(t, "state", stateOf(t, state), "[1:1 a:1]")
			rest := e.Records[1:]
			state, id = turn(t, next(), final(inWindow(state, rest...)))
			check(t, "answer", id, sequence(2))
			check(t, "calls", f.h.take(), "1 a b b")
			check(t, "not finished", len(f.finished), 0)
			f.h.fail = nil
			_, id = turn(t, next(), final(inWindow(state, rest...)))
			check(t, "answer", id, "")
			check(t, "calls", f.h.take(), "b c 3")
			check(t, "attempts", fmt.Sprint(attempts), "[1 2 3]")
			check(t, "finished", fmt.Sprint(f.finished), "[04:00 [1:1 3:1 a:1 b:1 c:1] false]")

			// Lambda has lost that answer: the same state comes again.
			f.finished = nil
			turn(t, next(), final(inWindow(state, rest...)))
			check(t, "finished again", fmt.Sprint(f.finished), "[04:00 [1:1 3:1 a:1 b:1 c:1] false]")
			// Or the window starts over, with nothing.
			f.finished = nil
			turn(t, next(), final(inWindow(nil, e.Records...)))
			check(t, "finished anew", fmt.Sprint(f.finished), "[04:00 [1:1 3:1 a:1 b:1 c:1] false]")
		})
	}
}

func TestWindowPoison(t *testing.T) {
	f, d := &folder{h: tape{fail: map[string]error{"b": lambda.Poison(errBoom), "3": errBoom}}}, &letters{}
	c := newWindow(t, f.fold, f.finish, lambda.WithDeadLetter(d))
	e := inWindow(nil, packed(t, 1, "a", "b", "c"), record(2, "x", malformed()), plain(3))
	state, id := turn(t, c, e)
	check(t, "answer", id, sequence(3))
	check(t, "state", stateOf(t, state), "[a:1 c:1]")
	check(t, "letters", strings.HasPrefix(d.take(), "b/1 "), true)
	f.h.fail = nil
	turn(t, c, final(inWindow(state, e.Records[2:]...)))
	check(t, "finished", fmt.Sprint(f.finished), "[04:00 [3:1 a:1 c:1] false]")
	check(t, "letters", d.take(), "")
}

func TestWindowFinishFails(t *testing.T) {
	for name, fail := range map[string]func() error{"error": func() error { return errBoom }, "panic": func() error { panic("boom") }} {
		t.Run(name, func(t *testing.T) {
			f, l := &folder{}, &log{}
			down := true
			c := newWindow(t, f.fold, func(ctx context.Context, w lambda.Window, s tally) error {
				if down {
					return fail()
				}
				return f.finish(ctx, w, s)
			}, l.option())
			e := final(inWindow(nil, plain(1)))
			_, err := c.Kinesis(t.Context(), e)
			if err == nil || !strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v", err)
			}
			check(t, "log lines", l.count("the window was not finished"), 1)
			down = false
			turn(t, c, e)
			check(t, "finished", fmt.Sprint(f.finished), "[04:00 [1:1] false]")
			check(t, "calls", f.h.take(), "1 1")
		})
	}
}

func TestWindowStateThatCannotBeUsed(t *testing.T) {
	f := &folder{}
	c := newWindow(t, f.fold, f.finish)
	_, id := turn(t, c, inWindow(nil, plain(1)))
	check(t, "answer", id, "")
	f.h.take()
	for name, state := range map[string]map[string]string{
		"no JSON":         {"state": "{"},
		"another type":    {"state": `[1]`},
		"no base64":       {"state": `{}`, "kinpack": "%"},
		"cut off":         {"state": `{}`, "kinpack": "/w=="},
		"no entry":        {"state": `{}`, "kinpack": "AQA="},
		"another version": {"state": `{}`, "kinpack": "AQk="},
	} {
		response, err := c.Kinesis(t.Context(), inWindow(state, plain(1)))
		if err == nil || response.State != nil || !strings.HasPrefix(err.Error(), "lambda: ") && !errors.Is(err, lambda.ErrProgress) {
			t.Errorf("%s: got %v, %v", name, response, err)
		}
		check(t, name+": progress", errors.Is(err, lambda.ErrProgress), state["kinpack"] != "")
	}
	check(t, "calls", f.h.take(), "")
	// One that another function wrote, without our keys, is that of a new window.
	state, _ := turn(t, c, inWindow(map[string]string{"count": "7"}, plain(1)))
	check(t, "state", stateOf(t, state), "[1:1]")
	check(t, "keys", len(state), 1)

	unwritable := newWindow(t, func(_ context.Context, _ lambda.Window, _ float64, _ *lambda.Record) (float64, error) {
		return math.NaN(), nil
	}, func(context.Context, lambda.Window, float64) error { return nil })
	_, err := unwritable.Kinesis(t.Context(), inWindow(nil, plain(1)))
	if err == nil || !strings.Contains(err.Error(), "can't be written") {
		t.Errorf("got %v", err)
	}
}

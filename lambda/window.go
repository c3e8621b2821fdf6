package lambda

// This file owns tumbling windows: the typed state that goes from one invocation
// of a window to the next, and the progress that travels with it.
//
// A record counts as done only together with a state that its contribution is
// in. So nothing is remembered by the process or a Checkpoint: what an invocation
// leaves undone stands in the state that it returns, under a key of its own, so
// that the two always belong together.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// The keys of a window's state: the typed state as JSON, and the progress.
const (
	stateKey    = "state"
	progressKey = "kinpack"
)

// Window is the tumbling window that an invocation is for.
type Window struct {
	StreamARN  string
	ShardID    string
	Start, End time.Time // from Start on, before End
	// Final says that this is the window's last invocation.
	Final bool
	// TerminatedEarly says that Lambda ended the window before its end, because its
	// state was over 1 MB; the rest of the window begins with an empty state.
	TerminatedEarly bool
}

// Fold adds a user record to a window's state and returns the new state. An error
// is a failed attempt, as a [Handler]'s; the state is then as before: a Fold that
// fails must not have changed what state refers to.
type Fold[S any] func(ctx context.Context, w Window, state S, r *Record) (S, error)

// Finish is given the state of a window at its end. An error makes Lambda send
// the window's last batch again. It must return when ctx ends: the answer waits for
// it.
type Finish[S any] func(ctx context.Context, w Window, state S) error

// WindowConsumer folds the user records of tumbling windows into a state. It is
// safe for concurrent invocations; make it with [NewWindow].
type WindowConsumer[S any] struct {
	consumer *Consumer
	fold     Fold[S]
	finish   Finish[S]
}

// NewWindow returns a WindowConsumer, for event source mappings with a tumbling
// window. S is kept as JSON; the state of a new window is the zero S. A window's
// state, S as JSON with quotes and the progress, may take 1 MB: Lambda ends the
// window early over that.
//
// After an answer in part Lambda is taken to go on with the state of that answer,
// which is not documented. [WithWholeBatchError] does without: Lambda then sends
// the batch again with the state that it had before, and all of it is folded again.
//
// Of the options, [WithConcurrency] and [WithCheckpoint] are none for windows.
// The error joins everything that is wrong.
func NewWindow[S any](fold Fold[S], finish Finish[S], opts ...Option) (*WindowConsumer[S], error) {
	ofWindow := func(c *config) { c.window = true }
	c, err := newConsumer(mode{}, fold == nil, slices.Concat(opts, []Option{ofWindow}))
	if finish == nil {
		err = errors.Join(err, errors.New("lambda: NewWindow: finish is nil"))
	}
	if err != nil {
		return nil, err
	}
	return &WindowConsumer[S]{c, fold, finish}, nil
}

// Kinesis handles one event of a window: it is what the Lambda runtime's Start
// takes. User records are folded in order, up to the first that is left
// undecided, as in [Consumer.Kinesis]; the answer has the state and at most the
// one sequence number. With the last event of a window, once its records are
// decided, finish is called.
//
// The error is not nil where [Consumer.Kinesis] has one, if the state that came
// can't be read or the new one can't be written, and if finish failed. Then
// Lambda sends the batch again with the state that it had.
func (c *WindowConsumer[S]) Kinesis(ctx context.Context, event events.KinesisTimeWindowEvent) (events.KinesisTimeWindowEventResponse, error) {
	start := time.Now()
	run := &windowRun[S]{
		WindowConsumer: c,
		window: Window{
			StreamARN: event.EventSourceARN, ShardID: event.ShardID, Start: event.Window.Start.Time, End: event.Window.End.Time,
			Final: event.IsFinalInvokeForWindow, TerminatedEarly: event.IsWindowTerminatedEarly,
		},
		came: event.State[stateKey],
	}
	run.stats.Shard = Shard{Namespace: c.consumer.config.namespace, StreamARN: event.EventSourceARN, ID: event.ShardID}
	handling, cancel := guard(ctx)
	defer cancel()
	b := newBatch(event.Records)
	response, err := run.answer(handling, b, event.State[progressKey])
	if err != nil {
		response = events.KinesisTimeWindowEventResponse{}
	}
	c.consumer.report(ctx, b, run.stats, start, response.BatchItemFailures, err)
	return response, err
}

// windowRun is one invocation for a window. The runner owns state; what the
// invocation returns is written or, if the time was up, the last snapshot.
type windowRun[S any] struct {
	*WindowConsumer[S]
	window  Window
	came    string // the state's JSON as it came
	state   S
	written string // the state's JSON as it goes
	stats   Batch
	snapshots
}

// answer folds the batch's records, and finishes the window if it was the last
// batch and nothing is left of it.
func (r *windowRun[S]) answer(ctx context.Context, b *batch, progress string) (response events.KinesisTimeWindowEventResponse, err error) {
	if err := r.read(); err != nil {
		return response, err
	}
	entries, at, err := r.serve(ctx, b, progress)
	if err != nil {
		return response, err
	}
	answer, err := r.consumer.answer(b, at)
	if err != nil {
		return response, err
	}
	response.BatchItemFailures = answer.BatchItemFailures
	response.State = map[string]string{} // not nil: Lambda wants one
	if at == len(b.records) && (r.window.Final || r.window.TerminatedEarly) {
		if f := apart(func() error { return r.finish(ctx, r.window, r.state) }); f != nil {
			f.log(ctx, r.consumer.log, "the window was not finished", r.window.ShardID, 0)
			return response, fmt.Errorf("lambda: the window from %s to %s was not finished: %w", r.window.Start, r.window.End, f)
		}
		return response, nil
	}
	response.State[stateKey] = r.written
	if len(entries) > 0 {
		response.State[progressKey], err = writeProgress(entries)
	}
	return response, err
}

// read decodes the state that came.
func (r *windowRun[S]) read() error {
	if r.came == "" {
		return nil
	}
	if f := protect(func() error { return json.Unmarshal([]byte(r.came), &r.state) }); f != nil {
		return fmt.Errorf("lambda: the window's state %.60q can't be read: %w", r.came, f)
	}
	return nil
}

// write encodes the state.
func (r *windowRun[S]) write() (string, error) {
	var b []byte
	f := protect(func() (err error) {
		b, err = json.Marshal(r.state)
		return err
	})
	if f != nil {
		return "", fmt.Errorf("lambda: the window's state can't be written: %w", f)
	}
	return string(b), nil
}

// serve folds the batch's records and writes the state. It returns what is left
// of the progress, and the index of the first record that is not decided.
func (r *windowRun[S]) serve(ctx context.Context, b *batch, progress string) ([]entry, int, error) {
	c := r.consumer
	if len(b.records) == 0 {
		written, err := r.write()
		r.written = written
		return nil, 0, err
	}
	known, beyond, err := progressOf(b, progress)
	if err != nil {
		return nil, 0, err
	}
	if !c.ready(ctx, b) {
		r.written, r.stats.TimeUp = r.came, true
		return append(slices.Collect(maps.Values(known)), beyond...), 0, nil
	}
	v := newInvocation(c, b, known)
	v.call = func(ctx context.Context, rs []*Record) error {
		next, err := r.fold(ctx, r.window, r.state, rs[0])
		if err == nil {
			r.state = next
		}
		return err
	}
	v.before = func(at ref) { r.snapshots.take(at, r.write) }
	at := c.execute(ctx, v)
	outers := v.outers
	if v.stats.TimeUp { // the runner may still be at the state
		outers, r.written, err = r.snapshots.last(v.outers, r.came)
		at = firstLeft(outers)
	} else {
		r.written, err = r.write()
	}
	entries := append(v.entries(outers, at, false), beyond...)
	c.memory.keep(b, report{shard: b.shard}, v.ending) // for what still runs
	r.stats = v.stats
	return entries, at, err
}

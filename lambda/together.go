package lambda

// This file owns handlers of several records at a time: what they are given, how
// they say which of them failed, and what an error of the whole call means.
//
// An error, a panic or a time-out of a call with several records does not say
// whose fault it is. It counts an attempt of each of them, but no record goes to
// the dead letter on account of its neighbours: once its attempts are used up it
// is called by itself, and only what that call says is about it.

import (
	"context"
	"errors"
	"fmt"
)

// BatchHandler handles several user records at a time, in the order of the shard.
// A nil error means that all of them are done, [Failures] which of them are not.
// Any other error, a panic among them, is a failed attempt at each of them, also if
// it is [Poison], since it names none. No record goes to the dead letter on account
// of its neighbours: with [WithMaxAttempts], one whose attempts were used up that way
// is called once more by itself, and what that call says is about it. Without, it
// holds up the others until Lambda gives it up.
//
// The records and the slice are the handler's to keep; their Data and strings
// alias the event, as [Record] says. ctx is as for a [Handler].
type BatchHandler func(ctx context.Context, rs []*Record) error

// Failures is the error of a [BatchHandler] that failed for some of its records:
// by index, what failed. A record that is not named, or with nil, is done. An
// error may be [Poison]; [ErrNotTried] says that the record was left for later,
// which counts no attempt. Wrapped by %w, it counts as well; joined with another
// error it does not, and the whole call counts as failed, as with an index that is
// not in the slice. [Poison] around all of it says nothing.
type Failures map[int]error

// Error says how many records failed, and the error of the first.
func (f Failures) Error() string {
	first, failed := -1, 0
	for i, err := range f {
		if err != nil {
			failed++
			if first < 0 || i < first {
				first = i
			}
		}
	}
	if failed == 0 {
		return "no record failed"
	}
	return fmt.Sprintf("%d records failed, record %d: %v", failed, first, f[first])
}

// ErrNotTried in [Failures] marks a record that the handler left for later.
var ErrNotTried = errors.New("lambda: record not tried")

// FailedAt returns the [Failures] of a handler of n records that goes through
// them in order and stopped at record i: err for that, [ErrNotTried] for the rest,
// and without an err for that, too.
func FailedAt(i, n int, err error) Failures {
	f := Failures{i: err}
	if err == nil {
		f[i] = ErrNotTried
	}
	for j := i + 1; j < n; j++ {
		f[j] = ErrNotTried
	}
	return f
}

// left is what a round leaves undecided.
type left struct {
	again  []ref // may be tried again
	failed bool  // some of these have failed, and not only been left for later
	stuck  bool  // others have to be left for the next invocation
}

// decideTogether hands a queue's records over until all are decided or the rest
// has to be left. After a failure it pauses.
func (w *worker) decideTogether(ctx context.Context, q []ref) {
	wait := firstPause
	for len(q) > 0 && ctx.Err() == nil {
		l := w.round(ctx, q)
		moved := len(l.again) < len(q)
		q = l.again
		switch {
		case moved && !l.failed:
			wait = firstPause
			continue
		case moved:
			wait = firstPause
		case !l.failed: // the handler leaves all of it for later
			return
		}
		if len(q) == 0 || w.v.consumer.config.maxAttempts == 0 || !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, maxPause)
	}
}

// round hands all of rs over once: those that can go together in one call, the
// others by themselves. What stands behind a record of its key that is not
// decided waits.
func (w *worker) round(ctx context.Context, rs []ref) (l left) {
	byKey := w.v.consumer.mode.byKey
	for len(rs) > 0 && ctx.Err() == nil {
		n := w.v.leading(rs)
		if n == 0 {
			w.alone(ctx, rs[0], &l)
			n = 1
		} else {
			w.callTogether(ctx, rs[:n], false, &l)
		}
		rs = rs[n:]
		switch {
		case byKey && l.stuck:
			return left{stuck: true}
		case byKey && len(l.again) > 0:
			l.again = append(l.again, rs...)
			return l
		}
	}
	return l
}

// leading returns how many records from the front can go into one call.
func (v *invocation) leading(rs []ref) int {
	for i, r := range rs {
		if v.subSequence(r) == WholeRecord || v.spent(v.try(r)) || v.follows(r) {
			return i
		}
	}
	return len(rs)
}

// alone does what is to be done about a record that can't go together with others.
func (w *worker) alone(ctx context.Context, r ref, l *left) {
	v := w.v
	if decided, ok := v.withoutCall(ctx, r); ok {
		l.stuck = !decided || l.stuck
		return
	}
	// See decide: if the dead letter fails once more, there is another chance.
	t := v.try(r)
	tried := t.own && v.consumer.config.deadLetter != nil
	if tried && v.setAside(ctx, r, t) {
		return
	}
	w.callTogether(ctx, []ref{r}, tried, l)
}

// verdict is what a handler's call said of one record.
type verdict struct {
	ref
	notTried bool
	failure  *failure // nil: it is done
	try      try      // after that
}

// callTogether calls the handler once, and adds what it leaves to l. kept says
// that the dead letter does not take these records now.
func (w *worker) callTogether(ctx context.Context, rs []ref, kept bool, l *left) {
	v := w.v
	records, seen := make([]Record, len(rs)), make([]*Record, len(rs))
	for i, r := range rs {
		records[i].fill(v.record(r), v.user(r), v.try(r).attempts+1)
		seen[i] = &records[i]
	}
	if !v.begin(w, rs) {
		l.stuck = true
		return
	}
	verdicts := make([]verdict, len(rs))
	whole := protect(func() error {
		err := v.call(ctx, seen)
		named := namedIn(err)
		for i, e := range named {
			if i < 0 || i >= len(rs) {
				return fmt.Errorf("the handler says that record %d of %d failed: %w", i, len(rs), e)
			}
			verdicts[i].failure = protect(func() error {
				verdicts[i].notTried = errors.Is(e, ErrNotTried)
				return e
			})
		}
		if named == nil {
			return err
		}
		return nil
	})
	for i, r := range rs {
		verdicts[i].ref = r
		if whole != nil {
			verdicts[i] = verdict{ref: r, failure: whole}
		}
	}
	own := whole == nil || len(rs) == 1
	v.settle(w, verdicts, own)
	if whole != nil {
		whole.log(ctx, v.consumer.log, "records failed", v.name(rs[0]), verdicts[0].try.attempts)
	}
	for i := range verdicts {
		w.follow(ctx, &verdicts[i], own, kept, l)
	}
}

// follow does what follows from a failure.
func (w *worker) follow(ctx context.Context, d *verdict, own, kept bool, l *left) {
	v := w.v
	switch {
	case d.failure == nil:
		v.heal(d.ref)
		return
	case d.notTried:
		l.again = append(l.again, d.ref)
		return
	}
	if own {
		d.failure.log(ctx, v.consumer.log, "record failed", v.name(d.ref), d.try.attempts)
	}
	if own && (d.failure.poison || v.spent(d.try)) {
		l.stuck = kept || !v.setAside(ctx, d.ref, d.try) || l.stuck
		return
	}
	l.again, l.failed = append(l.again, d.ref), true
}

// namedIn returns the Failures in err, nil if there are none. In a join with
// another error they are not all that failed.
func namedIn(err error) Failures {
	for ; err != nil; err = errors.Unwrap(err) {
		if f, ok := err.(Failures); ok {
			if f == nil {
				return Failures{}
			}
			return f
		}
	}
	return nil
}

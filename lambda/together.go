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
// Any other error, a panic among them, is a failed attempt at each of them.
//
// The records and the slice are the handler's to keep; their Data and strings
// alias the event, as [Record] says. ctx is as for a [Handler].
type BatchHandler func(ctx context.Context, rs []*Record) error

// Failures is the error of a [BatchHandler] that failed for some of its records:
// by index, what failed. A record that is not named, or with nil, is done. An
// error may be [Poison]; [ErrNotTried] says that the record was left for later,
// which counts no attempt. Wrapped, it counts as well. An index that is not in
// the slice makes the whole call count as failed.
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
// them in order and stopped at record i: err for that, [ErrNotTried] for the rest.
func FailedAt(i, n int, err error) Failures {
	f := Failures{i: err}
	for j := i + 1; j < n; j++ {
		f[j] = ErrNotTried
	}
	return f
}

// decideTogether hands a queue's records over until all are decided or the rest
// has to be left.
func (w *worker) decideTogether(ctx context.Context, q []ref) {
	for wait := firstPause; ; wait = min(2*wait, maxPause) {
		q = w.round(ctx, q)
		if len(q) == 0 || w.v.consumer.config.maxAttempts == 0 || !pause(ctx, wait) {
			return
		}
	}
}

// round hands all of rs over once: those that can go together in one call, the
// others by themselves. It returns those that may be tried again. What stands
// behind a record of its key that is not decided waits.
func (w *worker) round(ctx context.Context, rs []ref) (again []ref) {
	byKey := w.v.consumer.mode.byKey
	for len(rs) > 0 && ctx.Err() == nil {
		n := w.v.leading(rs)
		if n == 0 {
			if !w.decide(ctx, rs[0]) && byKey {
				return nil
			}
			rs = rs[1:]
			continue
		}
		left, stuck := w.callTogether(ctx, rs[:n])
		again, rs = append(again, left...), rs[n:]
		switch {
		case byKey && stuck:
			return nil
		case byKey && len(left) > 0:
			return append(again, rs...)
		}
	}
	return again
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

// callTogether calls the handler once. It returns the records to try again, and
// whether there are others that have to be left.
func (w *worker) callTogether(ctx context.Context, rs []ref) (again []ref, stuck bool) {
	v := w.v
	records, seen := make([]Record, len(rs)), make([]*Record, len(rs))
	for i, r := range rs {
		records[i].fill(v.record(r), v.user(r), v.try(r).attempts+1)
		seen[i] = &records[i]
	}
	if !v.begin(w, rs) {
		return nil, true
	}
	var named Failures
	f := protect(func() error {
		err := v.call(ctx, seen)
		for i, e := range namedIn(err) {
			if i < 0 || i >= len(rs) {
				return fmt.Errorf("the handler says that record %d of %d failed: %w", i, len(rs), e)
			}
		}
		named = namedIn(err)
		return err
	})
	switch {
	case f == nil:
		v.succeed(w, rs)
		return nil, false
	case named == nil && len(rs) == 1:
		named = Failures{0: f}
	case named == nil:
		v.failed(ctx, w, rs, false, f)
		return rs, false
	}
	v.idle(w)
	for i, r := range rs {
		again, stuck = w.settle(ctx, r, named[i], again, stuck)
	}
	return again, stuck
}

// namedIn returns the Failures in err, nil if there are none.
func namedIn(err error) (f Failures) {
	if errors.As(err, &f) && f == nil {
		f = Failures{}
	}
	return f
}

// settle does what the handler said of one record.
func (w *worker) settle(ctx context.Context, r ref, err error, again []ref, stuck bool) ([]ref, bool) {
	v := w.v
	if err == nil {
		v.succeed(w, []ref{r})
		return again, stuck
	}
	notTried := false
	f, whole := err.(*failure)
	if !whole {
		f = protect(func() error {
			notTried = errors.Is(err, ErrNotTried)
			return err
		})
	}
	if notTried {
		return append(again, r), stuck
	}
	t := v.failed(ctx, w, []ref{r}, true, f)
	if !f.poison && !v.spent(t) {
		return append(again, r), stuck
	}
	return again, !v.setAside(ctx, r, t) || stuck
}

// Error makes a failure an error, so that the error of a call with one record
// can stand for that of the record.
func (f *failure) Error() string { return f.message }

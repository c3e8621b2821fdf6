package lambdatest

// This file owns a batch and what becomes of it after an invocation. It is pure.

import "time"

// batch is records that are sent together, and what was tried with them.
type batch struct {
	items []item

	// Of a tumbling window; without records, and final, it is the last of it.
	window       *Window
	final, early bool

	invocations int // since the checkpoint last moved
	retries     int // of those that are used up
	failures    int // invocations in a row that did not get it any further
	requestID   string
	functionErr bool // the last invocation ended without an answer
}

// after returns what is to be sent after an invocation, in order, and whether the
// batch is given up.
func (b *batch) after(v verdict, c *config) (rest []*batch, givenUp bool) {
	b.functionErr = v.outcome == FunctionError || v.outcome == TimedOut || v.outcome == Killed
	switch {
	case v.outcome == Succeeded:
		return nil, false
	case v.outcome == Partial && v.done > 0:
		return []*batch{{items: b.items[v.done:], window: b.window, failures: 1, requestID: b.requestID}}, false
	case v.outcome != Partial && c.bisect && len(b.items) > 1:
		b.failures++
		return b.halves(c), false
	case c.retries >= 0 && b.retries >= c.retries:
		return nil, true
	}
	b.retries++
	b.failures++
	return []*batch{b}, false
}

func (b *batch) halves(c *config) []*batch {
	first, second := *b, *b
	cut := (len(b.items) + 1) / 2
	first.items, second.items = b.items[:cut], b.items[cut:]
	if c.splitRestarts {
		for _, half := range []*batch{&first, &second} {
			half.invocations, half.retries = 0, 0
		}
	}
	second.failures = 0 // it has not failed by itself
	return []*batch{&first, &second}
}

// expired cuts off the records at the head of the batch that are too old.
func (b *batch) expired(now time.Time, age time.Duration) []item {
	if age < 0 {
		return nil
	}
	n := 0
	for n < len(b.items) && now.Sub(b.items[n].ApproximateArrivalTimestamp) > age {
		n++
	}
	head := b.items[:n]
	b.items = b.items[n:]
	return head
}

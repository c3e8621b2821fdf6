package lambda

// This file owns time: when an invocation must answer, and the pauses between
// attempts, which never last beyond that.

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	minMargin = 500 * time.Millisecond // to work out the answer and get it to the runtime

	firstPause = 50 * time.Millisecond // the longest pause after a record's first failure
	maxPause   = 5 * time.Second
)

// guard returns ctx ending when Kinesis has to answer.
func guard(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-margin(time.Until(deadline))))
}

// margin is what is kept of the time left for the answer. With less than a
// second left the handlers get half of it, not what half a second leaves.
func margin(left time.Duration) time.Duration {
	return max(0, min(max(minMargin, left/20), left/2))
}

// pause waits for a random time below limit (full jitter). It returns false as
// soon as ctx ends, and at once if the wait would last to the end of ctx: what
// runs after that could only be cut off.
func pause(ctx context.Context, limit time.Duration) bool {
	d := rand.N(limit)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package lambdatest

// This file owns a lane: the batches of one shard that follow each other. All of a
// shard's records with one outer partition key are in one lane. Only the lane's
// goroutine touches what is not under the shard's mutex, and between runs nobody.

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"
)

type lane struct {
	shard *shard
	index int
	rnd   *rand.Rand

	// Under the shard's mutex.
	queue []item // read, and in no batch yet
	busy  bool   // has a batch, or an open window

	stack       []*batch // what is to be sent, the last one first
	invocations int
	window      *Window // the tumbling window that is open
	state       []byte  // its state
}

func newLane(s *shard, index int) *lane {
	return &lane{
		shard: s, index: index, state: []byte("{}"),
		rnd: random(s.mapping.config.seed, "lane", s.id, strconv.Itoa(index)),
	}
}

// run delivers batches until there is nothing more in this run, or ctx ends.
func (l *lane) run(ctx context.Context) error {
	for {
		if err := l.deliver(ctx); err != nil {
			return err
		}
		b, err := l.take(ctx)
		if b == nil || err != nil {
			return err
		}
		l.stack = append(l.stack, b)
	}
}

// take waits for the next batch. It returns nil when the reader has stopped and
// there is nothing left.
func (l *lane) take(ctx context.Context) (*batch, error) {
	s := l.shard
	for {
		s.mu.Lock()
		b, wait := l.next(time.Now())
		if busy := b != nil || l.window != nil; busy != l.busy {
			l.busy = busy
			s.signal()
		}
		stopped, changed := s.stopped && len(l.queue) == 0, s.changed
		s.mu.Unlock()
		if b != nil || stopped {
			return b, nil
		}
		if err := await(ctx, changed, wait); err != nil {
			return nil, err
		}
	}
}

// next returns the batch that is ready now, or after how long to look again; below
// 0 is when something changes. It is called under the shard's mutex.
func (l *lane) next(now time.Time) (*batch, time.Duration) {
	s, c := l.shard, &l.shard.mapping.config
	n, full := l.fit(l.queue)
	if n == 0 {
		return l.closeWindow(now, s.ended)
	}
	if ready := l.queue[0].read.Add(c.batchingWindow); !full && !s.ended && now.Before(ready) {
		return nil, ready.Sub(now)
	}
	b := &batch{}
	if c.tumbling > 0 {
		w := l.windowFor(&l.queue[0])
		if l.window != nil && *l.window != w {
			return l.closeWindow(now, true)
		}
		l.window, b.window = &w, &w
	}
	b.items = l.queue[:n:n]
	l.queue = l.queue[n:]
	s.signal()
	return b, -1
}

// closeWindow returns the last batch of the open window, if it has ended: by the
// clock, as far as the stream was read since, or by what is known.
func (l *lane) closeWindow(now time.Time, ended bool) (*batch, time.Duration) {
	if l.window == nil {
		return nil, -1
	}
	if !ended {
		if wait := l.window.End.Sub(now); wait > 0 {
			return nil, wait
		}
		if l.shard.caughtUp.Before(l.window.End) {
			return nil, -1
		}
	}
	return &batch{window: l.window, final: true}, 0
}

// deliver sends what is on the stack until it is empty.
func (l *lane) deliver(ctx context.Context) error {
	c := &l.shard.mapping.config
	for len(l.stack) > 0 {
		b := l.stack[len(l.stack)-1]
		refused, err := l.admit(ctx, b)
		if err != nil {
			return err
		}
		if old := b.expired(time.Now(), c.recordAge); len(old) > 0 {
			head := *b
			head.items = old
			l.giveUp(&head, RecordAgeExceeded)
			b.failures = 0
		}
		if len(b.items) == 0 && !b.final && !b.early {
			l.stack = l.stack[:len(l.stack)-1]
			continue
		}
		l.cut(b)
		v, err := l.invoke(ctx, b, refused)
		if err != nil {
			return err
		}
		l.settle(b, v)
	}
	return nil
}

// cut leaves in the batch at the top what fits into an event with the window's state
// as it is now. The tail goes back as a batch of its own, with what was tried so far.
func (l *lane) cut(b *batch) {
	n, _ := l.fit(b.items)
	if n == len(b.items) {
		return
	}
	tail := *b
	b.items, tail.items = b.items[:n], b.items[n:]
	tail.failures = 0 // it has not failed by itself
	l.stack[len(l.stack)-1] = &tail
	l.stack = append(l.stack, b)
}

// settle puts in the place of the batch at the top what follows from it.
func (l *lane) settle(b *batch, v verdict) {
	c := &l.shard.mapping.config
	l.stack = l.stack[:len(l.stack)-1]
	rest, givenUp := b.after(v, c)
	if givenUp {
		l.giveUp(b, RetryAttemptsExhausted)
	}
	for i := len(rest); i > 0; i-- {
		l.stack = append(l.stack, rest[i-1])
	}
	switch {
	case b.window == nil:
	case len(rest) == 0 && b.final:
		l.window, l.state = nil, []byte("{}")
	case len(rest) == 0 && b.early:
		l.state = []byte("{}")
	case v.state == nil || v.outcome == Partial && !c.stateOfPartial || b.final || b.early:
	default:
		l.state = v.state
		if len(l.state) > stateLimit {
			l.stack = append(l.stack, &batch{window: b.window, early: true})
		}
	}
}

// admit waits until a batch may be sent, and returns how often it was refused.
func (l *lane) admit(ctx context.Context, b *batch) (refused int, err error) {
	c := &l.shard.mapping.config
	if b.failures > 0 {
		if err := sleep(ctx, c.backoff(b.failures)); err != nil {
			return 0, err
		}
	}
	for chance(l.rnd, c.trouble.Throttle) {
		refused++
		if err := sleep(ctx, c.backoff(refused)); err != nil {
			return 0, err
		}
	}
	return refused, ctx.Err()
}

// invoke sends a batch and says what came of it. The error is that of ctx, before
// anything was sent; from then on it is seen to the end.
func (l *lane) invoke(ctx context.Context, b *batch, refused int) (verdict, error) {
	m := l.shard.mapping
	c := &m.config
	s, cold, err := m.pool.acquire(ctx, l.rnd)
	if err != nil {
		return verdict{}, err
	}
	defer m.pool.release(s)

	l.invocations++
	b.invocations++
	b.requestID = requestID(l.rnd)
	inv := &Invocation{
		ShardID: l.shard.id, Lane: l.index, Sandbox: s.number, ColdStart: cold, RequestID: b.requestID,
		Attempt: b.invocations, Refused: refused, Window: b.window, Final: b.final, Early: b.early, Start: time.Now(),
	}
	for i := range b.items {
		inv.Records = append(inv.Records, b.items[i].Record)
	}
	m.log.start(inv)
	r := &running{nth: map[string]int{}, point: Point{ShardID: l.shard.id, Lane: l.index, Invocation: l.invocations}}
	answer, v := s.call(ctx, r, b.requestID, l.event(b), l.killAfter())
	if v.outcome == Succeeded {
		v = judge(c, b.items, answer)
	}
	m.log.end(inv, time.Now(), v, answer)
	return v, nil
}

// killAfter returns when in the next invocation its sandbox dies; 0 is never.
func (l *lane) killAfter() time.Duration {
	c := &l.shard.mapping.config
	if !chance(l.rnd, c.trouble.Kill) {
		return 0
	}
	within := c.trouble.KillWithin
	if within == 0 {
		within = c.timeout
	}
	return 1 + time.Duration(l.rnd.Int64N(int64(within)))
}

// sleep waits that long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	return await(ctx, nil, d)
}

// await waits until changed is closed, for a time (below 0: any), or until ctx ends.
func await(ctx context.Context, changed <-chan struct{}, d time.Duration) error {
	var after <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-changed:
	case <-after:
	case <-ctx.Done():
	}
	return ctx.Err()
}

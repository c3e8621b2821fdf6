package producer

import (
	"context"
	"fmt"
	"time"
)

// PutSync puts a user record and waits for its Result, whose Err it returns as
// well. If ctx ends before that, the error is ctx's, and the record, if it was
// accepted, goes its way all the same. In a done it returns ErrInDone.
func (p *Producer) PutSync(ctx context.Context, r Record) (Result, error) {
	if p.teller.isCurrent() {
		return Result{Record: r, Err: ErrInDone}, ErrInDone
	}
	results := make(chan Result, 1)
	err := p.Put(ctx, r, func(res Result) {
		res.Record.Data = append([]byte(nil), res.Record.Data...)
		results <- res
	})
	if err != nil {
		return Result{Record: r, Err: err}, err
	}
	select {
	case res := <-results:
		return res, res.Err
	case <-ctx.Done():
		return Result{Record: r, Err: ctx.Err(), MaybeStored: true}, ctx.Err()
	}
}

// Flush sends what was put before it without waiting for neighbours, and returns
// when the dones of all of it have run, or with ctx's error when ctx ends. What
// is put meanwhile is not waited for. In a done it returns ErrInDone.
func (p *Producer) Flush(ctx context.Context) error {
	if p.teller.isCurrent() {
		return ErrInDone
	}
	p.mu.Lock()
	flushed := p.flush(p.now())
	p.mu.Unlock()
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush begins a new epoch, makes everything waiting ready and returns what is
// closed when all of it is finished.
func (p *Producer) flush(now time.Duration) <-chan struct{} {
	last := p.epochs[len(p.epochs)-1]
	last.flushed = make(chan struct{})
	p.epochs = append(p.epochs, &epoch{})
	p.advance()
	p.makeDue(now, true)
	return last.flushed
}

// Close refuses further Puts, sends what is buffered and waits until every done
// has run. If ctx ends first it gives up: what is not stored by then is handed
// back with ErrClosed, and Close returns an error that counts those records and
// wraps ctx's. Either way no goroutine is left, for which Close waits: a Client
// that does not give up when its ctx ends, or a done that does not return, holds
// it up. Further calls of Close wait for the first, whatever their ctx, and return
// the same. In a done it returns ErrInDone.
func (p *Producer) Close(ctx context.Context) error {
	if p.teller.isCurrent() {
		return ErrInDone
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.ended
		return p.endErr
	}
	p.closed = true
	p.gate.refuseAll()
	flushed := p.flush(p.now())
	p.mu.Unlock()

	select {
	case <-flushed:
	case <-ctx.Done():
		p.giveUp()
		<-flushed
	}
	p.mu.Lock()
	p.stopTimers()
	p.cancel()
	n := p.stats.UserRecordsHandedBack
	p.mu.Unlock()
	p.wg.Wait()
	if n > 0 {
		p.endErr = fmt.Errorf("producer: closed with %d user records handed back: %w", n, ctx.Err())
	}
	close(p.ended)
	return p.endErr
}

// giveUp hands back everything that waits, and ends the calls under way, whose
// records follow as they return.
func (p *Producer) giveUp() {
	p.mu.Lock()
	defer p.unlockAndTell()
	p.gaveUp = true
	p.cancel()
	now := p.now()
	for _, s := range p.shards {
		for _, l := range s.lanes {
			for _, b := range l.take() {
				p.finish(b, b.records, outcome{kind: ErrClosed, handedBack: true, whole: true}, now)
			}
		}
	}
	p.judgeParked(now)
}

// stopTimers ends every wait for a time. The mutex is held.
func (p *Producer) stopTimers() {
	p.gaveUp = true
	if p.list.pending != nil && p.list.pending.Stop() {
		p.list.pending = nil
		p.wg.Done()
	}
	for _, s := range p.shards {
		p.setTimer(s, 0, p.now())
	}
}

// press makes everything due when the gate is full and nothing is on its way that
// would make room: no neighbour can come any more that would be worth waiting for.
func (p *Producer) press() {
	if p.pressed || p.workers > 0 || len(p.outbox) > 0 || p.gate.entering > 0 {
		return
	}
	p.pressed = true
	p.makeDue(p.now(), false)
}

// relieve presses for the Puts that wait. It is called at the end of all that may
// have made room for some of them only, or put something in that is not due.
func (p *Producer) relieve() {
	if len(p.gate.waiting) > 0 {
		p.press()
	}
}

// makeDue has every open batch go as soon as it can, with all that it holds if
// somebody waits for it.
func (p *Producer) makeDue(now time.Duration, flushed bool) {
	for _, s := range p.shards {
		for _, l := range s.lanes {
			if b := l.open(); b != nil {
				b.due, b.flushed = min(b.due, now), b.flushed || flushed
			}
			for _, b := range l.back { // the last one may become the open one
				b.flushed = b.flushed || flushed
			}
			p.kick(l, now)
		}
	}
}

// SetAggregation turns packing off, and on again, at run time: a kill switch for
// when readers turn out not to unpack. Off, every user record goes plain and by
// itself, what waits already too; what is under way is not called back. It is on
// at first (WithAggregation).
func (p *Producer) SetAggregation(on bool) {
	p.mu.Lock()
	defer p.unlockAndTell()
	if on == p.aggregation || p.gaveUp {
		return
	}
	p.aggregation = on
	now := p.now()
	for _, s := range p.shards {
		p.setMode(s)
	}
	for _, s := range p.shards {
		for _, l := range s.lanes {
			p.requeue(l, now)
		}
	}
	for _, s := range p.shards {
		p.kickAll(s, now)
	}
	p.relieve()
}

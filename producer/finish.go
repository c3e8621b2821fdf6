package producer

import (
	"runtime/debug"
	"time"
)

// This file owns the end of a record: its room goes back, its done runs, and
// those who wait for it in Flush or Close learn of it.

// epoch counts the records put between one Flush and the next whose dones have
// not run yet. flushed is closed when this one and all earlier ones are at zero.
type epoch struct {
	live    int
	flushed chan struct{}
}

// finished is a record whose done is to be called.
type finished struct {
	done   func(Result)
	result Result
	epoch  *epoch
}

// maxIdleFinished is how long a list of told records may get before it is
// shortened, and one of finished records that is kept for later.
const maxIdleFinished = 4096

// awaited says whether a Flush or Close waits for r.
func (p *Producer) awaited(r record) bool { return r.epoch != p.epochs[len(p.epochs)-1] }

// finish ends the i-th record of b. The mutex is held.
func (p *Producer) finish(b *batch, i int, res Result) {
	r := &b.records[i]
	res.Record = Record{PartitionKey: r.partitionKey, ExplicitHashKey: r.explicitHashKey, Data: b.data(i)}
	res.Attempts, res.MaybeStored = r.attempts, res.Err != nil && r.maybeStored
	p.gate.leave(charged(r.size, r.partitionKey, r.explicitHashKey))
	p.stats.count(&res)
	if p.told > maxIdleFinished && p.told > len(p.finished)/2 {
		n := copy(p.finished, p.finished[p.told:])
		clear(p.finished[n:])
		p.finished, p.told = p.finished[:n], 0
	}
	p.finished = append(p.finished, finished{r.done, res, r.epoch})
	if !p.telling {
		p.telling = true
		p.wg.Go(p.tell)
	}
}

// tell calls the dones, until there is none.
func (p *Producer) tell() {
	for p.tellNext() {
	}
}

// tellNext calls one done, and says whether there was one.
func (p *Producer) tellNext() (more bool) {
	p.mu.Lock()
	if p.told == len(p.finished) {
		p.finished, p.told, p.telling = p.finished[:0], 0, false
		if cap(p.finished) > maxIdleFinished {
			p.finished = nil
		}
		p.mu.Unlock()
		return false
	}
	f := p.finished[p.told]
	p.finished[p.told] = finished{}
	p.told++
	p.mu.Unlock()

	returned := f.done == nil
	defer func() {
		more = true
		if v := recover(); v != nil {
			p.cfg.logger.Error("kinpack: a done panicked", "stream", p.stream, "panic", v, "stack", string(debug.Stack()))
		} else if !returned { // it ended the goroutine with runtime.Goexit, as a test's FailNow does
			p.wg.Go(p.tell)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		f.epoch.live--
		p.advance()
	}()
	if f.done != nil {
		f.done(f.result)
		returned = true
	}
	return true
}

// advance closes the epochs that are over. The mutex is held.
func (p *Producer) advance() {
	for len(p.epochs) > 1 && p.epochs[0].live == 0 {
		close(p.epochs[0].flushed)
		p.epochs = p.epochs[1:]
	}
}

// giveUp hands back everything that waits, and ends the calls under way, whose
// records follow as they return.
func (p *Producer) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gaveUp = true
	p.cancel()
	now := time.Now()
	for _, l := range p.lanes {
		for _, b := range l.take() {
			for i := range b.records {
				p.handBack(b, i, Result{Err: putError(ErrClosed, b.records[i].lastErr, b.records[i].attempts)})
			}
		}
		p.setTimer(l, time.Time{}, now)
	}
	p.judgeParked(now)
}

// handBack finishes a record that Close gave up.
func (p *Producer) handBack(b *batch, i int, res Result) {
	p.stats.UserRecordsHandedBack++
	p.finish(b, i, res)
}

package producer

import "fmt"

// Residue tells what a closed Producer has left behind, which should be nothing.
func (p *Producer) Residue() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := ""
	count := func(what string, n int) {
		if n != 0 {
			left += fmt.Sprintf("%d %s; ", n, what)
		}
	}
	count("bytes in the gate", p.gate.used)
	count("Puts waiting", len(p.gate.waiting))
	count("workers", p.workers)
	count("shards in the outbox", len(p.outbox))
	count("aggregates parked", len(p.parked))
	count("lanes of shards that are gone", len(p.gone))
	count("groups of finished records", len(p.groups))
	count("events", len(p.events))
	count("epochs", len(p.epochs)-1)
	if p.telling {
		left += "telling; "
	}
	if p.list.busy || p.list.pending != nil {
		left += "a listing; "
	}
	for _, s := range p.shards {
		if s.wakeAt != 0 {
			left += "the timer of " + s.ID + "; "
		}
		for _, l := range s.lanes {
			count("batches waiting in "+s.ID, len(l.queue)+len(l.back))
			count("batches under way to "+s.ID, len(l.underWay)+len(l.flying)+l.packed)
		}
	}
	return left
}

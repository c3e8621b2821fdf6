package producer

import (
	"context"
	"log/slog"
	"time"
)

// Hooks are functions that a Producer calls as things happen, for metrics and
// traces; each may be nil. See WithHooks.
//
// They are called by goroutines of the Producer's, several at once, with no
// lock held. They may call Stats. One that is slow holds up what it tells of: a
// worker with its call, or the dones. One that panics ends the process, as a
// panic in any goroutine does.
type Hooks struct {
	// CallStart is called before a PutRecords call. The call is made with the
	// context that it returns, such as one that carries a span; it must come from
	// ctx, whose end is the call's deadline.
	CallStart func(ctx context.Context, e CallStart) context.Context
	// CallEnd is called after a PutRecords call, with CallStart's context.
	CallEnd func(ctx context.Context, e CallEnd)
	// Entry is called for each Kinesis record of a call, once it has been judged,
	// which for one that has to wait for a listing of the shards is later. The dones
	// of its user records may run before.
	Entry func(ctx context.Context, e Entry)
	// Finished is called when user records are put or failed, for those of one
	// Kinesis record with one outcome together, before their dones run.
	Finished func(ctx context.Context, e Finished)
	// Shards is called after each attempt to learn the stream's shards; there are
	// none on a service-managed stream.
	Shards func(ctx context.Context, e Shards)
}

// CallStart tells of a PutRecords call that is about to be made.
type CallStart struct {
	Stream         string // name or ARN, as New was given it
	KinesisRecords int    // entries of the call
	UserRecords    int    // that are packed in them
	Bytes          int    // of the entries' data, without keys
}

// CallEnd tells of a PutRecords call that has ended.
type CallEnd struct {
	CallStart
	Duration time.Duration
	Failed   int    // entries that the answer calls failed; all if Err is not nil
	Err      error  // of the whole call
	Code     string // the service's error code of Err; "" if it has none
}

// Verdict is what became of a Kinesis record that was sent.
type Verdict int

const (
	// Stored: it is in the stream, and every reader gets it.
	Stored Verdict = iota
	// WrongLanding: it is in the stream, but a KCL drops it, so its user records
	// are sent again.
	WrongLanding
	// LandingUnknown: it is in the stream, in a shard whose range could not be
	// learnt in time.
	LandingUnknown
	// NotStored: the service did not store it, or its answer is not known.
	NotStored
)

// String returns stored, wrong_landing, landing_unknown or not_stored.
func (v Verdict) String() string {
	switch v {
	case Stored:
		return "stored"
	case WrongLanding:
		return "wrong_landing"
	case LandingUnknown:
		return "landing_unknown"
	}
	return "not_stored"
}

// Entry tells of one Kinesis record that was sent.
type Entry struct {
	Stream      string
	ShardID     string // that stored it, else the predicted one; "" if there is none
	Verdict     Verdict
	Code        string // of NotStored: the service's error code; "" if there was no answer
	UserRecords int
	Bytes       int // of its data
	Units       int // PUT payload units that it is billed, if it was stored
	Aggregated  bool
	// Buffered is how long its first user record had waited when it was sent, and
	// Late how much of that lies beyond the maximum buffered time.
	Buffered, Late time.Duration
}

// Finished tells of user records that are put or failed.
type Finished struct {
	Stream        string
	ShardID       string // where they are; "" if they are nowhere that is known
	UserRecords   int
	Bytes         int           // of their data
	UnitsUnpacked int           // PUT payload units if they had gone out one by one
	Retries       int           // times that they were sent again, added up
	Age           time.Duration // since the Put of the first of them
	// Err is nil if they are put; else a *PutError that one of them gets.
	Err error
}

// Shards tells of an attempt to learn the stream's shards.
type Shards struct {
	Stream string
	Open   int   // open shards in the map now; 0 before the first
	Err    error // why the map is as it was before
}

// hooks are those of all WithHooks, in their order.
type hooks []Hooks

func (all hooks) callStart(ctx context.Context, e CallStart) context.Context {
	for i := range all {
		if f := all[i].CallStart; f != nil {
			ctx = f(ctx, e)
		}
	}
	return ctx
}

func (all hooks) callEnd(ctx context.Context, e CallEnd) {
	for i := range all {
		if f := all[i].CallEnd; f != nil {
			f(ctx, e)
		}
	}
}

func (all hooks) finished(ctx context.Context, e Finished) {
	for i := range all {
		if f := all[i].Finished; f != nil {
			f(ctx, e)
		}
	}
}

// event is an Entry, a Shards or a line of the log that came while the mutex was
// held, and is told when it is free.
type event struct {
	entry  *Entry
	shards *Shards
	line   *line
}

type line struct {
	level   slog.Level
	message string
	args    []any
}

// log has a line logged. The mutex is held.
func (p *Producer) log(level slog.Level, message string, args ...any) {
	p.events = append(p.events, event{line: &line{level, message, append(args, "stream", p.stream)}})
}

// tellEntry has the hooks told what became of an entry. The mutex is held.
func (p *Producer) tellEntry(e entry, a answer, v Verdict) {
	late := max(0, e.batch.sent-e.batch.records[0].put-p.packing.linger)
	p.stats.LateTime += late
	p.stats.BufferingTime += e.batch.sent - e.batch.records[0].put
	if len(p.cfg.hooks) == 0 {
		return
	}
	n := len(e.batch.kept)
	t := &Entry{Stream: p.stream, ShardID: a.shardID, Verdict: v, UserRecords: len(e.batch.records), Bytes: n,
		Aggregated: e.batch.aggregated, Buffered: e.batch.sent - e.batch.records[0].put, Late: late}
	if v == NotStored {
		t.ShardID, t.Code = e.lane.shard.ID, code(a.err)
	} else {
		t.Units = p.units(n)
	}
	p.events = append(p.events, event{entry: t})
}

// tellShards has the hooks told of a listing. The mutex is held.
func (p *Producer) tellShards(err error) {
	if len(p.cfg.hooks) == 0 {
		return
	}
	t := &Shards{Stream: p.stream, Err: err}
	if p.shardMap != nil {
		t.Open = p.shardMap.Len()
	}
	p.events = append(p.events, event{shards: t})
}

// unlockAndTell frees the mutex and tells the hooks and the log what happened
// meanwhile.
func (p *Producer) unlockAndTell() {
	events := p.events
	p.events = nil
	p.mu.Unlock()
	for _, e := range events {
		if l := e.line; l != nil {
			p.cfg.logger.Log(p.ctx, l.level, l.message, l.args...)
		}
		for i := range p.cfg.hooks {
			h := &p.cfg.hooks[i]
			if e.entry != nil && h.Entry != nil {
				h.Entry(p.ctx, *e.entry)
			}
			if e.shards != nil && h.Shards != nil {
				h.Shards(p.ctx, *e.shards)
			}
		}
	}
}

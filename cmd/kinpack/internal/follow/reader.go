package follow

// This file owns the loop: it starts turns, waits for what they bring, hands that
// out, and learns from it. All of a reader's fields belong to the goroutine of the
// loop. What it starts reports exactly once, in a channel with room for all.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped")

type reader struct {
	stream Stream
	from   Position
	config config
	yield  func(Record) bool

	start   time.Time // of reading, by the service's clock, cut to a second
	lineage lineage
	queue   queue
	results chan result
	calls   sync.WaitGroup
	busy    int // turns under way

	// A listing is needed for missing shards, which could not be found, and for
	// those whose end named no child; see also needsListing.
	missing   []*cursor
	childless []string
	listing   bool // under way
	listDue   time.Time
	listings  failures // those that did not help
}

// result is what a turn or a listing brought.
type result struct {
	cursor  *cursor // nil for a listing
	page    *kinesis.GetRecordsOutput
	listing []*Shard
	at      time.Time // when it came in
	took    time.Duration
	err     error
}

func newReader(s Stream, from Position, c config) *reader {
	return &reader{stream: s, from: from, config: c, lineage: lineage{}, results: make(chan result, c.workers+1)}
}

func (r *reader) run(ctx context.Context, yield func(Record) bool) error {
	r.yield = yield
	ctx, cancel := context.WithCancel(ctx)
	defer r.calls.Wait()
	defer cancel()
	if err := r.begin(ctx); err != nil {
		return err
	}
	for {
		r.startTurns(ctx)
		if r.busy == 0 && len(r.queue.cursors) == 0 && !r.listing && !r.needsListing() {
			return nil
		}
		got, ok, err := r.next(ctx)
		switch {
		case err != nil:
		case !ok: // something is due
		case got.cursor == nil:
			err = r.listed(got)
		default:
			err = r.turned(ctx, got)
		}
		if err != nil {
			return err
		}
	}
}

// begin lists the shards and opens those that are to be read.
func (r *reader) begin(ctx context.Context) error {
	shards, at, err := r.stream.list(ctx)
	if err != nil {
		return err
	}
	r.start = at
	if r.from.kind == types.ShardIteratorTypeAtTimestamp && r.from.at.After(at) {
		r.from.at = at.Truncate(time.Millisecond) // the service takes no time to come
	}
	if shards = r.wanted(shards); len(shards) == 0 && r.config.shard != "" {
		return fmt.Errorf("no shard %q in stream %s", r.config.shard, r.stream)
	}
	latest := r.from.kind == types.ShardIteratorTypeLatest
	r.open(r.lineage.listed(shards, true, func(s *Shard) bool { return latest && !s.Open }))
	return nil
}

// String names the stream.
func (s Stream) String() string { return aws.ToString(s.Name) + aws.ToString(s.ARN) }

// wanted returns the shards that are to be read, if they can be.
func (r *reader) wanted(shards []*Shard) []*Shard {
	if r.config.shard == "" {
		return shards
	}
	for _, s := range shards {
		if s.ID == r.config.shard {
			return []*Shard{s}
		}
	}
	return nil
}

// open gives shards their first turn.
func (r *reader) open(ready []*node) {
	now := time.Now()
	for _, n := range ready {
		c := &cursor{shard: n.shard, start: TrimHorizon(), known: n.first, found: now}
		if n.first {
			c.start = r.from
		}
		r.queue.put(c, now)
	}
}

// startTurns starts what is due.
func (r *reader) startTurns(ctx context.Context) {
	now := time.Now()
	for r.busy < r.config.workers {
		c, ok := r.queue.take(now)
		if !ok {
			break
		}
		r.busy++
		r.call(func(got *result) {
			got.cursor = c
			got.page, got.err = r.stream.turn(ctx, c, r.config.pageSize)
		})
	}
	if r.needsListing() && !r.listing && !r.listDue.After(now) {
		r.listing = true
		r.call(func(got *result) { got.listing, _, got.err = r.stream.list(ctx) })
	}
}

// call has a result made by a goroutine of its own.
func (r *reader) call(make func(*result)) {
	r.calls.Go(func() {
		start := time.Now()
		var got result
		make(&got)
		got.at = time.Now()
		got.took = got.at.Sub(start)
		r.results <- got
	})
}

// needsListing says whether the shards have to be listed to go on.
func (r *reader) needsListing() bool {
	return len(r.missing) > 0 || len(r.childless) > 0 ||
		r.busy == 0 && len(r.queue.cursors) == 0 && r.lineage.waits() != nil
}

// next waits for a result, or until something is due.
func (r *reader) next(ctx context.Context) (got result, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return result{}, false, err
	}
	select {
	case got := <-r.results:
		return got, true, nil
	default:
	}
	r.config.idle()
	var due <-chan time.Time
	if at, ok := r.due(); ok {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		due = t.C
	}
	select {
	case got := <-r.results:
		return got, true, nil
	case <-due:
		return result{}, false, nil
	case <-ctx.Done():
		return result{}, false, ctx.Err()
	}
}

// due returns when something is to be started next, if time decides that.
func (r *reader) due() (at time.Time, ok bool) {
	if len(r.queue.cursors) > 0 && r.busy < r.config.workers {
		at, ok = r.queue.cursors[0].due, true
	}
	if r.needsListing() && !r.listing && (!ok || r.listDue.Before(at)) {
		at, ok = r.listDue, true
	}
	return at, ok
}

// turned takes in what a turn brought.
func (r *reader) turned(ctx context.Context, got result) error {
	r.busy--
	c := got.cursor
	if got.err != nil {
		return r.failed(ctx, got)
	}
	records := got.page.Records
	tip := aws.ToInt64(got.page.MillisBehindLatest) == 0
	bytes := 0
	for i := range records {
		bytes += len(records[i].Data)
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.yield(record(c.shard, &records[i])) {
			return errStopped
		}
	}
	due := got.at.Add(c.read(len(records), bytes, tip))
	if tip && c.iterator != nil {
		r.config.tip(c.shard, serviceTime(got.page.ResultMetadata))
	}
	switch {
	case c.iterator == nil:
		r.end(c, got.page.ChildShards)
	case r.config.stopAtTip && c.shard.Open && r.allRead(records, tip):
		r.lineage.leave(c.shard.ID)
	default:
		r.queue.put(c, due)
	}
	return nil
}

func record(s *Shard, r *types.Record) Record {
	rec := Record{
		Shard: s, PartitionKey: aws.ToString(r.PartitionKey), SequenceNumber: aws.ToString(r.SequenceNumber),
		Data: r.Data, Arrival: aws.ToTime(r.ApproximateArrivalTimestamp),
	}
	if rec.Data == nil {
		rec.Data = []byte{}
	}
	return rec
}

// allRead says whether a page ends behind all that was there at the start. That a
// page with records is the last one is not taken from the service: not all that
// speak its protocol know.
func (r *reader) allRead(records []types.Record, tip bool) bool {
	if len(records) == 0 {
		return tip
	}
	last := records[len(records)-1].ApproximateArrivalTimestamp
	return last != nil && !last.Before(r.start.Add(dateSlack))
}

// end takes in that a shard has been read to its end.
func (r *reader) end(c *cursor, named []types.ChildShard) {
	if r.config.shard != "" {
		r.lineage[c.shard.ID].state = ended
		return
	}
	var children []*Shard
	for _, s := range named {
		child := &Shard{ID: aws.ToString(s.ShardId), Parents: s.ParentShards, HashKeys: keys(s.HashKeyRange), Open: true}
		if len(child.Parents) == 0 {
			child.Parents = []string{c.shard.ID}
		}
		children = append(children, child)
	}
	r.open(r.lineage.end(c.shard.ID, children))
	if len(r.lineage[c.shard.ID].children) == 0 {
		r.childless = append(r.childless, c.shard.ID)
	}
}

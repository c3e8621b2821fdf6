package producer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

const (
	// maxRecordSize is the largest record that a stream can be set to take.
	maxRecordSize = 10 << 20
	// bookkeeping is what the gate charges a record besides its data and keys.
	bookkeeping = 256
)

// Record is a user record: partition key, optional explicit hash key, data.
type Record = aggregate.Record

// Client is what the Producer needs of the AWS SDK; *kinesis.Client is one. It
// must be safe for concurrent use and should give up when ctx ends.
type Client interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
}

// Producer packs user records and writes them to one stream. It is safe for
// concurrent use. Make it with New, end it with Close.
type Producer struct {
	cfg    config
	client Client
	stream string // name or ARN

	ctx    context.Context // of the calls; ended by a Close that gives up
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine and armed timer

	mu     sync.Mutex
	gate   gate
	closed bool // no Put any more
	gaveUp bool // nothing is sent any more
	ended  chan struct{}
	endErr error // valid once ended is closed

	shards   *shardmap.Map // nil before the first
	ranges   map[string]hashkey.Range
	lanes    []*lane // one for each of shards, in its order; or the plain lane
	gone     []*lane // of shards that are no longer open, with batches under way
	parked   []parked
	list     listing
	outbox   []*lane
	spares   spares
	workers  int
	finished []finished
	told     int  // of finished, how many
	telling  bool // a goroutine calls the dones
	epochs   []*epoch
	stats    Stats
}

// New makes a Producer for a stream, given by name or ARN. ctx bounds New only.
//
// New lists the stream's shards. It fails if an option is out of its range, if
// there is no such stream, or if access is denied; any other failure is logged
// and tried again in the background. Until the shards are known user records go
// out plain, at most one of a partition key at a time.
//
// It needs kinesis:PutRecords and kinesis:ListShards on the stream.
func New(ctx context.Context, client Client, stream string, opts ...Option) (*Producer, error) {
	c, err := newConfig(opts)
	switch {
	case err != nil:
		return nil, fmt.Errorf("producer: %w", err)
	case client == nil:
		return nil, fmt.Errorf("producer: nil client")
	case stream == "":
		return nil, fmt.Errorf("producer: no stream name or ARN")
	}
	p := &Producer{
		cfg: c, client: client, stream: stream,
		gate:   gate{max: c.maxBufferedBytes},
		ended:  make(chan struct{}),
		ranges: map[string]hashkey.Range{},
		epochs: []*epoch{{}},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.lanes = []*lane{p.newLane(shardmap.Shard{Range: hashkey.Range{Last: hashkey.Max()}})}
	all, err := p.listShards(ctx, false)
	if fatal(err) || ctx.Err() != nil && err != nil {
		p.cancel()
		return nil, fmt.Errorf("producer: list shards of %s: %w", stream, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed(all, err, time.Now())
	return p, nil
}

// streamRef returns the stream as the calls take it: a name or an ARN.
func (p *Producer) streamRef() (name, arn *string) {
	if strings.HasPrefix(p.stream, "arn:") {
		return nil, &p.stream
	}
	return &p.stream, nil
}

// Put hands a user record over. It copies r.Data, which the caller may reuse at
// once, and waits for room in the buffer only, as long as ctx allows.
//
// If Put returns an error the record was not accepted, and done never runs: the
// error wraps aggregate.ErrInvalid or ErrTooLarge for a record that cannot be
// put, and is ErrClosed or ctx's own otherwise. If it returns nil, done, which
// may be nil, runs exactly once, with a Result that says what became of the
// record.
//
// The dones run one after the other in a goroutine of the Producer's, after the
// record's room was given back: a slow one delays the other dones, Flush and
// Close, but not the sending, while memory for what is finished piles up. A done
// may call TryPut and Stats. It must not call Put, which may wait and so delay
// the others, nor PutSync, Flush and Close, which would wait for itself. A done
// that panics is logged.
func (p *Producer) Put(ctx context.Context, r Record, done func(Result)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.put(r, done, func(need int) error { return p.wait(ctx, need) })
}

// TryPut is Put for those who cannot wait: without room it returns ErrBufferFull.
func (p *Producer) TryPut(r Record, done func(Result)) error {
	return p.put(r, done, func(need int) error {
		if !p.gate.tryEnter(need) {
			return ErrBufferFull
		}
		return nil
	})
}

// put checks r, enters the gate, which is called with the mutex held, and queues
// the record.
func (p *Producer) put(r Record, done func(Result), enter func(need int) error) error {
	need, err := p.check(r)
	if err != nil {
		return err
	}
	rec := record{partitionKey: r.PartitionKey, explicitHashKey: r.ExplicitHashKey, done: done}
	if r.ExplicitHashKey == "" {
		rec.hashKey = hashkey.Of(r.PartitionKey)
	} else if rec.hashKey, err = hashkey.Parse(r.ExplicitHashKey); err != nil {
		return fmt.Errorf("%w: explicit %w", aggregate.ErrInvalid, err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if err := enter(need); err != nil {
		return err
	}
	rec.put, rec.epoch = time.Now(), p.epochs[len(p.epochs)-1]
	rec.epoch.live++
	p.stats.UserRecordsReceived++
	l := p.route(rec.hashKey)
	l.add(rec, r.Data, rec.put, false)
	p.kick(l, rec.put)
	return nil
}

// check says what is wrong with r, or what it charges the gate.
func (p *Producer) check(r Record) (charge int, err error) {
	if err := r.Validate(); err != nil {
		return 0, err
	}
	size := len(r.Data) + len(r.PartitionKey)
	if aggregate.IsAggregate(r.Data) {
		// It travels as an aggregate of one, or readers would explode it.
		var b aggregate.Builder
		if err := b.Add(r); err != nil {
			return 0, err
		}
		size = b.Size() + len(aggregate.PartitionKey)
	}
	if size > p.cfg.maxRecordSize {
		return 0, fmt.Errorf("%w: %d bytes with its partition key, over the stream's limit of %d", ErrTooLarge, size, p.cfg.maxRecordSize)
	}
	charge = charged(len(r.Data), r.PartitionKey, r.ExplicitHashKey)
	if charge > p.gate.max {
		return 0, fmt.Errorf("%w: it takes %d bytes of a buffer of %d", ErrTooLarge, charge, p.gate.max)
	}
	return charge, nil
}

// charged is what a record takes of the gate's bytes.
func charged(data int, partitionKey, explicitHashKey string) int {
	return data + len(partitionKey) + len(explicitHashKey) + bookkeeping
}

// wait enters the gate with need bytes, waiting for them if it has to. The mutex
// is held before and after, and not while it waits.
func (p *Producer) wait(ctx context.Context, need int) error {
	w := p.gate.enter(need)
	if w == nil {
		return nil
	}
	p.mu.Unlock()
	select {
	case <-w.answered:
	case <-ctx.Done():
	}
	p.mu.Lock()
	if err := ctx.Err(); err != nil {
		p.gate.giveUp(w)
		return err
	}
	if w.refused {
		return ErrClosed
	}
	if p.closed {
		p.gate.leave(need)
		return ErrClosed
	}
	return nil
}

// PutSync puts a user record and waits for its Result, whose Err it returns as
// well. If ctx ends before that, the error is ctx's, and the record, if it was
// accepted, goes its way all the same.
func (p *Producer) PutSync(ctx context.Context, r Record) (Result, error) {
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
// is put meanwhile is not waited for.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	flushed := p.flush(time.Now())
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
func (p *Producer) flush(now time.Time) <-chan struct{} {
	last := p.epochs[len(p.epochs)-1]
	last.flushed = make(chan struct{})
	p.epochs = append(p.epochs, &epoch{})
	p.advance()
	for _, l := range p.lanes {
		if l.open != nil {
			l.open.due = now
		}
		p.kick(l, now)
	}
	return last.flushed
}

// Close refuses further Puts, sends what is buffered and waits until every done
// has run. If ctx ends first it gives up: what is not stored by then is handed
// back with ErrClosed, and Close returns an error that counts those records and
// wraps ctx's. Either way no goroutine is left, for which Close waits: a Client
// that does not give up when its ctx ends, or a done that does not return, holds
// it up. Further calls of Close wait for the first and return the same.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.ended
		return p.endErr
	}
	p.closed = true
	p.gate.refuseAll()
	flushed := p.flush(time.Now())
	p.mu.Unlock()

	select {
	case <-flushed:
	case <-ctx.Done():
		p.giveUp()
		<-flushed
	}
	p.mu.Lock()
	p.stopListing()
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

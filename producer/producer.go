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
	"github.com/kinpack/kinpack/internal/wire"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// bookkeeping is what the gate charges a record besides its data and keys.
const bookkeeping = 256

// KeylessPartitionKey is the partition key that readers see on user records that
// were put without one.
const KeylessPartitionKey = wire.KeylessPartitionKey

// Record is a user record: partition key, optional explicit hash key, data.
//
// Here the partition key may be empty, unless there is an explicit hash key: such
// a keyless record goes to whatever shard fills its aggregates best, in no
// order, and readers see it under KeylessPartitionKey.
type Record = aggregate.Record

// Client is what the Producer needs of the AWS SDK; *kinesis.Client is one. It
// must be safe for concurrent use and should give up when ctx ends.
type Client interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error)
}

// Producer packs user records and writes them to one stream. It is safe for
// concurrent use. Make it with New, end it with Close.
type Producer struct {
	cfg      config
	packing  packing
	laneKeys []string // the outer partition key of each lane
	client   Client
	stream   string // name or ARN
	born     time.Time

	memo *memo

	ctx    context.Context // of the calls; ended by a Close that gives up
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine and armed timer

	mu          sync.Mutex
	gate        gate
	pressed     bool // everything is due since the gate is full
	aggregation bool
	closed      bool // no Put any more
	gaveUp      bool // nothing is sent any more
	ended       chan struct{}
	endErr      error // valid once ended is closed

	shardMap   *shardmap.Map // nil while the whole stream is one
	generation int           // of shards
	shards     []*shard      // one for each of shardMap, in its order
	lanes      []*lane       // of each shard, one shard after the other
	ranges     map[string]hashkey.Range
	gone       []*lane // of shards that are no longer written to, with batches under way
	keyless    keyless
	parked     []parked
	list       listing
	managed    bool // the stream's distribution strategy is AUTO
	strategy   strategy
	outbox     []*shard
	spares     spares
	workers    int
	groups     []group
	told       int     // of groups, how many
	telling    bool    // a goroutine calls the dones,
	current    telling // these ones now; its own
	teller     goroutine
	epochs     []*epoch
	stats      Stats
	events     []event // to be told to the hooks once the mutex is free
}

// New makes a Producer for a stream, given by name or ARN. ctx bounds New only.
//
// New asks for the stream's distribution strategy and lists its shards. It fails
// if an option is out of its range, if there is no such stream, or if the service
// refuses the credentials; any other failure is logged and tried again in the
// background. Until the shards are known user records go out plain, one of a
// partition key at a time.
//
// It needs kinesis:PutRecords, kinesis:ListShards and
// kinesis:DescribeStreamSummary on the stream. Without the last a
// service-managed stream is not recognised, without ListShards nothing is packed
// for good; either is logged once and tried again every 5 minutes.
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
		cfg: c, packing: c.packing(), laneKeys: laneKeys(c.lanes), client: client, stream: stream, born: time.Now(),
		aggregation: c.aggregation,
		memo:        new(memo),
		gate:        gate{max: c.maxBufferedBytes},
		spares:      spares{max: c.maxBufferedBytes / spareShare},
		ended:       make(chan struct{}),
		ranges:      map[string]hashkey.Range{},
		epochs:      []*epoch{{}},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mu.Lock()
	p.install(nil, 0)
	p.mu.Unlock()
	if err := p.learnStream(ctx); err != nil {
		p.cancel()
		return nil, fmt.Errorf("producer: stream %s: %w", stream, err)
	}
	return p, nil
}

// learnStream asks for all that there is to know about the stream before the
// first Put. An error is one that New fails with.
func (p *Producer) learnStream(ctx context.Context) error {
	summary, err := p.describe(ctx)
	if noStream(err) {
		return err
	}
	p.mu.Lock()
	p.described(summary, err, p.now())
	managed := p.managed
	p.unlockAndTell()
	if managed || ctx.Err() != nil {
		return ctx.Err()
	}
	all, err := p.listShards(ctx, false)
	if err != nil && (ctx.Err() != nil || fatal(err) && !denied(err)) {
		return err
	}
	p.mu.Lock()
	defer p.unlockAndTell()
	p.listed(all, err, p.now())
	return nil
}

// now returns the time since the Producer was made.
func (p *Producer) now() time.Duration { return time.Since(p.born) }

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
// put, and is ErrClosed, ErrInDone or ctx's own otherwise. If it returns nil,
// done, which may be nil, runs exactly once, with a Result that says what became
// of the record.
//
// The dones run one after the other in a goroutine of the Producer's, after the
// record's room was given back: a slow one delays the other dones, Flush and
// Close, but not the sending, while memory for what is finished piles up. A done
// may call TryPut and Stats. Put works there as long as it need not wait, and
// returns ErrInDone then; PutSync, Flush and Close, which would wait for
// themselves, always do. A done that panics is logged.
func (p *Producer) Put(ctx context.Context, r Record, done func(Result)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.put(ctx, &r, done, true)
}

// TryPut is Put for those who cannot wait: without room it returns ErrBufferFull.
func (p *Producer) TryPut(r Record, done func(Result)) error {
	return p.put(context.Background(), &r, done, false)
}

// put checks r, enters the gate, where it may wait, and queues the record.
func (p *Producer) put(ctx context.Context, r *Record, done func(Result), mayWait bool) error {
	rec := record{partitionKey: r.PartitionKey, explicitHashKey: r.ExplicitHashKey, done: done}
	need, err := p.check(r, &rec)
	if err != nil {
		return err
	}
	looked := p.hash(&rec)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if !p.gate.tryEnter(need) {
		if err := p.full(ctx, need, mayWait); err != nil {
			return err
		}
	}
	now := p.now()
	rec.put, rec.epoch = now, p.epochs[len(p.epochs)-1]
	rec.epoch.live++
	p.stats.UserRecordsReceived++
	p.memo.note(looked)
	if now >= p.strategy.due {
		p.askStrategy()
	}
	if l := p.route(&rec, now); l.add(&rec, r.Data, now, false) {
		p.kick(l, now)
	}
	p.relieve()
	return nil
}

// check says what is wrong with r, or what it charges the gate.
func (p *Producer) check(r *Record, rec *record) (charge int, err error) {
	whole := *r
	if rec.keyless() {
		if r.ExplicitHashKey != "" {
			return 0, fmt.Errorf("%w: explicit hash key %.40q without a partition key, want both or none", aggregate.ErrInvalid, r.ExplicitHashKey)
		}
		whole.PartitionKey = KeylessPartitionKey
	}
	if err := whole.Validate(); err != nil {
		return 0, err
	}
	size := len(r.Data) + len(whole.PartitionKey)
	if p.cfg.lanes > 1 || aggregate.IsAggregate(r.Data) {
		// It may travel as an aggregate of one, or it would not stay with its
		// neighbours, or readers would explode it.
		size = wrappedSize(&whole, rec.keyless(), p.cfg.maxRecordSize) + len(p.laneKeys[p.cfg.lanes-1])
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

// hash finds a checked record's hash key. A keyless one gets it with its place.
func (p *Producer) hash(rec *record) lookup {
	switch {
	case rec.keyless():
	case rec.explicitHashKey == "":
		var l lookup
		rec.hashKey, l = p.memo.of(rec.partitionKey)
		return l
	default:
		rec.hashKey, _ = hashkey.Parse(rec.explicitHashKey) // valid, or check had said so
	}
	return notAsked
}

// wrappedSize returns the size of a valid record as an aggregate of one, exactly
// where that matters for the limit, which is where it is over the bound: keys,
// data, at most 5 bytes of length and a tag for each field and for the record.
func wrappedSize(r *Record, keyless bool, limit int) int {
	size := wire.Overhead + len(r.PartitionKey) + len(r.ExplicitHashKey) + len(r.Data) + 6*6
	if keyless { // it will be given a hash key
		return size + hashkey.MaxDigits
	}
	if size > limit-maxLaneKey {
		var b aggregate.Builder
		if err := b.Add(*r); err != nil {
			return size
		}
		return b.Size()
	}
	return size
}

// charged is what a record takes of the gate's bytes.
func charged(data int, partitionKey, explicitHashKey string) int {
	return data + len(partitionKey) + len(explicitHashKey) + bookkeeping
}

// full is for a record that finds no room at once: it waits for it if it may. The
// mutex is held before and after, and not while it waits.
func (p *Producer) full(ctx context.Context, need int, mayWait bool) error {
	p.press()
	switch {
	case !mayWait:
		return ErrBufferFull
	case p.teller.isCurrent():
		return ErrInDone
	}
	w := p.gate.enter(need)
	if w == nil { // there is room by now
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
		p.relieve()
		return err
	}
	if w.refused {
		return ErrClosed
	}
	p.gate.entering--
	if p.closed {
		p.gate.leave(need)
		return ErrClosed
	}
	return nil
}

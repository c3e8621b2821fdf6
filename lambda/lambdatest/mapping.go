package lambdatest

// This file owns the Mapping: which shards there are, and which may run. A shard
// runs when its parents are done, in a goroutine that the run joins.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Mapping is an event source mapping: it reads a stream and invokes a function
// with what it reads. Its position is kept between runs.
type Mapping struct {
	config config
	source Source
	pool   *pool
	log    journal

	running sync.Mutex // held by a run, and by Close

	mu     sync.Mutex
	shards []*shard // in the order in which they were found
}

// New returns a mapping from source to the functions that factory makes. It reads
// nothing yet. The error joins everything that is wrong with the arguments.
func New(source Source, factory Factory, opts ...Option) (*Mapping, error) {
	m := &Mapping{config: newConfig(opts), source: source}
	if err := m.config.validate(factory, source); err != nil {
		return nil, err
	}
	m.pool = newPool(&m.config, factory)
	return m, nil
}

// Drain reads and delivers until the mapping has caught up: everything that is in
// the stream is done or given up, and tumbling windows have ended. What is put
// while it runs may be part of it. Without a bound on retries a batch that always
// fails keeps it until ctx ends.
//
// An invocation that has started when ctx ends is still seen to its end, at most
// the function's timeout; then the error is that of ctx. Another error is that of
// the stream: it does not exist, calls of it failed 20 times in a row, a second
// apart, or children that it named at a shard's end are not in its list of shards
// half a minute later. Or a function that the mapping called, the factory for one,
// ended its goroutine, as t.FailNow does. In every case the next run goes on where
// this one ended. There is one run at a time.
func (m *Mapping) Drain(ctx context.Context) error { return m.run(ctx, true) }

// Run reads and delivers until ctx ends, and asks a shard that has nothing new once
// a second. The error is never nil; see [Mapping.Drain].
func (m *Mapping) Run(ctx context.Context) error { return m.run(ctx, false) }

// Close ends all sandboxes and waits for everything that runs in them, killed or
// not. The error joins those of closing functions; during a run Close only returns
// an error. The log and the position stay: a later run has new sandboxes.
func (m *Mapping) Close() error {
	if !m.running.TryLock() {
		return errors.New("lambdatest: Close during a run")
	}
	defer m.running.Unlock()
	return m.pool.close()
}

func (m *Mapping) run(ctx context.Context, drain bool) error {
	if !m.running.TryLock() {
		return errors.New("lambdatest: the mapping runs already")
	}
	defer m.running.Unlock()
	if len(m.shards) == 0 {
		if err := m.discover(ctx, m.first()); err != nil {
			return err
		}
	}
	err := m.runShards(ctx, drain)
	if err == nil && !drain { // all shards have ended for good
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// runShards runs shards as they become ready. The first error ends the others.
func (m *Mapping) runShards(ctx context.Context, drain bool) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error)
	ran := map[*shard]bool{}
	for under := 0; ; under-- {
		for _, s := range m.ready() {
			if !ran[s] && ctx.Err() == nil {
				ran[s] = true
				under++
				go watch(s.id, func() error { return s.run(ctx, drain) }, func(err error) { ends <- err })
			}
		}
		if under == 0 {
			return err
		}
		if e := <-ends; e != nil && err == nil {
			err = e
			cancel()
		}
	}
}

// watch calls f and tells its error, also when f ends the goroutine and never
// returns: what a test gave the mapping may call t.FailNow.
func watch(shard string, f func() error, tell func(error)) {
	err := fmt.Errorf("lambdatest: %s: a function that the mapping called ended its goroutine, as t.FailNow does", shard)
	defer func() { tell(err) }()
	err = f()
}

// first is where the shards that are there at the beginning are read from.
func (m *Mapping) first() types.ShardIteratorType {
	return types.ShardIteratorType(m.config.position)
}

// ready returns the shards that are not done and whose parents are.
func (m *Mapping) ready() []*shard {
	m.mu.Lock()
	defer m.mu.Unlock()
	waits := map[string]bool{}
	for _, s := range m.shards {
		waits[s.id] = !s.done
	}
	var ready []*shard
	for _, s := range m.shards {
		if !s.done && !slices.ContainsFunc(s.parents, func(p string) bool { return waits[p] }) {
			ready = append(ready, s)
		}
	}
	return ready
}

func (m *Mapping) finish(s *shard) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.done = true
}

// knows says whether a shard's children are known: those that the stream named at
// its end, or any if it named none.
func (m *Mapping) knows(parent *shard) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := map[string]bool{}
	any := false
	for _, s := range m.shards {
		known[s.id] = true
		any = any || slices.Contains(s.parents, parent.id)
	}
	for _, id := range parent.children {
		if !known[id] {
			return false
		}
	}
	return any || len(parent.children) > 0
}

// discover lists the shards and adds those that are new.
func (m *Mapping) discover(ctx context.Context, first types.ShardIteratorType) error {
	var all []types.Shard
	failures := 0
	in := &kinesis.ListShardsInput{StreamARN: &m.source.arn}
	for in != nil {
		out, err := m.list(ctx, in)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if failures++; failures == maxFailures || gone(err) {
				return fmt.Errorf("lambdatest: listing the shards of %s: %w", m.source.arn, err)
			}
			if err := sleep(ctx, pollInterval); err != nil {
				return err
			}
			in, all = &kinesis.ListShardsInput{StreamARN: &m.source.arn}, nil // a page token may have expired
			continue
		}
		all = append(all, out.Shards...)
		in = nil
		if out.NextToken != nil {
			in = &kinesis.ListShardsInput{NextToken: out.NextToken}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if first == types.ShardIteratorTypeTrimHorizon && m.first() == types.ShardIteratorTypeAtTimestamp {
		first = m.first()
	}
	for _, sh := range all {
		id := aws.ToString(sh.ShardId)
		if slices.ContainsFunc(m.shards, func(s *shard) bool { return s.id == id }) {
			continue
		}
		var parents []string
		for _, p := range []*string{sh.ParentShardId, sh.AdjacentParentShardId} {
			if p != nil {
				parents = append(parents, *p)
			}
		}
		m.shards = append(m.shards, newShard(m, id, parents, first))
	}
	return nil
}

// gone says that a stream or shard does not exist, which does not pass.
func gone(err error) bool {
	var e *types.ResourceNotFoundException
	return errors.As(err, &e)
}

func (m *Mapping) list(ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return m.source.client.ListShards(ctx, in)
}

package lambdatest

// This file owns a shard: it is read by one goroutine, which shares out what it
// reads to the lanes. The reader stops while a lane has a whole batch waiting.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/cespare/xxhash/v2"
)

const (
	// callTimeout ends a call of the stream that is not answered.
	callTimeout = 10 * time.Second
	// maxFailures is how many calls in a row may fail, a poll interval apart,
	// before the run fails.
	maxFailures = 20
	// maxLooks is how often a run looks for a closed shard's children.
	maxLooks = 30
)

type shard struct {
	mapping *Mapping
	id      string
	parents []string
	first   types.ShardIteratorType // where to start

	// Owned by the reader.
	iterator *string
	last     string    // the last sequence number that was read
	since    time.Time // when the first iterator was made
	children []string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when what somebody waits for may have changed
	lanes    []*lane
	ended    bool      // read to its end: it is closed
	stopped  bool      // the reader does not read in this run, or not any more
	caughtUp time.Time // when the reader last found nothing new

	done bool // ended, and all of it dealt with; under the mapping's mutex
}

func newShard(m *Mapping, id string, parents []string, first types.ShardIteratorType) *shard {
	s := &shard{mapping: m, id: id, parents: parents, first: first, changed: make(chan struct{})}
	for i := range m.config.parallelization {
		s.lanes = append(s.lanes, newLane(s, i))
	}
	return s
}

// signal wakes everybody who waits for this shard. The mutex is held.
func (s *shard) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// run reads and delivers until the shard's end, until it has caught up if drain,
// or until ctx ends.
func (s *shard) run(ctx context.Context, drain bool) (err error) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil) // before the wait, for when the reader ends this goroutine
	s.mu.Lock()
	s.stopped = s.ended
	s.mu.Unlock()
	for _, l := range s.lanes {
		wg.Go(func() {
			watch(s.id, func() error { return l.run(ctx) }, func(err error) {
				if err != nil {
					cancel(err)
				}
			})
		})
	}
	if !s.ended {
		err = s.read(ctx, drain)
		s.mu.Lock()
		s.stopped = true
		s.signal()
		s.mu.Unlock()
	}
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	if s.ended {
		return s.follow(ctx)
	}
	return nil
}

// read is the reader of one run.
func (s *shard) read(ctx context.Context, drain bool) error {
	for failures := 0; ; {
		if err := s.room(ctx); err != nil {
			return err
		}
		out, err := s.get(ctx)
		var expired *types.ExpiredIteratorException
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &expired):
			s.iterator = nil
			continue
		case err != nil:
			if failures++; failures == maxFailures || gone(err) {
				return fmt.Errorf("lambdatest: %s: %w", s.id, err)
			}
			if err := sleep(ctx, pollInterval); err != nil {
				return err
			}
			continue
		}
		failures = 0
		nothing := s.accept(out)
		if s.ended {
			return nil
		}
		if !nothing {
			continue
		}
		if drain && s.idle() {
			return nil
		}
		if err := s.pause(ctx, drain); err != nil {
			return err
		}
	}
}

// pause waits for the next poll; one that ends when all is dealt with goes on then.
func (s *shard) pause(ctx context.Context, drain bool) error {
	for next := time.Now().Add(pollInterval); ; {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		wait := time.Until(next)
		if wait <= 0 || drain && s.idle() {
			return nil
		}
		if err := await(ctx, changed, wait); err != nil {
			return err
		}
	}
}

// idle says that the reader may stop once it has caught up: without tumbling
// windows always, since the lanes finish what they have.
func (s *shard) idle() bool {
	if s.mapping.config.tumbling == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.busy || len(l.queue) > 0 {
			return false
		}
	}
	return true
}

// room waits until no lane has a whole batch waiting.
func (s *shard) room(ctx context.Context) error {
	for {
		s.mu.Lock()
		full := false
		for _, l := range s.lanes {
			full = full || len(l.queue) >= s.mapping.config.batchSize
		}
		changed := s.changed
		s.mu.Unlock()
		if !full {
			return ctx.Err()
		}
		if err := await(ctx, changed, -1); err != nil {
			return err
		}
	}
}

// get makes one call of GetRecords, and one of GetShardIterator before if need be.
func (s *shard) get(ctx context.Context) (*kinesis.GetRecordsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	source := s.mapping.source
	if s.iterator == nil {
		in := &kinesis.GetShardIteratorInput{StreamARN: &source.arn, ShardId: &s.id, ShardIteratorType: s.first}
		switch {
		case s.last != "":
			in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &s.last
		case s.first == types.ShardIteratorTypeAtTimestamp:
			in.Timestamp = &s.mapping.config.positionTime
		case s.first == types.ShardIteratorTypeLatest && !s.since.IsZero():
			in.ShardIteratorType, in.Timestamp = types.ShardIteratorTypeAtTimestamp, &s.since
		}
		now := time.Now()
		out, err := source.client.GetShardIterator(ctx, in)
		if err != nil {
			return nil, err
		}
		s.iterator = out.ShardIterator
		if s.since.IsZero() {
			s.since = now
		}
	}
	return source.client.GetRecords(ctx, &kinesis.GetRecordsInput{StreamARN: &source.arn, ShardIterator: s.iterator})
}

// accept shares out what was read, and says whether there was nothing new.
func (s *shard) accept(out *kinesis.GetRecordsOutput) (nothing bool) {
	now := time.Now()
	s.iterator = out.NextShardIterator
	for _, child := range out.ChildShards {
		s.children = append(s.children, aws.ToString(child.ShardId))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range out.Records {
		s.last = aws.ToString(r.SequenceNumber)
		it := item{read: now, Record: Record{
			PartitionKey: aws.ToString(r.PartitionKey), SequenceNumber: s.last,
			ApproximateArrivalTimestamp: aws.ToTime(r.ApproximateArrivalTimestamp), Data: r.Data,
		}}
		l := s.lanes[xxhash.Sum64String(it.PartitionKey)%uint64(len(s.lanes))]
		l.queue = append(l.queue, it)
	}
	nothing = len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0
	if nothing {
		s.caughtUp = now
	}
	s.ended = out.NextShardIterator == nil
	if len(out.Records) > 0 || nothing || s.ended {
		s.signal()
	}
	return nothing
}

// follow waits until the children of a shard that has ended are known. A stream's
// list of shards may be behind. The shard is not done as long as children which the
// stream has named are not known; one of which it named none may have none.
func (s *shard) follow(ctx context.Context) error {
	for look := 0; !s.mapping.knows(s); look++ {
		if look == maxLooks && len(s.children) == 0 {
			break
		}
		if look == maxLooks {
			return fmt.Errorf("lambdatest: %s has ended, and not all of its children, %s, are in the stream's list of shards after %d looks, %v apart",
				s.id, strings.Join(s.children, ", "), maxLooks, pollInterval)
		}
		if look > 0 {
			if err := sleep(ctx, pollInterval); err != nil {
				return err
			}
		}
		if err := s.mapping.discover(ctx, types.ShardIteratorTypeTrimHorizon); err != nil {
			return err
		}
	}
	s.mapping.finish(s)
	return nil
}

package producer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// This file owns whether the stream is service-managed: whether the service
// spreads records over the shards itself, whatever their hash keys (distribution
// strategy AUTO). A KCL drops most aggregates there, so records go plain, unless
// WithServiceManagedAggregation says that no reader filters.

// strategy is what is known of the stream's record distribution strategy.
type strategy struct {
	due     time.Duration // when it is asked for again, by the first Put after it
	busy    bool
	denied  bool      // the last time, which has been logged
	suspect int       // maps in a row under which an aggregate landed wrong
	seen    int       // the last of those maps
	created time.Time // the stream, that the map is of
}

// askStrategy has the strategy asked for. The mutex is held.
func (p *Producer) askStrategy() {
	if p.strategy.busy || p.gaveUp {
		return
	}
	p.strategy.busy = true
	p.strategy.due = never
	p.wg.Go(func() {
		summary, err := p.describe(p.ctx)
		p.mu.Lock()
		defer p.unlockAndTell()
		p.strategy.busy = false
		p.described(summary, err, p.now())
		p.relieve()
	})
}

// describe asks the service.
func (p *Producer) describe(ctx context.Context) (*types.StreamDescriptionSummary, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.callTimeout)
	defer cancel()
	input := &kinesis.DescribeStreamSummaryInput{}
	input.StreamName, input.StreamARN = p.streamRef()
	out, err := p.client.DescribeStreamSummary(ctx, input, noRetries)
	if err != nil {
		return nil, err
	}
	if out == nil || out.StreamDescriptionSummary == nil {
		return nil, errors.New("DescribeStreamSummary gave neither an answer nor an error")
	}
	return out.StreamDescriptionSummary, nil
}

// described takes in the answer. Without one all stays as it was. The mutex is
// held.
func (p *Producer) described(summary *types.StreamDescriptionSummary, err error, now time.Duration) {
	s := &p.strategy
	s.due = now + askAgain + rand.N(askAgain/2)
	if err != nil {
		if !(s.denied && denied(err)) && !p.gaveUp {
			p.log(slog.LevelWarn, "kinpack: the stream's record distribution strategy cannot be learnt; asking again later",
				"error", err, "service_managed", p.managed)
		}
		s.denied = denied(err)
		return
	}
	s.denied = false
	if p.gaveUp {
		return
	}
	created := aws.ToTime(summary.StreamCreationTimestamp)
	if !s.created.IsZero() && !created.Equal(s.created) && p.shardMap != nil {
		p.forget(now)
	}
	s.created = created
	managed := summary.RecordDistributionStrategy == types.RecordDistributionStrategyAuto
	if managed == p.managed {
		return
	}
	p.log(slog.LevelInfo, "kinpack: the stream's record distribution strategy", "service_managed", managed)
	p.managed = managed
	p.install(nil, now)
	if !managed && now > 0 {
		p.refresh()
	}
}

// suspect is called for an aggregate that has landed wrong. If that happens again
// under a map that is newer than the first time, the shards may not follow the
// hash keys any more.
func (p *Producer) suspect(b *batch) {
	s := &p.strategy
	if b.generation <= s.seen || b.generation < p.generation {
		return
	}
	s.seen = p.generation
	if s.suspect++; s.suspect > 1 && !s.denied {
		s.suspect = 0
		p.askStrategy()
	}
}

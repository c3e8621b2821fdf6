package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer/internal/shardmap"
)

// This file owns how the producer learns the stream's shards.

// listing is the state of the refresh; at most one is under way.
type listing struct {
	denied  bool // which has been logged
	busy    bool
	tries   int         // without what was wanted, in a row
	pending *time.Timer // of the next try, nil for none
	distant bool        // pending is for minutes
}

// listedShard is a shard as the service lists it.
type listedShard struct {
	shardmap.Shard
	open bool
}

// askAgain is after how long, with up to half as much added, the producer asks
// again for what it is not allowed to know, or what seldom changes.
const askAgain = 5 * time.Minute

// refresh has the shards listed soon. The mutex is held.
func (p *Producer) refresh() {
	if p.list.pending != nil && p.list.distant && len(p.parked) > 0 && p.list.pending.Stop() {
		p.list.pending = nil // a lane waits for it now
		p.wg.Done()
	}
	if p.list.busy || p.list.pending != nil || p.gaveUp {
		return
	}
	p.list.busy = true
	// Those that are open now do not include a shard that was split again since.
	all := p.list.tries > 0 && len(p.parked) > 0
	p.wg.Go(func() {
		shards, err := p.listShards(p.ctx, all)
		p.mu.Lock()
		defer p.unlockAndTell()
		p.list.busy = false
		p.listed(shards, err, p.now())
		p.relieve()
	})
}

// listed takes in what a listing brought. The mutex is held.
func (p *Producer) listed(shards []listedShard, err error, now time.Duration) {
	if err == nil {
		err = p.learn(shards, now)
	}
	if err == nil || !p.gaveUp { // else Close has ended it
		p.tellShards(err)
	}
	if err != nil && !p.gaveUp {
		p.stats.MapRefreshErrors++
		p.logListing(err)
	}
	p.judgeParked(now)
	if err == nil && len(p.parked) == 0 {
		p.list.tries, p.list.denied = 0, false
		return
	}
	if p.gaveUp {
		return
	}
	p.list.tries++
	wait := backoff(p.list.tries)
	if p.list.distant = denied(err) && len(p.parked) == 0; p.list.distant {
		wait = askAgain + rand.N(askAgain/2)
	}
	p.wg.Add(1)
	p.list.pending = time.AfterFunc(wait, func() {
		defer p.wg.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.list.pending = nil
		p.refresh()
	})
}

// forget drops the map, and what is known of any shard: the stream was deleted,
// and one that is made anew under its name has other shards under the same ids.
func (p *Producer) forget(now time.Duration) {
	clear(p.ranges)
	p.install(nil, now)
	p.refresh()
}

func (p *Producer) logListing(err error) {
	switch {
	case !denied(err):
		p.log(slog.LevelWarn, "kinpack: the stream's shards cannot be listed; trying again", "error", err)
	case !p.list.denied:
		p.list.denied = true
		p.log(slog.LevelWarn, "kinpack: kinesis:ListShards is not allowed; without the shards nothing is packed", "error", err)
	}
}

// learn makes a listing the map.
func (p *Producer) learn(shards []listedShard, now time.Duration) error {
	var open []shardmap.Shard
	for _, s := range shards {
		p.ranges[s.ID] = s.Range
		if s.open {
			open = append(open, s.Shard)
		}
	}
	m, err := shardmap.New(open)
	if err != nil {
		return err
	}
	p.stats.MapRefreshes++
	if !p.managed {
		p.install(m, now)
	}
	return nil
}

// listShards asks for the open shards, or for all that still hold records.
func (p *Producer) listShards(ctx context.Context, all bool) ([]listedShard, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.callTimeout)
	defer cancel()
	filter := types.ShardFilterTypeAtLatest
	if all {
		filter = types.ShardFilterTypeFromTrimHorizon
	}
	input := &kinesis.ListShardsInput{ShardFilter: &types.ShardFilter{Type: filter}}
	input.StreamName, input.StreamARN = p.streamRef()
	var shards []listedShard
	for {
		out, err := p.client.ListShards(ctx, input, noRetries)
		if err != nil {
			return nil, err
		}
		if out == nil {
			return nil, errors.New("ListShards gave neither an answer nor an error")
		}
		for i := range out.Shards {
			s, err := readShard(&out.Shards[i])
			if err != nil {
				return nil, err
			}
			shards = append(shards, s)
		}
		if aws.ToString(out.NextToken) == "" {
			return shards, nil
		}
		// A token stands for the stream and the filter; the service refuses both.
		input = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

func readShard(s *types.Shard) (listedShard, error) {
	id := aws.ToString(s.ShardId)
	if id == "" {
		return listedShard{}, errors.New("a shard has no id")
	}
	if s.HashKeyRange == nil {
		return listedShard{}, fmt.Errorf("shard %s has no hash key range", id)
	}
	r, err := hashkey.ParseRange(aws.ToString(s.HashKeyRange.StartingHashKey), aws.ToString(s.HashKeyRange.EndingHashKey))
	if err != nil {
		return listedShard{}, fmt.Errorf("shard %s: %w", id, err)
	}
	closed := s.SequenceNumberRange != nil && aws.ToString(s.SequenceNumberRange.EndingSequenceNumber) != ""
	return listedShard{shardmap.Shard{ID: id, Range: r}, !closed}, nil
}

package kinesistest

// This file owns changes of the shards that a test makes past the API, of
// on-demand streams too. They are done as those of the API are, when the
// stream leaves UPDATING, and are no request: no fault hits them.

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// reshardCeiling is how many open shards Reshard does not pass.
const reshardCeiling = 32

// Scale makes that many even shards of any stream, on-demand ones too, whose
// shards the API does not change: the stream is UPDATING for the delay of
// [WithDelay], and then has them. It is an UpdateShardCount without the limit
// of twice or half as many. The error is that of UpdateShardCount: for fewer
// than 1 or too many shards, and for a stream that does not exist or is not
// ACTIVE.
func (s *Server) Scale(stream string, shards int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st, err := s.findActive(&stream, nil)
	if err != nil {
		return err
	}
	var c constraints
	c.integer("targetShardCount", aws.Int32(int32(min(max(shards, -1), maxShardCount+1))), 1, maxShardCount)
	if err := c.err(); err != nil {
		return err
	}
	return s.change(st, shards-len(st.open), func(at time.Time) { st.rescale(shards, at) }, now)
}

// Reshard changes the shards of any stream at random, as rnd says: it splits
// an open shard, in the middle or elsewhere, or merges two neighbours, or
// makes half to twice as many even ones. It goes up to 32 open shards and no
// further. Like the service it takes the delay of [WithDelay]. what tells what
// was begun, for a log. The error is that of the operation: for a stream that
// does not exist or is not ACTIVE, as while another change is under way, and
// for too many shards. Goroutines must not share rnd.
func (s *Server) Reshard(stream string, rnd *rand.Rand) (what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st, err := s.findActive(&stream, nil)
	if err != nil {
		return "", err
	}
	what, more, reshard := st.anyChange(rnd)
	if err := s.change(st, more, reshard, now); err != nil {
		return "", err
	}
	return what, nil
}

// change begins a change of the shards of st that opens so many more.
func (s *Server) change(st *stream, more int, reshard func(at time.Time), now time.Time) error {
	if all := s.openShards(); all+more > s.config.shardLimit {
		return overShardLimit(all, s.config.shardLimit, more)
	}
	st.reshard = reshard
	s.begin(st, types.StreamStatusUpdating, now)
	return nil
}

// anyChange chooses a change and returns how many more open shards it makes.
// What cannot be split or merged is scaled.
func (st *stream) anyChange(rnd *rand.Rand) (what string, more int, reshard func(at time.Time)) {
	open := len(st.open)
	i := rnd.IntN(open)
	sh := st.open[i]
	switch rnd.IntN(3) {
	case 0:
		if k := anyKey(sh.keys, rnd); open < reshardCeiling && sh.splitsAt(k) {
			return "split " + sh.id + " at " + k.String(), 1, func(at time.Time) { st.split(sh, k, at) }
		}
	case 1:
		if i+1 < open {
			next := st.open[i+1]
			return "merge " + sh.id + " and " + next.id, -1, func(at time.Time) { st.merge(sh, next, at) }
		}
	}
	least := (open + 1) / 2
	most := max(least, min(2*open, reshardCeiling))
	n := least + rnd.IntN(most-least+1)
	return fmt.Sprintf("scale from %d to %d shards", open, n), n - open, func(at time.Time) { st.rescale(n, at) }
}

// anyKey returns the middle of r, or of a half of it, or of a half of that,
// and so on: keys near an end come up, too.
func anyKey(r hashkey.Range, rnd *rand.Rand) hashkey.Key {
	for range rnd.IntN(8) {
		if mid := r.Mid(); rnd.IntN(2) == 0 {
			r.First = mid
		} else {
			r.Last = mid
		}
	}
	return r.Mid()
}

package lambda

// This file owns what is remembered between invocations: how far the outer
// record came that a batch stopped at, and handlers that were still running.
//
// Records are decided in order, so a count is enough: the first done user
// records are decided, and the attempts are those of the next. Only the outer
// record that was reported is kept, as Lambda does not send the earlier ones
// again and the later ones were not begun. It counts for that very record only:
// a stream that was deleted and made again may use a sequence number twice.
//
// What is forgotten too early runs twice; what is forgotten too late is skipped
// in a deliberate replay and so lost. In doubt, forget.

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	maxOuters   = 1024      // one a shard and concurrent batch, at 200 bytes and the last error's text
	maxProgress = time.Hour // later than that a record comes again because someone replays it
)

// outerProgress is how far one outer record has come.
type outerProgress struct {
	records  int    // how many user records it holds
	done     int    // the first done of them are decided
	attempts int    // handler calls of the next one
	failure  string // the text of its last failed attempt
}

// position is where an invocation stands.
type position struct {
	outer    int  // the outer record in hand; the number of records if all are decided
	opened   bool // progress is that of the outer record in hand; before, it is not known yet
	progress outerProgress
}

// ending is the end of an invocation's runner.
type ending struct {
	done    chan struct{} // closed at the very end
	decided bool          // written before that: the record that was reported got decided after all
}

// progress is the memory. Its methods are safe for concurrent use.
type progress struct {
	mu     sync.Mutex
	outers []outer // the one reported last at the end
	late   []straggler
}

type outer struct {
	shard    shardID
	sequence string
	content  content
	reported time.Time
	progress outerProgress
}

// content is what tells an outer record from another of the same shard and
// sequence number.
type content struct {
	partitionKey string
	arrival      int64
	data         [sha256.Size]byte
}

func contentOf(o *events.KinesisEventRecord) content {
	k := &o.Kinesis
	return content{k.PartitionKey, k.ApproximateArrivalTimestamp.UnixNano(), sha256.Sum256(k.Data)}
}

// straggler is a runner that was not at its end when its batch was answered.
type straggler struct {
	shard    shardID
	sequence string
	*ending
}

// wait returns when no runner of that shard is left, or false when ctx ends first.
func (p *progress) wait(ctx context.Context, shard shardID) bool {
	for {
		left := p.settle(shard)
		if left == nil {
			return true
		}
		select {
		case <-left.done:
		case <-ctx.Done():
			return false
		}
	}
}

// settle takes note of every runner that has ended since and returns one of that
// shard that has not.
func (p *progress) settle(shard shardID) *ending {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = slices.DeleteFunc(p.late, func(s straggler) bool {
		select {
		case <-s.done:
		default:
			return false
		}
		i := slices.IndexFunc(p.outers, func(o outer) bool { return o.shard == s.shard && o.sequence == s.sequence })
		if s.decided && i >= 0 {
			o := &p.outers[i].progress
			*o = outerProgress{records: o.records, done: o.done + 1}
		}
		return true
	})
	for _, s := range p.late {
		if s.shard == shard {
			return s.ending
		}
	}
	return nil
}

// recall returns what is known of the shard's outer records, by sequence number,
// and forgets what is too old and what Lambda has gone past; passed has the
// sequence numbers of the latter.
//
// That a batch starts past an outer record is not enough: with a
// ParallelizationFactor several batches of a shard are under way, and each may
// be ahead of the others. But all records of one outer partition key are in the
// same one of them.
func (p *progress) recall(b *batch) (known map[string]outer, passed []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.outers) == 0 || !b.tracked() {
		return nil, nil
	}
	now, first, keys := time.Now(), b.lowest(0), b.keys()
	p.outers = slices.DeleteFunc(p.outers, func(o outer) bool {
		if now.Sub(o.reported) > maxProgress {
			return true
		}
		if o.shard != b.shard {
			return false
		}
		if compareSequence(first, o.sequence) > 0 {
			gone := keys[o.content.partitionKey]
			if gone {
				passed = append(passed, o.sequence)
			}
			return gone
		}
		if known == nil {
			known = make(map[string]outer)
		}
		known[o.sequence] = o
		return false
	})
	return known, passed
}

// keep remembers where the batch stopped and forgets what is decided in it. end
// is that of the batch's runner, which may not have come yet.
func (p *progress) keep(b *batch, at position, end *ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	renewed := at.outer
	if at.opened {
		renewed++
	}
	if len(p.outers) > 0 && b.tracked() {
		first := b.lowest(0)
		p.outers = slices.DeleteFunc(p.outers, func(o outer) bool {
			return o.shard == b.shard && compareSequence(o.sequence, first) >= 0 && b.holds(o.sequence, renewed)
		})
	}
	var sequence string
	if at.outer < len(b.records) {
		o := &b.records[at.outer]
		sequence = strings.Clone(o.Kinesis.SequenceNumber)
		if b.tracked() && sequence != "" && at.opened {
			c := contentOf(o)
			c.partitionKey = strings.Clone(c.partitionKey)
			p.outers = append(p.outers, outer{shard: b.shard.clone(), sequence: sequence, content: c, reported: time.Now(), progress: at.progress})
		}
	}
	if drop := len(p.outers) - maxOuters; drop > 0 {
		p.outers = slices.Delete(p.outers, 0, drop)
	}
	select {
	case <-end.done:
		if !end.decided { // it may have come, late, between stop and here
			return
		}
	default:
	}
	p.late = append(p.late, straggler{shard: b.shard.clone(), sequence: sequence, ending: end})
}

// clone copies the strings, so that keeping them does not keep the event.
func (s shardID) clone() shardID {
	return shardID{stream: strings.Clone(s.stream), id: strings.Clone(s.id)}
}

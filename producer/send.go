package producer

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// This file owns the way from the outbox to an answer.

// entry is a batch in a call.
type entry struct {
	lane  *lane
	batch *batch
}

// answer is what the service said of one entry: stored by a shard, or an error.
type answer struct {
	shardID, sequenceNumber string
	err                     error // nil if stored
	unknown                 bool  // it may have been stored all the same
}

// work sends what the outbox holds until that is nothing.
func (p *Producer) work() {
	p.mu.Lock()
	for {
		call := p.cut(p.now())
		if len(call) == 0 {
			p.workers--
			p.relieve()
			p.mu.Unlock() // not deferred: a panic in the client would find it unlocked
			return
		}
		p.hire() // for what did not fit into the call
		p.unlockAndTell()
		spare := seal(call)
		p.mu.Lock()
		for _, k := range spare {
			p.spares.putPacker(k)
		}
		p.mu.Unlock()
		answers := p.send(call)
		p.mu.Lock()
		p.settle(call, answers)
		if len(p.events) > 0 {
			p.unlockAndTell()
			p.mu.Lock()
		}
	}
}

// hire starts a worker if there is work and a free slot. The mutex is held.
func (p *Producer) hire() {
	if len(p.outbox) > 0 && p.workers < p.cfg.maxInFlight {
		p.workers++
		p.wg.Go(p.work)
	}
}

// cut takes the next call from the outbox. The mutex is held.
func (p *Producer) cut(now time.Duration) (call []entry) {
	bytes := 0
	for len(p.outbox) > 0 {
		s := p.outbox[0]
		for s.notBefore <= now {
			l, at := s.next(now)
			if l == nil || at > now {
				break
			}
			if p.expire(l, now) {
				continue
			}
			n := l.nextBytes(now)
			if len(call) == p.cfg.callRecords || len(call) > 0 && bytes+n > p.cfg.callBytes {
				return call
			}
			bytes += n
			b := s.start(l, now)
			b.generation = p.generation
			call = append(call, entry{l, b})
		}
		s.queued = false
		p.outbox = pop(p.outbox)
		p.kickAll(s, now) // what is left has its own time
	}
	return call
}

// pop takes the first off a queue, whose array is used again once it is empty.
func pop[T any](queue []*T) []*T {
	queue[0] = nil
	if len(queue) == 1 {
		return queue[:0]
	}
	return queue[1:]
}

// send makes the call and returns an answer for each entry.
func (p *Producer) send(call []entry) []answer {
	input := &kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, len(call))}
	input.StreamName, input.StreamARN = p.streamRef()
	start := CallStart{Stream: p.stream, KinesisRecords: len(call)}
	// The batch is used again; what the client was given stays as it is.
	keys := make([]string, 2*len(call))
	for i, e := range call {
		b := e.batch
		keys[2*i], keys[2*i+1] = b.outerKey, b.outerHashKey
		input.Records[i] = types.PutRecordsRequestEntry{Data: b.kept, PartitionKey: &keys[2*i], ExplicitHashKey: &keys[2*i+1]}
		start.UserRecords += len(b.records)
		start.Bytes += len(b.kept)
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.callTimeout)
	defer cancel()
	ctx = p.cfg.hooks.callStart(ctx, start)
	began := p.now()
	out, err := p.client.PutRecords(ctx, input, noRetries)
	end := CallEnd{CallStart: start, Duration: p.now() - began, Err: err, Code: code(err)}
	answers := make([]answer, len(call))
	for i := range answers {
		answers[i] = answerOf(out, err, i)
		if answers[i].err != nil {
			end.Failed++
		}
	}
	p.cfg.hooks.callEnd(ctx, end)
	p.mu.Lock()
	p.stats.called(&end)
	p.mu.Unlock()
	if err != nil && len(call) > 1 && invalid(err) {
		// One bad entry refuses the whole call: only that one shall fail.
		half := len(call) / 2
		return append(p.send(call[:half]), p.send(call[half:])...)
	}
	return answers
}

// noRetries leaves retrying to the Producer, which does it record by record.
func noRetries(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} }

// answerOf reads what a call's outcome says of its i-th entry.
func answerOf(out *kinesis.PutRecordsOutput, err error, i int) answer {
	switch {
	case err != nil:
		return answer{err: err, unknown: !refused(err)}
	case out == nil || i >= len(out.Records):
		return answer{err: errors.New("the service's answer leaves the record out"), unknown: true}
	}
	r := &out.Records[i]
	if code := aws.ToString(r.ErrorCode); code != "" {
		return answer{err: &smithy.GenericAPIError{Code: code, Message: aws.ToString(r.ErrorMessage)}}
	}
	if aws.ToString(r.ShardId) == "" || aws.ToString(r.SequenceNumber) == "" {
		return answer{err: errors.New("the service's answer says neither where the record is nor why it is not"), unknown: true}
	}
	return answer{shardID: *r.ShardId, sequenceNumber: *r.SequenceNumber}
}

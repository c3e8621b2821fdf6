package producer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// This file owns the way from the outbox to an answer.

const (
	maxCallRecords = 500     // API Reference, PutRecords (the KPL's CollectionMaxCount)
	maxCallBytes   = 5 << 20 // the KPL's CollectionMaxSize; the service takes 10 MiB by now
)

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
		call := p.cut(time.Now())
		if len(call) == 0 {
			p.workers--
			p.mu.Unlock() // not deferred: a panic in the client would find it unlocked
			return
		}
		p.hire() // for what did not fit into the call
		p.mu.Unlock()
		for _, e := range call {
			e.batch.seal()
		}
		answers := p.send(call)
		p.mu.Lock()
		p.settle(call, answers)
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
func (p *Producer) cut(now time.Time) (call []entry) {
	bytes := 0
	for len(p.outbox) > 0 {
		l := p.outbox[0]
		if p.sendable(l, now) {
			p.expire(l, now)
			batches := l.next()
			for _, b := range batches {
				// A lone record goes with its own partition key.
				size := b.builder.Size() + len(b.records[0].partitionKey)
				if len(call) == maxCallRecords || len(call) > 0 && bytes+size > maxCallBytes {
					break
				}
				bytes += size
				call = append(call, entry{l, b})
				l.start(b)
			}
			if len(batches) > 0 && l.unacked == 0 { // the call is full
				return call
			}
		}
		l.queued = false
		p.outbox = p.outbox[1:]
		if l.unacked == 0 { // what it had is gone or has expired; what is left has its own time
			p.kick(l, now)
		}
	}
	return call
}

// send makes the call and returns an answer for each entry.
func (p *Producer) send(call []entry) []answer {
	input := &kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, len(call))}
	input.StreamName, input.StreamARN = p.streamRef()
	for i, e := range call {
		s := &e.batch.sealed
		// The batch is used again; what the client was given stays as it is.
		input.Records[i] = types.PutRecordsRequestEntry{Data: s.Data, PartitionKey: aws.String(s.PartitionKey), ExplicitHashKey: aws.String(s.ExplicitHashKey)}
	}
	p.mu.Lock()
	p.stats.PutRecordsCalls++
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.callTimeout)
	defer cancel()
	out, err := p.client.PutRecords(ctx, input, noRetries)
	if err != nil && len(call) > 1 && invalid(err) {
		// One bad entry refuses the whole call: only that one shall fail.
		half := len(call) / 2
		return append(p.send(call[:half]), p.send(call[half:])...)
	}
	answers := make([]answer, len(call))
	for i := range answers {
		answers[i] = answerOf(out, err, i)
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
	return answer{shardID: aws.ToString(r.ShardId), sequenceNumber: aws.ToString(r.SequenceNumber)}
}

// invalid says whether the service refused the request itself.
func invalid(err error) bool {
	switch code(err) {
	case "ValidationException", "InvalidArgumentException", "SerializationException":
		return true
	}
	return false
}

// refused says whether the service has answered that it did not do what it was
// asked. A timeout, a broken connection or a fault of the service's own leaves
// that open.
func refused(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorFault() == smithy.FaultServer {
		return false
	}
	if http, ok := errors.AsType[*awshttp.ResponseError](err); ok && http.HTTPStatusCode() >= 500 {
		return false
	}
	switch api.ErrorCode() {
	case "InternalFailure", "InternalError", "InternalServerError", "InternalFailureException",
		"ServiceUnavailable", "ServiceUnavailableException":
		return false
	}
	return true
}

// fatal says whether trying again is pointless: the service has refused for a
// reason that is not known to pass.
func fatal(err error) bool {
	if !refused(err) {
		return false
	}
	switch code(err) {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture",
		"KMSThrottlingException", "ResourceInUseException":
		return false
	case "InvalidSignatureException": // of a call that took too long to get there, or of wrong credentials
		return !strings.Contains(err.Error(), "ignature expired") && !strings.Contains(err.Error(), "ignature not yet current")
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) != aws.TrueTernary
}

// code returns the service's error code, or nothing if it gave none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// putError says why a record with err as its last failure was not put.
func putError(kind, err error, attempts int) *PutError {
	e := &PutError{Code: code(err), Attempts: attempts, kind: kind}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e.Message = api.ErrorMessage()
	} else if err != nil {
		e.Message = err.Error()
	}
	return e
}

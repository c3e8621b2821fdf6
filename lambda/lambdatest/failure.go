package lambdatest

// This file owns the document for the on-failure destination.

import "time"

// The conditions under which records are given up.
const (
	RetryAttemptsExhausted = "RetryAttemptsExhausted"
	RecordAgeExceeded      = "RecordAgeExceeded"
)

// OnFailure is the document that Lambda sends to an on-failure destination. As
// JSON it is Lambda's; S3 gets it as it is, SQS and SNS without the payload.
type OnFailure struct {
	RequestContext   RequestContext   `json:"requestContext"`
	ResponseContext  *ResponseContext `json:"responseContext,omitempty"` // nil with RecordAgeExceeded
	Version          string           `json:"version"`                   // "1.0"
	Timestamp        Timestamp        `json:"timestamp"`                 // UTC, in milliseconds
	KinesisBatchInfo KinesisBatchInfo `json:"KinesisBatchInfo"`
	Payload          string           `json:"payload,omitempty"` // the event with the records
}

// RequestContext tells which invocation it was, and why its records are given up.
type RequestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"` // since the checkpoint last moved
}

// ResponseContext is the last answer.
type ResponseContext struct {
	StatusCode      int    `json:"statusCode"`              // 200
	ExecutedVersion string `json:"executedVersion"`         // "$LATEST"
	FunctionError   string `json:"functionError,omitempty"` // "Unhandled"; empty if the function answered
}

// KinesisBatchInfo tells which records are given up.
type KinesisBatchInfo struct {
	ShardID                         string    `json:"shardId"`
	StartSequenceNumber             string    `json:"startSequenceNumber"`
	EndSequenceNumber               string    `json:"endSequenceNumber"`
	ApproximateArrivalOfFirstRecord Timestamp `json:"approximateArrivalOfFirstRecord"` // UTC, in milliseconds
	ApproximateArrivalOfLastRecord  Timestamp `json:"approximateArrivalOfLastRecord"`  // UTC, in milliseconds
	BatchSize                       int       `json:"batchSize"`
	StreamARN                       string    `json:"streamArn"`
}

// giveUp tells the on-failure destination.
func (l *lane) giveUp(b *batch, condition string) {
	m := l.shard.mapping
	if b.requestID == "" { // it was never sent
		b.requestID = requestID(l.rnd)
	}
	doc := OnFailure{
		RequestContext: RequestContext{b.requestID, m.config.functionARN, condition, b.invocations},
		Version:        "1.0",
		Timestamp:      milliseconds(time.Now()),
		KinesisBatchInfo: KinesisBatchInfo{
			ShardID: l.shard.id, BatchSize: len(b.items), StreamARN: m.source.arn,
		},
		Payload: string(l.event(b)),
	}
	if condition == RetryAttemptsExhausted {
		doc.ResponseContext = &ResponseContext{StatusCode: 200, ExecutedVersion: "$LATEST"}
		if b.functionErr {
			doc.ResponseContext.FunctionError = "Unhandled"
		}
	}
	if n := len(b.items); n > 0 {
		info := &doc.KinesisBatchInfo
		info.StartSequenceNumber, info.EndSequenceNumber = b.items[0].SequenceNumber, b.items[n-1].SequenceNumber
		info.ApproximateArrivalOfFirstRecord = milliseconds(b.items[0].ApproximateArrivalTimestamp)
		info.ApproximateArrivalOfLastRecord = milliseconds(b.items[n-1].ApproximateArrivalTimestamp)
	}
	m.log.givenUp(doc)
	if m.config.onFailure != nil {
		m.config.onFailure(doc)
	}
}

// Timestamp is a time that is JSON as on-failure documents have it: UTC, with
// exactly three digits of a second.
type Timestamp struct{ time.Time }

// MarshalJSON returns the time as "2006-01-02T15:04:05.000Z".
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

func milliseconds(t time.Time) Timestamp { return Timestamp{t.UTC().Truncate(time.Millisecond)} }

package lines

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/producer"
)

// Limits are what a stream takes and bills by, in bytes.
type Limits struct {
	Record  int // of data and partition key
	PutUnit int
}

// Describer is what LimitsOf needs of the SDK's client.
type Describer interface {
	DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error)
}

// describeAttempts is how often a stream is asked. Somebody waits for it.
const describeAttempts = 3

// LimitsOf asks for a stream's limits. Who is denied that gets those of a provisioned
// stream that was not set to take large records.
func LimitsOf(ctx context.Context, client Describer, stream *kinesis.DescribeStreamSummaryInput) (Limits, error) {
	l := Limits{Record: 1 << 20, PutUnit: producer.PutUnit}
	out, err := client.DescribeStreamSummary(ctx, stream, func(o *kinesis.Options) { o.RetryMaxAttempts = describeAttempts })
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok && (api.ErrorCode() == "AccessDeniedException" || api.ErrorCode() == "AccessDenied") {
			return l, nil
		}
		return Limits{}, err
	}
	s := out.StreamDescriptionSummary
	if m := s.StreamModeDetails; m != nil && m.StreamMode == types.StreamModeOnDemand {
		l.PutUnit = producer.PutUnitOnDemand
	}
	if kib := aws.ToInt32(s.MaxRecordSizeInKiB); kib > 0 { // emulators leave it out
		l.Record = int(kib) << 10
	}
	return l, nil
}

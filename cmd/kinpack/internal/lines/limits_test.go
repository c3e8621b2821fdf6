package lines_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/kinesistest"
)

func TestLimitsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := kinesistest.New()
		for name, shards := range map[string]int{"provisioned": 1, "on-demand": 0} {
			if err := server.AddStream(name, shards); err != nil {
				t.Fatal(err)
			}
		}
		create := &kinesis.CreateStreamInput{StreamName: aws.String("large"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(10240)}
		if _, err := server.Client().CreateStream(t.Context(), create); err != nil {
			t.Fatal(err)
		}
		// The client tries ten times, if not told otherwise.
		client := server.SDKClient(func(o *kinesis.Options) { o.RetryMaxAttempts = 10 })
		of := func(name string) (lines.Limits, error) {
			return lines.LimitsOf(t.Context(), client, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
		}
		for name, want := range map[string]lines.Limits{
			"provisioned": {Record: 1 << 20, PutUnit: 25600}, "on-demand": {Record: 1 << 20, PutUnit: 1024}, "large": {Record: 10 << 20, PutUnit: 25600},
		} {
			if got, err := of(name); err != nil || got != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if _, err := of("none"); !isA[*types.ResourceNotFoundException](err) {
			t.Errorf("no stream: %v", err)
		}
		calls := 0
		server.SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
			calls++
			return kinesistest.Fault{Failure: kinesistest.APIError(500, "InternalFailure")}
		})
		if _, err := of("provisioned"); err == nil || calls != 3 {
			t.Errorf("%v after %d calls", err, calls)
		}
		server.SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
			return kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")}
		})
		if got, err := of("large"); err != nil || got.Record != 1<<20 || got.PutUnit != 25600 {
			t.Errorf("denied: %+v, %v", got, err)
		}
	})
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

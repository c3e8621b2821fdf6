package follow_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

// located keeps what iterators are asked for, and sees that the SDK does not retry.
type located struct {
	*kinesis.Client
	t     *testing.T
	asked chan kinesis.GetShardIteratorInput
}

func (l located) notRetried(opts []func(*kinesis.Options)) {
	var o kinesis.Options
	for _, opt := range opts {
		opt(&o)
	}
	if _, ok := o.Retryer.(aws.NopRetryer); !ok {
		l.t.Errorf("retried by a %T", o.Retryer)
	}
}

func (l located) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	l.notRetried(opts)
	return l.Client.GetRecords(ctx, in, opts...)
}

func (l located) GetShardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, opts ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	l.notRetried(opts)
	l.asked <- *in
	return l.Client.GetShardIterator(ctx, in, opts...)
}

// Over a socket times are the service's, from its Date.
func TestServiceTime(t *testing.T) {
	server := kinesistest.New()
	if err := server.AddStream(stream, 1); err != nil {
		t.Fatal(err)
	}
	endpoint, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := located{kinesistest.NewSDKClient(endpoint), t, make(chan kinesis.GetShardIteratorInput, 10)}
	start := time.Now()
	expired := 0
	server.SetFaults(on("GetRecords", func() *kinesistest.Fault {
		if expired++; expired > 1 {
			return nil
		}
		put(t, server.Client(), "between")
		return &kinesistest.Fault{Failure: kinesistest.APIError(400, "ExpiredIteratorException")}
	}))
	for r, err := range of(client).Read(t.Context(), follow.Latest()) {
		if err != nil || string(r.Data) != "between" {
			t.Errorf("%q, %v", r.Data, err)
		}
		break
	}
	first, second := <-client.asked, <-client.asked
	if first.ShardIteratorType != "LATEST" || second.ShardIteratorType != "AT_TIMESTAMP" {
		t.Fatalf("%s, then %s", first.ShardIteratorType, second.ShardIteratorType)
	}
	if d := start.Sub(*second.Timestamp); d < time.Second || d > 4*time.Second || second.Timestamp.Nanosecond() != 0 {
		t.Errorf("at %v, %v before the start", second.Timestamp, d)
	}
	got, err := readAll(t, client, follow.TrimHorizon(), follow.WithStopAtTip())
	if err != nil {
		t.Error(err)
	}
	same(t, data(got), []string{"between"})
}

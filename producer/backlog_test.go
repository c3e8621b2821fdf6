package producer_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

// A backlog of records that fill a unit best one by one goes in large aggregates all
// the same.
func TestBacklogOfUnitSized(t *testing.T) {
	for _, size := range []int{2497, 10_000, 12_480, 24_976, 25_260, 25_500, 76_000} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			release := make(chan struct{})
			client := newStalled(f, release)
			p := open(t, client, producer.WithRateLimit(0))
			for range (8 << 20) / size {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, size)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			close(release)
			flush(t, p)
			sizes := client.sizes()
			if len(sizes) > 18 {
				t.Errorf("size %d: %d aggregates", size, len(sizes))
			}
		})
	}
}

// On a long trip too it is sent as fast as the shard takes it.
func TestBacklogSlow(t *testing.T) {
	for _, size := range []int{24_000, 25_260} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				time.Sleep(ms(100))
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f)
			start := time.Now()
			for range (32 << 20) / size {
				if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, size)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			s := p.Stats()
			if d := time.Since(start); s.UserRecordsPut != s.UserRecordsReceived || d > 23*time.Second {
				t.Errorf("records of %d bytes took %v, %d of %d expired", size, d, s.UserRecordsExpired, s.UserRecordsReceived)
			}
		})
	}
}

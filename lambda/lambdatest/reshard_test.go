package lambdatest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

const clicksARN = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"

// put puts n records, named from first on, with so many keys.
func put(t testing.TB, client *kinesistest.Client, first, n, keys int) {
	t.Helper()
	for from := first; from < first+n; from += 500 {
		in := &kinesis.PutRecordsInput{StreamARN: aws.String(clicksARN)}
		for i := from; i < min(from+500, first+n); i++ {
			in.Records = append(in.Records, types.PutRecordsRequestEntry{
				PartitionKey: aws.String(fmt.Sprintf("key-%d", i%keys)), Data: fmt.Appendf(nil, "%d", i),
			})
		}
		if _, err := client.PutRecords(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

// byKey is a function that keeps the order in which it saw each key's records.
type byKey struct {
	mu   sync.Mutex
	seen map[string][]string
}

func (h *byKey) handle(_ context.Context, e events.KinesisEvent) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range e.Records {
		h.seen[r.Kinesis.PartitionKey] = append(h.seen[r.Kinesis.PartitionKey], string(r.Kinesis.Data))
	}
	return nil
}

// want checks that all n records came once, each key's in the order of the puts.
func (h *byKey) want(t testing.TB, n, keys int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for k := range keys {
		var want []string
		for i := k; i < n; i += keys {
			want = append(want, fmt.Sprint(i))
		}
		key := fmt.Sprintf("key-%d", k)
		if got := strings.Join(h.seen[key], " "); got != strings.Join(want, " ") {
			t.Errorf("%s: got %s", key, got)
		}
	}
}

func TestReshard(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			client := kinesistest.Fake(t, "clicks", 2, kinesistest.WithListShardsLag(3*time.Second))
			rnd := rand.New(rand.NewPCG(seed, 0))
			h := &byKey{seen: map[string][]string{}}
			m, err := lambdatest.New(lambdatest.Stream(client, clicksARN), lambdatest.Handler(func(ctx context.Context, e events.KinesisEvent) (string, error) { return "", h.handle(ctx, e) }),
				lambdatest.WithBatchSize(7), lambdatest.WithParallelizationFactor(3))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for round := range 10 {
				put(t, client, round*100, 100, 17)
				if round == 5 {
					if err := m.Drain(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					if _, err := client.Server().Reshard("clicks", rnd); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := m.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.want(t, 1000, 17)
		})
	}
}

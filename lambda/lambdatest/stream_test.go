package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// every is all the data that was seen, in order.
func every(m *lambdatest.Mapping) string {
	var all []string
	for _, inv := range m.Invocations() {
		all = append(all, names(inv.Records))
	}
	return strings.Join(all, " ")
}

// All three positions, over the server and over slices.
func TestStartingPositions(t *testing.T) {
	for _, slices := range []bool{false, true} {
		for _, c := range []struct {
			opt  lambdatest.Option
			want string
		}{
			{lambdatest.WithStartingPosition(lambdatest.TrimHorizon), "0 1 2 3"},
			{lambdatest.WithStartingPosition(lambdatest.Latest), ""},
			{lambdatest.WithStartingPositionTimestamp(time.Date(2000, 1, 1, 0, 0, 2, 0, time.UTC)), "2 3"},
		} {
			bubble(t, fmt.Sprint(slices, c.want), func(t *testing.T) {
				client := kinesistest.Fake(t, "clicks", 1)
				source := lambdatest.Stream(client, clicksARN)
				records := numbered(4)
				for i := range records {
					records[i].ApproximateArrivalTimestamp = time.Now()
					put(t, client, i, 1, 1)
					time.Sleep(time.Second)
				}
				want := c.want
				if slices {
					source = lambdatest.Records(records)
				} else {
					want = strings.TrimSpace(want + " 4 5")
				}
				m := newMapping(t, source, answers(""), c.opt)
				defer m.Close()
				drain(t, m)
				time.Sleep(time.Hour) // its iterator expires
				put(t, client, 4, 2, 1)
				drain(t, m)
				check(t, "seen", every(m), want)
			})
		}
	}
}

// LATEST holds for the shards that are there; their children are read from the start.
func TestLatestAndChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		put(t, client, 0, 5, 5)
		m := newMapping(t, lambdatest.Stream(client, clicksARN), answers(""), lambdatest.WithStartingPosition(lambdatest.Latest))
		defer m.Close()
		drain(t, m)
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		put(t, client, 5, 20, 20)
		drain(t, m)
		check(t, "seen", len(m.Seen()), 20)
	})
}

// A run polls about once a second, takes what comes, and follows reshards.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		h := &byKey{seen: map[string][]string{}}
		m := newMapping(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(func(ctx context.Context, e events.KinesisEvent) (string, error) {
			return "", h.handle(ctx, e)
		}))
		defer m.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		for i := range 20 {
			put(t, client, i*50, 50, 10)
			time.Sleep(3300 * time.Millisecond)
			if i%5 == 4 {
				if err := client.Server().Scale("clicks", 1+i%3); err != nil {
					t.Fatal(err)
				}
			}
		}
		check(t, "error", <-done, context.DeadlineExceeded)
		h.want(t, 1000, 10)
		for _, inv := range m.Invocations() {
			if age := inv.Start.Sub(inv.Records[len(inv.Records)-1].ApproximateArrivalTimestamp); age > 1100*time.Millisecond {
				t.Errorf("records came after %v", age)
			}
		}
	})
}

// Every kind of failure of the stream is survived, the SDK's client included.
func TestStormyStream(t *testing.T) {
	for seed := range uint64(10) {
		bubble(t, fmt.Sprint(seed), func(t *testing.T) {
			direct := kinesistest.Fake(t, "clicks", 3)
			put(t, direct, 0, 500, 13)
			if err := direct.Server().Scale("clicks", 5); err != nil {
				t.Fatal(err)
			}
			put(t, direct, 500, 500, 13)
			direct.Server().SetFaults(kinesistest.Storm(seed, kinesistest.Weather{
				Unavailable: 0.06, Throttled: 0.06, Denied: 0.06, Reset: 0.06, NoAnswer: 0.06, Lost: 0.06, MaxLatency: time.Second,
			}))
			var client lambdatest.Client = direct
			if seed%2 == 1 {
				client = direct.Server().SDKClient()
			}
			h := &byKey{seen: map[string][]string{}}
			drained(t, lambdatest.Stream(client, clicksARN), lambdatest.Handler(func(ctx context.Context, e events.KinesisEvent) (string, error) {
				return "", h.handle(ctx, e)
			}), lambdatest.WithBatchSize(30), lambdatest.WithParallelizationFactor(2))
			direct.Server().SetFaults()
			h.want(t, 1000, 13)
		})
	}
}

// A stream that does not answer at all ends the run with its error.
func TestStreamThatFails(t *testing.T) {
	for _, op := range []string{"ListShards", "GetShardIterator", "GetRecords"} {
		bubble(t, op, func(t *testing.T) {
			client := kinesistest.Fake(t, "clicks", 2)
			put(t, client, 0, 10, 10)
			client.Server().SetFaults(func(_ context.Context, r kinesistest.Request) (f kinesistest.Fault) {
				if r.Operation == op {
					f.Failure = kinesistest.APIError(500, "InternalFailure")
				}
				return f
			})
			m := newMapping(t, lambdatest.Stream(client, clicksARN), answers(""))
			defer m.Close()
			start := time.Now()
			err := m.Drain(t.Context())
			if err == nil || !strings.Contains(err.Error(), "InternalFailure") {
				t.Errorf("error: %v", err)
			}
			check(t, "time", time.Since(start), 19*time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			check(t, "ended by ctx", m.Drain(ctx), context.DeadlineExceeded)
			client.Server().SetFaults()
			drain(t, m)
			check(t, "seen", len(m.Seen()), 10)
		})
	}
}

func TestStreamThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		m := newMapping(t, lambdatest.Stream(client, clicksARN+"x"), answers(""))
		defer m.Close()
		var gone *types.ResourceNotFoundException
		start := time.Now()
		if err := m.Drain(t.Context()); !errors.As(err, &gone) {
			t.Errorf("error: %v", err)
		}
		m = newMapping(t, lambdatest.Stream(client, clicksARN), answers(""))
		defer m.Close()
		drain(t, m)
		if _, err := client.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamARN: aws.String(clicksARN)}); err != nil {
			t.Fatal(err)
		}
		if err := m.Run(t.Context()); !errors.As(err, &gone) {
			t.Errorf("error: %v", err)
		}
		check(t, "at once", time.Since(start), 0)
	})
}

// small is an endpoint that reads three records at a time and does not say that
// there are more.
type small struct{ *kinesistest.Client }

func (c small) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	in.Limit = aws.Int32(3)
	out, err := c.Client.GetRecords(ctx, in, opts...)
	if err == nil {
		out.MillisBehindLatest = nil
	}
	return out, err
}

func TestSmallReads(t *testing.T) {
	client := kinesistest.Fake(t, "clicks", 1)
	put(t, client, 0, 10, 10)
	m := drained(t, lambdatest.Stream(small{client}, clicksARN), answers(""))
	check(t, "seen", every(m), "0 1 2 3 4 5 6 7 8 9")
}

// The timestamp also holds for children that the list did not show at the start.
func TestTimestampAndChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1, kinesistest.WithListShardsLag(10*time.Second))
		time.Sleep(time.Second)
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		put(t, client, 0, 5, 5)
		time.Sleep(2 * time.Second)
		put(t, client, 5, 5, 5)
		m := drained(t, lambdatest.Stream(client, clicksARN), answers(""), lambdatest.WithStartingPositionTimestamp(time.Now().Add(-time.Second)))
		check(t, "seen", len(m.Seen()), 5)
	})
}

// Parents are wholly done before their children start, retries included.
func TestParentsBeforeChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		put(t, client, 0, 10, 10)
		for _, shards := range []int{2, 1, 2} {
			if err := client.Server().Scale("clicks", shards); err != nil {
				t.Fatal(err)
			}
			put(t, client, 10, 10, 10)
		}
		m := drained(t, lambdatest.Stream(client, clicksARN), throws("3"), lambdatest.WithBatchSize(4), lambdatest.WithMaximumRetryAttempts(5))
		ended := map[string]int{}
		started := map[string]int{}
		for i, inv := range m.Invocations() {
			if _, ok := started[inv.ShardID]; !ok {
				started[inv.ShardID] = i
			}
			ended[inv.ShardID] = i
		}
		for _, s := range client.Server().Shards("clicks") {
			for _, p := range []string{s.ParentID, s.AdjacentParentID} {
				if p != "" && started[s.ID] < ended[p] {
					t.Errorf("%s started before %s was done", s.ID, p)
				}
			}
		}
		check(t, "shards", len(started), 6)
		check(t, "seen", len(m.Seen()), 40)
	})
}

// A reader that is held up for long finds its iterator expired, and goes on after
// what it has read.
func TestIteratorExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		put(t, client, 0, 10, 1)
		slow := always(func(context.Context, []byte) ([]byte, error) { time.Sleep(10 * time.Minute); return nil, nil })
		m := newMapping(t, lambdatest.Stream(client, clicksARN), slow, lambdatest.WithBatchSize(5), lambdatest.WithTimeout(15*time.Minute))
		defer m.Close()
		done := make(chan error)
		go func() { done <- m.Drain(t.Context()) }()
		time.Sleep(time.Minute)
		put(t, client, 10, 10, 1)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		drain(t, m)
		check(t, "seen", every(m), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19")
	})
}

package lambdatest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// old is an endpoint that does not name children at a shard's end.
type old struct{ *kinesistest.Client }

func (c old) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	out, err := c.Client.GetRecords(ctx, in, opts...)
	if err == nil {
		out.ChildShards = nil
	}
	return out, err
}

func TestChildrenThatAreNotNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1, kinesistest.WithListShardsLag(5*time.Second))
		put(t, client, 0, 10, 10)
		time.Sleep(time.Second) // the shards that a stream starts with are listed at once
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		put(t, client, 10, 10, 10)
		m := drained(t, lambdatest.Stream(old{client}, clicksARN), answers(""))
		check(t, "seen", len(m.Seen()), 20)
	})
}

// childless is an endpoint whose closed shards have no children, as those of a
// stream that is being deleted.
type childless struct{ old }

func (c childless) ListShards(ctx context.Context, in *kinesis.ListShardsInput, opts ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	out, err := c.old.ListShards(ctx, in, opts...)
	if err == nil {
		out.Shards = out.Shards[:1]
	}
	return out, err
}

func TestClosedShardWithoutChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		put(t, client, 0, 10, 10)
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		m := newMapping(t, lambdatest.Stream(childless{old{client}}, clicksARN), answers(""))
		defer m.Close()
		drain(t, m)
		check(t, "seen", len(m.Seen()), 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		check(t, "Run", m.Run(ctx), context.DeadlineExceeded) // nothing is left to read
	})
}

// Children that the stream has named are not given up: as long as they are not
// listed a run fails, and the next one looks again.
func TestChildrenThatAreListedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 70 * time.Second
		client := kinesistest.Fake(t, "clicks", 1, kinesistest.WithListShardsLag(lag))
		put(t, client, 0, 10, 10)
		time.Sleep(time.Second) // the shards that a stream starts with are listed at once
		if err := client.Server().Scale("clicks", 2); err != nil {
			t.Fatal(err)
		}
		put(t, client, 10, 10, 10)
		m := newMapping(t, lambdatest.Stream(client, clicksARN), answers(""))
		defer m.Close()
		start := time.Now()
		for _, run := range []func(context.Context) error{m.Drain, m.Run} {
			err := run(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			for _, s := range client.Server().Shards("clicks") { // the parent and its children
				check(t, s.ID+" in "+err.Error(), strings.Contains(err.Error(), s.ID), true)
			}
			check(t, "seen", len(m.Seen()), 10)
		}
		drain(t, m)
		check(t, "seen", len(m.Seen()), 20)
		check(t, "waited no longer than they took", time.Since(start), lag)
	})
}

package producer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/producer"
)

// One failed DescribeStreamSummary, such as a throttled one, does not keep a wrong
// landing from asking again.
func TestDescribeFailsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.describe = func(n int) error {
			if n == 0 {
				return &smithy.GenericAPIError{Code: "LimitExceededException"}
			}
			return nil
		}
		p := open(t, f)
		var b book
		traffic(t, p, &b, "before", 300)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		traffic(t, p, &b, "change", 2000)
		if s := p.Stats(); !s.ServiceManaged || s.WrongLandings > 12 {
			t.Errorf("%+v", s)
		}
	})
}

// With WithLanes it holds too that a record that landed wrong three times goes plain.
func TestServiceManagedUnknownLanes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.describe = func(int) error { return accessDenied }
		f.distribute(t, types.RecordDistributionStrategyAuto)
		p := open(t, f, producer.WithLanes(3))
		var b book
		for i := range 3 {
			traffic(t, p, &b, fmt.Sprint("round ", i), 300)
		}
		everyoneReads(t, f, &b, 900)
		for _, r := range b.all() {
			if r.Attempts > 4 {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// Several wrong landings under one map are one suspicion.
func TestOneSplitIsNoSuspicion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithLanes(8))
		f.split(t, shardID(0))
		for i := range 100 {
			put(t, p, &book{}, fmt.Sprint(i))
		}
		flush(t, p)
		if s := p.Stats(); s.WrongLandings < 2 || f.describes() != 1 {
			t.Errorf("%d wrong landings, asked %d times", s.WrongLandings, f.describes())
		}
	})
}

// On a service-managed stream, where there is no order, a failed entry and a slow
// call hold up nobody.
func TestManagedDoesNotStall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			switch n {
			case 0:
				time.Sleep(5 * time.Second)
			case 1:
				return f.sub(ctx, in, func(e types.PutRecordsRequestEntry) string { return "ProvisionedThroughputExceededException" })
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f)
		var b book
		put(t, p, &b, "slow")
		wait()
		put(t, p, &b, "throttled")
		wait()
		put(t, p, &b, "next")
		pass(time.Second)
		if len(b.all()) < 2 {
			t.Errorf("%d done after a second", len(b.all()))
		}
	})
}

// A stream that is deleted and made again under its name has other shards under
// the same ids.
func TestStreamMadeAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f)
		var b book
		put(t, p, &b, "first", "second")
		flush(t, p)
		if _, err := f.Client.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String(stream)}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		put(t, p, &b, "gone", "gone2")
		flush(t, p)
		if r := b.of(t, "gone"); r.Err == nil {
			t.Errorf("put into a stream that is gone: %+v", r)
		}
		if err := f.srv.AddStream(stream, 4); err != nil {
			t.Fatal(err)
		}
		var c book
		for r := range 20 {
			for i := range 10 {
				put(t, p, &c, fmt.Sprint(r, " ", i))
			}
			flush(t, p)
		}
		kcl := f.kclReads(t)
		lost := 0
		for _, r := range c.all() {
			if r.Err == nil && kcl[string(r.Record.Data)] == 0 {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%d records of %d reported as put are not delivered", lost, len(c.all()))
		}
	})
}

// If nothing was put meanwhile, the next look at the stream tells.
func TestStreamMadeAnewUnseen(t *testing.T) {
	lost, all := 0, 0
	for range 10 {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 2)
			p := open(t, f)
			var b book
			put(t, p, &b, "first", "second")
			flush(t, p)
			if _, err := f.Client.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String(stream)}); err != nil {
				t.Fatal(err)
			}
			pass(8 * time.Minute)
			if err := f.srv.AddStream(stream, 4); err != nil {
				t.Fatal(err)
			}
			put(t, p, &b, "asks")
			wait()
			var c book
			for i := range 10 {
				put(t, p, &c, fmt.Sprint(all, " ", i))
			}
			flush(t, p)
			kcl := f.kclReads(t)
			for _, r := range c.all() {
				all++
				if r.Err == nil && kcl[string(r.Record.Data)] == 0 {
					lost++
				}
			}
		})
	}
	if lost > 0 {
		t.Errorf("%d records of %d reported as put are not delivered", lost, all)
	}
}

package producer_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// newOnDemand is newFake for a stream whose distribution strategy can change.
func newOnDemand(t testing.TB) *fake {
	t.Helper()
	srv := kinesistest.New()
	if err := srv.AddStream(stream, 0); err != nil {
		t.Fatal(err)
	}
	return &fake{Client: srv.Client(), srv: srv}
}

func (f *fake) distribute(t testing.TB, s types.RecordDistributionStrategy) {
	t.Helper()
	_, err := f.UpdateStreamRecordDistributionStrategy(t.Context(), &kinesis.UpdateStreamRecordDistributionStrategyInput{
		StreamARN: aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/" + stream), RecordDistributionStrategy: s})
	if err != nil {
		t.Fatal(err)
	}
}

// traffic puts records at 1,000 a second, and Flushes.
func traffic(t testing.TB, p *producer.Producer, b *book, name string, n int) {
	t.Helper()
	for i := range n {
		if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i % 40), Data: fmt.Appendf(nil, "%s %d", name, i)}, b.done); err != nil {
			t.Fatal(err)
		}
		time.Sleep(ms(1))
	}
	flush(t, p)
}

// On a service-managed stream records go plain, whatever New found or the stream
// becomes: a KCL drops none. When it is the user's again they are packed again.
func TestServiceManaged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		p := open(t, f)
		if s := p.Stats(); !s.ServiceManaged || s.Shards != 0 || len(f.listings()) != 0 {
			t.Errorf("after New: %+v", s)
		}
		var b book
		traffic(t, p, &b, "managed", 300)
		if n := len(f.srv.Records(stream)); n != 300 {
			t.Errorf("%d Kinesis records of 300", n)
		}
		f.distribute(t, types.RecordDistributionStrategyUserPartitionKey)
		pass(8 * time.Minute)
		traffic(t, p, &b, "back", 300) // its first Put asks
		traffic(t, p, &b, "packed", 300)
		if s := p.Stats(); s.ServiceManaged || s.Shards != 4 || s.KinesisRecordsPut > 720 {
			t.Errorf("after it is the user's again: %+v", s)
		}
		if n := f.describes(); n != 2 {
			t.Errorf("asked %d times, want at New and after 5 minutes", n)
		}
		for data, n := range f.kclReads(t) {
			if n != 1 {
				t.Errorf("a KCL delivers %q %d times", data, n)
			}
		}
		if len(f.kclReads(t)) != 900 {
			t.Errorf("a KCL delivers %d of 900", len(f.kclReads(t)))
		}
	})
}

// A stream that becomes service-managed is found out at the second wrong landing.
// Nothing is lost, and the copies are few.
func TestBecomesServiceManaged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		p := open(t, f)
		var b book
		traffic(t, p, &b, "before", 500)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		traffic(t, p, &b, "change", 2000)
		s := p.Stats()
		if !s.ServiceManaged || s.WrongLandings < 2 || s.WrongLandings > 12 || s.WrongLandingUnits != s.WrongLandings {
			t.Errorf("after the change: %+v", s)
		}
		if n := f.describes(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		traffic(t, p, &b, "after", 500)
		everyoneReads(t, f, &b, 3000)
		if n := p.Stats().WrongLandings; n != s.WrongLandings {
			t.Errorf("%d more wrong landings", n-s.WrongLandings)
		}
	})
}

// everyoneReads checks that a KCL delivers each of n records.
func everyoneReads(t testing.TB, f *fake, b *book, n int) {
	t.Helper()
	kcl := f.kclReads(t)
	for _, r := range b.all() {
		if r.Err != nil || kcl[string(r.Record.Data)] != 1 {
			t.Fatalf("%+v: a KCL delivers %d copies", r, kcl[string(r.Record.Data)])
		}
	}
	if len(b.all()) != n {
		t.Errorf("%d records done, want %d", len(b.all()), n)
	}
}

// Without kinesis:DescribeStreamSummary it is not found out, which is said once.
// Even so nothing is lost: a record that has landed wrong three times goes plain.
func TestServiceManagedUnknown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.describe = func(int) error { return accessDenied }
		f.distribute(t, types.RecordDistributionStrategyAuto)
		var log bytes.Buffer
		p := open(t, f, producer.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		var b book
		for i := range 3 {
			traffic(t, p, &b, fmt.Sprint("round ", i), 300)
			pass(8 * time.Minute)
		}
		everyoneReads(t, f, &b, 900)
		for _, r := range b.all() {
			if r.Attempts > 4 {
				t.Fatalf("%+v", r)
			}
		}
		if n := strings.Count(log.String(), "distribution strategy"); n != 1 || f.describes() != 3 {
			t.Errorf("said %d times, asked %d times: %s", n, f.describes(), log.String())
		}
	})
}

// For readers that do not filter, records can be packed there all the same: in as
// few aggregates as it takes, whatever the shards.
func TestServiceManagedAggregation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		p := open(t, f, producer.WithServiceManagedAggregation())
		var b book
		traffic(t, p, &b, "packed", 1000)
		if s := p.Stats(); s.KinesisRecordsPut > 15 || s.WrongLandings != 0 || s.UserRecordsRetried != 0 {
			t.Errorf("%+v", s)
		}
		for data, n := range f.copies(t) {
			if n != 1 {
				t.Errorf("%q is there %d times", data, n)
			}
		}
		if len(f.copies(t)) != 1000 {
			t.Errorf("%d of 1,000 records", len(f.copies(t)))
		}
	})
}

// kinesis:PutRecords alone is enough: records go plain. What is missing is said
// once each and asked for every 5 minutes or so, and when it is allowed records
// are packed.
func TestPutRecordsAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 4)
		start := time.Now()
		allowed := func() bool { return time.Since(start) > time.Hour }
		f.describe = func(int) error {
			if allowed() {
				return nil
			}
			return accessDenied
		}
		f.list = func(_ int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if allowed() {
				return f.Client.ListShards(ctx, in)
			}
			return nil, accessDenied
		}
		var log bytes.Buffer
		p := open(t, f, producer.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		var b book
		traffic(t, p, &b, "plain", 200)
		if n := len(f.srv.Records(stream)); n != 200 {
			t.Errorf("%d Kinesis records of 200", n)
		}
		pass(time.Hour)
		if n := len(f.listings()); n < 60/7-1 || n > 60/5+2 {
			t.Errorf("%d listings in an hour", n)
		}
		pass(8 * time.Minute)
		traffic(t, p, &b, "packed", 200)
		if n := len(f.srv.Records(stream)); n > 220 {
			t.Errorf("%d Kinesis records of 400", n)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 2 {
			t.Errorf("%d warnings: %s", n, log.String())
		}
		everyoneReads(t, f, &b, 400)
	})
}

// The stream becomes the user's again, with the shards it had: packed again.
func TestBackToUserKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		p := open(t, f)
		var b book
		traffic(t, p, &b, "user", 100)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		pass(8 * time.Minute)
		traffic(t, p, &b, "auto", 100)
		f.distribute(t, types.RecordDistributionStrategyUserPartitionKey)
		pass(8 * time.Minute)
		traffic(t, p, &b, "asks", 100)
		n := len(f.srv.Records(stream))
		traffic(t, p, &b, "packed", 100)
		if n = len(f.srv.Records(stream)) - n; n > 20 {
			t.Errorf("%d Kinesis records of 100", n)
		}
	})
}

// With WithServiceManagedAggregation several aggregates are under way.
func TestManagedInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithServiceManagedAggregation())
		for i := range 5 {
			put(t, p, &book{}, fmt.Sprint(i))
			pass(ms(150))
		}
		if n := len(f.calls()); n != 5 {
			t.Errorf("%d calls under way, want 5", n)
		}
		flush(t, p)
		if n := len(f.listings()); n != 0 {
			t.Errorf("%d listings", n)
		}
	})
}

package producer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

// The kill switch: off, nothing is packed any more, not even what waits already;
// on again, it is. The order of a partition key holds across it.
func TestSetAggregation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(ms(20))
			return f.Client.PutRecords(ctx, in)
		}
		var b book
		number := 0
		some := func(n int) {
			for range n {
				key := fmt.Sprint("key ", number%5)
				if err := p.Put(t.Context(), producer.Record{PartitionKey: key, Data: fmt.Appendf(nil, "%s: %04d", key, number)}, b.done); err != nil {
					t.Fatal(err)
				}
				number++
			}
		}
		aggregated := func(from int) (n int) {
			for _, r := range b.all()[from:] {
				if r.Aggregated {
					n++
				}
			}
			return n
		}
		some(50)
		flushSoon(t, p) // under way, packed
		some(50)        // waiting
		p.SetAggregation(false)
		p.SetAggregation(false)
		some(50)
		flush(t, p)
		if n := aggregated(0); n != 50 || len(b.all()) != 150 {
			t.Errorf("%d of %d records went packed, want the 50 that were under way", n, len(b.all()))
		}
		some(30)
		wait()
		p.SetAggregation(true)
		some(30)
		flush(t, p)
		if n := aggregated(150); n != 55 {
			t.Errorf("%d of 60 records went packed, want all but the 5 that were under way", n)
		}
		last := map[string]string{}
		for _, r := range readAll(t, f.srv, stream) {
			if r.data < last[r.key] {
				t.Errorf("%q came behind %q", r.data, last[r.key])
			}
			last[r.key] = r.data
		}
	})
}

// WithAggregation(false) is the same from the start: 500 partition keys go in one
// call, one partition key one at a time.
func TestWithoutAggregation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithAggregation(false))
		var b book
		for i := range 300 {
			put(t, p, &b, fmt.Sprint("other ", i))
			put(t, p, &b, "the same")
		}
		flush(t, p)
		for _, c := range f.calls() {
			same := 0
			for _, e := range c.entries {
				if *e.PartitionKey == "the same" {
					same++
				}
			}
			if same > 1 {
				t.Errorf("%d records of one key in a call", same)
			}
		}
		if n := len(f.srv.Records(stream)); n != 600 {
			t.Errorf("%d Kinesis records of 600 user records", n)
		}
		p.SetAggregation(true)
		put(t, p, &b, "x", "y")
		flush(t, p)
		if n := len(f.srv.Records(stream)); n != 601 {
			t.Errorf("%d Kinesis records, want 601", n)
		}
	})
}

// A record without data goes plain as an empty one: the SDK takes nil for a
// missing member.
func TestNilDataPlain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithAggregation(false))
		if r, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"}); err != nil || f.calls()[0].entries[0].Data == nil {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// With more in flight a lane its records need not wait for each other.
func TestMaxInFlightPerLane(t *testing.T) {
	for _, most := range []int{1, 3} {
		bubble(t, func(t *testing.T) {
			f := newFake(t, 1)
			now, peak := 0, 0
			f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				f.mu.Lock()
				now++
				peak = max(peak, now)
				f.mu.Unlock()
				time.Sleep(time.Second)
				f.mu.Lock()
				now--
				f.mu.Unlock()
				return f.Client.PutRecords(ctx, in)
			}
			p := open(t, f, producer.WithMaxInFlightPerLane(most))
			var b book
			for i := range 20 {
				put(t, p, &b, fmt.Sprint(i))
				pass(ms(200))
			}
			flush(t, p)
			if peak != most {
				t.Errorf("%d in flight, want %d", peak, most)
			}
		})
	}
}

// On an on-demand stream aggregates fill its steps of 1,024 bytes, and are not
// sent as soon as they fill one.
func TestOnDemandUnit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithPutUnit(producer.PutUnitOnDemand))
		for range 3000 {
			fill(t, p, "k", 300, 300)
			time.Sleep(ms(1))
		}
		flush(t, p)
		s := p.Stats()
		fill := float64(s.KinesisRecordsDataPut) / float64(s.PutUnits) / producer.PutUnitOnDemand
		if per := s.UserRecordsPut / s.KinesisRecordsPut; fill < 0.98 || per < 80 || s.PutUnitsUnpacked != 3000 {
			t.Errorf("a fill of %.3f, %d records an aggregate: %+v", fill, per, s)
		}
	})
}

// What does not fit into a call has a worker of its own.
func TestLanesGoAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(time.Second)
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithLanes(4), producer.WithCollectionMaxCount(1))
		for i := range 100 {
			put(t, p, &book{}, fmt.Sprint(i))
		}
		pass(ms(200))
		if n := len(f.calls()); n != 4 {
			t.Errorf("%d calls under way, want 4", n)
		}
	})
}

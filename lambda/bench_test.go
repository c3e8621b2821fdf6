package lambda_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/cputime"
	"github.com/kinpack/kinpack/lambda"
)

// packedEvent is n user records of that size, in aggregates as full as they get.
func packedEvent(t testing.TB, n, size int) (e events.KinesisEvent) {
	t.Helper()
	var b aggregate.Builder
	seal := func() {
		e.Records = append(e.Records, record(len(e.Records), "a", b.AppendTo(nil)))
		b.Reset()
	}
	data := make([]byte, size)
	for i := range n {
		for j := range data {
			data[j] = byte(i * j)
		}
		u := aggregate.Record{PartitionKey: fmt.Sprintf("device-%05d", i%500), Data: data}
		if err := b.Add(u); err != nil {
			seal()
			if err := b.Add(u); err != nil {
				t.Fatal(err)
			}
		}
	}
	seal()
	return e
}

// BenchmarkEvent handles an event of 10,000 user records with a handler that does
// nothing, in every way, beside Append alone, which any of them has to do.
// To compare: go test -bench Event -count 10 ./lambda | benchstat -col /by -ignore /turn -
func BenchmarkEvent(b *testing.B) {
	const n = 10000
	for _, size := range []int{100, 512, 2048} {
		e := packedEvent(b, n, size)
		ways := []string{"append", "order", "bykey", "batch", "concurrent"}
		// In turns, so that a change of the machine's speed hits all.
		turns := slices.Concat(ways, []string{"concurrent", "batch", "bykey", "order", "append"})
		for i, by := range turns {
			b.Run(fmt.Sprintf("size=%dB/turn=%d/by=%s", size, i/len(ways)+1, by), func(b *testing.B) {
				var got atomic.Int64
				handle := way(b, by, e, &got)
				b.SetBytes(int64(n * size))
				b.ReportAllocs()
				start := cputime.Used()
				for b.Loop() {
					got.Store(0)
					handle()
				}
				used := cputime.Used() - start
				if got.Load() != n {
					b.Fatalf("%d user records, want %d", got.Load(), n)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/n, "cpu-ns/record")
			})
		}
	}
}

// way returns what handles the event in one way, and counts its user records.
func way(b *testing.B, by string, e events.KinesisEvent, got *atomic.Int64) func() {
	var c *lambda.Consumer
	var err error
	one := func(context.Context, *lambda.Record) error { got.Add(1); return nil }
	several := func(_ context.Context, rs []*lambda.Record) error { got.Add(int64(len(rs))); return nil }
	switch by {
	case "append":
		return func() {
			var users []deaggregate.Record
			var err error
			for i := range e.Records {
				k := &e.Records[i].Kinesis
				if users, err = deaggregate.Append(users[:0], k.PartitionKey, k.Data); err != nil {
					b.Fatal(err)
				}
				for range users {
					got.Add(1)
				}
			}
		}
	case "order":
		c, err = lambda.New(one, quiet())
	case "concurrent":
		c, err = lambda.New(one, quiet(), lambda.WithConcurrency(2))
	case "bykey":
		c, err = lambda.NewByKey(several, quiet())
	case "batch":
		c, err = lambda.NewBatch(several, quiet())
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if answer := invoke(b, c, e); answer != "" {
			b.Fatal(answer)
		}
	}
}

// What Kinesis allocates more than a Batch is a few things an event, and contexts,
// which handlers may keep, 64 at a time.
func TestAllocations(t *testing.T) {
	const n = 10000
	e := packedEvent(t, n, 512)
	c := newConsumer(t, func(context.Context, *lambda.Record) error { return nil })
	bare := testing.AllocsPerRun(5, func() {
		var users []deaggregate.Record
		var packed deaggregate.Batch
		data := make([][]byte, len(e.Records))
		for i := range e.Records {
			data[i] = e.Records[i].Kinesis.Data
		}
		packed.Load(data)
		for i := range e.Records {
			users, _ = packed.Append(users[:0], e.Records[i].Kinesis.PartitionKey, i)
		}
	})
	if got := testing.AllocsPerRun(5, func() { invoke(t, c, e) }); got > bare+n/64+40 {
		t.Errorf("%v allocations for %d user records, %v by a Batch alone", got, n, bare)
	}
}

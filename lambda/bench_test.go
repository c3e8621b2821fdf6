package lambda_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/deaggregate"
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

// The handler does nothing, so that what Kinesis takes more than Append is the
// overhead. One iteration is one event of 10,000 user records.
func BenchmarkKinesis(b *testing.B) {
	const n = 10000
	for _, size := range []int{100, 512, 2048} {
		e := packedEvent(b, n, size)
		b.Run(fmt.Sprintf("%dB/deaggregate", size), func(b *testing.B) {
			b.SetBytes(int64(n * size))
			b.ReportAllocs()
			got := 0
			for b.Loop() {
				var users []deaggregate.Record
				var err error
				got = 0
				for i := range e.Records {
					k := &e.Records[i].Kinesis
					if users, err = deaggregate.Append(users[:0], k.PartitionKey, k.Data); err != nil {
						b.Fatal(err)
					}
					got += len(users)
				}
			}
			report(b, got, n)
		})
		b.Run(fmt.Sprintf("%dB/kinesis", size), func(b *testing.B) {
			got := 0
			c := newConsumer(b, func(context.Context, *lambda.Record) error {
				got++
				return nil
			})
			b.SetBytes(int64(n * size))
			b.ReportAllocs()
			for b.Loop() {
				got = 0
				if answer := invoke(b, c, e); answer != "" {
					b.Fatal(answer)
				}
			}
			report(b, got, n)
		})
	}
}

func report(b *testing.B, got, want int) {
	b.Helper()
	if got != want {
		b.Fatalf("%d user records, want %d", got, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(want), "ns/record")
}

// What Kinesis allocates more than Append is a few things an event, and a context
// a record, which the handler may keep.
func TestAllocations(t *testing.T) {
	const n = 10000
	e := packedEvent(t, n, 512)
	c := newConsumer(t, func(context.Context, *lambda.Record) error { return nil })
	bare := testing.AllocsPerRun(5, func() {
		var users []deaggregate.Record
		for i := range e.Records {
			users, _ = deaggregate.Append(users[:0], e.Records[i].Kinesis.PartitionKey, e.Records[i].Kinesis.Data)
		}
	})
	if got := testing.AllocsPerRun(5, func() { invoke(t, c, e) }); got > bare+n+30 {
		t.Errorf("%v allocations for %d user records, %v by Append alone", got, n, bare)
	}
}

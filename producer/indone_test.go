package producer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/producer"
)

// What would wait for the done that calls it is refused there; what need not wait
// is not. Elsewhere the same calls work meanwhile.
func TestCallsInDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.put = func(_ int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			time.Sleep(ms(1)) // nothing makes room as long as the done runs
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedBytes(1000))
		other := open(t, newFake(t, 1))
		var b book
		in, out := make(chan struct{}), make(chan struct{})
		done := func(producer.Result) {
			if err := p.Flush(t.Context()); !errors.Is(err, producer.ErrInDone) {
				t.Errorf("Flush: %v", err)
			}
			if err := p.Close(t.Context()); !errors.Is(err, producer.ErrInDone) {
				t.Errorf("Close: %v", err)
			}
			if res, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"}); !errors.Is(err, producer.ErrInDone) || !errors.Is(res.Err, producer.ErrInDone) {
				t.Errorf("PutSync: %+v, %v", res, err)
			}
			put(t, p, &b, "a", "b", "c") // there is room
			if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, 700)}, nil); !errors.Is(err, producer.ErrInDone) {
				t.Errorf("Put without room: %v", err)
			}
			if err := p.TryPut(producer.Record{PartitionKey: "k", Data: make([]byte, 700)}, nil); !errors.Is(err, producer.ErrBufferFull) {
				t.Errorf("TryPut without room: %v", err)
			}
			p.Stats()
			put(t, other, &b, "x")
			flush(t, other)
			close(in)
			<-out
		}
		if err := p.Put(t.Context(), producer.Record{PartitionKey: "k"}, done); err != nil {
			t.Fatal(err)
		}
		flushSoon(t, p)
		<-in
		flushed := make(chan error)
		go func() { flushed <- p.Flush(t.Context()) }()
		wait()
		close(out)
		if err := <-flushed; err != nil {
			t.Errorf("Flush beside a done: %v", err)
		}
		if len(b.all()) != 4 {
			t.Errorf("%d records done", len(b.all()))
		}
	})
}

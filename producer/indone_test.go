package producer_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/kinpack/kinpack/producer"
)

// What would wait for the done that calls it is refused there; what need not wait
// is not. Elsewhere the same calls work meanwhile.
func TestCallsInDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
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

// No goroutine is left after Close, and none while idle.
func TestNoGoroutineLeft(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := newFake(t, 4)
	p, err := producer.New(t.Context(), f, stream, producer.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var b book
	for range 3 {
		put(t, p, &b, "a", "b", "c", "d", "")
		f.split(t, f.srv.Shards(stream)[len(f.srv.Shards(stream))-1].ID)
		flush(t, p)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// FailIfThrottled hands throttled records back at once, and only those.
func TestFailIfThrottled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithFailIfThrottled(true))
		f.fail(throttled, theFirst)
		var b book
		put(t, p, &b, "throttled")
		flush(t, p)
		if r := b.of(t, "throttled"); !errors.Is(r.Err, producer.ErrRefused) || putError(t, r.Err).Code != "ProvisionedThroughputExceededException" || r.Attempts != 1 {
			t.Errorf("%+v", r)
		}
		n := len(f.calls())
		f.fail(unavailable, func(i int) bool { return i == n })
		put(t, p, &b, "not throttled")
		flush(t, p)
		if r := b.of(t, "not throttled"); r.Err != nil || r.Attempts != 2 {
			t.Errorf("%+v", r)
		}
	})
}

package producer_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kinpack/kinpack/producer"
)

// A done that panics is logged, one that ends its goroutine is not; neither holds
// up the others or Close.
func TestDoneThatDoesNotReturn(t *testing.T) {
	for name, bad := range map[string]func(){
		"panic":     func() { panic("what is this") },
		"panic nil": func() { panic(nil) },
		"Goexit":    runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log bytes.Buffer
				f := newFake(t, 1)
				p := open(t, f, producer.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				ran := 0
				for range 5 {
					if err := p.Put(t.Context(), producer.Record{PartitionKey: "k"}, func(producer.Result) { ran++; bad() }); err != nil {
						t.Fatal(err)
					}
				}
				flush(t, p)
				if err := p.Close(t.Context()); err != nil || ran != 5 {
					t.Errorf("%d of 5 ran, Close: %v", ran, err)
				}
				want := 5
				if name == "Goexit" {
					want = 0
				}
				if n := strings.Count(log.String(), "a done panicked"); n != want || name == "panic" && !strings.Contains(log.String(), "what is this") {
					t.Errorf("logged %d times: %.300s", n, log.String())
				}
			})
		})
	}
}

// A slow done delays the other dones, and neither the room nor the sending.
func TestSlowDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		p := open(t, f, producer.WithMaxBufferedTime(0), producer.WithMaxBufferedBytes(1000))
		release := make(chan struct{})
		var running, most atomic.Int32
		slow := func(producer.Result) {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
		}
		for i := range 50 {
			if err := p.Put(t.Context(), producer.Record{PartitionKey: fmt.Sprint(i), Data: make([]byte, 500)}, slow); err != nil {
				t.Fatal(err)
			}
			wait()
		}
		if s := p.Stats(); s.UserRecordsPut != 50 || s.BufferedBytes != 0 {
			t.Errorf("a slow done holds up the sending: %+v", s)
		}
		close(release)
		flush(t, p)
		if most.Load() != 1 {
			t.Errorf("%d dones at once", most.Load())
		}
	})
}

// A done may call TryPut and Stats.
func TestDoneMayPut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := open(t, newFake(t, 1), producer.WithMaxBufferedBytes(600))
		n := 0
		var again func(producer.Result)
		again = func(r producer.Result) {
			if n++; n < 10 {
				if p.Stats().BufferedBytes != 0 {
					t.Error("the room is not given back yet")
				}
				if err := p.TryPut(r.Record, again); err != nil {
					t.Error(err)
				}
			}
		}
		if err := p.Put(t.Context(), producer.Record{PartitionKey: "k", Data: []byte("round and round")}, again); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n != 10 || p.Stats().UserRecordsPut != 10 {
			t.Errorf("%d rounds, %+v", n, p.Stats())
		}
	})
}

// The Record of a Result is whole whatever became of it, also when it was packed
// more than once.
func TestRecordIsHandedBackWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.fail(throttled, func(n int) bool { return n < 3 })
		p := open(t, f, producer.WithMaxBufferedTime(0))
		data := func(i int) string { return fmt.Sprint(i, " ", repeat(i*37%400)) }
		n := 0
		for i := range 100 {
			key := fmt.Sprint("key ", i%7)
			if err := p.Put(t.Context(), producer.Record{PartitionKey: key, ExplicitHashKey: fmt.Sprint(i + 1), Data: []byte(data(i))}, func(r producer.Result) {
				n++
				if r.Err != nil || r.Record.PartitionKey != key || r.Record.ExplicitHashKey != fmt.Sprint(i+1) || string(r.Record.Data) != data(i) {
					t.Errorf("record %d came back as %.60q", i, fmt.Sprint(r))
				}
			}); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				pass(ms(1))
			}
		}
		flush(t, p)
		if n != 100 {
			t.Errorf("%d dones", n)
		}
	})
}

// Errors print what happened and unwrap to their kind.
func TestPutErrorText(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 1)
		f.fail(accessDenied, always)
		p := open(t, f)
		_, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k"})
		want := "producer: refused by the service after 1 attempts: AccessDeniedException: no"
		if err == nil || err.Error() != want || !errors.Is(err, producer.ErrRefused) || errors.Is(err, producer.ErrExpired) {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

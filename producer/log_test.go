package producer_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// The log is not written to while the mutex is held: a handler may ask for Stats.
func TestLogHandlerMayCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newOnDemand(t)
		var listable atomic.Bool
		f.list = func(_ int, ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
			if !listable.Load() {
				return nil, reset()
			}
			return f.Client.ListShards(ctx, in)
		}
		h := &askingHandler{Handler: slog.DiscardHandler}
		p := open(t, f, producer.WithLogger(slog.New(h)))
		h.p.Store(p)
		pass(time.Second)
		listable.Store(true)
		f.distribute(t, types.RecordDistributionStrategyAuto)
		pass(8 * time.Minute)
		put(t, p, &book{}, "asks")
		wait()
		if !p.Stats().ServiceManaged || h.lines.Load() < 2 {
			t.Errorf("%d lines, %+v", h.lines.Load(), p.Stats())
		}
	})
}

type askingHandler struct {
	slog.Handler
	p     atomic.Pointer[producer.Producer]
	lines atomic.Int64
}

func (h *askingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *askingHandler) Handle(context.Context, slog.Record) error {
	h.lines.Add(1)
	if p := h.p.Load(); p != nil {
		p.Stats()
	}
	return nil
}

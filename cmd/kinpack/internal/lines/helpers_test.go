package lines_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

const maxLine = 1 << 20

// newProducer returns a real producer for the stream "s" of a client.
func newProducer(t *testing.T, c *kinesistest.Client, opts ...producer.Option) *producer.Producer {
	t.Helper()
	opts = append([]producer.Option{producer.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
	p, err := producer.New(t.Context(), c, "s", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stored returns the user records of the stream, shard after shard.
func stored(t *testing.T, c *kinesistest.Client) (all []deaggregate.Record) {
	t.Helper()
	for _, shard := range c.Server().Shards("s") {
		for _, r := range c.Server().Records("s") {
			if r.ShardID != shard.ID {
				continue
			}
			var err error
			if all, err = deaggregate.Append(all, r.PartitionKey, r.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// data returns the records' data, quoted.
func data(records []deaggregate.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Data))
	}
	return strings.Join(all, "|")
}

// file is a file in memory that may be full.
type file struct {
	bytes.Buffer
	room     int // bytes that it takes; below 0: any
	short    bool
	writes   int
	truncErr error
}

var errFull = errors.New("no space left")

func newFile() *file { return &file{room: -1} }

func (f *file) Write(p []byte) (int, error) {
	f.writes++
	if f.room < 0 {
		return f.Buffer.Write(p)
	}
	n := min(f.room, len(p))
	f.Buffer.Write(p[:n])
	f.room -= n
	if n < len(p) && !f.short {
		return n, errFull
	}
	return n, nil
}

func (f *file) Truncate(size int64) error {
	if f.truncErr == nil {
		f.Buffer.Truncate(int(size))
	}
	return f.truncErr
}

// fake is a Producer of which the test says what it does.
type fake struct {
	put   func(context.Context, producer.Record, func(producer.Result)) error
	close func(context.Context)
}

func (f fake) Put(ctx context.Context, r producer.Record, done func(producer.Result)) error {
	return f.put(ctx, r, done)
}

func (f fake) Close(ctx context.Context) error {
	if f.close != nil {
		f.close(ctx)
	}
	return nil
}

// failedResult is a record handed back, as a producer does that gave up: the error
// is a real one.
func failedResult(t *testing.T, r producer.Record) producer.Result {
	t.Helper()
	c := kinesistest.Fake(t, "s", 1)
	c.Server().SetFaults(func(context.Context, kinesistest.Request) kinesistest.Fault {
		return kinesistest.Fault{Failure: kinesistest.APIError(500, "InternalFailure")}
	})
	p := newProducer(t, c)
	var res producer.Result
	if err := p.Put(t.Context(), producer.Record{Data: []byte("x")}, func(got producer.Result) { res = got }); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ended); err == nil {
		t.Fatal("nothing was handed back")
	}
	res.Record, res.MaybeStored = r, false // which is by chance
	return res
}

// outcome is Run without interrupts.
func outcome(t *testing.T, j lines.Job) lines.Outcome {
	t.Helper()
	if j.MaxLine == 0 {
		j.MaxLine = maxLine
	}
	return j.Run(t.Context(), t.Context())
}

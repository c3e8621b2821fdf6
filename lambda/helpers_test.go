package lambda_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
)

const (
	streamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
	shardA    = "shardId-000000000000"
	shardB    = "shardId-000000000001"
)

var (
	arrival = time.Date(2026, 11, 2, 3, 4, 5, 6e6, time.UTC)
	errBoom = errors.New("boom")
)

// sequence is a sequence number of 56 digits, which no int holds.
func sequence(n int) string { return fmt.Sprintf("4956%052d", n) }

// record is an outer record of shardA.
func record(n int, key string, data []byte) events.KinesisEventRecord {
	return recordOf(shardA, n, key, data)
}

func recordOf(shard string, n int, key string, data []byte) events.KinesisEventRecord {
	return events.KinesisEventRecord{
		EventID:        shard + ":" + sequence(n),
		EventName:      "aws:kinesis:record",
		EventSource:    "aws:kinesis",
		EventSourceArn: streamARN,
		Kinesis: events.KinesisRecord{
			PartitionKey:                key,
			SequenceNumber:              sequence(n),
			Data:                        data,
			ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: arrival},
			KinesisSchemaVersion:        "1.0",
		},
	}
}

// plain is an outer record whose data is its own name.
func plain(n int) events.KinesisEventRecord {
	return record(n, fmt.Sprintf("key-%d", n), fmt.Appendf(nil, "%d", n))
}

func event(records ...events.KinesisEventRecord) events.KinesisEvent {
	return events.KinesisEvent{Records: records}
}

// packed is an aggregate of user records whose keys are "key-" and their data.
func packed(t testing.TB, n int, data ...string) events.KinesisEventRecord {
	t.Helper()
	var users []aggregate.Record
	for _, d := range data {
		users = append(users, aggregate.Record{PartitionKey: "key-" + d, Data: []byte(d)})
	}
	return record(n, "a", pack(t, users...))
}

func pack(t testing.TB, users ...aggregate.Record) []byte {
	t.Helper()
	var b aggregate.Builder
	for _, u := range users {
		if err := b.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	return b.AppendTo(nil)
}

// invoke returns the id that the answer reports, "" for success.
func invoke(t testing.TB, c *lambda.Consumer, e events.KinesisEvent) string {
	t.Helper()
	return invokeFor(t, c, 0, e)
}

// invokeFor invokes with that much time left, or without a deadline for 0.
func invokeFor(t testing.TB, c *lambda.Consumer, left time.Duration, e events.KinesisEvent) string {
	t.Helper()
	ctx := context.Background()
	if left > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left)
		defer cancel()
	}
	response, err := c.Kinesis(ctx, e)
	if err != nil {
		t.Fatalf("Kinesis: %v", err)
	}
	switch failures := response.BatchItemFailures; {
	case failures == nil:
		t.Fatal("BatchItemFailures is nil: JSON null")
	case len(failures) > 1:
		t.Fatalf("%d ids in the answer, want at most one", len(failures))
	case len(failures) == 1:
		return failures[0].ItemIdentifier
	}
	return ""
}

func check[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func newConsumer(t testing.TB, h lambda.Handler, opts ...lambda.Option) *lambda.Consumer {
	t.Helper()
	c, err := lambda.New(h, append([]lambda.Option{quiet(), lambda.WithProgressNamespace("test")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func quiet() lambda.Option { return lambda.WithLogger(slog.New(slog.DiscardHandler)) }

// tape records the handler's calls, by the records' data, and answers as told.
type tape struct {
	mu    sync.Mutex
	calls []string
	fail  map[string]error // a lasting answer
	once  map[string]error // the answer to the next call only
	do    func(ctx context.Context, r *lambda.Record) error
}

func (h *tape) handle(ctx context.Context, r *lambda.Record) error {
	h.mu.Lock()
	name := string(r.Data)
	h.calls = append(h.calls, name)
	err := h.fail[name]
	if e, ok := h.once[name]; ok {
		err = e
		delete(h.once, name)
	}
	h.mu.Unlock()
	if err != nil || h.do == nil {
		return err
	}
	return h.do(ctx, r)
}

// take returns the calls since the last time.
func (h *tape) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.calls = nil }()
	return strings.Join(h.calls, " ")
}

// letters is a dead letter that keeps what it gets, unless it is told to fail.
type letters struct {
	mu   sync.Mutex
	got  []lambda.Letter
	fail func() error
}

func (d *letters) Send(_ context.Context, l lambda.Letter) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(); err != nil {
			return err
		}
	}
	d.got = append(d.got, l)
	return nil
}

func (d *letters) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, l := range d.got {
		all = append(all, fmt.Sprintf("%s/%d", l.Data, l.Attempts))
	}
	d.got = nil
	return strings.Join(all, " ")
}

// log is a logger's output, safe to read while it is written.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) option() lambda.Option {
	return lambda.WithLogger(slog.New(slog.NewTextHandler(io.Writer(l), &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func (l *log) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// mapping is Lambda's event source mapping for one shard: it sends batches until
// all is done or an invocation too many was needed, and honours the answers.
func mapping(t testing.TB, records []events.KinesisEventRecord, size, limit int, send func(events.KinesisEvent) (events.KinesisEventResponse, error)) (invocations int) {
	t.Helper()
	for len(records) > 0 {
		batch := records[:min(size, len(records))]
		for len(batch) > 0 {
			if invocations++; invocations > limit {
				t.Fatalf("not done after %d invocations; %d records left", limit, len(records))
			}
			response, err := send(event(slices.Clone(batch)...))
			done := len(batch)
			if err != nil {
				done = 0
			} else if f := response.BatchItemFailures; len(f) > 0 {
				done = slices.IndexFunc(batch, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == f[0].ItemIdentifier })
				if done < 0 {
					t.Fatalf("the answer names %q, which is not in the batch", f[0].ItemIdentifier)
				}
			}
			batch, records = batch[done:], records[done:]
		}
	}
	return invocations
}

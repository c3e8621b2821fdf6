package kinotel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/kinpack/kinpack/producer"
)

// scope is the name of the meter and of the tracer.
const scope = "github.com/kinpack/kinpack/producer/kinotel"

// Attributes that the semantic conventions do not have.
const (
	verdictKey     = attribute.Key("kinpack.verdict")
	resultKey      = attribute.Key("kinpack.result")
	userRecordsKey = attribute.Key("kinpack.user_records")
	dataSizeKey    = attribute.Key("kinpack.data.size")
	failedKey      = attribute.Key("kinpack.kinesis_records.failed")
)

// Option sets one thing about a Telemetry.
type Option func(*config)

type config struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
	shard   bool
}

// WithMeterProvider sets where the metrics go: default, or with nil, the global
// provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithTracerProvider sets where the spans go: default, or with nil, the global
// provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithShardAttribute adds messaging.destination.partition.id to the metrics of a
// Kinesis record: default without. It is the shard that stored the record, else
// the one predicted, and is missing if there is none. These are
// kinpack.kinesis_records.sent, .data_sent and .errors, kinpack.put_units.billed,
// kinpack.buffering.duration, kinpack.late.duration and
// kinpack.kinesis_record.user_records, each of which then has a time series for
// every shard, those that were split and merged meanwhile included, up to the
// SDK's cardinality limit.
func WithShardAttribute() Option { return func(c *config) { c.shard = true } }

// Telemetry is the metrics and spans of producers. It is safe for concurrent use.
// Make it with New.
type Telemetry struct {
	shard       bool
	tracer      trace.Tracer
	instruments instruments
	watch       watch
}

// New makes the instruments. It fails with the errors of the meter provider.
func New(opts ...Option) (*Telemetry, error) {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	t := &Telemetry{shard: c.shard, tracer: c.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	meter := c.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	if err := errors.Join(t.instruments.create(meter), t.watch.observe(meter)); err != nil {
		return nil, fmt.Errorf("kinotel: %w", err)
	}
	return t, nil
}

// Option returns what makes a Producer tell t. It may be given to several, and
// beside other hooks.
func (t *Telemetry) Option() producer.Option {
	return producer.WithHooks(producer.Hooks{
		CallStart: t.callStart,
		CallEnd:   t.callEnd,
		Entry:     t.entry,
		Finished:  t.finished,
		Shards:    t.shards,
	})
}

// spanKey is what a call's span is found by in its context. It is the Telemetry's
// own: other hooks may start spans as well.
type spanKey struct{ t *Telemetry }

func (t *Telemetry) callStart(ctx context.Context, e producer.CallStart) context.Context {
	stream := valid(e.Stream)
	ctx, span := t.tracer.Start(ctx, "PutRecords "+stream, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.MessagingSystemKey.String("aws_kinesis"),
		semconv.MessagingOperationName("PutRecords"),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(stream),
		semconv.MessagingBatchMessageCount(e.KinesisRecords),
		userRecordsKey.Int(e.UserRecords),
		dataSizeKey.Int(e.Bytes),
	))
	return context.WithValue(ctx, spanKey{t}, span)
}

func (t *Telemetry) callEnd(ctx context.Context, e producer.CallEnd) {
	attrs := []attribute.KeyValue{streamAttr(e.Stream)}
	with := metric.WithAttributes(attrs...)
	t.instruments.kinesisPerCall.Record(ctx, int64(e.KinesisRecords), with)
	t.instruments.userPerCall.Record(ctx, int64(e.UserRecords), with)
	if e.Err != nil {
		attrs = append(attrs, callErrorType(e))
	}
	t.instruments.duration.Record(ctx, e.Duration.Seconds(), metric.WithAttributes(attrs...))

	span, ok := ctx.Value(spanKey{t}).(trace.Span)
	if !ok {
		return // another hook has not handed the context on
	}
	if e.Failed > 0 {
		span.SetAttributes(failedKey.Int(e.Failed))
	}
	switch {
	case e.Err != nil:
		span.SetAttributes(callErrorType(e))
		span.SetStatus(codes.Error, valid(e.Err.Error()))
	case e.Failed > 0 && e.Failed == e.KinesisRecords:
		span.SetAttributes(semconv.ErrorTypeOther)
		span.SetStatus(codes.Error, "no Kinesis record was stored")
	}
	span.End()
}

func (t *Telemetry) entry(ctx context.Context, e producer.Entry) {
	attrs := make([]attribute.KeyValue, 0, 3)
	attrs = append(attrs, streamAttr(e.Stream))
	if t.shard && e.ShardID != "" {
		attrs = append(attrs, semconv.MessagingDestinationPartitionID(valid(e.ShardID)))
	}
	with := metric.WithAttributes(attrs...)
	t.instruments.buffering.Record(ctx, e.Buffered.Seconds(), with)
	t.instruments.late.Record(ctx, e.Late.Seconds(), with)
	t.instruments.userPerKinesis.Record(ctx, int64(e.UserRecords), with)
	if e.Verdict == producer.NotStored {
		t.instruments.errors.Add(ctx, 1, metric.WithAttributes(append(attrs, errorType(e.Code))...))
	}
	with = metric.WithAttributes(append(attrs, verdictKey.String(e.Verdict.String()))...)
	t.instruments.kinesis.Add(ctx, 1, with)
	t.instruments.kinesisBytes.Add(ctx, int64(e.Bytes), with)
	if e.Verdict != producer.NotStored {
		t.instruments.units.Add(ctx, int64(e.Units), with)
	}
}

func (t *Telemetry) finished(ctx context.Context, e producer.Finished) {
	stream := streamAttr(e.Stream)
	with := metric.WithAttributes(stream)
	t.instruments.retries.Add(ctx, int64(e.Retries), with)
	if e.Err != nil {
		t.instruments.failed.Add(ctx, int64(e.UserRecords), metric.WithAttributes(stream, reason(e.Err)))
		return
	}
	t.instruments.put.Add(ctx, int64(e.UserRecords), with)
	t.instruments.putBytes.Add(ctx, int64(e.Bytes), with)
	t.instruments.unpacked.Add(ctx, int64(e.UnitsUnpacked), with)
}

func (t *Telemetry) shards(ctx context.Context, e producer.Shards) {
	if ctx.Err() != nil && errors.Is(e.Err, context.Canceled) {
		return // Close has ended it: Stats does not count that as a failure either
	}
	result := "ok"
	if e.Err != nil {
		result = "error"
	}
	t.instruments.refreshes.Add(ctx, 1, metric.WithAttributes(streamAttr(e.Stream), resultKey.String(result)))
}

// reason says why user records failed.
func reason(err error) attribute.KeyValue {
	for _, r := range [...]struct {
		name string
		err  error
	}{
		{"expired", producer.ErrExpired},
		{"refused", producer.ErrRefused},
		{"closed", producer.ErrClosed},
		{"landing_unknown", producer.ErrLandingUnknown},
	} {
		if errors.Is(err, r.err) {
			return semconv.ErrorTypeKey.String(r.name)
		}
	}
	return semconv.ErrorTypeOther
}

// callErrorType says what kind of error a call failed with.
func callErrorType(e producer.CallEnd) attribute.KeyValue {
	if e.Code == "" && errors.Is(e.Err, context.DeadlineExceeded) {
		return semconv.ErrorTypeKey.String("timeout")
	}
	return errorType(e.Code)
}

// errorType returns the service's error code as an attribute.
func errorType(code string) attribute.KeyValue {
	if code == "" {
		return semconv.ErrorTypeOther
	}
	return semconv.ErrorTypeKey.String(valid(code))
}

func streamAttr(stream string) attribute.KeyValue {
	return semconv.MessagingDestinationName(valid(stream))
}

// valid returns s as the value of an attribute, which must be UTF-8: OTLP cannot
// carry any other.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

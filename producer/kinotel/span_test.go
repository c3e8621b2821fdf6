package kinotel_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinotel"
)

func attrsOf(s sdktrace.ReadOnlySpan) map[string]any {
	m := map[string]any{}
	for _, a := range s.Attributes() {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

// spanOf returns the span of a call with two Kinesis records of 100 bytes, which
// meets with a fault.
func (r *rig) spanOf(fault kinesistest.Fault) sdktrace.ReadOnlySpan {
	r.t.Helper()
	p := r.producer(producer.WithMaxBufferedTime(time.Second)) // a lone record of a shard goes plain
	calls := 0
	r.srv.SetFaults(func(_ context.Context, q kinesistest.Request) kinesistest.Fault {
		if calls++; calls == 1 {
			return fault
		}
		return kinesistest.Fault{}
	})
	// The lowest and the highest hash key: a call with both shards.
	for _, k := range []string{"0", "340282366920938463463374607431768211455"} {
		if err := p.TryPut(producer.Record{PartitionKey: "k", ExplicitHashKey: k, Data: make([]byte, 100)}, nil); err != nil {
			r.t.Fatal(err)
		}
	}
	r.close(p, time.Minute)
	return r.spans.Ended()[0]
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   kinesistest.Fault
		status  codes.Code
		says    string // part of the status
		failed  int64
		errType string
	}{
		{"stored", kinesistest.Fault{}, codes.Unset, "", 0, ""},
		{"part stored", kinesistest.Fault{Entries: map[int]string{0: "InternalFailure"}}, codes.Unset, "", 1, ""},
		{"none stored", kinesistest.Fault{Entries: map[int]string{0: "InternalFailure", 1: "InternalFailure"}}, codes.Error, "no Kinesis record", 2, "_OTHER"},
		{"refused", kinesistest.Fault{Failure: kinesistest.APIError(400, "AccessDeniedException")}, codes.Error, "AccessDeniedException", 2, "AccessDeniedException"},
		{"reset", kinesistest.Fault{Failure: kinesistest.ConnectionReset()}, codes.Error, "reset", 2, "_OTHER"},
		{"no answer", kinesistest.Fault{Failure: kinesistest.NoAnswer()}, codes.Error, "deadline", 2, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2)
				s := r.spanOf(c.fault)
				want := map[string]any{
					"messaging.system": "aws_kinesis", "messaging.operation.name": "PutRecords", "messaging.operation.type": "send",
					"messaging.destination.name": "orders", "messaging.batch.message_count": int64(2),
					"kinpack.user_records": int64(2), "kinpack.data.size": int64(200),
				}
				if c.failed > 0 {
					want["kinpack.kinesis_records.failed"] = c.failed
				}
				if c.errType != "" {
					want["error.type"] = c.errType
				}
				if got := attrsOf(s); !maps.Equal(got, want) {
					t.Errorf("attributes are\n%v, want\n%v", got, want)
				}
				if s.Name() != "PutRecords orders" || s.SpanKind() != trace.SpanKindClient || s.Parent().IsValid() {
					t.Errorf("%s of kind %v with parent %v", s.Name(), s.SpanKind(), s.Parent())
				}
				if st := s.Status(); st.Code != c.status || !strings.Contains(st.Description, c.says) || c.says == "" && st.Description != "" {
					t.Errorf("status is %v, want %v with %q", st, c.status, c.says)
				}
				if !strings.HasSuffix(s.InstrumentationScope().SchemaURL, "/1.43.0") || s.InstrumentationScope().Name != "github.com/kinpack/kinpack/producer/kinotel" {
					t.Errorf("scope is %+v", s.InstrumentationScope())
				}
			})
		})
	}
}

// tracedClient starts a span of its own in each call, as an instrumented SDK does.
type tracedClient struct {
	producer.Client
	tracer trace.Tracer
}

func (c tracedClient) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	ctx, span := c.tracer.Start(ctx, "sdk")
	defer span.End()
	return c.Client.PutRecords(ctx, in, opts...)
}

// The client's spans are the children of the call's, also when other hooks start
// spans in between.
func TestSpansNest(t *testing.T) {
	r := newRig(t, 1)
	second, err := kinotel.New(kinotel.WithTracerProvider(r.tracers))
	if err != nil {
		t.Fatal(err)
	}
	p := r.producerOf(tracedClient{r.srv.Client(), r.tracers.Tracer("sdk")})
	both, err := producer.New(t.Context(), tracedClient{r.srv.Client(), r.tracers.Tracer("sdk")}, "orders", r.tel.Option(), second.Option())
	if err != nil {
		t.Fatal(err)
	}
	r.put(p, 1)
	r.close(p, time.Minute)
	spans := r.spans.Ended()
	if len(spans) != 2 || spans[0].Name() != "sdk" || spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() {
		t.Errorf("spans are %v", spans)
	}
	r.put(both, 1)
	r.close(both, time.Minute)
	spans = r.spans.Ended()[2:]
	// Each Telemetry ends the span that is its own: the sdk's first, then the outer one.
	if len(spans) != 3 || spans[0].Parent().SpanID() != spans[2].SpanContext().SpanID() || spans[2].Parent().SpanID() != spans[1].SpanContext().SpanID() {
		t.Errorf("spans are %v", spans)
	}
}

// A hook that loses the context loses the span, and nothing else.
func TestContextLost(t *testing.T) {
	r := newRig(t, 1)
	p := r.producer()
	lost, err := producer.New(t.Context(), r.srv.Client(), "orders", r.tel.Option(), producer.WithHooks(producer.Hooks{
		CallStart: func(context.Context, producer.CallStart) context.Context { return t.Context() },
	}))
	if err != nil {
		t.Fatal(err)
	}
	r.put(lost, 1)
	r.close(lost, time.Minute)
	r.close(p, time.Minute)
	r.check(map[string]float64{"put_records.duration.count orders": 1, "user_records.put orders": 1})
	if n := len(r.spans.Ended()); n != 0 {
		t.Errorf("%d spans ended", n)
	}
}

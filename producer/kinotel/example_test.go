package kinotel_test

import (
	"context"
	"fmt"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinotel"
)

func Example() {
	ctx := context.Background()
	srv := kinesistest.New() // in the place of AWS
	if err := srv.AddStream("orders", 1); err != nil {
		fmt.Println(err)
		return
	}

	// In the place of what the program has, such as the exporters of OTLP; without
	// these options the global providers are used.
	metrics, spans := sdkmetric.NewManualReader(), tracetest.NewSpanRecorder()
	t, err := kinotel.New(
		kinotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(metrics))),
		kinotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := producer.New(ctx, srv.Client(), "orders", t.Option(), producer.WithMaxBufferedTime(10*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Watch(p, "orders")()
	for _, item := range []string{"apple", "pear", "plum"} {
		if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte("one " + item)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		fmt.Println(err)
	}

	for _, s := range spans.Ended() {
		fmt.Println(s.SpanKind(), s.Name())
	}
	var collected metricdata.ResourceMetrics
	if err := metrics.Collect(ctx, &collected); err != nil {
		fmt.Println(err)
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "kinpack.user_records.put" {
			fmt.Println(m.Name, sum.DataPoints[0].Value)
		}
	}
	// Output:
	// client PutRecords orders
	// kinpack.user_records.put 3
}

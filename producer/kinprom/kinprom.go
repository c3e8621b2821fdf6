package kinprom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kinpack/kinpack/producer"
)

// Option sets one thing about a Metrics.
type Option func(*config)

type config struct{ shard bool }

// WithShardLabel adds the label shard to the series of a Kinesis record: default
// without. It holds the shard that stored the record, else the one predicted, and
// is empty if there is none. These are kinpack_kinesis_records_total,
// kinpack_kinesis_records_bytes_total, kinpack_put_units_total,
// kinpack_errors_total, kinpack_buffering_seconds, kinpack_late_seconds and
// kinpack_user_records_per_kinesis_record: some 50 series a shard. Shards of a
// stream that is split and merged stay until the process ends, so that each
// reshard adds as many as it makes shards.
func WithShardLabel() Option { return func(c *config) { c.shard = true } }

// Metrics are the metrics of producers in one registry. It is safe for concurrent
// use. Make it with New.
type Metrics struct {
	shard  bool
	set    *set
	gauges gauges
}

// New registers the metrics with reg, which must not have them yet: one Metrics
// serves all producers of a registry. It fails if reg is nil, or with reg's error.
func New(reg prometheus.Registerer, opts ...Option) (*Metrics, error) {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if reg == nil {
		return nil, errors.New("kinprom: nil registerer")
	}
	m := &Metrics{shard: c.shard, set: newSet(c.shard)}
	if err := reg.Register(collector{m}); err != nil {
		return nil, fmt.Errorf("kinprom: %w", err)
	}
	return m, nil
}

// Option returns what makes a Producer tell m. It may be given to several, and
// beside other hooks.
func (m *Metrics) Option() producer.Option {
	return producer.WithHooks(producer.Hooks{
		CallEnd:  m.callEnd,
		Entry:    m.entry,
		Finished: m.finished,
		Shards:   m.shards,
	})
}

// begin makes the series that alerts are built on exist before they are counted,
// since Prometheus sees no increase from nothing to one.
func (m *Metrics) begin(stream string) {
	m.set.put.WithLabelValues(stream)
	for _, r := range reasons {
		m.set.failed.WithLabelValues(stream, r.name)
	}
}

func (m *Metrics) callEnd(_ context.Context, e producer.CallEnd) {
	stream := valid(e.Stream)
	code := "ok"
	if e.Err != nil {
		code = codeLabel(e.Code)
	}
	m.set.calls.WithLabelValues(stream, code).Inc()
	m.set.duration.WithLabelValues(stream).Observe(e.Duration.Seconds())
	m.set.kinesisPerCall.WithLabelValues(stream).Observe(float64(e.KinesisRecords))
	m.set.userPerCall.WithLabelValues(stream).Observe(float64(e.UserRecords))
}

func (m *Metrics) entry(_ context.Context, e producer.Entry) {
	labels := make([]string, 0, 3)
	labels = append(labels, valid(e.Stream))
	if m.shard {
		labels = append(labels, valid(e.ShardID))
	}
	m.set.buffering.WithLabelValues(labels...).Observe(e.Buffered.Seconds())
	m.set.late.WithLabelValues(labels...).Observe(e.Late.Seconds())
	m.set.userPerKinesis.WithLabelValues(labels...).Observe(float64(e.UserRecords))

	if e.Verdict == producer.NotStored {
		m.set.errors.WithLabelValues(append(labels, codeLabel(e.Code))...).Inc()
	}
	labels = append(labels, e.Verdict.String())
	m.set.kinesis.WithLabelValues(labels...).Inc()
	m.set.kinesisBytes.WithLabelValues(labels...).Add(float64(e.Bytes))
	if e.Verdict != producer.NotStored {
		m.set.units.WithLabelValues(labels...).Add(float64(e.Units))
	}
}

func (m *Metrics) finished(_ context.Context, e producer.Finished) {
	stream := valid(e.Stream)
	m.set.retries.WithLabelValues(stream).Add(float64(e.Retries))
	if e.Err != nil {
		m.set.failed.WithLabelValues(stream, reason(e.Err)).Add(float64(e.UserRecords))
		return
	}
	m.set.put.WithLabelValues(stream).Add(float64(e.UserRecords))
	m.set.putBytes.WithLabelValues(stream).Add(float64(e.Bytes))
	m.set.unpacked.WithLabelValues(stream).Add(float64(e.UnitsUnpacked))
}

func (m *Metrics) shards(ctx context.Context, e producer.Shards) {
	if ctx.Err() != nil && errors.Is(e.Err, context.Canceled) {
		return // Close has ended it: Stats does not count that as a failure either
	}
	stream, result := valid(e.Stream), "ok"
	if e.Err != nil {
		result = "error"
	}
	m.begin(stream)
	m.set.refreshes.WithLabelValues(stream, result).Inc()
}

// reasons are why user records fail, as a label.
var reasons = [...]struct {
	name string
	err  error
}{
	{"expired", producer.ErrExpired},
	{"refused", producer.ErrRefused},
	{"closed", producer.ErrClosed},
	{"landing_unknown", producer.ErrLandingUnknown},
}

func reason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "other"
}

// codeLabel returns the service's error code as a label.
func codeLabel(code string) string {
	if code == "" {
		return "none"
	}
	return valid(code)
}

// valid returns s as the value of a label, which must be UTF-8: client_golang
// panics on any other, and a hook must not.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

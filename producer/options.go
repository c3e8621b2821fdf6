package producer

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kinpack/kinpack/aggregate"
)

// Option sets one thing about a Producer.
type Option func(*config)

type config struct {
	maxBufferedTime  time.Duration
	aggregateSize    int
	maxBufferedBytes int
	maxRecordSize    int
	maxInFlight      int
	recordTTL        time.Duration
	callTimeout      time.Duration
	logger           *slog.Logger
}

func newConfig(opts []Option) (config, error) {
	c := config{
		maxBufferedTime:  100 * time.Millisecond,
		aggregateSize:    aggregate.DefaultMaxSize,
		maxBufferedBytes: 64 << 20,
		maxRecordSize:    1 << 20,
		maxInFlight:      24,
		recordTTL:        30 * time.Second,
		callTimeout:      6 * time.Second,
		logger:           slog.Default(),
	}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	return c, c.validate()
}

func (c *config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.maxBufferedTime >= 0, "WithMaxBufferedTime: %v, want 0 or more", c.maxBufferedTime)
	check(c.maxRecordSize >= 1 && c.maxRecordSize <= maxRecordSize, "WithMaxRecordSize: %d bytes, want 1 to %d", c.maxRecordSize, maxRecordSize)
	check(c.aggregateSize >= 1 && c.aggregateSize < c.maxRecordSize, "WithAggregationMaxSize: %d bytes, want 1 to below the record size of %d", c.aggregateSize, c.maxRecordSize)
	check(c.maxBufferedBytes >= 1, "WithMaxBufferedBytes: %d bytes, want 1 or more", c.maxBufferedBytes)
	check(c.maxInFlight >= 1, "WithMaxInFlight: %d calls, want 1 or more", c.maxInFlight)
	check(c.recordTTL >= 0, "WithRecordTTL: %v, want 0 (never) or more", c.recordTTL)
	check(c.recordTTL <= 0 || c.maxBufferedTime < c.recordTTL, "WithMaxBufferedTime: %v, want less than the time to live of %v", c.maxBufferedTime, c.recordTTL)
	check(c.callTimeout > 0, "WithRequestTimeout: %v, want more than 0", c.callTimeout)
	check(c.logger != nil, "WithLogger: nil logger")
	return errors.Join(errs...)
}

// WithMaxBufferedTime bounds how long a user record waits for neighbours before
// its aggregate is ready to be sent: from 0 to below WithRecordTTL, default 100 ms
// (the KPL's RecordMaxBufferedTime). What then still holds it is the aggregate of its shard
// that is under way, a backoff, or all slots being taken.
func WithMaxBufferedTime(d time.Duration) Option {
	return func(c *config) { c.maxBufferedTime = d }
}

// WithAggregationMaxSize sets the size in bytes that an aggregate may reach:
// 1 to below the record size, default 51,200, two PUT payload units (the KPL's
// AggregationMaxSize). A larger user record goes alone.
func WithAggregationMaxSize(n int) Option {
	return func(c *config) { c.aggregateSize = n }
}

// WithMaxBufferedBytes bounds the user records that are buffered or under way:
// data, keys and 256 bytes of bookkeeping each; 1 or more, default 64 MiB. Put
// waits and TryPut refuses while there is no room. In memory a user record's data
// stands up to twice (packed, and sealed to be sent), besides what the SDK needs
// to encode the calls under way; while there is no map of the shards, small user
// records take about 2.3 times what is counted. The KPL has no such bound.
func WithMaxBufferedBytes(n int) Option {
	return func(c *config) { c.maxBufferedBytes = n }
}

// WithMaxRecordSize says what the stream takes as one record, in bytes of data
// and partition key: up to 10 MiB, default 1 MiB (API Reference, PutRecords: the
// stream's MaxRecordSizeInKiB).
func WithMaxRecordSize(n int) Option {
	return func(c *config) { c.maxRecordSize = n }
}

// WithMaxInFlight bounds the PutRecords calls under way: 1 or more, default 24
// (the KPL's MaxConnections).
func WithMaxInFlight(n int) Option {
	return func(c *config) { c.maxInFlight = n }
}

// WithRecordTTL sets after how long a user record that is still not stored is
// handed back with ErrExpired: default 30 s (the KPL's RecordTtl), 0 never. It is
// looked at when the record's turn comes, so at most a request timeout and a
// backoff later.
func WithRecordTTL(d time.Duration) Option {
	return func(c *config) { c.recordTTL = d }
}

// WithRequestTimeout sets the deadline of one call to Kinesis: more than 0,
// default 6 s (the KPL's RequestTimeout). It is a real deadline: the call is
// given up, and its user records are sent again.
func WithRequestTimeout(d time.Duration) Option {
	return func(c *config) { c.callTimeout = d }
}

// WithLogger sets where the producer says that the shard map cannot be had or
// that a done panicked: default slog.Default(). User records are never logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

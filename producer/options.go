package producer

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kinpack/kinpack/aggregate"
)

const (
	// PutUnit is the PUT payload unit in bytes that a provisioned stream is billed
	// by: 25 KB (Kinesis Data Streams pricing). For WithPutUnit.
	PutUnit = 25600
	// PutUnitOnDemand is the step in bytes that an on-demand stream's records are
	// rounded up to (Kinesis Data Streams pricing). For WithPutUnit.
	PutUnitOnDemand = 1024

	// What a shard takes in a second (Kinesis Developer Guide, Quotas and limits).
	shardRecords = 1000
	shardBytes   = 1 << 20

	maxRecordSize  = 10 << 20 // the largest record that a stream can be set to take
	maxCallRecords = 500      // API Reference, PutRecords
	maxCallBytes   = 10 << 20 // the same
	maxLanes       = 256
	maxRateLimit   = 100_000            // percent
	longest        = 7 * 24 * time.Hour // for WithMaxBufferedTime: what others add to it does not overflow
	maxLaneKey     = 2                  // bytes: z9 is the 260th
)

// Option sets one thing about a Producer.
type Option func(*config)

type config struct {
	aggregation        bool
	maxBufferedTime    time.Duration
	aggregateSize      int
	aggregateLimit     int // 0: the record size
	aggregateCount     int
	putUnit            int
	lanes              int
	inFlightPerLane    int
	maxBufferedBytes   int
	maxRecordSize      int
	maxInFlight        int
	callRecords        int
	callBytes          int
	rateLimit          int // percent; 0: none
	failIfThrottled    bool
	recordTTL          time.Duration
	callTimeout        time.Duration
	managedAggregation bool
	logger             *slog.Logger
	hooks              hooks
}

func newConfig(opts []Option) (config, error) {
	c := config{
		aggregation:      true,
		maxBufferedTime:  100 * time.Millisecond,
		aggregateSize:    aggregate.DefaultMaxSize,
		aggregateCount:   math.MaxInt & math.MaxUint32, // less on 32-bit platforms
		putUnit:          PutUnit,
		lanes:            1,
		inFlightPerLane:  1,
		maxBufferedBytes: 64 << 20,
		maxRecordSize:    1 << 20,
		maxInFlight:      24,
		callRecords:      maxCallRecords,
		callBytes:        5 << 20,
		rateLimit:        150,
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
	check(c.maxBufferedTime >= 0 && c.maxBufferedTime <= longest, "WithMaxBufferedTime: %v, want 0 to %v", c.maxBufferedTime, longest)
	check(c.maxRecordSize >= 1 && c.maxRecordSize <= maxRecordSize, "WithMaxRecordSize: %d bytes, want 1 to %d", c.maxRecordSize, maxRecordSize)
	check(c.aggregateSize >= 1 && c.aggregateSize < c.maxRecordSize, "WithAggregationMaxSize: %d bytes, want 1 to below the record size of %d", c.aggregateSize, c.maxRecordSize)
	check(c.aggregateLimit == 0 || c.aggregateLimit >= c.aggregateSize && c.aggregateLimit <= c.maxRecordSize, "WithAggregationLimit: %d bytes, want 0 or the aggregation size of %d to the record size of %d", c.aggregateLimit, c.aggregateSize, c.maxRecordSize)
	check(c.aggregateCount >= 1, "WithAggregationMaxCount: %d user records, want 1 or more", c.aggregateCount)
	check(c.putUnit >= 1, "WithPutUnit: %d bytes, want 1 or more", c.putUnit)
	check(c.lanes >= 1 && c.lanes <= maxLanes, "WithLanes: %d, want 1 to %d", c.lanes, maxLanes)
	check(c.inFlightPerLane >= 1, "WithMaxInFlightPerLane: %d, want 1 or more", c.inFlightPerLane)
	check(c.maxBufferedBytes >= 1, "WithMaxBufferedBytes: %d bytes, want 1 or more", c.maxBufferedBytes)
	check(c.maxInFlight >= 1, "WithMaxInFlight: %d calls, want 1 or more", c.maxInFlight)
	check(c.callRecords >= 1 && c.callRecords <= maxCallRecords, "WithCollectionMaxCount: %d, want 1 to %d", c.callRecords, maxCallRecords)
	check(c.callBytes >= 1 && c.callBytes <= maxCallBytes, "WithCollectionMaxSize: %d bytes, want 1 to %d", c.callBytes, maxCallBytes)
	check(c.rateLimit >= 0 && c.rateLimit <= maxRateLimit, "WithRateLimit: %d percent, want 0 (none) to %d", c.rateLimit, maxRateLimit)
	check(c.recordTTL >= 0, "WithRecordTTL: %v, want 0 (never) or more", c.recordTTL)
	check(c.recordTTL <= 0 || c.maxBufferedTime < c.recordTTL, "WithMaxBufferedTime: %v, want less than the time to live of %v", c.maxBufferedTime, c.recordTTL)
	check(c.callTimeout > 0, "WithRequestTimeout: %v, want more than 0", c.callTimeout)
	check(c.logger != nil, "WithLogger: nil logger")
	return errors.Join(errs...)
}

// packing returns how aggregates are cut.
func (c *config) packing() packing {
	limit := c.aggregateLimit
	if limit == 0 {
		limit = c.maxRecordSize
	}
	if c.rateLimit > 0 { // no aggregate needs more than the burst that a shard is given
		limit = min(limit, max(c.aggregateSize, shardBytes/100*c.rateLimit))
	}
	return packing{unit: c.putUnit, target: c.aggregateSize, limit: limit, maxCount: c.aggregateCount, linger: c.maxBufferedTime, plain: c.lanes == 1, random: rand.Uint64}
}

// laneKeys returns the outer partition keys of n lanes: a to z, then a1 and so
// on. The first is the KPL's.
func laneKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = string(rune('a' + i%26))
		if i >= 26 {
			keys[i] += fmt.Sprint(i / 26)
		}
	}
	return keys
}

// WithAggregation says whether user records are packed at all: default true (the
// KPL's AggregationEnabled). SetAggregation changes it later. While it is off a
// partition key has one record under way at a time, unless WithMaxInFlightPerLane
// gives up the order, and the records behind one that waits for that wait too.
func WithAggregation(on bool) Option {
	return func(c *config) { c.aggregation = on }
}

// WithMaxBufferedTime bounds how long a user record waits for neighbours before
// its aggregate is ready to be sent: from 0 to below WithRecordTTL, at most 7 days,
// default 100 ms (the KPL's RecordMaxBufferedTime). What then still holds it is the aggregate of
// its lane that is under way, the rate limit, a backoff, or all slots being taken:
// Stats.LateTime and Entry.Late say how long.
func WithMaxBufferedTime(d time.Duration) Option {
	return func(c *config) { c.maxBufferedTime = d }
}

// WithAggregationMaxSize sets the size in bytes that aggregates aim at: 1 to below
// the record size, default 51,200, two PUT payload units (the KPL's
// AggregationMaxSize). From half of it on an aggregate goes before it is due when
// it fills a whole number of units, or will not fill the next ones better. It
// grows beyond while it has to wait, or if that fills its units better, up to
// WithAggregationLimit. A user record larger than that goes alone.
func WithAggregationMaxSize(n int) Option {
	return func(c *config) { c.aggregateSize = n }
}

// WithAggregationLimit sets the size in bytes that no aggregate passes, its outer
// partition key included: WithAggregationMaxSize to WithMaxRecordSize; 0, the
// default, is WithMaxRecordSize. It grows no further than the burst that
// WithRateLimit gives a shard either, unless WithAggregationMaxSize is larger. The KPL never grows an aggregate beyond
// AggregationMaxSize; give that here for the same.
func WithAggregationLimit(n int) Option {
	return func(c *config) { c.aggregateLimit = n }
}

// WithAggregationMaxCount bounds the user records in one aggregate: 1 or more,
// default 4,294,967,295 (the KPL's AggregationMaxCount).
func WithAggregationMaxCount(n int) Option {
	return func(c *config) { c.aggregateCount = n }
}

// WithPutUnit sets the step in bytes that a Kinesis record's data is billed by: 1
// or more, default PutUnit. Aggregates are cut where they fill whole steps, and
// Stats counts them. Use PutUnitOnDemand for an on-demand stream.
func WithPutUnit(bytes int) Option {
	return func(c *config) { c.putUnit = bytes }
}

// WithLanes sets how many lanes a shard's records are packed into, by partition
// key: 1 to 256, default 1. Lambda spreads a shard's aggregates over its
// concurrent batches (ParallelizationFactor) by their outer partition key; each
// lane has one of its own, and a user record's partition key always goes to the
// same. Each lane packs its own share, so more lanes fill PUT payload units less:
// see the table in the package's README. The KPL has one, with the key "a".
func WithLanes(n int) Option {
	return func(c *config) { c.lanes = n }
}

// WithMaxInFlightPerLane sets how many aggregates of a lane may be unacknowledged:
// 1 or more, default 1. More than 1 gives up the order of a partition key's
// records. The KPL's is unbounded.
func WithMaxInFlightPerLane(n int) Option {
	return func(c *config) { c.inFlightPerLane = n }
}

// WithMaxBufferedBytes bounds the user records that are buffered or under way:
// data, keys and 256 bytes of bookkeeping each; 1 or more, default 64 MiB. Put
// waits and TryPut refuses while there is no room. The heap's peak is at most
// twice that, garbage included, with records of 100 bytes and more at GOGC=100 and
// whatever the number of shards, besides what the Client needs to encode the calls
// under way and what dones hold up. The KPL has no such bound.
func WithMaxBufferedBytes(n int) Option {
	return func(c *config) { c.maxBufferedBytes = n }
}

// WithMaxRecordSize says what the stream takes as one record, in bytes of data
// and partition key: up to 10 MiB, default 1 MiB (API Reference, PutRecords: the
// stream's MaxRecordSizeInKiB; the KPL's MaxUserRecordSize).
func WithMaxRecordSize(n int) Option {
	return func(c *config) { c.maxRecordSize = n }
}

// WithMaxInFlight bounds the PutRecords calls under way: 1 or more, default 24
// (the KPL's MaxConnections).
func WithMaxInFlight(n int) Option {
	return func(c *config) { c.maxInFlight = n }
}

// WithCollectionMaxCount bounds the Kinesis records of one PutRecords call: 1 to
// 500, the default (the KPL's CollectionMaxCount).
func WithCollectionMaxCount(n int) Option {
	return func(c *config) { c.callRecords = n }
}

// WithCollectionMaxSize bounds the bytes of one PutRecords call, keys included: up
// to 10 MiB, which the service takes by now, default 5 MiB (the KPL's
// CollectionMaxSize). A larger Kinesis record goes in a call of its own.
func WithCollectionMaxSize(n int) Option {
	return func(c *config) { c.callBytes = n }
}

// WithRateLimit bounds what is sent to a shard, in percent of the 1,000 records
// and 1 MiB a second that it takes, with a burst of one second: up to 100,000, 0
// for no limit, default 150 (the KPL's RateLimit). Over 100 leaves room for a shard that other
// producers use less; under 100 leaves them room.
func WithRateLimit(percent int) Option {
	return func(c *config) { c.rateLimit = percent }
}

// WithFailIfThrottled has user records that a shard throttles fail at once with
// ErrRefused, instead of being sent again: default false (the KPL's
// FailIfThrottled).
func WithFailIfThrottled(on bool) Option {
	return func(c *config) { c.failIfThrottled = on }
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

// WithServiceManagedAggregation has records packed also on a service-managed
// stream (distribution strategy AUTO), without regard to shards: default false.
// Only for streams none of whose readers filters by hash key: kinpack's lambda
// without WithShardRange does not, a KCL does and would drop them.
func WithServiceManagedAggregation() Option {
	return func(c *config) { c.managedAggregation = true }
}

// WithLogger sets where the producer says that something about the stream cannot
// be had or that a done panicked: default slog.Default(). User records are never
// logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithHooks adds hooks to those of earlier WithHooks.
func WithHooks(h Hooks) Option {
	return func(c *config) { c.hooks = append(c.hooks, h) }
}

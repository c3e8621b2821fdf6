package kinesistest

// This file owns what a Server can be configured with. Every option takes any
// value: what makes no sense is brought to the nearest that does.

import "time"

const (
	// defaultRequestSize is the limit of one PutRecords call, keys included
	// (Kinesis API Reference, PutRecords: 10 MiB; before 2025: 5 MiB).
	defaultRequestSize = 10 << 20
	// defaultShardLimit is the quota of open shards of an account in
	// us-east-1 (Kinesis developer guide, Quotas and limits).
	defaultShardLimit = 20_000
)

// Option configures a [Server].
type Option func(*config)

type config struct {
	delay       time.Duration
	requestSize int
	shardLimit  int
	faults      []Faults
	throughput  throughput
	listLag     time.Duration
}

func newConfig(opts []Option) config {
	c := config{requestSize: defaultRequestSize, shardLimit: defaultShardLimit}
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	c.delay = max(c.delay, 0)
	c.requestSize = max(c.requestSize, 1)
	c.shardLimit = max(c.shardLimit, 0)
	c.throughput.records = min(max(c.throughput.records, 0), mostThroughput)
	c.throughput.bytes = min(max(c.throughput.bytes, 0), mostThroughput)
	c.listLag = max(c.listLag, 0)
	return c
}

// WithDelay sets how long a stream stays CREATING, UPDATING or DELETING. The
// default, 0, is at once; below 0 counts as 0. No timer runs: the change is
// done by the first request after the time has come, as of that time. While a
// stream is UPDATING its old shards keep serving reads and writes.
func WithDelay(d time.Duration) Option {
	return func(c *config) { c.delay = d }
}

// WithMaxRequestSize sets the most bytes that one PutRecords call may hold:
// the data and the partition keys of its records. The default is 10 MiB; 5
// MiB was the limit of the service before it took large records. Below 1
// counts as 1.
func WithMaxRequestSize(bytes int) Option {
	return func(c *config) { c.requestSize = bytes }
}

// WithShardLimit sets how many open shards the account may have in all its
// streams; what would pass it gets LimitExceededException. The default is
// 20,000, the quota in us-east-1.
func WithShardLimit(shards int) Option {
	return func(c *config) { c.shardLimit = shards }
}

// WithThroughput limits what each shard takes: records a second, and bytes a
// second of data and partition keys. A shard saves up what it did not use for
// one second; a new one starts with that. What is over it gets
// ProvisionedThroughputExceededException: the record of a PutRecord, or its
// entry of a PutRecords while the others are stored. A record that is larger
// than a second's bytes is taken by a shard that has saved up all of them, and
// used up in advance. The default, and any value below 1, is no limit; the
// service has [ShardRecordsPerSecond] and [ShardBytesPerSecond].
func WithThroughput(recordsPerSecond, bytesPerSecond int) Option {
	return func(c *config) { c.throughput = throughput{int64(recordsPerSecond), int64(bytesPerSecond)} }
}

// WithListShardsLag makes ListShards, with every filter, show the shards as
// they were this long ago: of a split or merge that is younger the parents are
// listed as open and the children not at all. Everything else, puts and
// DescribeStream among it, is up to date. The first shards of a stream are
// listed at once. The default, 0, is no lag; below 0 counts as 0.
func WithListShardsLag(d time.Duration) Option {
	return func(c *config) { c.listLag = d }
}

package kinesistest

// This file owns throttling: what a shard has left to take. All of it is in
// integers: a record is 1,000 units and so is a byte, so that a millisecond
// brings as many units as a second brings records or bytes.

import (
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// What a shard of the service takes, for [WithThroughput] (Kinesis developer
// guide, Quotas and limits).
const (
	// ShardRecordsPerSecond is 1,000 records a second.
	ShardRecordsPerSecond = 1000
	// ShardBytesPerSecond is 1 MiB a second, partition keys included.
	ShardBytesPerSecond = 1 << 20
)

// mostThroughput is a limit that nothing reaches, and whose units fit.
const mostThroughput = 1 << 40

// throughput is a limit a second, in records and bytes; 0 is none.
type throughput struct{ records, bytes int64 }

// allowance is what a shard has left of one second's limit, as of a time. The
// zero value has all of it.
type allowance struct {
	used throughput // in units
	at   time.Time
}

// take takes one record of size bytes, or says that it is too much.
func (a *allowance) take(limit throughput, size int, now time.Time) bool {
	if limit == (throughput{}) {
		return true
	}
	if ms := now.Sub(a.at).Milliseconds(); ms > 0 { // a clock may step back
		a.used.records = refill(a.used.records, limit.records, ms)
		a.used.bytes = refill(a.used.bytes, limit.bytes, ms)
		a.at = now
	}
	records, bytes := a.used.records+1000, a.used.bytes+int64(size)*1000
	if limit.records > 0 && records > limit.records*1000 {
		return false
	}
	// A record larger than a whole second's limit would never fit.
	if limit.bytes > 0 && bytes > limit.bytes*1000 && a.used.bytes > 0 {
		return false
	}
	a.used = throughput{records, bytes}
	return true
}

func refill(used, limit, ms int64) int64 {
	if limit == 0 || ms > math.MaxInt64/limit {
		return 0
	}
	return max(used-limit*ms, 0)
}

// overRate is what the service says of a shard that is over its throughput.
func (st *stream) overRate(sh *shard) string {
	return "Rate exceeded for shard " + sh.id + " in stream " + st.name + " under account " + accountID + "."
}

func (st *stream) throttled(sh *shard) error {
	return &types.ProvisionedThroughputExceededException{Message: aws.String(st.overRate(sh))}
}

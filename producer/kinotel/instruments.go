package kinotel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// This file owns the instruments that hooks record with: names, units, buckets.

// instruments are one of each; doc.go says what they are.
type instruments struct {
	put, putBytes, failed, retries, unpacked metric.Int64Counter // of user records

	kinesis, kinesisBytes, errors, units metric.Int64Counter // of Kinesis records
	buffering, late                      metric.Float64Histogram
	userPerKinesis                       metric.Int64Histogram

	duration                    metric.Float64Histogram // of PutRecords calls
	kinesisPerCall, userPerCall metric.Int64Histogram

	refreshes metric.Int64Counter
}

// create makes all of them, and joins what is wrong.
func (i *instruments) create(m metric.Meter) error {
	var errs []error
	counter := func(to *metric.Int64Counter, name, unit, description string) {
		c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		*to, errs = c, append(errs, err)
	}
	seconds := func(to *metric.Float64Histogram, name, description string) {
		// From a call's few milliseconds to the time to live.
		h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5, 10, 30))
		*to, errs = h, append(errs, err)
	}
	records := func(to *metric.Int64Histogram, last float64, name, description string) {
		h, err := m.Int64Histogram(name, metric.WithUnit("{record}"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(counts(last)...))
		*to, errs = h, append(errs, err)
	}
	counter(&i.put, "kinpack.user_records.put", "{record}", "User records that are in the stream.")
	counter(&i.putBytes, "kinpack.user_records.data_put", "By", "Data of the user records that are in the stream.")
	counter(&i.failed, "kinpack.user_records.failed", "{record}", "User records that were handed back with an error.")
	counter(&i.retries, "kinpack.user_records.retries", "{retry}", "Times that the user records put and failed were sent again.")
	counter(&i.unpacked, "kinpack.put_units.unpacked", "{unit}", "PUT payload units that the user records put would have been billed one by one.")

	counter(&i.kinesis, "kinpack.kinesis_records.sent", "{record}", "Kinesis records sent.")
	counter(&i.kinesisBytes, "kinpack.kinesis_records.data_sent", "By", "Data of the Kinesis records sent.")
	counter(&i.errors, "kinpack.kinesis_records.errors", "{record}", "Kinesis records that were sent and not stored.")
	counter(&i.units, "kinpack.put_units.billed", "{unit}", "PUT payload units that the Kinesis records stored are billed.")
	seconds(&i.buffering, "kinpack.buffering.duration", "From Put to the call, of the first user record of each Kinesis record sent.")
	seconds(&i.late, "kinpack.late.duration", "Part of the buffering that lies beyond the maximum buffered time.")
	records(&i.userPerKinesis, 10_000, "kinpack.kinesis_record.user_records", "User records in each Kinesis record sent.")

	seconds(&i.duration, "kinpack.put_records.duration", "Duration of PutRecords calls.")
	records(&i.kinesisPerCall, 500, "kinpack.put_records.kinesis_records", "Kinesis records in each PutRecords call.")
	records(&i.userPerCall, 100_000, "kinpack.put_records.user_records", "User records in each PutRecords call.")

	counter(&i.refreshes, "kinpack.shard_map.refreshes", "{refresh}", "Attempts to list the stream's shards.")
	return errors.Join(errs...)
}

// counts are the upper bounds 1, 2, 5, 10, 20, 50 and so on to last.
func counts(last float64) []float64 {
	var b []float64
	for ten := 1.0; ; ten *= 10 {
		for _, digit := range [...]float64{1, 2, 5} {
			if digit*ten > last {
				return b
			}
			b = append(b, digit*ten)
		}
	}
}

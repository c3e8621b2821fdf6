// Package kinprom tells Prometheus what a producer does.
//
//	m, err := kinprom.New(prometheus.DefaultRegisterer)
//	p, err := producer.New(ctx, client, "orders", m.Option())
//	defer m.Watch(p, "orders")()
//
// One Metrics serves any number of producers; the label stream tells them apart
// and is what New of the producer was given, a name or an ARN. The names of the
// metrics and, in brackets, those that the KPL has for them:
//
//	kinpack_user_records_received_total           counter    taken by Put [UserRecordsReceived]; needs Watch
//	kinpack_user_records_pending                  gauge      of these, neither put nor failed [UserRecordsPending]; needs Watch
//	kinpack_user_records_put_total                counter    in the stream [UserRecordsPut]
//	kinpack_user_records_put_bytes_total          counter    their data [UserRecordsDataPut]
//	kinpack_user_records_failed_total             counter    by reason: expired [UserRecordExpired], refused, closed,
//	                                                         landing_unknown, other
//	kinpack_user_record_retries_total             counter    of those put and failed [RetriesPerRecord, over their sum]
//	kinpack_kinesis_records_total                 counter    sent, by verdict: stored, wrong_landing, landing_unknown
//	                                                         [together KinesisRecordsPut], not_stored [AllErrors]
//	kinpack_kinesis_records_bytes_total           counter    their data, by verdict [KinesisRecordsDataPut]
//	kinpack_put_units_total                       counter    PUT payload units billed, by verdict
//	kinpack_put_units_unpacked_total              counter    what the user records put would have been billed one by one
//	kinpack_errors_total                          counter    Kinesis records not stored, by code [ErrorsByCode]
//	kinpack_put_records_calls_total               counter    PutRecords calls, by code; ok if answered
//	kinpack_put_records_duration_seconds          histogram  of these [RequestTime]
//	kinpack_buffering_seconds                     histogram  from Put to the call, of the first user record of each
//	                                                         Kinesis record sent [BufferingTime]
//	kinpack_late_seconds                          histogram  of that, what lies beyond the maximum buffered time
//	kinpack_user_records_per_kinesis_record       histogram  [UserRecordsPerKinesisRecord]
//	kinpack_kinesis_records_per_call              histogram  [KinesisRecordsPerPutRecordsRequest]
//	kinpack_user_records_per_call                 histogram  [UserRecordsPerPutRecordsRequest]
//	kinpack_shard_map_refreshes_total             counter    listings of the shards, by result: ok, error
//	kinpack_buffered_bytes                        gauge      see producer.WithMaxBufferedBytes; needs Watch
//	kinpack_oldest_user_record_age_seconds        gauge      since the Put of the oldest one pending; needs Watch
//	kinpack_open_shards                           gauge      in the map, 0 before the first; needs Watch
//	kinpack_service_managed                       gauge      1 if the distribution strategy is AUTO, else 0; needs Watch
//
// A code is the service's error code, none if it gave none, such as for a
// timeout. What is told by hooks is complete once Close has returned; right after
// Flush a few Kinesis records of it may still be missing. A prefix or constant
// labels are added by [prometheus.WrapRegistererWithPrefix] and
// [prometheus.WrapRegistererWith].
//
// # Cardinality
//
// A stream has some 120 series, and one or two more for each error code seen.
// [WithShardLabel] gives each shard some 50 of its own, in place of as many of the
// stream.
package kinprom

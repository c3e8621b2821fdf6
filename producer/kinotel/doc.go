// Package kinotel tells OpenTelemetry what a producer does: metrics, and a span
// for each PutRecords call.
//
//	t, err := kinotel.New()
//	p, err := producer.New(ctx, client, "orders", t.Option())
//	defer t.Watch(p, "orders")()
//
// One Telemetry serves any number of producers; the attribute
// messaging.destination.name tells them apart and is what New of the producer was
// given, a name or an ARN.
//
// # Metrics
//
// The names of the metrics and, in brackets, those that the KPL has for them:
//
//	kinpack.user_records.received            counter          {record}  taken by Put [UserRecordsReceived]; needs Watch
//	kinpack.user_records.pending             up-down counter  {record}  of these, neither put nor failed [UserRecordsPending]; needs Watch
//	kinpack.user_records.put                 counter          {record}  in the stream [UserRecordsPut]
//	kinpack.user_records.data_put            counter          By        their data [UserRecordsDataPut]
//	kinpack.user_records.failed              counter          {record}  by error.type: expired [UserRecordExpired], refused, closed,
//	                                                                    landing_unknown, _OTHER
//	kinpack.user_records.retries             counter          {retry}   of those put and failed [RetriesPerRecord, over their sum]
//	kinpack.kinesis_records.sent             counter          {record}  by kinpack.verdict: stored, wrong_landing, landing_unknown
//	                                                                    [together KinesisRecordsPut], not_stored [AllErrors]
//	kinpack.kinesis_records.data_sent        counter          By        their data, by kinpack.verdict [KinesisRecordsDataPut]
//	kinpack.kinesis_records.errors           counter          {record}  not stored, by error.type: the service's code [ErrorsByCode]
//	kinpack.put_units.billed                 counter          {unit}    PUT payload units, by kinpack.verdict
//	kinpack.put_units.unpacked               counter          {unit}    what the user records put would have been billed one by one
//	kinpack.put_records.duration             histogram        s         of PutRecords calls, by error.type if they failed [RequestTime];
//	                                                                    its count is that of the calls
//	kinpack.buffering.duration               histogram        s         from Put to the call, of the first user record of each
//	                                                                    Kinesis record sent [BufferingTime]
//	kinpack.late.duration                    histogram        s         of that, what lies beyond the maximum buffered time
//	kinpack.kinesis_record.user_records      histogram        {record}  [UserRecordsPerKinesisRecord]
//	kinpack.put_records.kinesis_records      histogram        {record}  [KinesisRecordsPerPutRecordsRequest]
//	kinpack.put_records.user_records         histogram        {record}  [UserRecordsPerPutRecordsRequest]
//	kinpack.shard_map.refreshes              counter          {refresh} listings of the shards, by kinpack.result: ok, error
//	kinpack.buffer.usage                     up-down counter  By        see producer.WithMaxBufferedBytes; needs Watch
//	kinpack.oldest_user_record.age           gauge            s         since the Put of the oldest one pending; needs Watch
//	kinpack.shards.open                      gauge            {shard}   in the map, 0 before the first; needs Watch
//	kinpack.stream.service_managed           gauge            1         1 if the distribution strategy is AUTO, else 0; needs Watch
//
// An error that the service gave no code for is _OTHER, and timeout for a call that
// ran into its deadline. What is told by hooks is complete once Close has returned; right after Flush a few Kinesis
// records of it may still be missing.
//
// # Spans
//
// Each PutRecords call is a span "PutRecords" and the stream, of kind client, and
// a root, since its user records come from many Puts. The client is called with
// its context, so that spans of an instrumented SDK are its children. It has
// the attributes of the semantic conventions for messaging 1.43.0:
//
//	messaging.system                 aws_kinesis
//	messaging.operation.name         PutRecords
//	messaging.operation.type         send
//	messaging.destination.name       the stream
//	messaging.batch.message_count    Kinesis records in the call
//	kinpack.user_records             user records in these
//	kinpack.data.size                bytes of data of the Kinesis records
//	kinpack.kinesis_records.failed   of these, not stored; if there are any
//	error.type                       the service's error code, timeout or _OTHER; if nothing was stored
//
// Its status is Error if nothing of the call was stored. That a part was not, as
// when a shard is throttled, is usual, and the producer sends it again.
package kinotel

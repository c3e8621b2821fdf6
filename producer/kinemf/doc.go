// Package kinemf writes what a producer does as metrics in CloudWatch's embedded
// metric format: lines of JSON that CloudWatch makes metrics of wherever it reads
// a log, without a daemon, a call or a permission more.
//
//	w := kinemf.New(os.Stdout, "Orders")
//	...
//	err := w.Write("orders", p.Stats())
//
// In a Lambda function write to os.Stdout after Flush, before the handler
// returns: its log is read by CloudWatch, and its sandbox freezes then. Elsewhere
// write to a log that CloudWatch is given, once a minute.
//
// # Metrics
//
// Each Write is a line with the dimension StreamName. Counts are since the last
// Write for the stream. Where the KPL has the metric, the name is the KPL's.
//
//	UserRecordsReceived                   Count         taken by Put
//	UserRecordsPending                    Count         now: of these, neither put nor failed
//	UserRecordsPut                        Count         in the stream
//	UserRecordsDataPut                    Bytes         their data
//	UserRecordsFailed                     Count         handed back with an error; not the KPL's
//	UserRecordExpired                     Count         of these, out of their time to live
//	UserRecordsHandedBack                 Count         of these, given up by Close; not the KPL's
//	KinesisRecordsPut                     Count         stored, wrong landings included
//	KinesisRecordsDataPut                 Bytes         their data
//	AllErrors                             Count         Kinesis records not stored
//	RetriesPerRecord                      Count         mean of the user records put and failed
//	BufferingTime                         Milliseconds  from Put to the call, of the first user record of each Kinesis
//	                                                    record sent, mean
//	LateTime                              Milliseconds  of that, what lies beyond the maximum buffered time, mean; not
//	                                                    the KPL's
//	RequestTime                           Milliseconds  of the PutRecords calls, mean
//	UserRecordsPerKinesisRecord           Count         mean of the Kinesis records sent
//	KinesisRecordsPerPutRecordsRequest    Count         mean of the calls
//	UserRecordsPerPutRecordsRequest       Count         mean of the calls
//
// and, not the KPL's:
//
//	PutUnits                              Count         PUT payload units billed
//	PutUnitsUnpacked                      Count         what the user records put would have been billed one by one
//	WrongLandings                         Count         aggregates stored where a KCL drops them, and sent again
//	WrongLandingUnits                     Count         of PutUnits, those of wrong landings
//	PutRecordsCalls                       Count         PutRecords calls
//	CallErrors                            Count         of these, failed as a whole
//	BufferedBytes                         Bytes         now, see producer.WithMaxBufferedBytes
//	OldestAge                             Milliseconds  now, since the Put of the oldest user record pending
//	MapRefreshes                          Count         listings of the shards that succeeded
//	MapRefreshErrors                      Count         and that failed
//	Shards                                Count         now, open shards in the map, 0 before the first
//	ServiceManaged                        None          now, 1 if the distribution strategy is AUTO, else 0
//
// A mean of nothing is left out. Means of two lines weigh the same, however many
// records they stand for.
//
// For each error code that came up since the last Write there is one line more,
// with the dimensions StreamName and ErrorCode, none if the service gave no code:
//
//	ErrorsByCode                          Count         Kinesis records not stored
package kinemf

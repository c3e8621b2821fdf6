// Package kinesistest is an in-process Amazon Kinesis Data Streams for tests.
//
// A [Server] keeps streams, shards and records in memory and answers as the
// service does: real hash key ranges and explicit hash keys, lineage across
// splits and merges, closed shards that stay readable, 56-digit sequence
// numbers that rise, paging, expiring iterators and tokens, and the service's
// validation with its error codes. New needs no option, opens no socket and
// starts no goroutine:
//
//	client := kinesistest.New().SDKClient()
//
// [Fake] is the short way to a client and a stream in a test.
//
// # Three faces of one core
//
// All of them see the same streams, and every request of every face passes
// one point.
//
//   - HTTP: a Server is an [net/http.Handler] that speaks the protocol of the
//     AWS SDKs in both its forms, JSON (awsJson1.1) and CBOR, which the SDK
//     for Java sends; a request is answered in the form it came in.
//     [Server.Listen] serves it on loopback, for another process or to have
//     the network in the test; [NewSDKClient] is a client of the AWS SDK for
//     it.
//   - [Server.Transport]: the same handler as an [net/http.RoundTripper],
//     without a socket and without goroutines. [Server.SDKClient] is a client
//     of the AWS SDK over it: the whole SDK (signing, retries, its JSON) runs.
//   - [Server.Client]: methods with the signatures of the SDK's client and no
//     bytes in between. The fastest. Its errors are found by [errors.As] as
//     the SDK's are.
//
// # Time
//
// The package asks [time.Now], and waits for nothing but the latency of a
// [Fault] and the contexts of its callers, so inside [testing/synctest] it
// follows the clock of the bubble: iterators expire after 5 minutes, page
// tokens after 300 seconds, records after 24 hours, and changes under
// [WithDelay] are done when their time has come. Use Client or Transport
// there, since a read from a socket does not block a bubble durably. Times
// are kept in milliseconds, as the service keeps them.
//
// # Faults
//
// Nothing goes wrong unless a test says so. [WithFaults] and
// [Server.SetFaults] give functions that are asked about every request of
// every face, and answer with a [Fault]: latency, an error of the service, a
// connection that is reset, a call that is never answered, a request that is
// carried out though its caller sees a failure, at once or later, entries of
// PutRecords that fail, an answer that is cut short. [Storm] makes such a
// function from a seed and probabilities. While a call waits it holds no lock,
// and it ends with its context.
//
// Apart from these, [WithThroughput] throttles shards as the service does,
// [WithListShardsLag] lets ListShards be behind, and [Server.Reshard] and
// [Server.Scale] change the shards under whoever writes to them.
//
// # What it does not do
//
//   - No throttling of reads, and none of the service's limits on how often an
//     operation may be called. Throttling of writes is off by default.
//   - No authentication: any credentials, or none, are accepted. A Fault can
//     answer as if there were.
//   - Operations: CreateStream, DeleteStream, DescribeStream,
//     DescribeStreamSummary, ListStreams, ListShards, PutRecord, PutRecords,
//     GetShardIterator, GetRecords, SplitShard, MergeShards, UpdateShardCount,
//     UpdateStreamRecordDistributionStrategy. All others, among them tags,
//     retention, encryption and enhanced fan-out, are answered with
//     UnknownOperationException. Tags and WarmThroughputMiBps of CreateStream
//     are taken and forgotten.
//   - On-demand streams have 4 shards and never scale by themselves. With the
//     strategy AUTO they give records to their shards in turn, also to one that
//     is over its throughput.
//   - A request body over about twice the limit of PutRecords is answered
//     with status 413, before it is looked at.
package kinesistest

// Package lambdatest is AWS Lambda's event source mapping for Kinesis, in process:
// it reads a stream, or a slice of records, and invokes a function with what it
// reads, as Lambda does. With it a go test shows what a handler does under retries,
// bisect, tumbling windows, cold starts, and sandboxes that die at any moment.
//
//	m, err := lambdatest.New(
//		lambdatest.Records(records),
//		func(s *lambdatest.Sandbox) lambdatest.Function { return awslambda.NewHandler(handle) },
//		lambdatest.WithBatchSize(200), lambdatest.WithReportBatchItemFailures())
//	...
//	defer m.Close()
//	err = m.Drain(ctx)
//	for _, inv := range m.Invocations() { ... }
//
// # What it does
//
//   - Shards are read at the same time, children after their parents are wholly
//     done, closed ones to their end. Children that the stream's list of shards
//     does not show yet are waited for, half a minute; if the stream has named
//     them the run then fails, and the next one looks again. A call of the stream
//     that fails is tried again.
//   - A batch is of one shard: up to [WithBatchSize] outer records, 6 MB of event
//     as it is sent, or what came within [WithMaximumBatchingWindow]. What no longer
//     fits because the state of its tumbling window has grown is sent by itself.
//     [WithParallelizationFactor] splits a shard by the outer partition key.
//   - Without [WithReportBatchItemFailures] any answer is success. With it the
//     lowest sequence number that an answer lists is the checkpoint: what comes
//     before is done, the rest is sent again. An answer that is empty or null, and
//     one whose list is empty, null or under another name, is success. An id that
//     is empty, null, under another name or not in the batch fails the batch as a
//     whole, as does what is not JSON.
//   - An error of the function, its timeout, or the end of its sandbox fails the
//     batch as a whole. [WithBisectBatchOnFunctionError] then cuts it in two.
//   - [WithMaximumRetryAttempts] of N are N+1 invocations; an answer that moves the
//     checkpoint starts the count anew, bisect and refused invocations leave it.
//     [WithMaximumRecordAge] drops the head of the batch that is too old. What is
//     given up goes to [WithOnFailure].
//   - [WithTumblingWindow] carries the state of a window from answer to event, and
//     ends each window with an invocation of its own, without records.
//
// # Sandboxes
//
// The [Factory] is called at every cold start; what it makes is the memory of that
// sandbox. [WithSandboxes] says how many there may be and which one is next. A
// sandbox is lost when it is killed, when an invocation times out, and when the
// function panics.
//
// A goroutine can't be killed. A function whose sandbox is gone goes on, and nobody
// waits for it but [Mapping.Close]; its context ends. Test doubles of what outlives
// a sandbox (tables, queues) ask [Sandbox.Alive] before they have an effect, or pass
// a [Sandbox.Point], at which [WithKill] or [Trouble] may end the sandbox: between
// a dead letter and a checkpoint, for one. [Bootstrap] runs a function as a process
// of its own, which does die.
//
// # Time and chance
//
// All waiting is done by package time, so that inside testing/synctest hours pass at
// once. There, a batch that fails for ever keeps [Mapping.Drain] busy for ever: bound
// the retries or ctx. Everything that is random comes from [WithSeed]. With one shard
// and one lane a run is the same every time; with several, each lane draws from its
// own generator, and only which of them gets a sandbox first is up to the scheduler.
//
// # What AWS does not tell
//
// Options choose where the behaviour of Lambda is not known: [WithBackoff],
// [WithRetriesRestartedByBisect], [WithLowIDsAsFirst] and
// [WithStateOfPartialAnswersDropped]. Fixed, and not known either: which half of an
// odd batch is larger; that a checkpoint which moves is followed by the first
// backoff; that records which are too old leave the retry count alone; that an
// answer which is JSON but no object fails the batch; that a batch which an answer
// fails as a whole is cut in two by [WithBisectBatchOnFunctionError], too, and that
// its on-failure document has no functionError; that the last invocation of a
// window has no records, and is retried and given up like any other; that a shard's
// end ends its window; that a record which arrived before the open window counts to
// that one; that a batch which has outgrown an event with its window's state is cut
// at 6 MB, and that both parts go on with its counts of retries and invocations.
//
// # What it does not do
//
// There is no event filtering, no enhanced fan-out, and no init timeout. Records are
// held in memory while they are retried, whatever the stream's retention. A record
// of more than 6 MB of event, with its window's state if it has one, is sent alone.
// Tumbling windows go with a parallelization factor of 1 only.
package lambdatest

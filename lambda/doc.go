// Package lambda runs a function per user record in AWS Lambda: it takes the
// records of a Kinesis event apart, aggregates of the Kinesis Producer Library
// included, hands them to a [Handler] one by one, and tells Lambda from where to
// go on.
//
//	func main() { lambda.Start(handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letters)) }
//
// The event source mapping must have ReportBatchItemFailures on. If it is off,
// Lambda takes every answer for success, and what failed is lost. One sign of
// that, a batch that starts past a failure which this process has reported, is
// logged as an error. It may have other reasons: another sandbox has handled the
// record, or Lambda has given it up.
//
// # The way of an event
//
//  1. Each Kinesis record, the outer record, is taken apart into its user
//     records. A plain record is its own only one. An aggregate that can't be
//     read is poison as a whole (step 4), with [WholeRecord] for its
//     sub-sequence number.
//  2. With [WithShardRange], an aggregate that holds a key of another shard is
//     dropped, as the Kinesis Client Library does.
//  3. User records that an earlier invocation of this process has decided are
//     skipped. The others go to the handler, in order, one after the other.
//  4. A record is decided when its handler succeeds or when it is in the dead
//     letter. A failed one is tried again with backoff up to [WithMaxAttempts],
//     counted across invocations; then, or when the handler says [Poison], it
//     goes to the [DeadLetter].
//  5. The first record that is left undecided ends the run: it failed and may be
//     tried again later, there is no dead letter or that failed, or the time is
//     up. The answer holds the sequence number of its outer record, and Lambda
//     sends the batch again from there. What was decided within that outer
//     record is remembered, as are the attempts. If nothing is left undecided
//     the answer is empty, and what was remembered of the batch is forgotten.
//
// Shortly before the function's deadline the handler's context ends and the
// answer goes out, so that a slow record costs one attempt and not the batch.
// [Consumer.Kinesis] has the details.
//
// # What is promised
//
//   - No record is passed over: everything that is not decided is at or above
//     the reported sequence number, as long as Lambda's own retries last.
//   - First runs are in the order of the shard.
//   - What succeeded before a partial answer does not run again when Lambda
//     sends the rest to the same process, also inside an aggregate. A replay
//     after this process has answered the batch whole, or more than an hour
//     after the failure, skips nothing.
//   - One poison record holds up the others only for its attempts, if there is a
//     dead letter that works.
//   - A handler that panics, calls runtime.Goexit or ignores its context fails
//     its record, not the batch.
//   - Handling is at least once, not exactly once. Records run again after a
//     cold start or in another sandbox (progress and attempts are in memory, of
//     at most 1,024 outer records), after a batch that Lambda lost, and where
//     the producer has written them twice, as the KPL does on retries and splits.
//
// # Limits to know
//
//   - Lambda counts retries by its checkpoint, and progress inside one aggregate
//     does not move that: each partial answer in one outer record uses up a
//     retry. Set MaximumRetryAttempts to -1 and bound attempts with
//     [WithMaxAttempts] and a dead letter instead; the records' age still ends it.
//   - A record that ends the process (out of memory, os.Exit, a fatal error of
//     the runtime) is Lambda's to give up: set BisectBatchOnFunctionError and an
//     on-failure destination.
//   - An error of the function as a whole, a timeout among them, fails the whole
//     batch, including what is done in it. So does an answer that names a record
//     which is not in the batch. Answers must go to Lambda as they are.
//   - A handler that never returns, whatever its context says, keeps its shard
//     waiting in that sandbox until Lambda ends the sandbox. Give every call that
//     it makes the context.
//   - ParallelizationFactor splits a shard by the outer partition key. The KPL
//     gives all its aggregates the same one, so that the factor does nothing.
//   - The batch size counts outer records: 100 of them may hold 10,000 user
//     records and more.
//   - Event filters on data see the aggregate, which is not JSON, and drop it.
package lambda

// Package lambda runs a function per user record in AWS Lambda: it takes the
// records of a Kinesis event apart, aggregates of the Kinesis Producer Library
// included, hands them to a [Handler] one by one, keeps track of each of them, and
// tells Lambda from where to go on.
//
//	func main() { lambda.Start(handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letters)) }
//
// A function that is there already is adopted in one line:
//
//	func main() { awslambda.Start(lambda.Expand(handleEvent)) }
//
// The event source mapping must have ReportBatchItemFailures on, or the Consumer
// [WithWholeBatchError]. If it is off, Lambda takes every answer for success, and
// what failed is lost. One sign of that, a batch that starts past a failure which
// this process has reported, is logged as an error and goes to [Hooks.Passed]. It
// may have other reasons: Lambda has given the record up or, unless a
// [Checkpoint] shows otherwise, another sandbox has handled it.
//
// # Ways to be called
//
//	New                          one by one in the order of the shard; stops at the first that is left
//	New with WithConcurrency     one by one, several partition keys at a time, each in order
//	NewByKey                     all records of a partition key in one call
//	NewBatch                     all records of the event in one call
//	Expand                       a function for Kinesis events, with user records in them
//	NewWindow                    tumbling windows, with a typed state
//	Consumer.Pipe                a target of EventBridge Pipes
//	Consumer.Records             a program that calls GetRecords itself
//
// # The way of an event
//
//  1. Each Kinesis record, the outer record, is taken apart into its user
//     records. A plain record is its own only one. An aggregate that can't be
//     read is poison as a whole (step 4), with [WholeRecord] for its
//     sub-sequence number.
//  2. With [WithShardRange], an aggregate that holds a key of another shard is
//     dropped, as the Kinesis Client Library does.
//  3. User records that an earlier invocation has decided are skipped. That is
//     known from this process's memory and, if there is one, the [Checkpoint].
//     The others go to the handler.
//  4. A record is decided when its handler succeeds or when it is in the dead
//     letter. A failed one is tried again with backoff up to [WithMaxAttempts],
//     counted across invocations; then, or when the handler says [Poison], it
//     goes to the [DeadLetter].
//  5. A record may be left undecided: it failed and may be tried again later,
//     there is no dead letter or that failed, or the time is up. In order that
//     ends the run; else the later records of its partition key wait. The answer
//     holds the lowest outer sequence number of which something is undecided, and
//     Lambda sends the batch again from there. What was decided from there on is
//     remembered, as are the attempts. If nothing is left undecided the answer is
//     empty, and what was remembered of the batch is forgotten.
//
// Shortly before the function's deadline the handlers' context ends and the
// answer goes out, so that a slow record costs one attempt and not the batch.
// [Consumer.Kinesis] has the details.
//
// # What is promised
//
//   - No record is passed over: everything that is not decided is at or above
//     the reported sequence number, as long as Lambda's own retries last.
//   - First runs are in the order of the shard, or with concurrency and by key in
//     the order of the partition key.
//   - What succeeded before a partial answer does not run again when Lambda sends
//     the rest, also inside an aggregate: to the same process, or with a
//     [Checkpoint] to any. A deliberate replay after the batch was answered whole
//     skips nothing.
//   - One poison record holds up the others only for its attempts, if there is a
//     dead letter that works, and is never thrown away with them, nor they with it.
//   - A handler that panics, calls runtime.Goexit or ignores its context fails
//     its record, not the batch.
//
// Handling is at least once, not exactly once. A record that has succeeded runs
// again if
//
//   - its invocation's answer did not reach Lambda: the process died, or the
//     function as a whole failed;
//   - there is no Checkpoint, or it failed, and Lambda sends the batch to another
//     sandbox, or more than an hour after; the memory keeps 8 MiB and 1,024
//     batches;
//   - its handler ignored its context and succeeded after the answer was out, and
//     Lambda sends the batch to another sandbox;
//   - the producer has written it twice, as the KPL does on retries and splits.
//
// And a deliberate replay may skip a record that has succeeded if Lambda gave its
// batch up in the middle, which is what a redrive wants; if a Delete of the
// Checkpoint failed; or, without a Checkpoint, if within an hour it reaches a
// process that had answered its batch in part, which another one has finished
// since.
//
// # Limits to know
//
//   - Lambda counts retries by its checkpoint, and progress inside one aggregate
//     does not move that: each partial answer in one outer record uses up a
//     retry. Set MaximumRetryAttempts to -1 and bound attempts with
//     [WithMaxAttempts] and a dead letter instead; the records' age still ends it.
//   - A record that ends the process (out of memory, os.Exit, a fatal error of
//     the runtime) is Lambda's to give up: set BisectBatchOnFunctionError and an
//     on-failure destination. The command kinpack redrive reads what goes there.
//   - An error of the function as a whole, a timeout among them, fails the whole
//     batch, including what is done in it. So does an answer that names a record
//     which is not in the batch. Answers must go to Lambda as they are.
//   - A handler that never returns, whatever its context says, keeps its shard
//     waiting in that sandbox until Lambda ends the sandbox. Give every call that
//     it makes the context.
//   - ParallelizationFactor splits a shard by the outer partition key. The KPL
//     gives all its aggregates the same one, so that the factor does nothing; the
//     producer of this module has lanes for it.
//   - The batch size counts outer records: 100 of them may hold 10,000 user
//     records and more.
//   - Event filters on data see the aggregate, which is not JSON, and drop it.
package lambda

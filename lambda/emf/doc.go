// Package emf writes what a function does with the records of a stream as metrics
// in CloudWatch's embedded metric format: lines of JSON in the function's log, of
// which CloudWatch makes metrics without a call or a permission more.
//
//	hooks, err := emf.New(os.Stdout, "Orders",
//		emf.WithDimension("FunctionName", os.Getenv("AWS_LAMBDA_FUNCTION_NAME")))
//	...
//	consumer, err := lambda.New(handle, lambda.WithHooks(hooks))
//
// # Metrics
//
// Each invocation is a line with the dimension StreamName:
//
//	OuterRecords                          Count         Kinesis records in the event
//	UserRecords                           Count         user records that the invocation came to; the sum of the next four
//	SkippedRecords                        Count         of these, decided before
//	SucceededRecords                      Count         of these, the handler succeeded
//	PoisonRecords                         Count         of these, went to the dead letter
//	UndecidedRecords                      Count         of these, left for the next invocation
//	FailedAttempts                        Count         failed attempts at a user record
//	MalformedAggregates                   Count         aggregates that could not be read
//	OutOfRangeAggregates                  Count         aggregates that lambda.WithShardRange dropped
//	BatchAge                              Milliseconds  from the stream's taking of the first record to the start of the
//	                                                    invocation; left out if the event does not say
//	BatchDuration                         Milliseconds  from the start to the answer
//	PartialAnswers                        Count         1 if the answer tells Lambda to send a part of the batch again
//	TimeUps                               Count         1 if the deadline ended the invocation
//	FunctionErrors                        Count         1 if an error was returned in the place of an answer
//
// What happens less often has a line of its own when it does, with the same
// dimensions, so treat missing data of these as not breaching:
//
//	PassedFailures                        Count         1: Lambda has gone past a failure that was reported to it
//	CheckpointErrors                      Count         1: the Checkpoint did not do what it was asked
//
// # Alarms
//
// A sum of PassedFailures above 0 may be records lost: see package lambda. That of
// PoisonRecords says that there are dead letters to look at. UndecidedRecords and
// PartialAnswers that stay above 0 say that the shard stands still at a record;
// the maximum of BatchAge says for how long.
package emf

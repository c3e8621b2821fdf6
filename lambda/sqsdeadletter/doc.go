// Package sqsdeadletter sends dead letters to an SQS queue.
//
//	letters, err := sqsdeadletter.New(sqs.NewFromConfig(cfg), queueURL)
//	...
//	lambda.Start(handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letters))
//
// # Messages
//
// The body of a message is the letter's JSON (see lambda.Letter), and there are no
// message attributes. What SQS does not take in a body, U+FFFE and U+FFFF, is
// escaped as JSON does it, so that every letter can be sent, whatever its keys.
//
// # Size
//
// SQS takes messages of 1 MiB, and less if the queue's MaximumMessageSize says so:
// see [WithMaxBytes]. The data stands in the letter as base64, which makes 4 bytes
// of 3, beside some 700 bytes, the keys twice and the error of up to 8 KiB: about
// 770 kB of data fit. The records of a stream may be larger. Without
// [WithOverflow] such a letter is not sent, [ErrTooLarge] is the error, and the
// record counts as failed. With it the letter goes whole to another store, such as
// the package lambda/s3deadletter:
//
//	bucket, err := s3deadletter.New(s3.NewFromConfig(cfg), "my-bucket")
//	...
//	letters, err := sqsdeadletter.New(sqs.NewFromConfig(cfg), queueURL, sqsdeadletter.WithOverflow(bucket))
//
// The message then has the letter without its data, and the location of the whole
// letter in DataLocation. If that is too large as well, it has neither the keys nor
// the error. So where there is a DataLocation, the letter there is the one to use;
// that of the same record, sent again, may be in the same place, so remove it only
// when no message names it any longer.
//
// # FIFO queues
//
// A queue is a FIFO queue if its URL ends with .fifo. Its messages are grouped by
// shard or, with [WithGroupByKey], by partition key. The deduplication ID is a new
// one for each Send: the client's own retries make one message, and a letter of the
// same record that comes again, after a redrive or from a replay of the stream, is
// another message. SQS would drop one with the ID of a letter of the last 5 minutes
// without an error, though that one may have been received since.
//
// # Permissions
//
// The function's role needs
//
//	{
//	  "Effect": "Allow",
//	  "Action": "sqs:SendMessage",
//	  "Resource": "arn:aws:sqs:us-east-1:123456789012:my-queue"
//	}
//
// and, if the queue is encrypted with a KMS key of one's own, kms:GenerateDataKey
// and kms:Decrypt for the key. The letters hold data and keys of the stream:
// whoever may read the queue may read those. A queue keeps a message for 4 days,
// unless its MessageRetentionPeriod says otherwise; 14 are the most.
package sqsdeadletter

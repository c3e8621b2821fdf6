// Package s3deadletter keeps dead letters as objects in an S3 bucket. It takes a
// letter of any size, and keeps it as long as the bucket does.
//
//	letters, err := s3deadletter.New(s3.NewFromConfig(cfg), "my-bucket", s3deadletter.WithPrefix("dead-letters/intake"))
//	...
//	lambda.Start(handle, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letters))
//
// It is also an overflow for the package lambda/sqsdeadletter.
//
// # Objects
//
// A letter is an object of the type application/json that holds the letter's JSON
// on one line (see lambda.Letter). Its key is
//
//	prefix/region/account/stream/shard/sequence number/sub-sequence number.json
//
// such as
//
//	dead-letters/intake/us-east-1/123456789012/orders/shardId-000000000000/49590338271490256608559692538361571095921575989136588898/00000083.json
//
// with whole.json for an outer record that is set aside whole. Numbers are padded
// with zeros, so that a listing of a shard's letters is in the order of the shard.
// The same letter, sent again, has the same key and takes the place of the first:
// before records are redriven, move their letters away, or a record that is set aside
// again can't be told from one that is done.
// Functions that share a bucket need prefixes of their own: where both set a
// record aside, one letter would take the place of the other.
//
// # Permissions
//
// The function's role needs
//
//	{
//	  "Effect": "Allow",
//	  "Action": "s3:PutObject",
//	  "Resource": "arn:aws:s3:::my-bucket/dead-letters/intake/*"
//	}
//
// and, if the objects are encrypted with a KMS key of one's own,
// kms:GenerateDataKey for the key. The letters hold data and keys of the stream:
// whoever may read the bucket may read those.
package s3deadletter

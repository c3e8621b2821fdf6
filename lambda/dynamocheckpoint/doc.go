// Package dynamocheckpoint keeps the progress of package lambda in a DynamoDB
// table, so that a retry finds it in whichever sandbox it runs.
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	checkpoint, err := dynamocheckpoint.New(dynamodb.NewFromConfig(cfg), "kinpack-progress")
//	lambda.Start(handle, lambda.WithCheckpoint(checkpoint))
//
// One table serves any number of functions, streams and shards. Event source
// mappings that read the same stream need a namespace each, by default the name of
// the function: see [lambda.WithProgressNamespace].
//
// # The table
//
// There is one item a shard and reported failure. These names and forms stay as
// they are: the command kinpack reads them, too.
//
//	shardKey        string  partition key: stream ARN, shard id and namespace, with # between;
//	                        the first two hold none
//	sequenceNumber  string  sort key: the outer sequence number that was reported to Lambda, with
//	                        leading zeros to 129 digits, so that strings compare as the numbers do
//	entries         list    of binaries; their bytes are package lambda's own
//	lastArrival     string  RFC 3339 in UTC: latest approximate arrival of the outer records that
//	                        the entries are of; absent if it is not known
//	expiresAt       number  seconds since 1970, for DynamoDB's TTL: lastArrival, or if absent the
//	                        time of the write, and the retention of [WithRetention]
//
// DynamoDB deletes an expired item within days; until then it is not read either.
//
// With the AWS command line:
//
//	aws dynamodb create-table --table-name kinpack-progress --billing-mode PAY_PER_REQUEST \
//	  --attribute-definitions AttributeName=shardKey,AttributeType=S AttributeName=sequenceNumber,AttributeType=S \
//	  --key-schema AttributeName=shardKey,KeyType=HASH AttributeName=sequenceNumber,KeyType=RANGE
//	aws dynamodb wait table-exists --table-name kinpack-progress
//	aws dynamodb update-time-to-live --table-name kinpack-progress \
//	  --time-to-live-specification Enabled=true,AttributeName=expiresAt
//
// With CloudFormation or SAM:
//
//	Progress:
//	  Type: AWS::DynamoDB::Table
//	  Properties:
//	    BillingMode: PAY_PER_REQUEST
//	    AttributeDefinitions:
//	      - {AttributeName: shardKey, AttributeType: S}
//	      - {AttributeName: sequenceNumber, AttributeType: S}
//	    KeySchema:
//	      - {AttributeName: shardKey, KeyType: HASH}
//	      - {AttributeName: sequenceNumber, KeyType: RANGE}
//	    TimeToLiveSpecification: {AttributeName: expiresAt, Enabled: true}
//
// In Go, [TableInput] and [TimeToLiveInput].
//
// The function's role needs, on the table and nothing else:
//
//	{"Effect": "Allow", "Action": ["dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"],
//	 "Resource": "arn:aws:dynamodb:REGION:ACCOUNT:table/kinpack-progress"}
//
// A transaction needs the permissions of what it puts and deletes, and none of its
// own (DynamoDB Developer Guide, Using IAM with DynamoDB transactions).
//
// DynamoDB encrypts every table at rest, by default with a key that it owns; a KMS
// key of your own works, too, if the role may use it. What the entries hold is
// package lambda's: no keys and no data of records, but the texts of errors.
//
// The table must be written in one region only. A strongly consistent read does
// not see what another region of a global table wrote; and a global table with
// multi-Region strong consistency has neither transactions nor a TTL (DynamoDB
// Developer Guide, How DynamoDB global tables work).
//
// # What it costs
//
// An invocation makes one call, a strongly consistent Query, and no write as long
// as nothing fails: 1 read request unit if it finds up to 4 KB, and also if it finds
// nothing (API Reference, Query). After a partial answer comes one more: a PutItem,
// of 1 write request unit a KB begun, or if that makes items obsolete a transaction
// that deletes them in the same step. Of each item that a transaction writes or
// deletes it takes 2 write request units a KB begun (DynamoDB Developer Guide,
// Amazon DynamoDB Transactions: How it works). When a batch with saved progress is
// answered whole, each of its items is deleted, with one DeleteItem of 1 write
// request unit a KB begun. TTL deletes are free.
//
// In us-east-1 a million read request units cost $0.125 and a million write
// request units $0.625 on demand (since November 2024): a shard that is read by
// one invocation a second costs $0.33 a month (2,628,000 reads).
//
// A Query reads at most 1 MB a page; only if more is saved for the range of one
// batch there is a second call.
package dynamocheckpoint

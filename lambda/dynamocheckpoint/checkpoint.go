package dynamocheckpoint

// This file owns the calls. A Save puts its item in the place of the stale ones in
// one step, or changes nothing: a stale item that stayed would make a deliberate
// replay skip what it says is done. Where one step has no room for all, stale items
// go before it, since to lose progress only runs something twice.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/lambda"
)

// maxActions is DynamoDB's, of a transaction (API Reference, TransactWriteItems).
const maxActions = 100

// Client is what a [Checkpoint] calls; [dynamodb.Client] has it. It must be safe
// for concurrent use, and try throttled calls again by itself as that one does. It
// should heed the options: those of TransactWriteItems make that one try a cancelled
// transaction again, too, within the attempts that it allows.
type Client interface {
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Checkpoint is a [lambda.Checkpoint] on a DynamoDB table. It keeps nothing in
// memory and is safe for concurrent use. Make it with [New].
//
// A shard needs a stream ARN and an id without #, a namespace of valid UTF-8, and
// the three together at most 2,046 bytes. A sequence number is a decimal number
// without leading zeros, of at most 129 digits, the most that Kinesis allows. What
// is wrong with them is an error, and no call is made with it. Other errors wrap
// the client's.
type Checkpoint struct {
	client    Client
	table     string
	retention time.Duration
}

var _ lambda.Checkpoint = (*Checkpoint)(nil)

// New returns a Checkpoint on that table, which is a name or an ARN. It makes no
// call: a table that does not exist, or may not be used, shows with the first Load.
// The error joins everything that is wrong with the arguments.
func New(client Client, table string, opts ...Option) (*Checkpoint, error) {
	c := config{retention: defaultRetention}
	for _, o := range opts {
		if o == nil {
			c.nilOption = true
			continue
		}
		o(&c)
	}
	if err := c.validate(client, table); err != nil {
		return nil, err
	}
	return &Checkpoint{client: client, table: table, retention: c.retention}, nil
}

// Load returns what is saved for the shard from first to last, in ascending order
// and without what is expired. It is one strongly consistent Query, and one more
// for each further MB of items. An item that is not as Save writes it is an error.
func (c *Checkpoint) Load(ctx context.Context, shard lambda.Shard, first, last string) ([]lambda.SavedProgress, error) {
	partition, err := partitionKey(shard)
	if err != nil {
		return nil, err
	}
	from, err := sortKey(first)
	if err != nil {
		return nil, err
	}
	to, err := sortKey(last)
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, fmt.Errorf("dynamocheckpoint: load: first sequence number %s is above the last, %s", first, last)
	}
	in := &dynamodb.QueryInput{
		TableName:              &c.table,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String(attrShard + " = :shard AND " + attrSequence + " BETWEEN :first AND :last"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":shard": text(partition), ":first": text(from), ":last": text(to),
		},
	}
	var all []lambda.SavedProgress
	for {
		out, err := c.client.Query(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("dynamocheckpoint: load: %w", err)
		}
		now := time.Now()
		for _, item := range out.Items {
			p, expires, err := parseItem(item)
			if err != nil {
				return nil, fmt.Errorf("dynamocheckpoint: load: item of %s: %w", partition, err)
			}
			if now.Before(expires) {
				all = append(all, p)
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return all, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// Save saves p with one PutItem. If anything is stale it is one TransactWriteItems
// instead, which also deletes what is saved under stale: all of that happens, or
// nothing. Of stale, p's own sequence number is left alone. A transaction has room
// for 99 deletes; of more, the rest is deleted first, with one DeleteItem each.
//
// DynamoDB takes items of up to 400 KB (409,600 bytes, keys and names included):
// kept is the number of entries, from the first on, that were saved. If err is not
// nil it is 0, and nothing is saved that was not before; only if the answer got
// lost, as when ctx ends while a call is out, all of it may be.
func (c *Checkpoint) Save(ctx context.Context, shard lambda.Shard, p lambda.SavedProgress, stale []string) (kept int, err error) {
	partition, err := partitionKey(shard)
	if err != nil {
		return 0, err
	}
	item, kept, err := c.item(partition, p)
	if err != nil {
		return 0, err
	}
	actions := []types.TransactWriteItem{{Put: &types.Put{TableName: &c.table, Item: item}}}
	for _, number := range slices.Compact(slices.Sorted(slices.Values(stale))) {
		sort, err := sortKey(number)
		if err != nil {
			return 0, err
		}
		if number != p.SequenceNumber {
			actions = append(actions, types.TransactWriteItem{Delete: &types.Delete{TableName: &c.table, Key: itemKey(partition, sort)}})
		}
	}
	if err := c.write(ctx, actions); err != nil {
		return 0, fmt.Errorf("dynamocheckpoint: save: %w", err)
	}
	return kept, nil
}

// write does the first action, which is a put, and the others, which are deletes.
func (c *Checkpoint) write(ctx context.Context, actions []types.TransactWriteItem) error {
	if len(actions) == 1 {
		_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: actions[0].Put.Item})
		return err
	}
	for ; len(actions) > maxActions; actions = actions[:len(actions)-1] {
		last := actions[len(actions)-1].Delete
		if _, err := c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: last.Key}); err != nil {
			return err
		}
	}
	_, err := c.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: actions}, retryCancelled)
	return err
}

// retryCancelled is for a transaction without conditions: what cancels that is a
// throttle or a conflict, and both pass. The SDK tries a throttled PutItem again by
// itself, but no transaction that was cancelled. All tries have the same token, so
// that it is done once.
func retryCancelled(o *dynamodb.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "TransactionCanceledException")
}

// Delete deletes with one DeleteItem each. One that fails does not keep it from
// trying the others, as long as ctx lasts; the error joins theirs.
func (c *Checkpoint) Delete(ctx context.Context, shard lambda.Shard, sequenceNumbers []string) error {
	partition, err := partitionKey(shard)
	if err != nil {
		return err
	}
	var errs []error
	for _, number := range sequenceNumbers {
		sort, err := sortKey(number)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: itemKey(partition, sort)}); err != nil {
			errs = append(errs, fmt.Errorf("dynamocheckpoint: delete %s: %w", number, err))
			if ctx.Err() != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

package dynamocheckpoint

// This file owns the calls. A Save writes before it deletes, so that at any
// moment something that is done is saved under at least one sequence number.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/lambda"
)

// Client is what a [Checkpoint] calls; [dynamodb.Client] has it. It must be safe
// for concurrent use, and try throttled calls again by itself as that one does.
type Client interface {
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
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

// Save saves p with one PutItem and then deletes what is saved under stale, with
// one DeleteItem each. Of stale, p's own sequence number is left alone.
//
// DynamoDB takes items of up to 400 KB (409,600 bytes, keys and names included):
// kept is the number of entries, from the first on, that were saved. They stay
// saved if err is that of a delete; if it is not, kept is 0.
func (c *Checkpoint) Save(ctx context.Context, shard lambda.Shard, p lambda.SavedProgress, stale []string) (kept int, err error) {
	partition, err := partitionKey(shard)
	if err != nil {
		return 0, err
	}
	item, kept, err := c.item(partition, p)
	if err != nil {
		return 0, err
	}
	if _, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: item}); err != nil {
		return 0, fmt.Errorf("dynamocheckpoint: save: %w", err)
	}
	stale = slices.DeleteFunc(slices.Clone(stale), func(s string) bool { return s == p.SequenceNumber })
	return kept, c.Delete(ctx, shard, stale)
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
		_, err = c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &c.table,
			Key:       map[string]types.AttributeValue{attrShard: text(partition), attrSequence: text(sort)},
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("dynamocheckpoint: delete %s: %w", number, err))
			if ctx.Err() != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

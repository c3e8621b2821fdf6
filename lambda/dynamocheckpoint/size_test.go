package dynamocheckpoint_test

// This file owns how DynamoDB counts, proven against DynamoDB Local: the limit of
// an item, and the capacity that calls take.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/lambda"
)

// fill makes entries so that an item of orders under "1" takes size bytes by
// DynamoDB's rules, which are written down here once more.
func fill(arrival time.Time, size, entries int) [][]byte {
	size -= len("shardKey") + len(orders.StreamARN) + 1 + len(orders.ID) + 1 + len(orders.Namespace)
	size -= len("sequenceNumber") + 129
	size -= len("lastArrival") + len(arrival.UTC().Format(time.RFC3339Nano))
	size -= len("expiresAt") + 1 + 5 // a byte, and one for two of ten digits
	size -= len("entries") + 3 + entries
	all := make([][]byte, entries)
	for i := range all {
		all[i] = bytes.Repeat([]byte{byte(i)}, size/entries)
	}
	all[0] = append(all[0], make([]byte, size%entries)...)
	return all
}

func TestItemLimit(t *testing.T) {
	arrival := time.Unix(time.Now().Unix()/100*100+11, 123) // its number ends without a zero
	for _, test := range []struct{ over, entries, kept int }{
		{0, 1, 1}, {0, 3, 3}, {0, 5000, 5000}, {0, 100_000, 100_000},
		{1, 1, 0}, {1, 3, 2}, {1, 5000, 4999}, {1, 100_000, 99_999},
		{300_000, 3, 1}, {10_000_000, 5000, 194},
	} {
		t.Run(fmt.Sprintf("%d entries, %d bytes over", test.entries, test.over), func(t *testing.T) {
			c, calls := onTable(t)
			p := lambda.SavedProgress{SequenceNumber: "1", LastArrival: arrival, Entries: fill(arrival, 409_600+test.over, test.entries)}
			kept, err := c.Save(t.Context(), orders, p, nil)
			if err != nil || kept != test.kept {
				t.Fatalf("Save = %d, %v, want %d", kept, err, test.kept)
			}
			calls.want(t, "PutItem")
			got, err := c.Load(t.Context(), orders, "1", "1")
			if err != nil || len(got) != 1 || len(got[0].Entries) != kept {
				t.Fatalf("Load = %d items, %v, want one of %d entries", len(got), err, kept)
			}
			for i, e := range got[0].Entries {
				if !bytes.Equal(e, p.Entries[i]) {
					t.Fatalf("entry %d is not the one that was saved", i)
				}
			}
		})
	}
}

// oversize adds bytes to what is saved, by a longer last entry.
type oversize struct {
	*dynamodb.Client
	bytes int
}

func (o oversize) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	o.grow(in.Item)
	return o.Client.PutItem(ctx, in, opts...)
}

func (o oversize) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	o.grow(in.TransactItems[0].Put.Item)
	return o.Client.TransactWriteItems(ctx, in, opts...)
}

func (o oversize) grow(item map[string]types.AttributeValue) {
	list := item["entries"].(*types.AttributeValueMemberL).Value
	last := list[len(list)-1].(*types.AttributeValueMemberB)
	last.Value = append(last.Value, make([]byte, o.bytes)...)
}

// The limit is not lower than it need be: with one byte more DynamoDB refuses.
func TestItemLimitIsDynamoDBs(t *testing.T) {
	client := local(t)
	table := newTable(t, client)
	arrival := time.Unix(time.Now().Unix()/100*100+11, 0)
	for _, entries := range []int{1, 7, 1000} {
		p := lambda.SavedProgress{SequenceNumber: "1", LastArrival: arrival, Entries: fill(arrival, 409_600, entries)}
		save(t, newCheckpoint(t, oversize{client, 0}, table), orders, p)
		_, err := newCheckpoint(t, oversize{client, 1}, table).Save(t.Context(), orders, p, nil)
		refused, ok := errors.AsType[smithy.APIError](err)
		if !ok || refused.ErrorCode() != "ValidationException" || !strings.Contains(refused.ErrorMessage(), "size") {
			t.Errorf("%d entries and one byte more: %v, want a ValidationException for the size", entries, err)
		}
	}
}

// metered asks for the capacity that a call takes.
type metered struct {
	*dynamodb.Client
	read, written float64
}

func (m *metered) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.Query(ctx, in, opts...)
	if err == nil {
		m.read += *out.ConsumedCapacity.CapacityUnits
	}
	return out, err
}

func (m *metered) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.PutItem(ctx, in, opts...)
	if err == nil {
		m.written += *out.ConsumedCapacity.CapacityUnits
	}
	return out, err
}

func (m *metered) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.DeleteItem(ctx, in, opts...)
	if err == nil {
		m.written += *out.ConsumedCapacity.CapacityUnits
	}
	return out, err
}

// The figures of the package's doc, but for two that DynamoDB Local counts in
// another way than DynamoDB: for a Load of nothing it has none (API Reference,
// Query), and for a transaction 4 write units a KB, equal items once (Developer
// Guide, Amazon DynamoDB Transactions: How it works).
func TestCapacity(t *testing.T) {
	client := local(t)
	m := &metered{Client: client}
	c := newCheckpoint(t, m, newTable(t, client))
	want := func(what string, read, written float64) {
		t.Helper()
		if m.read != read || m.written != written {
			t.Errorf("%s took %v read and %v write units, want %v and %v", what, m.read, m.written, read, written)
		}
		m.read, m.written = 0, 0
	}
	save(t, c, orders, progress("1"))
	want("a Save", 0, 1)
	wantLoaded(t, c, orders, "1", "2", "1")
	want("a Load of one", 1, 0)
	large := progress("2")
	large.Entries[0] = make([]byte, 6000)
	save(t, c, orders, large)
	want("a Save of over 6 KB", 0, 7)
	wantLoaded(t, c, orders, "2", "2", "2")
	want("a Load of over 6 KB", 2, 0)
	if err := c.Delete(t.Context(), orders, []string{"1", "2", "3"}); err != nil {
		t.Fatal(err)
	}
	want("a Delete of one, of over 6 KB and of none", 0, 1+7+1)
}

package dynamocheckpoint_test

// This file owns what needs no DynamoDB: arguments, errors, and times to the second.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint"
)

var errService = errors.New("the service is down")

func TestNewSaysAllThatIsWrong(t *testing.T) {
	c, err := dynamocheckpoint.New(nil, "", nil, dynamocheckpoint.WithRetention(time.Second))
	if c != nil || err == nil {
		t.Fatalf("New = %v, %v, want an error", c, err)
	}
	for _, part := range []string{"client is nil", "table has no name", "option is nil", "WithRetention(1s): want 1m0s to 8760h0m0s"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestRetentionRange(t *testing.T) {
	for d, ok := range map[time.Duration]bool{
		time.Minute: true, 8760 * time.Hour: true,
		time.Minute - 1: false, 8760*time.Hour + 1: false, 0: false, -time.Hour: false,
	} {
		if _, err := dynamocheckpoint.New(stub{}, "table", dynamocheckpoint.WithRetention(d)); (err == nil) != ok {
			t.Errorf("WithRetention(%v): %v", d, err)
		}
	}
}

// Nothing goes out with a bad argument.
func TestBadArguments(t *testing.T) {
	with := func(change func(s *lambda.Shard)) lambda.Shard {
		s := orders
		change(&s)
		return s
	}
	for _, test := range []struct {
		name   string
		shard  lambda.Shard
		number string
		want   string
	}{
		{"no stream", with(func(s *lambda.Shard) { s.StreamARN = "" }), "1", `stream ARN ""`},
		{"stream with #", with(func(s *lambda.Shard) { s.StreamARN = "a#b" }), "1", `stream ARN "a#b"`},
		{"no shard", with(func(s *lambda.Shard) { s.ID = "" }), "1", `shard id ""`},
		{"shard with #", with(func(s *lambda.Shard) { s.ID = "#" }), "1", `shard id "#"`},
		{"no UTF-8", with(func(s *lambda.Shard) { s.Namespace = "\xff" }), "1", `valid UTF-8`},
		{"long", with(func(s *lambda.Shard) { s.Namespace = strings.Repeat("n", 2046-len(s.StreamARN)-len(s.ID)+1) }), "1", "2049 bytes, want at most 2048"},
		{"no number", orders, "", `sequence number ""`},
		{"a sign", orders, "-1", `sequence number "-1"`},
		{"leading zero", orders, "01", `sequence number "01"`},
		{"other digits", orders, "1٣", "sequence number \"1٣\""},
		{"hexadecimal", orders, "1f", `sequence number "1f"`},
		{"130 digits", orders, strings.Repeat("1", 130), "130 digits, want at most 129"},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := &counter{Client: stub{}}
			c := newCheckpoint(t, calls, "table")
			_, first := c.Load(t.Context(), test.shard, test.number, strings.Repeat("9", 129))
			_, last := c.Load(t.Context(), test.shard, "0", test.number)
			kept, saved := c.Save(t.Context(), test.shard, progress(test.number), nil)
			_, stale := c.Save(t.Context(), test.shard, progress("1"), []string{"2", test.number})
			deleted := c.Delete(t.Context(), test.shard, []string{test.number})
			for call, err := range map[string]error{"Load first": first, "Load last": last, "Save": saved, "Save with stale": stale, "Delete": deleted} {
				if err == nil || !strings.HasPrefix(err.Error(), "dynamocheckpoint: ") || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v, want %q", call, err, test.want)
				}
			}
			if kept != 0 {
				t.Errorf("kept = %d", kept)
			}
			calls.want(t)
		})
	}
	calls := &counter{Client: stub{}}
	c := newCheckpoint(t, calls, "table")
	if _, err := c.Load(t.Context(), orders, "10", "9"); err == nil || !strings.Contains(err.Error(), "10 is above the last, 9") {
		t.Errorf("first above last: %v", err)
	}
	far := progress("1")
	far.LastArrival = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	if kept, err := c.Save(t.Context(), orders, far, nil); kept != 0 || err == nil || !strings.Contains(err.Error(), "last arrival") {
		t.Errorf("a last arrival in the year 10000: %d, %v", kept, err)
	}
	calls.want(t)
}

func TestQueryIsStronglyConsistent(t *testing.T) {
	consistent := false
	c := newCheckpoint(t, stub{query: func(_ context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
		consistent = in.ConsistentRead != nil && *in.ConsistentRead && *in.TableName == "table" && in.IndexName == nil
		return &dynamodb.QueryOutput{}, nil
	}}, "table")
	wantLoaded(t, c, orders, "1", "2")
	if !consistent {
		t.Error("the Query is not a strongly consistent one of the table")
	}
}

// An item counts up to, and not at, the second that it expires in; that is the
// first one in which all of the retention is over.
func TestExpiresToTheSecond(t *testing.T) {
	for _, test := range []struct{ since, expires time.Duration }{
		{0, time.Hour},
		{time.Nanosecond, time.Hour + time.Second},
		{999 * time.Millisecond, time.Hour + time.Second},
		{time.Second, time.Hour + time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			table := map[string]types.AttributeValue{}
			c := newCheckpoint(t, stub{
				put: func(_ context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
					table = in.Item
					return &dynamodb.PutItemOutput{}, nil
				},
				query: func(context.Context, *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
					return &dynamodb.QueryOutput{Items: []map[string]types.AttributeValue{table}}, nil
				},
			}, "table", dynamocheckpoint.WithRetention(time.Hour))
			start := time.Now()
			time.Sleep(5 * time.Minute)
			p := progress("1")
			p.LastArrival = start.Add(test.since)
			save(t, c, orders, p)
			time.Sleep(time.Until(start.Add(test.expires - 1)))
			wantLoaded(t, c, orders, "1", "1", "1")
			time.Sleep(time.Nanosecond)
			wantLoaded(t, c, orders, "1", "1")

			// Without an arrival, from the time of the write.
			p.LastArrival = time.Time{}
			save(t, c, orders, p)
			time.Sleep(time.Hour - 1)
			wantLoaded(t, c, orders, "1", "1", "1")
			time.Sleep(time.Second)
			wantLoaded(t, c, orders, "1", "1")
		})
	}
}

func TestDefaultRetention(t *testing.T) {
	var expires string
	c := newCheckpoint(t, stub{put: func(_ context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
		expires = in.Item["expiresAt"].(*types.AttributeValueMemberN).Value
		return &dynamodb.PutItemOutput{}, nil
	}}, "table")
	p := progress("1")
	p.LastArrival = time.Unix(1_700_000_000, 0)
	save(t, c, orders, p)
	if expires != "1700086400" {
		t.Errorf("expires at %s, want 24 hours after 1700000000", expires)
	}
}

func TestErrors(t *testing.T) {
	down := stub{
		query: func(context.Context, *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) { return nil, errService },
		put:   func(context.Context, *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) { return nil, errService },
		delete: func(context.Context, *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error) {
			return nil, errService
		},
		transact: func(context.Context, *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
			return nil, errService
		},
	}
	calls := &counter{Client: down}
	c := newCheckpoint(t, calls, "table")
	if got, err := c.Load(t.Context(), orders, "1", "2"); got != nil || !errors.Is(err, errService) {
		t.Errorf("Load = %v, %v", got, err)
	}
	calls.want(t, "Query")
	for call, stale := range map[string][]string{"PutItem": {"2"}, "TransactWriteItems": {"2", "1"}, "DeleteItem": numbers(1000, 1100)} {
		if kept, err := c.Save(t.Context(), orders, progress("2"), stale); kept != 0 || !errors.Is(err, errService) || !strings.HasPrefix(err.Error(), "dynamocheckpoint: save: ") {
			t.Errorf("Save with a failed %s = %d, %v", call, kept, err)
		}
		calls.want(t, call) // and no other after it
	}
	err := c.Delete(t.Context(), orders, []string{"1", "x", "3"})
	if !errors.Is(err, errService) || !strings.Contains(err.Error(), "delete 1") || !strings.Contains(err.Error(), `"x"`) || !strings.Contains(err.Error(), "delete 3") {
		t.Errorf("Delete: %v", err)
	}
	calls.want(t, "DeleteItem", "DeleteItem")
}

func TestDeleteEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := &counter{Client: stub{delete: func(context.Context, *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error) {
		cancel()
		return nil, ctx.Err()
	}}}
	wantCanceled(t, "Delete", newCheckpoint(t, calls, "table").Delete(ctx, orders, []string{"1", "2", "3"}))
	calls.want(t, "DeleteItem")
}

// The second page asks on from where the first one ended; if it fails, so does Load.
func TestPageFails(t *testing.T) {
	key := map[string]types.AttributeValue{"shardKey": &types.AttributeValueMemberS{Value: "here"}}
	pages := 0
	c := newCheckpoint(t, stub{query: func(_ context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
		pages++
		if pages == 1 && in.ExclusiveStartKey == nil {
			return &dynamodb.QueryOutput{LastEvaluatedKey: key}, nil
		}
		if fmt.Sprint(in.ExclusiveStartKey) != fmt.Sprint(key) {
			t.Errorf("page %d starts after %v", pages, in.ExclusiveStartKey)
		}
		return nil, errService
	}}, "table")
	if got, err := c.Load(t.Context(), orders, "1", "2"); got != nil || !errors.Is(err, errService) || pages != 2 {
		t.Errorf("Load = %v, %v after %d pages", got, err, pages)
	}
}

// Items that some other program wrote.
func TestStrangeItems(t *testing.T) {
	str := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	num := func(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
	for _, test := range []struct {
		attribute string
		value     types.AttributeValue
		want      string
	}{
		{"sequenceNumber", nil, "sequenceNumber is no string of 129 digits"},
		{"sequenceNumber", num("1"), "sequenceNumber is no string of 129 digits"},
		{"sequenceNumber", str("1"), "sequenceNumber is no string of 129 digits"},
		{"sequenceNumber", str(strings.Repeat("x", 129)), "sequenceNumber is no string of 129 digits"},
		{"expiresAt", nil, "sequence number 1: expiresAt is no number"},
		{"expiresAt", str("1"), "expiresAt is no number"},
		{"expiresAt", num("1.5"), "expiresAt: "},
		{"lastArrival", num("1"), "lastArrival is no string"},
		{"lastArrival", str("yesterday"), "lastArrival: "},
		{"entries", nil, "entries is no list"},
		{"entries", &types.AttributeValueMemberB{}, "entries is no list"},
		{"entries", &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{}, str("")}}, "entries: element 1 is no binary"},
	} {
		var item map[string]types.AttributeValue
		c := newCheckpoint(t, stub{
			put: func(_ context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				item = in.Item
				return &dynamodb.PutItemOutput{}, nil
			},
			query: func(context.Context, *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
				return &dynamodb.QueryOutput{Items: []map[string]types.AttributeValue{item}}, nil
			},
		}, "table")
		save(t, c, orders, progress("1"))
		item["another"] = str("is no harm")
		wantLoaded(t, c, orders, "1", "1", "1")
		if test.value == nil {
			delete(item, test.attribute)
		} else {
			item[test.attribute] = test.value
		}
		got, err := c.Load(t.Context(), orders, "1", "1")
		if got != nil || err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), orders.ID) {
			t.Errorf("Load = %v, %v, want %q", got, err, test.want)
		}
	}
}

package dynamocheckpoint_test

// This file owns what is proven against Amazon's DynamoDB Local.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint"
)

const realNumber = "49668899999999999999999999999999999999999999999999999999" // 56 digits, as Kinesis's are

func TestRoundTrip(t *testing.T) {
	c, calls := onTable(t)
	berlin := time.FixedZone("", 3600)
	for _, p := range []lambda.SavedProgress{
		{SequenceNumber: realNumber, LastArrival: time.Now().UTC(), Entries: [][]byte{{0, 1, 0xff}, []byte("two"), bytes.Repeat([]byte{7}, 70_000)}},
		{SequenceNumber: "0", LastArrival: time.Now().Truncate(time.Millisecond).In(berlin), Entries: [][]byte{{}, {}}},
		{SequenceNumber: strings.Repeat("9", 129), Entries: [][]byte{nil, {1}}},
		{SequenceNumber: "8", LastArrival: time.Now().UTC()},
	} {
		t.Run(p.SequenceNumber, func(t *testing.T) {
			save(t, c, orders, p)
			calls.want(t, "PutItem")
			got, err := c.Load(t.Context(), orders, p.SequenceNumber, p.SequenceNumber)
			if err != nil || len(got) != 1 {
				t.Fatalf("Load = %v, %v, want one", got, err)
			}
			calls.want(t, "Query")
			if !got[0].LastArrival.Equal(p.LastArrival) {
				t.Errorf("last arrival is %v, want %v", got[0].LastArrival, p.LastArrival)
			}
			if len(got[0].Entries) != len(p.Entries) {
				t.Fatalf("%d entries, want %d", len(got[0].Entries), len(p.Entries))
			}
			for i, e := range p.Entries {
				if !bytes.Equal(got[0].Entries[i], e) {
					t.Errorf("entry %d is %.20x, want %.20x", i, got[0].Entries[i], e)
				}
			}
			if err := c.Delete(t.Context(), orders, []string{p.SequenceNumber}); err != nil {
				t.Fatal(err)
			}
			calls.want(t, "DeleteItem")
			wantLoaded(t, c, orders, "0", strings.Repeat("9", 129))
			calls.want(t, "Query")
		})
	}
}

// What another program reads.
func TestItemForm(t *testing.T) {
	client := local(t)
	table := newTable(t, client)
	c := newCheckpoint(t, client, table, dynamocheckpoint.WithRetention(48*time.Hour))
	arrival := time.Date(2100, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	abroad := arrival.In(time.FixedZone("", -3*3600))
	save(t, c, orders, lambda.SavedProgress{SequenceNumber: "4711", LastArrival: abroad, Entries: [][]byte{{1, 2}, {}}})
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]types.AttributeValue{{
		"shardKey":       &types.AttributeValueMemberS{Value: "arn:aws:kinesis:eu-central-1:111122223333:stream/orders#shardId-000000000000#billing"},
		"sequenceNumber": &types.AttributeValueMemberS{Value: strings.Repeat("0", 125) + "4711"},
		"lastArrival":    &types.AttributeValueMemberS{Value: "2100-01-02T03:04:05.678Z"},
		"expiresAt":      &types.AttributeValueMemberN{Value: fmt.Sprint(arrival.Unix() + 1 + 48*3600)},
		"entries": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberB{Value: []byte{1, 2}}, &types.AttributeValueMemberB{Value: []byte{}},
		}},
	}}
	if !reflect.DeepEqual(out.Items, want) {
		t.Errorf("items are %#v, want %#v", out.Items, want)
	}
}

func TestOrderIsThatOfNumbers(t *testing.T) {
	c, _ := onTable(t)
	numbers := []string{"0", "9", "10", "99", "999999999", "1000000000", realNumber, "5" + realNumber[1:], strings.Repeat("1", 57), strings.Repeat("9", 129)}
	for i := range numbers {
		save(t, c, orders, progress(numbers[len(numbers)-1-i]))
	}
	wantLoaded(t, c, orders, "0", strings.Repeat("9", 129), numbers...)
	wantLoaded(t, c, orders, "1", "9", "9")
	wantLoaded(t, c, orders, "9", "10", "9", "10")
	wantLoaded(t, c, orders, "10", "10", "10")
	wantLoaded(t, c, orders, "11", "98")
	wantLoaded(t, c, orders, "999999999", "1000000000", "999999999", "1000000000")
	wantLoaded(t, c, orders, "1000000001", realNumber, realNumber)
}

// Shards that any careless way to join the parts would mix up.
func TestShardsAreApart(t *testing.T) {
	c, _ := onTable(t)
	shards := []lambda.Shard{
		{StreamARN: "a", ID: "b"},
		{StreamARN: "a", ID: "b", Namespace: "#"},
		{StreamARN: "a", ID: "b", Namespace: "c"},
		{StreamARN: "a", ID: "b", Namespace: "#c"},
		{StreamARN: "a", ID: "bc"},
		{StreamARN: "ab", ID: "c"},
		{StreamARN: "c", ID: "b", Namespace: "a"},
		{StreamARN: "a", ID: "c", Namespace: "b#c"},
		orders,
		{StreamARN: orders.StreamARN, ID: orders.ID},
		{StreamARN: orders.StreamARN, ID: orders.ID, Namespace: "ü/# \x00"},
		{StreamARN: "x", ID: "y", Namespace: strings.Repeat("n", 2044)},
	}
	for i, s := range shards {
		save(t, c, s, progress(fmt.Sprint(i)))
	}
	for i, s := range shards {
		wantLoaded(t, c, s, "0", "100", fmt.Sprint(i))
	}
}

func TestSaveReplacesAndDeletesStale(t *testing.T) {
	c, calls := onTable(t)
	for _, n := range []string{"5", "6", "7", "8"} {
		save(t, c, orders, progress(n))
	}
	other := orders
	other.Namespace = "other"
	save(t, c, other, progress("5"))
	calls.want(t, "PutItem", "PutItem", "PutItem", "PutItem", "PutItem")

	again := progress("7")
	again.Entries = [][]byte{[]byte("new"), []byte("newer")}
	stale := []string{"8", "5", "7", "8", "1234"}
	save(t, c, orders, again, stale...)
	calls.want(t, "TransactWriteItems")
	if !slices.Equal(stale, []string{"8", "5", "7", "8", "1234"}) {
		t.Errorf("Save changed stale to %q", stale)
	}
	wantLoaded(t, c, orders, "0", "10000", "6", "7")
	wantLoaded(t, c, other, "0", "10000", "5")
	got, err := c.Load(t.Context(), orders, "7", "7")
	if err != nil || len(got) != 1 || len(got[0].Entries) != 2 || string(got[0].Entries[1]) != "newer" {
		t.Errorf("Load = %q, %v, want the new entries", got, err)
	}

	if err := c.Delete(t.Context(), orders, []string{"6", "7", "9"}); err != nil {
		t.Fatal(err)
	}
	wantLoaded(t, c, orders, "0", "10000")
	wantLoaded(t, c, other, "0", "10000", "5")
}

// DynamoDB Local deletes what is expired no faster than DynamoDB does.
func TestExpired(t *testing.T) {
	c, _ := onTable(t, dynamocheckpoint.WithRetention(time.Hour))
	for n, age := range map[string]time.Duration{"1": 2 * time.Hour, "2": 61 * time.Minute, "3": 59 * time.Minute, "4": 0} {
		p := progress(n)
		p.LastArrival = time.Now().Add(-age)
		save(t, c, orders, p)
	}
	unknown := progress("5")
	unknown.LastArrival = time.Time{}
	save(t, c, orders, unknown)
	wantLoaded(t, c, orders, "0", "10", "3", "4", "5")
}

func TestPages(t *testing.T) {
	c, calls := onTable(t)
	var numbers []string
	for i := range 7 {
		numbers = append(numbers, fmt.Sprint(8+i))
		p := progress(numbers[i])
		p.Entries = append(p.Entries, bytes.Repeat([]byte{byte(i)}, 390_000))
		save(t, c, orders, p)
	}
	calls.want(t, "PutItem", "PutItem", "PutItem", "PutItem", "PutItem", "PutItem", "PutItem")
	wantLoaded(t, c, orders, "0", "100", numbers...)
	calls.want(t, "Query", "Query", "Query")
}

// Invocations of one shard work at a time, each on sequence numbers of its own.
func TestConcurrent(t *testing.T) {
	c, _ := onTable(t)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 20 {
				number, before := fmt.Sprint(1000*w+1+i), fmt.Sprint(1000*w+i)
				if _, err := c.Save(t.Context(), orders, progress(number), []string{before}); err != nil {
					t.Error(err)
				}
				got, err := c.Load(t.Context(), orders, fmt.Sprint(1000*w), fmt.Sprint(1000*w+999))
				if err != nil || len(got) != 1 || got[0].SequenceNumber != number || string(got[0].Entries[0]) != number {
					t.Errorf("Load = %q, %v, want %s", got, err, number)
				}
			}
		})
	}
	all.Wait()
	wantLoaded(t, c, orders, "0", "10000", "20", "1020", "2020", "3020", "4020", "5020", "6020", "7020")
}

func TestContextEnds(t *testing.T) {
	c, _ := onTable(t)
	save(t, c, orders, progress("1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Load(ctx, orders, "1", "2")
	wantCanceled(t, "Load", err)
	_, err = c.Save(ctx, orders, progress("2"), []string{"1"})
	wantCanceled(t, "Save", err)
	wantCanceled(t, "Delete", c.Delete(ctx, orders, []string{"1", "2"}))
	wantLoaded(t, c, orders, "0", "10", "1")
}

func wantCanceled(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v, want that ctx is cancelled", call, err)
	}
}

func TestNoTable(t *testing.T) {
	c := newCheckpoint(t, local(t), "not-there")
	_, err := c.Load(t.Context(), orders, "1", "2")
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("Load: %v, want a ResourceNotFoundException", err)
	}
	_, err = c.Save(t.Context(), orders, progress("1"), nil)
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("Save: %v, want a ResourceNotFoundException", err)
	}
	if err := c.Delete(t.Context(), orders, nil); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
}

func TestTimeToLive(t *testing.T) {
	client := local(t)
	table := newTable(t, client)
	if _, err := client.UpdateTimeToLive(t.Context(), dynamocheckpoint.TimeToLiveInput(table)); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	if d := out.TimeToLiveDescription; aws.ToString(d.AttributeName) != "expiresAt" || d.TimeToLiveStatus != types.TimeToLiveStatusEnabled {
		t.Errorf("TTL is %s on %s", d.TimeToLiveStatus, aws.ToString(d.AttributeName))
	}
}

package dynamocheckpoint_test

// This file owns the table that a test works on, and clients that count, fail, or
// answer as told.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint"
	"github.com/kinpack/kinpack/lambda/dynamocheckpoint/internal/dynamolocal"
)

// server starts DynamoDB Local for the first test that asks.
var server = sync.OnceValues(func() (*dynamolocal.Server, error) {
	if os.Getenv("KINPACK_DYNAMODB_LOCAL") == "off" {
		return nil, fmt.Errorf("%w: KINPACK_DYNAMODB_LOCAL is off", dynamolocal.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return dynamolocal.Start(ctx)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if s, err := server(); err == nil {
			s.Close()
		}
	}
	os.Exit(code)
}

var started bool // written by local, which no parallel tests call

// local returns a client of DynamoDB Local. Where that can't run the test is
// skipped, but in CI it fails.
func local(t *testing.T) *dynamodb.Client {
	t.Helper()
	started = true
	s, err := server()
	if errors.Is(err, dynamolocal.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dynamodb.New(dynamodb.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &s.Endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

// newTable makes a table of the test's own, which goes when it ends.
func newTable(t *testing.T, client *dynamodb.Client) string {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/#, ", r) {
			return '_'
		}
		return r
	}, t.Name())
	if _, err := client.CreateTable(t.Context(), dynamocheckpoint.TableInput(name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	if err := dynamodb.NewTableExistsWaiter(client).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return name
}

// onTable returns a Checkpoint on a table of the test's own, and its client.
func onTable(t *testing.T, opts ...dynamocheckpoint.Option) (*dynamocheckpoint.Checkpoint, *counter) {
	t.Helper()
	client := local(t)
	c := &counter{Client: client}
	return newCheckpoint(t, c, newTable(t, client), opts...), c
}

func newCheckpoint(t *testing.T, c dynamocheckpoint.Client, table string, opts ...dynamocheckpoint.Option) *dynamocheckpoint.Checkpoint {
	t.Helper()
	checkpoint, err := dynamocheckpoint.New(c, table, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

// counter notes the calls that go through.
type counter struct {
	dynamocheckpoint.Client
	mu    sync.Mutex
	calls []string
}

func (c *counter) note(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

func (c *counter) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	c.note("Query")
	return c.Client.Query(ctx, in, opts...)
}

func (c *counter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.note("PutItem")
	return c.Client.PutItem(ctx, in, opts...)
}

func (c *counter) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	c.note("DeleteItem")
	return c.Client.DeleteItem(ctx, in, opts...)
}

func (c *counter) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	c.note("TransactWriteItems")
	return c.Client.TransactWriteItems(ctx, in, opts...)
}

// want fails t if the calls since the last time were others.
func (c *counter) want(t *testing.T, calls ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.calls, calls) {
		t.Errorf("calls are %q, want %q", c.calls, calls)
	}
	c.calls = nil
}

// stub is a client of functions; one that is missing answers with nothing.
type stub struct {
	query    func(ctx context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error)
	put      func(ctx context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error)
	delete   func(ctx context.Context, in *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error)
	transact func(ctx context.Context, in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error)
}

func (s stub) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if s.query == nil {
		return &dynamodb.QueryOutput{}, nil
	}
	return s.query(ctx, in)
}

func (s stub) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if s.put == nil {
		return &dynamodb.PutItemOutput{}, nil
	}
	return s.put(ctx, in)
}

func (s stub) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	if s.delete == nil {
		return &dynamodb.DeleteItemOutput{}, nil
	}
	return s.delete(ctx, in)
}

func (s stub) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if s.transact == nil {
		return &dynamodb.TransactWriteItemsOutput{}, nil
	}
	return s.transact(ctx, in)
}

var orders = lambda.Shard{
	Namespace: "billing",
	StreamARN: "arn:aws:kinesis:eu-central-1:111122223333:stream/orders",
	ID:        "shardId-000000000000",
}

func save(t *testing.T, c *dynamocheckpoint.Checkpoint, shard lambda.Shard, p lambda.SavedProgress, stale ...string) {
	t.Helper()
	kept, err := c.Save(t.Context(), shard, p, stale)
	if err != nil || kept != len(p.Entries) {
		t.Fatalf("Save(%s) = %d, %v, want %d", p.SequenceNumber, kept, err, len(p.Entries))
	}
}

// progress has one entry, the sequence number itself.
func progress(sequenceNumber string) lambda.SavedProgress {
	return lambda.SavedProgress{SequenceNumber: sequenceNumber, LastArrival: time.Now().Add(-time.Minute), Entries: [][]byte{[]byte(sequenceNumber)}}
}

// wantLoaded fails t if other sequence numbers are found, or in another order.
func wantLoaded(t *testing.T, c *dynamocheckpoint.Checkpoint, shard lambda.Shard, first, last string, want ...string) {
	t.Helper()
	loaded, err := c.Load(t.Context(), shard, first, last)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range loaded {
		got = append(got, p.SequenceNumber)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Load(%v, %s, %s) finds %q, want %q", shard, first, last, got, want)
	}
}

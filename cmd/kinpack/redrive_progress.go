package main

// This file owns what a function has done already: the progress that it keeps in
// a DynamoDB table, in the form that the package lambda/dynamocheckpoint
// documents. That package and DynamoDB's SDK are no part of this module; one
// signed Query is all it takes.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/internal/sequence"
	"github.com/kinpack/kinpack/lambda"
)

// progressReader knows what a function has done of a batch.
type progressReader interface {
	done(ctx context.Context, b *redrive.Batch) (doneFunc, error)
}

// doneFunc returns, for an outer record, what says which of its user records are
// done.
type doneFunc func(r *redrive.Record) func(subSequence int) bool

// table is a table of package lambda/dynamocheckpoint's.
type table struct {
	name, namespace string
	load            func(ctx context.Context, name string) (aws.Config, error)
	config          *aws.Config // once loaded
	endpoint        string
}

func newTable(f *redriveFlags) *table {
	return &table{name: f.checkpoint, namespace: f.progressNamespace(), load: f.aws.load}
}

func (t *table) done(ctx context.Context, b *redrive.Batch) (doneFunc, error) {
	known := make(map[string][]lambda.OuterProgress)
	in := queryInput{
		TableName: t.name, ConsistentRead: true,
		KeyConditionExpression: "shardKey = :shard AND sequenceNumber BETWEEN :first AND :last",
		ExpressionAttributeValues: map[string]attribute{
			":shard": {S: b.StreamARN + "#" + b.ShardID + "#" + t.namespace},
			":first": {S: sequence.Pad(b.First)}, ":last": {S: sequence.Pad(b.Last)},
		},
	}
	for {
		out, err := t.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, item := range out.Items {
			expires, err := strconv.ParseInt(item["expiresAt"].N, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("table %s: an item's expiresAt is %.40q, want seconds", t.name, item["expiresAt"].N)
			}
			if time.Now().Unix() >= expires {
				continue
			}
			for _, e := range item["entries"].L {
				p, err := lambda.ReadOuterProgress(e.B)
				if err != nil {
					return nil, fmt.Errorf("table %s: an item of %s: %w", t.name, b.ShardID, err)
				}
				known[p.SequenceNumber()] = append(known[p.SequenceNumber()], p)
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return func(r *redrive.Record) func(int) bool { return doneOf(known[r.SequenceNumber], r) }, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// doneOf goes by that progress only that is of the very same record.
func doneOf(known []lambda.OuterProgress, r *redrive.Record) func(int) bool {
	if len(known) == 0 {
		return nil
	}
	var e events.KinesisEventRecord
	b, err := r.JSON()
	if err != nil || json.Unmarshal(b, &e) != nil {
		return nil
	}
	return func(subSequence int) bool {
		for i := range known {
			if known[i].Of(&e) && known[i].Done(subSequence) {
				return true
			}
		}
		return false
	}
}

// The JSON of DynamoDB's Query, as far as it is needed (API Reference, Query).
type queryInput struct {
	TableName                 string
	ConsistentRead            bool
	KeyConditionExpression    string
	ExpressionAttributeValues map[string]attribute
	ExclusiveStartKey         map[string]attribute `json:",omitempty"`
}

type queryOutput struct {
	Items            []map[string]attribute
	LastEvaluatedKey map[string]attribute
}

type attribute struct {
	S string      `json:",omitempty"`
	N string      `json:",omitempty"`
	B []byte      `json:",omitempty"`
	L []attribute `json:",omitempty"`
}

// query sends one Query, again if the service says so.
func (t *table) query(ctx context.Context, in queryInput) (*queryOutput, error) {
	if err := t.connect(ctx); err != nil {
		return nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	retryer := t.config.Retryer()
	for attempt := 1; ; attempt++ {
		out, err := t.send(ctx, body)
		if err == nil {
			return out, nil
		}
		if !retryer.IsErrorRetryable(err) || attempt == retryer.MaxAttempts() || ctx.Err() != nil {
			return nil, fmt.Errorf("DynamoDB: Query of table %s: %w", t.name, err)
		}
		delay, err := retryer.RetryDelay(attempt, err)
		if err != nil {
			return nil, err
		}
		if err := wait(ctx, delay); err != nil {
			return nil, err
		}
	}
}

func (t *table) send(ctx context.Context, body []byte) (*queryOutput, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.Query")
	credentials, err := t.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "dynamodb", t.config.Region, time.Now()); err != nil {
		return nil, err
	}
	answer, err := t.config.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		e := &serviceError{status: answer.StatusCode}
		_ = json.Unmarshal(b, e) // what it can't read stays empty
		return nil, e
	}
	out := new(queryOutput)
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("the answer can't be read: %w", err)
	}
	return out, nil
}

// serviceError is an error that DynamoDB answers with. The SDK's retryer goes by
// its methods.
type serviceError struct {
	status  int
	Type    string `json:"__type"` // namespace#code
	Message string
}

func (e *serviceError) Error() string {
	return fmt.Sprintf("status %d, %s: %s", e.status, e.ErrorCode(), e.Message)
}

func (e *serviceError) HTTPStatusCode() int { return e.status }

func (e *serviceError) ErrorCode() string {
	return e.Type[strings.LastIndexByte(e.Type, '#')+1:]
}

// connect loads the configuration and finds the endpoint, once.
func (t *table) connect(ctx context.Context) error {
	if t.config != nil {
		return nil
	}
	c, err := t.load(ctx, t.name)
	if err != nil {
		return err
	}
	if t.endpoint, err = dynamoEndpoint(ctx, c); err != nil {
		return err
	}
	t.config = &c
	return nil
}

// dynamoEndpoint returns the endpoint that DynamoDB's SDK would take: the one set
// for the service, or for all, or the region's own.
func dynamoEndpoint(ctx context.Context, c aws.Config) (string, error) {
	for _, source := range c.ConfigSources {
		s, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, found, err := s.GetServiceBaseEndpoint(ctx, "DynamoDB"); found || err != nil {
			return endpoint, err
		}
	}
	switch {
	case c.BaseEndpoint != nil:
		return *c.BaseEndpoint, nil
	case c.Region == "":
		return "", errors.New("no region: want --region, or one in the environment or the profile")
	case strings.HasPrefix(c.Region, "cn-"):
		return "https://dynamodb." + c.Region + ".amazonaws.com.cn", nil
	}
	return "https://dynamodb." + c.Region + ".amazonaws.com", nil
}

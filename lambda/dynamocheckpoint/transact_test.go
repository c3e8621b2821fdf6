package dynamocheckpoint_test

// This file owns that a Save with stale items is one step: what that step holds,
// that it fails as a whole, and that it is tried again.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// numbers returns the sequence numbers from first up to, and without, end.
func numbers(first, end int) []string {
	var all []string
	for n := first; n < end; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return all
}

// A transaction takes 99 stale items; the rest goes before it.
func TestManyStale(t *testing.T) {
	client := local(t)
	table := newTable(t, client)
	before, calls := newCheckpoint(t, client, table), &counter{Client: client}
	c := newCheckpoint(t, calls, table)
	for _, test := range []struct {
		stale int
		calls []string
	}{
		{1, []string{"TransactWriteItems"}},
		{99, []string{"TransactWriteItems"}},
		{100, []string{"DeleteItem", "TransactWriteItems"}},
		{103, []string{"DeleteItem", "DeleteItem", "DeleteItem", "DeleteItem", "TransactWriteItems"}},
	} {
		stale := numbers(1000, 1000+test.stale)
		for _, n := range append(stale, "999", "2000") {
			save(t, before, orders, progress(n))
		}
		save(t, c, orders, progress("2000"), append(stale, "2000", "1000")...)
		calls.want(t, test.calls...)
		wantLoaded(t, before, orders, "0", "9999", "999", "2000")
	}
}

// DynamoDB itself refuses the transaction, for the size of what is saved: neither
// that nor a delete happens.
func TestFailedTransactionChangesNothing(t *testing.T) {
	client := local(t)
	table := newTable(t, client)
	c := newCheckpoint(t, client, table)
	for _, n := range []string{"5", "6", "7"} {
		save(t, c, orders, progress(n))
	}
	arrival := time.Unix(time.Now().Unix()/100*100+11, 0)
	p := progress("7")
	p.LastArrival, p.Entries = arrival, fill(arrival, 409_600, 3)
	kept, err := newCheckpoint(t, oversize{client, 1}, table).Save(t.Context(), orders, p, []string{"5", "6"})
	refused, ok := errors.AsType[smithy.APIError](err)
	if kept != 0 || !ok || !strings.Contains(refused.ErrorMessage(), "size") {
		t.Fatalf("Save of one byte too many = %d, %v, want 0 and DynamoDB's error", kept, err)
	}
	got, err := c.Load(t.Context(), orders, "0", "9")
	if err != nil || len(got) != 3 || string(got[2].Entries[0]) != "7" {
		t.Errorf("Load = %d items, %v, want the three from before", len(got), err)
	}
	save(t, newCheckpoint(t, oversize{client, 0}, table), orders, p, "5", "6")
	wantLoaded(t, c, orders, "0", "9", "7")
}

// answers is an HTTP client that gives these answers, the last one for good.
type answers struct {
	bodies []string // of errors; "" is success
	tokens []string // of the requests
}

func (a *answers) Do(r *http.Request) (*http.Response, error) {
	var request struct{ ClientRequestToken string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	a.tokens = append(a.tokens, request.ClientRequestToken)
	body, status := a.bodies[0], http.StatusBadRequest
	if len(a.bodies) > 1 {
		a.bodies = a.bodies[1:]
	}
	if body == "" {
		body, status = "{}", http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, nil
}

func cancelled(reason string) string {
	return `{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "Transaction cancelled [None, ` + reason + `]",` +
		`"CancellationReasons": [{"Code": "None"}, {"Code": "` + reason + `"}]}`
}

// What cancels a transaction passes: the SDK's client tries it again, as often as
// it is set to try anything.
func TestCancelledTransactionIsTriedAgain(t *testing.T) {
	throttled, conflict := cancelled("ThrottlingError"), cancelled("TransactionConflict")
	for _, test := range []struct {
		bodies []string
		most   int // attempts that the client is set to; 0 is its default, 3
		kept   int
		tries  int
	}{
		{[]string{""}, 0, 1, 1},
		{[]string{throttled, ""}, 0, 1, 2},
		{[]string{conflict, throttled, ""}, 0, 1, 3},
		{[]string{throttled}, 0, 0, 3},
		{[]string{conflict}, 1, 0, 1},
		{[]string{`{"__type": "com.amazon.coral.validate#ValidationException"}`}, 0, 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			service := &answers{bodies: test.bodies}
			client := dynamodb.New(dynamodb.Options{
				Region: "eu-central-1", HTTPClient: service, RetryMaxAttempts: test.most,
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
				}),
			})
			kept, err := newCheckpoint(t, client, "table").Save(t.Context(), orders, progress("2"), []string{"1"})
			if kept != test.kept || (err == nil) != (test.kept == 1) {
				t.Errorf("Save = %d, %v, want %d", kept, err, test.kept)
			}
			if _, ok := errors.AsType[*types.TransactionCanceledException](err); test.kept == 0 && test.bodies[0] == throttled && !ok {
				t.Errorf("%v is no TransactionCanceledException", err)
			}
			if len(service.tokens) != test.tries || len(slices.Compact(service.tokens)) != 1 || service.tokens[0] == "" {
				t.Errorf("tokens of the tries are %q, want one token %d times", service.tokens, test.tries)
			}
		})
	}
}

package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

var errBoom = errors.New("boom")

func check[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// numbered is n records of one shard whose data are their numbers from 0.
func numbered(n int) []lambdatest.Record {
	all := make([]lambdatest.Record, n)
	for i := range all {
		all[i].Data = fmt.Append(nil, i)
	}
	return all
}

// sequence is what Records gives record i of the first shard.
func sequence(i int) string { return fmt.Sprintf("4950000%049d", i+1) }

// raw is a function by its bytes.
type raw func(ctx context.Context, payload []byte) ([]byte, error)

func (f raw) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

func always(f raw) lambdatest.Factory {
	return func(*lambdatest.Sandbox) lambdatest.Function { return f }
}

func answers(text string) lambdatest.Factory {
	return always(func(context.Context, []byte) ([]byte, error) { return []byte(text), nil })
}

// reports is a function that reports the records with one of these data.
func reports(bad ...string) lambdatest.Factory {
	return lambdatest.Handler(func(_ context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
		for _, rec := range e.Records {
			if slices.Contains(bad, string(rec.Kinesis.Data)) {
				r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: rec.Kinesis.SequenceNumber})
			}
		}
		return r, nil
	})
}

// throws is a function that fails with an error if one of these is in the event.
func throws(bad ...string) lambdatest.Factory {
	return lambdatest.Handler(func(_ context.Context, e events.KinesisEvent) (*int, error) {
		for _, rec := range e.Records {
			if slices.Contains(bad, string(rec.Kinesis.Data)) {
				return nil, errBoom
			}
		}
		return nil, nil
	})
}

func newMapping(t testing.TB, s lambdatest.Source, f lambdatest.Factory, opts ...lambdatest.Option) *lambdatest.Mapping {
	t.Helper()
	m, err := lambdatest.New(s, f, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drained is a mapping that has caught up and is closed.
func drained(t testing.TB, s lambdatest.Source, f lambdatest.Factory, opts ...lambdatest.Option) *lambdatest.Mapping {
	t.Helper()
	m := newMapping(t, s, f, opts...)
	drain(t, m)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	return m
}

func drain(t testing.TB, m *lambdatest.Mapping) {
	t.Helper()
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func names(records []lambdatest.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Data))
	}
	return strings.Join(all, " ")
}

// story tells the invocations, one a line: records, outcome, how many are done of a
// partial one, attempt above 1.
func story(m *lambdatest.Mapping) string {
	var lines []string
	for _, inv := range m.Invocations() {
		line := names(inv.Records) + ": " + string(inv.Outcome)
		if inv.Outcome == lambdatest.Partial {
			line += fmt.Sprintf(" %d", inv.Done)
		}
		if inv.Attempt > 1 {
			line += fmt.Sprintf(", attempt %d", inv.Attempt)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func lines(l ...string) string { return strings.Join(l, "\n") }

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

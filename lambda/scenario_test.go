package lambda_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// deed is what became of the records of a scenario, whichever sandbox had them.
type deed struct {
	mu      sync.Mutex
	calls   map[string]int
	done    map[string]int
	letters map[string]int
	hang    bool // poison does not return before its context ends
}

func newDeed() *deed {
	return &deed{calls: map[string]int{}, done: map[string]int{}, letters: map[string]int{}}
}

func (d *deed) handle(ctx context.Context, r *lambda.Record) error {
	name := string(r.Data)
	d.mu.Lock()
	d.calls[name]++
	d.mu.Unlock()
	if strings.HasPrefix(name, "poison") {
		if d.hang {
			<-ctx.Done()
		}
		return errBoom
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done[name]++
	return nil
}

func (d *deed) Send(_ context.Context, l lambda.Letter) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letters[string(l.Data)]++
	return nil
}

// ordinary is a function without kinpack, as Lambda's documentation has it: it
// reports the first record that fails.
func (d *deed) ordinary(ctx context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
	for _, o := range e.Records {
		if d.handle(ctx, &lambda.Record{Data: o.Kinesis.Data}) != nil {
			r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: o.Kinesis.SequenceNumber})
			break
		}
	}
	return r, nil
}

// whole is the same with an error for the whole batch.
func (d *deed) whole(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
	for _, o := range e.Records {
		if err := d.handle(ctx, &lambda.Record{Data: o.Kinesis.Data}); err != nil {
			return events.KinesisEventResponse{}, err
		}
	}
	return events.KinesisEventResponse{}, nil
}

// named are the data of n records, of which those are poison.
func named(n int, poison ...int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("record-%03d", i+1)
		if slices.Contains(poison, i+1) {
			names[i] = fmt.Sprintf("poison-%03d", i+1)
		}
	}
	return names
}

// outers are Kinesis records of these data: plain, or in aggregates of so many.
func outers(t testing.TB, names []string, packed int) []lambdatest.Record {
	t.Helper()
	var all []lambdatest.Record
	if packed == 0 {
		for i, name := range names {
			all = append(all, lambdatest.Record{PartitionKey: fmt.Sprint("key-", i), Data: []byte(name)})
		}
		return all
	}
	for some := range slices.Chunk(names, packed) {
		var users []aggregate.Record
		for i, name := range some {
			users = append(users, aggregate.Record{PartitionKey: fmt.Sprint("key-", i), Data: []byte(name)})
		}
		all = append(all, lambdatest.Record{PartitionKey: "a", Data: pack(t, users...)})
	}
	return all
}

// run drives the records through the function until the mapping is done with
// them, and returns the mapping.
func (d *deed) run(t testing.TB, records []lambdatest.Record, factory lambdatest.Factory, opts ...lambdatest.Option) *lambdatest.Mapping {
	t.Helper()
	m, err := lambdatest.New(lambdatest.Records(records), factory, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

// consumer is a factory of sandboxes with a Consumer of their own each.
func (d *deed) consumer(t testing.TB, opts ...lambda.Option) lambdatest.Factory {
	return func(*lambdatest.Sandbox) lambdatest.Function {
		return function(newConsumer(t, d.handle, append(opts, lambda.WithDeadLetter(d))...).Kinesis)
	}
}

// checkOnce checks that every record but poison succeeded exactly once, and that
// poison is in the dead letter.
func (d *deed) checkOnce(t testing.TB, names []string) {
	t.Helper()
	for _, name := range names {
		done, letters := 1, 0
		if strings.HasPrefix(name, "poison") {
			done, letters = 0, 1
		}
		if d.done[name] != done || d.letters[name] != letters {
			t.Errorf("%s succeeded %d times and has %d letters, want %d and %d", name, d.done[name], d.letters[name], done, letters)
		}
	}
}

// AWS's own example of why a batch is reported in part (AWS Lambda Developer
// Guide, Kinesis): 300 records, batches of 200, the 83rd is bad.
func TestThe83rdOf300(t *testing.T) {
	names := named(300, 83)
	settings := []lambdatest.Option{lambdatest.WithBatchSize(200), lambdatest.WithReportBatchItemFailures(), lambdatest.WithTimeout(time.Minute)}
	t.Run("ordinary", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDeed()
			// As a whole: without ReportBatchItemFailures.
			m := d.run(t, outers(t, names, 0), lambdatest.Handler(d.whole), lambdatest.WithBatchSize(200), lambdatest.WithMaximumRetryAttempts(2))
			check(t, "successes of the 82nd: 82 repeats a retry", d.done["record-082"], 3)
			check(t, "successes of the 84th: given up with its batch", d.done["record-084"], 0)
			check(t, "batches given up", len(m.OnFailures()), 1)
			// With it: the rest waits behind the 83rd until it is given up, and goes with it.
			d = newDeed()
			d.run(t, outers(t, names, 0), lambdatest.Handler(d.ordinary), append(settings, lambdatest.WithMaximumRetryAttempts(2))...)
			check(t, "successes of the 82nd", d.done["record-082"], 1)
			check(t, "calls for the 83rd", d.calls["poison-083"], 4)
			check(t, "successes of the 84th", d.done["record-084"], 0)
		})
	})
	for name, packed := range map[string]int{"plain": 0, "in aggregates": 50, "in one aggregate": 300} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeed()
				m := d.run(t, outers(t, names, packed), d.consumer(t, lambda.WithMaxAttempts(2)), settings...)
				d.checkOnce(t, names)
				check(t, "calls for the 83rd", d.calls["poison-083"], 2)
				for _, i := range m.Invocations() {
					check(t, "outcome", i.Outcome, lambdatest.Succeeded)
				}
			})
		})
		t.Run(name+", each retry in another sandbox", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, items := newDeed(), &store{}
				d.hang = true // each attempt takes all the time of its invocation
				factory := func(sb *lambdatest.Sandbox) lambdatest.Function {
					return d.consumer(t, lambda.WithMaxAttempts(2), lambda.WithCheckpoint(&simStore{items, sb}))(sb)
				}
				m := d.run(t, outers(t, names, packed), factory, append(settings, lambdatest.WithSandboxes(1, lambdatest.AlwaysCold))...)
				d.checkOnce(t, names)
				check(t, "calls for the 83rd", d.calls["poison-083"], 2)
				check(t, "items left in the checkpoint", len(items.items), 0)
				partial := 0
				for _, i := range m.Invocations() {
					check(t, "cold start", i.ColdStart, true)
					if i.Outcome == lambdatest.Partial {
						partial++
					}
				}
				check(t, "answers in part", partial, 2)
			})
		})
	}
}

// Five poison records in one aggregate, and a mapping that sends a batch again
// only three times. An answer in part does not move Lambda's checkpoint within an
// outer record, so each uses up a retry.
func TestFivePoisonsAndThreeRetries(t *testing.T) {
	names := named(100, 10, 20, 30, 40, 50)
	for name, test := range map[string]struct {
		hang    bool
		retries int
		opts    []lambda.Option
		partial int // answers in part
		givenUp bool
	}{
		"decided within the invocation":                    {false, 3, []lambda.Option{lambda.WithMaxAttempts(2)}, 0, false},
		"one attempt an invocation, without a limit":       {false, 3, nil, 4, true},
		"each takes the time of an invocation, 3 retries":  {true, 3, []lambda.Option{lambda.WithMaxAttempts(1)}, 4, true},
		"each takes the time of an invocation, 5 retries":  {true, 5, []lambda.Option{lambda.WithMaxAttempts(1)}, 5, false},
		"each takes the time of an invocation, no limit":   {true, -1, []lambda.Option{lambda.WithMaxAttempts(1)}, 5, false},
		"each takes that of two invocations, no limit":     {true, -1, []lambda.Option{lambda.WithMaxAttempts(2)}, 10, false},
		"each takes that of two invocations, nine retries": {true, 9, []lambda.Option{lambda.WithMaxAttempts(2)}, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDeed()
				d.hang = test.hang
				m := d.run(t, outers(t, names, 100), d.consumer(t, test.opts...), lambdatest.WithReportBatchItemFailures(),
					lambdatest.WithTimeout(10*time.Second), lambdatest.WithMaximumRetryAttempts(test.retries))
				partial := 0
				for _, i := range m.Invocations() {
					if i.Outcome == lambdatest.Partial {
						partial++
					}
				}
				check(t, "answers in part", partial, test.partial)
				check(t, "given up", len(m.OnFailures()) > 0, test.givenUp)
				if !test.givenUp {
					d.checkOnce(t, names)
				}
			})
		})
	}
}

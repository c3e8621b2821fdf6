package lambda_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// existing is a function as there are many: for each record of its event it does
// its work, and lists those that fail, or only the first.
type existing struct {
	calls []string // by the records' data
	fail  map[string]bool
	first bool // stop at the first failure
	id    func(r *events.KinesisEventRecord) string
}

func (f *existing) handle(_ context.Context, e events.KinesisEvent) (response events.KinesisEventResponse, err error) {
	var seen []string
	defer func() { f.calls = append(f.calls, strings.Join(seen, " ")) }()
	for i := range e.Records {
		r := &e.Records[i]
		seen = append(seen, string(r.Kinesis.Data))
		if !f.fail[string(r.Kinesis.Data)] {
			continue
		}
		id := r.Kinesis.SequenceNumber
		if f.id != nil {
			id = f.id(r)
		}
		response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: id})
		if f.first {
			break
		}
	}
	return response, nil
}

// take returns the records that it went through since the last time.
func (f *existing) take() string {
	defer func() { f.calls = nil }()
	return strings.Join(f.calls, "|")
}

// expand returns a function's answer to an event: the id, "" for success.
func expand(t testing.TB, next lambda.Function, opts ...lambda.Option) func(events.KinesisEvent) string {
	t.Helper()
	f := lambda.Expand(next, append([]lambda.Option{quiet(), lambda.WithProgressNamespace("test")}, opts...)...)
	return func(e events.KinesisEvent) string {
		t.Helper()
		response, err := f(t.Context(), e)
		if err != nil || response.BatchItemFailures == nil || len(response.BatchItemFailures) > 1 {
			t.Fatalf("got %#v, %v", response, err)
		}
		for _, l := range response.BatchItemFailures {
			return l.ItemIdentifier
		}
		return ""
	}
}

func TestExpandedEvent(t *testing.T) {
	var got []events.KinesisEventRecord
	send := expand(t, func(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
		got = e.Records
		return events.KinesisEventResponse{}, nil
	})
	one := plain(1)
	one.AwsRegion, one.InvokeIdentityArn, one.EventVersion = "us-east-1", "arn:aws:iam::123456789012:role/r", "1.0"
	two := packed(t, 2, "x", "y")
	two.AwsRegion, two.Kinesis.EncryptionType = "us-east-1", "KMS"
	outer := slices.Clone(two.Kinesis.Data)
	check(t, "answer", send(event(one, two, plain(3))), "")
	check(t, "records", len(got), 4)
	check(t, "a plain one", fmt.Sprintf("%+v", got[0]), fmt.Sprintf("%+v", one))
	check(t, "another", fmt.Sprintf("%+v", got[3]), fmt.Sprintf("%+v", plain(3)))
	for i, d := range []string{"x", "y"} {
		want := two
		want.Kinesis.PartitionKey, want.Kinesis.Data = "key-"+d, []byte(d)
		want.Kinesis.SequenceNumber = fmt.Sprint(sequence(2), ":", i)
		want.EventID = fmt.Sprint(shardA, ":", sequence(2), ":", i)
		check(t, "one out of an aggregate", fmt.Sprintf("%+v", got[1+i]), fmt.Sprintf("%+v", want))
	}
	check(t, "the event that came is as it was", string(two.Kinesis.Data), string(outer))
	check(t, "no records", send(event()), "")
}

func TestExpandAnswers(t *testing.T) {
	e := event(plain(1), packed(t, 2, "a", "b", "c"), plain(3))
	for name, test := range map[string]struct {
		f      existing
		all    bool // WithEveryFailureListed
		answer string
		again  string
	}{
		"success":                         {existing{}, false, "", ""},
		"lists all":                       {existing{fail: map[string]bool{"b": true, "3": true}}, false, sequence(2), "b c 3"},
		"lists all, and says so":          {existing{fail: map[string]bool{"b": true, "3": true}}, true, sequence(2), "b 3"},
		"stops at the first":              {existing{fail: map[string]bool{"b": true, "3": true}, first: true}, false, sequence(2), "b c 3"},
		"the first one, plain":            {existing{fail: map[string]bool{"1": true}, first: true}, false, sequence(1), "1 a b c 3"},
		"the last one":                    {existing{fail: map[string]bool{"3": true}, first: true}, false, sequence(3), "3"},
		"out of order":                    {existing{fail: map[string]bool{"b": true, "3": true}, id: swap}, false, sequence(2), "b c 3"},
		"an outer number":                 {existing{fail: map[string]bool{"b": true}, id: outerOf}, false, sequence(2), "a b c 3"},
		"an outer number, all listed":     {existing{fail: map[string]bool{"b": true}, id: outerOf}, true, sequence(2), "a b c"},
		"an outer number of a plain one":  {existing{fail: map[string]bool{"3": true}, id: outerOf}, true, sequence(3), "3"},
		"an unknown id":                   {existing{fail: map[string]bool{"b": true}, id: func(*events.KinesisEventRecord) string { return "4956" }}, true, sequence(1), "1 a b c 3"},
		"an empty id":                     {existing{fail: map[string]bool{"b": true}, id: func(*events.KinesisEventRecord) string { return "" }}, false, sequence(1), "1 a b c 3"},
		"a sub-sequence number too high":  {existing{fail: map[string]bool{"c": true}, id: func(*events.KinesisEventRecord) string { return sequence(2) + ":3" }}, true, sequence(1), "1 a b c 3"},
		"a plain one's with a sub-number": {existing{fail: map[string]bool{"3": true}, id: func(*events.KinesisEventRecord) string { return sequence(3) + ":0" }}, true, sequence(1), "1 a b c 3"},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []lambda.Option
			if test.all {
				opts = append(opts, lambda.WithEveryFailureListed())
			}
			f := test.f
			send := expand(t, f.handle, opts...)
			check(t, "answer", send(e), test.answer)
			check(t, "called once", len(f.calls), 1)
			f.take()
			if test.answer == "" {
				return
			}
			f.fail = nil
			from := slices.IndexFunc(e.Records, func(r events.KinesisEventRecord) bool { return r.Kinesis.SequenceNumber == test.answer })
			check(t, "answer", send(event(e.Records[from:]...)), "")
			check(t, "records", f.take(), test.again)
		})
	}
}

// outerOf reads the outer sequence number out of the event ID, as some do.
func outerOf(r *events.KinesisEventRecord) string { return strings.Split(r.EventID, ":")[1] }

// swap lists b's id for 3 and 3's for b.
func swap(r *events.KinesisEventRecord) string {
	if string(r.Kinesis.Data) == "b" {
		return sequence(3)
	}
	return sequence(2) + ":1"
}

func TestExpandFunctionFails(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"error":   func(context.Context) error { return errBoom },
		"panic":   func(context.Context) error { panic("boom") },
		"time up": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, fails := &existing{}, true
				next := lambda.Expand(func(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
					response, err := f.handle(ctx, e)
					if fails {
						// What it lists beside its error does not count.
						response.BatchItemFailures = []events.KinesisBatchItemFailure{{ItemIdentifier: e.Records[1].Kinesis.SequenceNumber}}
						err = fail(ctx)
					}
					return response, err
				}, quiet())
				for _, want := range []string{"[{" + sequence(1) + "}]", "[]"} {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					response, err := next(ctx, event(packed(t, 1, "a", "b")))
					cancel()
					synctest.Wait() // also for a function that was overtaken
					check(t, "answer", fmt.Sprint(response.BatchItemFailures, err), want+" <nil>")
					check(t, "records", f.take(), "a b")
					fails = false
				}
			})
		})
	}
}

// The poison record is found, however the function lists its failures, and its
// neighbours are done once.
func TestExpandIsolatesPoison(t *testing.T) {
	for name, test := range map[string]struct {
		first, all bool
		whole      bool // an error in the place of an answer
		calls      string
	}{
		"stops at the first":            {true, false, false, "1 a b|b|c 3"},
		"lists all":                     {false, false, false, "1 a b c 3|b c 3|c 3"},
		"lists all, and says so":        {false, true, false, "1 a b c 3|b"},
		"fails as a whole, once of two": {false, false, true, "1 a b c 3|1 a b c 3|1|a|b|c|3"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := &existing{fail: map[string]bool{"b": true}, first: test.first}, &letters{}
				opts := []lambda.Option{lambda.WithMaxAttempts(2), lambda.WithDeadLetter(d)}
				if test.all {
					opts = append(opts, lambda.WithEveryFailureListed())
				}
				send := expand(t, func(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
					response, err := f.handle(ctx, e)
					if test.whole && len(response.BatchItemFailures) > 0 {
						return events.KinesisEventResponse{}, errBoom
					}
					return response, err
				}, opts...)
				check(t, "answer", send(event(plain(1), packed(t, 2, "a", "b", "c"), plain(3))), "")
				check(t, "records", f.take(), test.calls)
				want := "b/2"
				if test.whole {
					want = "b/3"
				}
				check(t, "letters", d.take(), want)
			})
		})
	}
}

// What can't be read does not reach the function.
func TestExpandMalformed(t *testing.T) {
	f := &existing{}
	e := event(plain(1), record(2, "x", malformed()), packed(t, 3, "a"))
	check(t, "answer", expand(t, f.handle)(e), sequence(2))
	check(t, "records", f.take(), "1 a")
	d := &letters{}
	check(t, "answer", expand(t, f.handle, lambda.WithDeadLetter(d))(e), "")
	check(t, "records", f.take(), "1 a")
	check(t, "letters", len(d.got), 1)
	check(t, "only what can't be read", expand(t, f.handle, lambda.WithDeadLetter(d))(event(e.Records[1])), "")
	check(t, "calls", f.take(), "")
}

func TestExpandWithBadOptions(t *testing.T) {
	l := &log{}
	defaultLog(t, l)
	for want, f := range map[string]lambda.Function{
		"the handler is nil":  lambda.Expand(nil),
		"WithMaxAttempts(-1)": lambda.Expand((&existing{}).handle, lambda.WithMaxAttempts(-1)),
		"WithConcurrency: a handler of whole batches is called once at a time": lambda.Expand((&existing{}).handle, lambda.WithConcurrency(2)),
	} {
		for range 2 {
			response, err := f(t.Context(), event(plain(1)))
			if err == nil || !strings.HasPrefix(err.Error(), "lambda: Expand: ") || !strings.Contains(err.Error(), want) || response.BatchItemFailures != nil {
				t.Errorf("got %v, %v, want an error with %q", response, err, want)
			}
		}
	}
	check(t, "log lines", l.count("the function will fail every event"), 3)
}

// With a Checkpoint another sandbox goes on where this one ended.
func TestExpandInAnotherSandbox(t *testing.T) {
	p, f := newShelf(), &existing{fail: map[string]bool{"b": true}}
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer", expand(t, f.handle, lambda.WithCheckpoint(p))(e), sequence(1))
	check(t, "answer", expand(t, f.handle, lambda.WithCheckpoint(p))(e), sequence(1))
	f.fail = nil
	check(t, "answer", expand(t, f.handle, lambda.WithCheckpoint(p))(e), "")
	check(t, "records", f.take(), "a b c|b c|b c")
}

// A long list is taken back to its records without going through them for each.
func TestExpandListsManyFailures(t *testing.T) {
	e := packedEvent(t, 2000, 100)
	next := lambda.Expand(func(_ context.Context, e events.KinesisEvent) (response events.KinesisEventResponse, err error) {
		for _, r := range e.Records {
			response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: r.Kinesis.SequenceNumber})
		}
		return response, nil
	}, quiet(), lambda.WithEveryFailureListed())
	allocations := testing.AllocsPerRun(1, func() {
		if response, err := next(t.Context(), e); err != nil || len(response.BatchItemFailures) != 1 {
			t.Errorf("got %v, %v", response, err)
		}
	})
	if allocations > 2000*40 {
		t.Errorf("%v allocations for 2,000 records", allocations)
	}
}

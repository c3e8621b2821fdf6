package lambda_test

// This file holds README.md to the code: its Go stands here too, and so compiles;
// what its tables and its example say is measured here. runbook_test.go has the rest.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// What README.md leaves to its reader.
var (
	letterStore lambda.DeadLetter
	records     []lambdatest.Record
	save        func(ctx context.Context, key string, data []byte) error
	insertAll   func(ctx context.Context, rs []*lambda.Record) (failed map[int]error, err error)
	report      func(ctx context.Context, shard string, minute time.Time, n int) error
	handle      lambda.Function
	handler     lambda.Handler
)

// These are README.md's, line by line.
var _ = []func(t *testing.T, ctx context.Context) error{
	func(*testing.T, context.Context) error {
		lambda.Start(func(ctx context.Context, r *lambda.Record) error {
			return save(ctx, r.PartitionKey, r.Data)
		}, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letterStore))

		return nil
	},
	func(*testing.T, context.Context) error {
		awslambda.Start(lambda.Expand(handle))

		return nil
	},
	func(*testing.T, context.Context) error {
		accounts, err := lambda.NewByKey(func(ctx context.Context, rs []*lambda.Record) error {
			for i, r := range rs {
				if err := save(ctx, r.PartitionKey, r.Data); err != nil {
					return lambda.FailedAt(i, len(rs), err) // those before it are done
				}
			}
			return nil
		}, lambda.WithConcurrency(16))

		awslambda.Start(accounts.Kinesis)
		return err
	},
	func(*testing.T, context.Context) error {
		bulk, err := lambda.NewBatch(func(ctx context.Context, rs []*lambda.Record) error {
			failed, err := insertAll(ctx, rs) // by index
			if err != nil {
				return err // whose fault it is, is found out by calls with one record
			}
			return lambda.Failures(failed)
		}, lambda.WithMaxAttempts(3), lambda.WithDeadLetter(letterStore))

		awslambda.Start(bulk.Kinesis)
		return err
	},
	func(*testing.T, context.Context) error {
		counts, err := lambda.NewWindow(
			func(_ context.Context, _ lambda.Window, n int, r *lambda.Record) (int, error) { return n + 1, nil },
			func(ctx context.Context, w lambda.Window, n int) error { return report(ctx, w.ShardID, w.Start, n) })

		awslambda.Start(counts.Kinesis)
		return err
	},
	func(t *testing.T, ctx context.Context) error {
		sandbox := func(*lambdatest.Sandbox) lambdatest.Function { // at each cold start
			consumer, err := lambda.New(handler, lambda.WithMaxAttempts(2), lambda.WithDeadLetter(letterStore))
			if err != nil {
				t.Fatal(err)
			}
			return lambdatest.HandlerFunc[events.KinesisEvent, events.KinesisEventResponse](consumer.Kinesis)
		}
		m, err := lambdatest.New(lambdatest.Records(records), sandbox,
			lambdatest.WithReportBatchItemFailures(), lambdatest.WithBatchSize(200), lambdatest.WithSeed(7),
			lambdatest.WithTrouble(lambdatest.Trouble{Kill: 0.1, ColdStart: 0.2, Throttle: 0.1}))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Drain(ctx); err != nil { // then look at what your handler did
			t.Fatal(err)
		}

		return nil
	},
}

// text reads a file of this directory.
func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// flat is a text without the white space around its lines.
func flat(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func TestReadmeCompiles(t *testing.T) {
	here := flat(text(t, "readme_test.go"))
	blocks := strings.Split(text(t, "README.md"), "```go\n")[1:]
	if len(blocks) < 6 {
		t.Fatalf("README.md has %d Go blocks, want at least 6", len(blocks))
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if strings.Contains(b, "LoadDefaultConfig") {
			continue // it takes modules of their own; TestNamesExist looks at it
		}
		if !strings.Contains(here, flat(b)) {
			t.Errorf("not in readme_test.go:\n%s", b)
		}
	}
}

// has checks that README.md has these lines.
func has(t *testing.T, lines string) {
	t.Helper()
	if !strings.Contains(text(t, "README.md"), lines) {
		t.Errorf("README.md does not have:\n%s", lines)
	}
}

func TestReadmeLetter(t *testing.T) {
	var document []byte
	keep := lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) (err error) {
		document, err = json.MarshalIndent(l, "", "  ")
		return err
	})
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "one pear" {
			return lambda.Poison(errors.New("no such customer"))
		}
		return nil
	}, lambda.WithDeadLetter(keep))
	o := record(1, "a", pack(t, aggregate.Record{PartitionKey: "user-6", Data: []byte("two apples")}, aggregate.Record{PartitionKey: "user-7", Data: []byte("one pear")}))
	check(t, "answer", invoke(t, c, event(o)), "")
	has(t, "```json\n"+string(document)+"\n```\n")
}

// Five of eight records in one aggregate never succeed. They fail at once, or
// only when the time is up.
func TestReadmeRetries(t *testing.T) {
	var b strings.Builder
	for _, row := range []struct {
		slow                  bool
		concurrency, attempts int
	}{{false, 1, 0}, {false, 1, 2}, {true, 1, 0}, {true, 1, 1}, {true, 1, 2}, {true, 8, 2}} {
		synctest.Test(t, func(t *testing.T) { retriesRow(t, &b, row.slow, row.concurrency, row.attempts) })
	}
	has(t, b.String())
}

func retriesRow(t *testing.T, b *strings.Builder, slow bool, concurrency, attempts int) {
	const never = 200 // retries, for no limit that matters
	run := func(retries int) (invocations, done, aside int, lost bool) {
		d, good := &letters{}, make(map[string]bool)
		h := &tape{}
		h.do = func(ctx context.Context, r *lambda.Record) error {
			if !strings.Contains("bcegh", string(r.Data)) {
				h.mu.Lock()
				defer h.mu.Unlock()
				good[string(r.Data)] = true
				return nil
			}
			if slow {
				<-ctx.Done()
			}
			return errBoom
		}
		opts := []lambda.Option{lambda.WithConcurrency(concurrency)}
		if attempts > 0 {
			opts = append(opts, lambda.WithMaxAttempts(attempts), lambda.WithDeadLetter(d))
		}
		c := newConsumer(t, h.handle, opts...)
		data := packed(t, 1, "a", "b", "c", "d", "e", "f", "g", "h").Kinesis.Data
		m, err := lambdatest.New(lambdatest.Records([]lambdatest.Record{{PartitionKey: "a", Data: data}}), lambdatest.Handler(c.Kinesis),
			lambdatest.WithReportBatchItemFailures(), lambdatest.WithMaximumRetryAttempts(retries), lambdatest.WithTimeout(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(m.Invocations()), len(good), len(d.got), len(m.OnFailures()) > 0
	}
	_, done, aside, lost := run(3)
	needed := "for ever"
	if invocations, _, _, lost := run(never); !lost {
		needed = fmt.Sprint(invocations - 1)
	}
	how, limit, end := "at once", "none", "all decided"
	if slow {
		how = "slow"
	}
	if attempts > 0 {
		limit = fmt.Sprintf("%d, with a dead letter", attempts)
	}
	if lost {
		end = fmt.Sprintf("given up with %d of 8 undecided", 8-done-aside)
	}
	fmt.Fprintf(b, "| %s | %d | %s | %d done, %d set aside; %s | %s |\n", how, concurrency, limit, done, aside, end, needed)
}

// How many records an event of 6 MB has, with aggregates of 51,200 bytes.
func TestReadmeBatchSize(t *testing.T) {
	var b strings.Builder
	for _, size := range []int{100, 512, 2048} {
		var a aggregate.Builder // of 51,200 bytes
		for {
			err := a.Add(aggregate.Record{PartitionKey: fmt.Sprintf("user-%06d", a.Len()), Data: make([]byte, size)})
			if errors.Is(err, aggregate.ErrFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		all := make([]lambdatest.Record, 200)
		for i := range all {
			all[i] = lambdatest.Record{PartitionKey: "a", Data: a.AppendTo(nil)}
		}
		m, err := lambdatest.New(lambdatest.Records(all), lambdatest.Handler(newConsumer(t, (&tape{}).handle).Kinesis), lambdatest.WithBatchSize(10_000))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		outer := len(m.Invocations()[0].Records)
		fmt.Fprintf(&b, "| %d B | %d | %d | %d |\n", size, a.Len(), outer, outer*a.Len())
	}
	has(t, b.String())
}

// What runs when after user record c of the second outer record has failed once.
func TestReadmeProgress(t *testing.T) {
	whole := event(plain(1), packed(t, 2, "a", "b", "c", "d"))
	rest := event(whole.Records[1])
	for name, test := range map[string]struct {
		then               func(first, other *lambda.Consumer, p *shelf)
		last               events.KinesisEvent // sent then to
		there              bool                // the other sandbox
		memory, checkpoint string
	}{
		"same sandbox":          {nil, rest, false, "c d", "c d"},
		"other sandbox":         {nil, rest, true, "a b c d", "c d"},
		"killed before answer":  {nil, whole, true, "1 a b c d", "1 c d"},
		"replay, same sandbox":  {func(c, _ *lambda.Consumer, _ *shelf) { invoke(t, c, rest) }, whole, false, "1 a b c d", "1 a b c d"},
		"replay, done by other": {func(_, o *lambda.Consumer, _ *shelf) { invoke(t, o, rest) }, whole, false, "1 c d", "1 a b c d"},
		"replay, then others":   {func(c, o *lambda.Consumer, _ *shelf) { invoke(t, o, rest); invoke(t, c, event(packed(t, 3, "e"))) }, whole, false, "1 a b c d", "1 a b c d"},
		"replay, Delete failed": {func(c, _ *lambda.Consumer, p *shelf) {
			p.remove = func(context.Context) error { return errBoom }
			invoke(t, c, rest)
		}, whole, true, "1 a b c d", "1 c d"},
		"given up, replay": {func(_, o *lambda.Consumer, _ *shelf) { invoke(t, o, event(plain(3))) }, whole, true, "1 a b c d", "1 c d"},
	} {
		for _, durable := range []bool{false, true} {
			h, p, opts, want := &tape{once: map[string]error{"c": errBoom}}, newShelf(), []lambda.Option(nil), test.memory
			if durable {
				opts, want = append(opts, lambda.WithCheckpoint(p)), test.checkpoint
			}
			first, other := newConsumer(t, h.handle, opts...), newConsumer(t, h.handle, opts...)
			check(t, name+": answer", invoke(t, first, whole), sequence(2))
			if test.then != nil {
				test.then(first, other, p)
			}
			h.take()
			if test.there {
				first = other
			}
			check(t, name+": answer", invoke(t, first, test.last), "")
			check(t, fmt.Sprintf("%s, Checkpoint %t: calls", name, durable), h.take(), want)
		}
	}
}

package lambda_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/internal/redriven"
	"github.com/kinpack/kinpack/lambda"
)

// part is what kinpack redrive makes of some user records of an aggregate.
func part(t *testing.T, n int, key, data string, subSequences ...int) events.KinesisEventRecord {
	t.Helper()
	var users []aggregate.Record
	for _, d := range data {
		users = append(users, aggregate.Record{PartitionKey: key, Data: []byte(string(d))})
	}
	r := record(n, "a", pack(t, users...))
	r.EventName = redriven.Name(subSequences)
	return r
}

// A record keeps its sub-sequence number, and a letter that comes again its ID.
func TestRedrivenPart(t *testing.T) {
	ran, letter := "", ""
	c := newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
		id, _ := lambda.IdentityFrom(ctx)
		ran += fmt.Sprintf("%s/%d/%d ", r.Data, r.SubSequenceNumber, id.SubSequenceNumber)
		if string(r.Data) == "y" {
			return lambda.Poison(errBoom)
		}
		return nil
	}, lambda.WithDeadLetter(lambda.DeadLetterFunc(func(_ context.Context, l lambda.Letter) error {
		letter = l.ID
		return nil
	})))
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "xyz", 2, 3, 9), part(t, 2, "k", "x", 7))), "")
	check(t, "calls", ran, "x/2/2 y/3/3 z/9/9 x/7/7 ")
	check(t, "letter", letter, streamARN+"/"+shardA+"/"+sequence(1)+"/3")
}

// Names that are not of the records that they stand with say nothing.
func TestRedrivenNamesThatDoNotFit(t *testing.T) {
	for _, name := range []string{"kinpack:redriven:5", "kinpack:redriven:5,4", "kinpack:redriven:0-8", "aws:kinesis:record"} {
		ran := ""
		c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
			ran += fmt.Sprint(r.SubSequenceNumber, " ")
			return nil
		})
		r := part(t, 1, "k", "xy", 4, 5)
		r.EventName = name
		check(t, "answer", invoke(t, c, event(r)), "")
		check(t, name, ran, "0 1 ")
	}
}

// Two parts of one outer record that hold the same bytes are not the same part.
func TestRedrivenPartsWithTheSameBytes(t *testing.T) {
	ran, fail := "", 3
	c := newConsumer(t, func(_ context.Context, r *lambda.Record) error {
		if r.SubSequenceNumber == fail {
			return errBoom
		}
		ran += fmt.Sprint(r.SubSequenceNumber, " ")
		return nil
	})
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "xx", 2, 3))), sequence(1))
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "xx", 5, 6))), "")
	check(t, "calls", ran, "2 5 6 ")
}

// A poisoned key is free once its record has succeeded in a part.
func TestRedrivenPartHealsItsKey(t *testing.T) {
	h, d := &tape{fail: map[string]error{"b": lambda.Poison(errBoom)}}, &letters{}
	c := newConsumer(t, h.handle, lambda.WithPoisonedKeys(), lambda.WithDeadLetter(d))
	of := func(key, data string) aggregate.Record {
		return aggregate.Record{PartitionKey: key, Data: []byte(data)}
	}
	first := record(1, "a", pack(t, of("other", "x"), of("other", "x"), of("k", "b"), of("k", "c")))
	second := record(2, "a", pack(t, of("other", "x"), of("k", "d")))
	check(t, "answer", invoke(t, c, event(first, second)), "")
	check(t, "letters", d.take(), "b/1 c/0 d/0")
	h.fail = nil
	h.take()
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "bc", 2, 3), part(t, 2, "k", "d", 1))), "")
	check(t, "calls", h.take(), "b c d")
	check(t, "letters", d.take(), "")
}

// A redrive is no sign of where Lambda is: what is known of a batch that it is
// still at stays, and there is no alarm.
func TestRedriveBesideARetry(t *testing.T) {
	passed := 0
	h := &tape{fail: map[string]error{"b": errBoom}}
	c := newConsumer(t, h.handle, lambda.WithHooks(lambda.Hooks{Passed: func(context.Context, lambda.Passed) { passed++ }}))
	e := event(packed(t, 1, "a", "b"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "redrive", invoke(t, c, event(part(t, 5, "k", "z", 3))), "")
	h.fail = nil
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a b z b")
	check(t, "alarms", passed, 0)
}

// Of a part one record is set aside again and one is left. When both are redriven
// once more, by the letters, the first one runs, too.
func TestRedrivenAgain(t *testing.T) {
	h, d := &tape{fail: map[string]error{"x": lambda.Poison(errBoom), "z": errBoom}}, &letters{}
	c := newConsumer(t, h.handle, lambda.WithDeadLetter(d))
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "xyz", 2, 3, 4))), sequence(1))
	check(t, "calls", h.take(), "x y z")
	h.fail = nil
	check(t, "answer", invoke(t, c, event(part(t, 1, "k", "xyz", 2, 3, 4))), "")
	check(t, "calls", h.take(), "x z")
}

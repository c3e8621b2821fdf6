package lambda_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// What Lambda does not send must not panic, lose records or name a wrong one.
func TestOddEvents(t *testing.T) {
	odd := func(r events.KinesisEventRecord, change func(*events.KinesisEventRecord)) events.KinesisEventRecord {
		change(&r)
		return r
	}
	noSequence := func(r *events.KinesisEventRecord) { r.Kinesis.SequenceNumber = "" }
	for name, test := range map[string]struct {
		event  events.KinesisEvent
		fail   string
		answer string // "error" for an error
		calls  string
		again  string
	}{
		"no records":                   {event(), "", "", "", ""},
		"no eventID":                   {event(odd(plain(1), func(r *events.KinesisEventRecord) { r.EventID = "" }), plain(2)), "1", "error", "1", "1"},
		"only one, without an eventID": {event(odd(packed(t, 1, "a", "b"), func(r *events.KinesisEventRecord) { r.EventID = "nonsense" })), "b", sequence(1), "a b", "a b"},
		"no stream":                    {event(odd(packed(t, 1, "a", "b"), func(r *events.KinesisEventRecord) { r.EventSourceArn = "" })), "b", sequence(1), "a b", "a b"},
		"two shards, success":          {event(plain(1), recordOf(shardB, 2, "k", []byte("2"))), "", "", "1 2", "1 2"},
		"two shards, failure":          {event(plain(1), recordOf(shardB, 2, "k", []byte("2"))), "2", "error", "1 2", "1 2"},
		"no sequence number, success":  {event(odd(plain(1), noSequence)), "", "", "1", "1"},
		"no sequence number, failure":  {event(odd(plain(1), noSequence)), "1", "error", "1", "1"},
		"none on a later one":          {event(plain(1), odd(plain(2), noSequence)), "1", "error", "1", "1"},
		"none on an earlier one":       {event(odd(plain(1), noSequence), plain(2)), "2", sequence(2), "1 2", "1 2"},
		"not in order":                 {event(plain(5), plain(7), plain(3), plain(9)), "7", sequence(3), "5 7", "5 7"},
		"shorter is lower": {event(odd(plain(1), func(r *events.KinesisEventRecord) { r.Kinesis.SequenceNumber = "9" }),
			odd(plain(2), func(r *events.KinesisEventRecord) { r.Kinesis.SequenceNumber = "10" })), "1", "9", "1", "1"},
		"one number twice": {event(packed(t, 1, "a", "b"), packed(t, 1, "c", "d")), "b", sequence(1), "a b", "b c d"},
		"empty data":       {event(record(1, "", nil)), "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := &tape{fail: map[string]error{}}
			if test.fail != "" {
				h.fail[test.fail] = errBoom
			}
			c := newConsumer(t, h.handle)
			send := func() string {
				response, err := c.Kinesis(t.Context(), test.event)
				switch {
				case err != nil:
					return "error"
				case len(response.BatchItemFailures) > 0:
					return response.BatchItemFailures[0].ItemIdentifier
				}
				return ""
			}
			check(t, "answer", send(), test.answer)
			check(t, "calls", h.take(), test.calls)
			if test.fail == "b" {
				h.fail = nil
			}
			send()
			check(t, "calls when it is sent again", h.take(), test.again)
		})
	}
}

func TestPanicIsAFailure(t *testing.T) {
	h, l := &tape{}, &log{}
	h.do = func(_ context.Context, r *lambda.Record) error {
		if string(r.Data) == "b" && r.Attempt == 1 {
			panic("the handler's mistake")
		}
		return nil
	}
	c := newConsumer(t, h.handle, l.option())
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer", invoke(t, c, e), sequence(1))
	check(t, "panic value in the log", l.count("panic: the handler's mistake"), 1)
	if l.count("TestPanicIsAFailure") == 0 {
		t.Error("no stack in the log")
	}
	check(t, "answer", invoke(t, c, e), "")
	check(t, "calls", h.take(), "a b b c")
}

// An error value may do anything when it is asked.
type badError struct{}

func (*badError) Error() string   { panic("no text") }
func (*badError) Is(error) bool   { panic("no comparison") }
func (*badError) Unwrap() []error { panic("no unwrapping") }

func TestErrorsThatPanic(t *testing.T) {
	var none *badError
	d := &letters{}
	h := &tape{fail: map[string]error{"1": lambda.Poison(&badError{})}}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithDeadLetter(d)), event(plain(1))), "")
	check(t, "letters", d.take(), "1/1")
	for _, err := range []error{&badError{}, none, lambda.Poison(&badError{}), fmt.Errorf("%w", none)} {
		h := &tape{fail: map[string]error{"1": err}}
		check(t, "answer", invoke(t, newConsumer(t, h.handle), event(plain(1))), sequence(1))
	}
}

// Programs may ask for the panic(nil) of old, of which recover says nothing.
func TestPanicWithoutAValue(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	c := newConsumer(t, func(context.Context, *lambda.Record) error { panic(nil) })
	check(t, "answer", invoke(t, c, event(plain(1))), sequence(1))
}

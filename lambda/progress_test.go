package lambda_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// A stream that was deleted and made again has the same ARN, and may give the
// same sequence numbers: what is remembered is not of its records.
func TestProgressIsOfOneRecordOnly(t *testing.T) {
	old := packed(t, 5, "5a", "5b")
	elsewhere, later, plainOld := packed(t, 5, "5a", "5b"), packed(t, 5, "5a", "5b"), plain(5)
	elsewhere.Kinesis.PartitionKey = "b"
	later.Kinesis.ApproximateArrivalTimestamp.Time = arrival.Add(time.Second)
	for name, test := range map[string]struct {
		old, new events.KinesisEventRecord
		fail     string
		calls    string
	}{
		"the same":                       {old, old, "5b", "5b"},
		"other data, as many records":    {old, packed(t, 5, "5x", "5b"), "5b", "5x 5b"},
		"another outer key":              {old, elsewhere, "5b", "5a 5b"},
		"another time":                   {old, later, "5b", "5a 5b"},
		"plain instead of an aggregate":  {packed(t, 5, "5"), plainOld, "5", "5"},
		"malformed, then an aggregate":   {record(5, "a", malformed()), packed(t, 5, "5a"), "", "5a"},
		"an aggregate, not a plain one":  {plainOld, packed(t, 5, "5"), "5", "5"},
		"a plain record with other data": {plainOld, record(5, "key-5", []byte("6")), "5", "6"},
	} {
		t.Run(name, func(t *testing.T) {
			attempt := 0
			h := &tape{once: map[string]error{test.fail: errBoom}}
			h.do = func(_ context.Context, r *lambda.Record) error { attempt = r.Attempt; return nil }
			c := newConsumer(t, h.handle)
			check(t, "answer", invoke(t, c, event(test.old)), sequence(5))
			h.take()
			check(t, "answer", invoke(t, c, event(test.new)), "")
			check(t, "calls", h.take(), test.calls)
			if name != "the same" {
				check(t, "attempt", attempt, 1)
			}
		})
	}
}

func TestMalformedThatLambdaWentPast(t *testing.T) {
	l := &log{}
	c := newConsumer(t, (&tape{}).handle, l.option())
	check(t, "answer", invoke(t, c, event(record(1, "a", malformed()))), sequence(1))
	check(t, "answer", invoke(t, c, event(packed(t, 2, "x"))), "")
	check(t, "log lines", l.count("Lambda went past a reported failure"), 1)
}

// What is kept, and what is logged, of a long text is the part that counts.
func TestLongErrorIsNotKept(t *testing.T) {
	const shards, size = 64, 1 << 20
	l := &log{}
	c := newConsumer(t, func(context.Context, *lambda.Record) error {
		return errors.New(strings.Repeat("x", size))
	}, l.option())
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for n := range shards {
		r := recordOf(strings.Repeat("s", n+1), n, "a", []byte("x"))
		invoke(t, c, event(r))
	}
	after := heap()
	if after > before+8*size {
		t.Errorf("%d failures with texts of %d bytes hold %d bytes", shards, size, after-before)
	}
	if got := l.count("x"); got > shards*(9<<10) {
		t.Errorf("%d bytes of text in the log of %d failures", got, shards)
	}
	runtime.KeepAlive(c)
}

package lambdatest_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

func TestNewRefuses(t *testing.T) {
	trouble := func(t lambdatest.Trouble) lambdatest.Option { return lambdatest.WithTrouble(t) }
	for want, o := range map[string]lambdatest.Option{
		"an option is nil":        nil,
		"WithBatchSize(0)":        lambdatest.WithBatchSize(0),
		"WithBatchSize(10001)":    lambdatest.WithBatchSize(10_001),
		"Window(-1ns)":            lambdatest.WithMaximumBatchingWindow(-1),
		"Window(5m0.000000001s)":  lambdatest.WithMaximumBatchingWindow(300*time.Second + 1),
		"Factor(0)":               lambdatest.WithParallelizationFactor(0),
		"Factor(11)":              lambdatest.WithParallelizationFactor(11),
		`Position("LAST")`:        lambdatest.WithStartingPosition("LAST"),
		"without a time":          lambdatest.WithStartingPosition(lambdatest.AtTimestamp),
		"Attempts(-2)":            lambdatest.WithMaximumRetryAttempts(-2),
		"Attempts(10001)":         lambdatest.WithMaximumRetryAttempts(10_001),
		"Age(59s)":                lambdatest.WithMaximumRecordAge(59 * time.Second),
		"Age(168h0m1s)":           lambdatest.WithMaximumRecordAge(604_801 * time.Second),
		"TumblingWindow(-1s)":     lambdatest.WithTumblingWindow(-time.Second),
		"TumblingWindow(15m1s)":   lambdatest.WithTumblingWindow(901 * time.Second),
		"TumblingWindow(1.5s)":    lambdatest.WithTumblingWindow(1500 * time.Millisecond),
		"WithTimeout(0s)":         lambdatest.WithTimeout(0),
		"WithTimeout(15m1s)":      lambdatest.WithTimeout(901 * time.Second),
		"WithSandboxes(-1)":       lambdatest.WithSandboxes(-1, lambdatest.Sticky),
		"placement 9":             lambdatest.WithSandboxes(1, 9),
		"PerSandbox(0)":           lambdatest.WithConcurrencyPerSandbox(0),
		"WithBackoff":             lambdatest.WithBackoff(nil),
		"Throttle is -0.1":        trouble(lambdatest.Trouble{Throttle: -0.1}),
		"nothing is ever invoked": trouble(lambdatest.Trouble{Throttle: 1}),
		"ColdStart is 1.1":        trouble(lambdatest.Trouble{ColdStart: 1.1}),
		"Kill is NaN":             trouble(lambdatest.Trouble{Kill: math.NaN()}),
		"KillAtPoint is 2":        trouble(lambdatest.Trouble{KillAtPoint: 2}),
		"KillWithin is -1ns":      trouble(lambdatest.Trouble{KillWithin: -1}),
		"but Kill is 0":           trouble(lambdatest.Trouble{KillWithin: 1, KillAtPoint: 0.1}),
		"WithKill: the":           lambdatest.WithKill(nil),
		"WithOnFailure: the":      lambdatest.WithOnFailure(nil),
	} {
		m, err := lambdatest.New(lambdatest.Records(numbered(1)), answers(""), o)
		if m != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	both := []lambdatest.Option{lambdatest.WithTumblingWindow(time.Second), lambdatest.WithParallelizationFactor(2), lambdatest.WithPipes()}
	_, err := lambdatest.New(lambdatest.Source{}, nil, both...)
	for _, want := range []string{"source is empty", "factory is nil", "only a factor of 1", "pipes have no windows"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestNewTakesTheBounds(t *testing.T) {
	for _, opts := range [][]lambdatest.Option{
		{lambdatest.WithBatchSize(1), lambdatest.WithMaximumBatchingWindow(0), lambdatest.WithParallelizationFactor(1), lambdatest.WithMaximumRetryAttempts(-1),
			lambdatest.WithMaximumRecordAge(-1), lambdatest.WithTumblingWindow(0), lambdatest.WithTimeout(1), lambdatest.WithSandboxes(0, lambdatest.AlwaysCold)},
		{lambdatest.WithBatchSize(10_000), lambdatest.WithMaximumBatchingWindow(300 * time.Second), lambdatest.WithParallelizationFactor(10), lambdatest.WithMaximumRetryAttempts(10_000),
			lambdatest.WithMaximumRecordAge(604_800 * time.Second), lambdatest.WithTimeout(900 * time.Second)},
		{lambdatest.WithMaximumRecordAge(60 * time.Second), lambdatest.WithTumblingWindow(900 * time.Second)},
	} {
		if _, err := lambdatest.New(lambdatest.Records(), answers(""), opts...); err != nil {
			t.Error(err)
		}
	}
}

func TestSourcesRefuse(t *testing.T) {
	two := func(a, b string) lambdatest.Source {
		return lambdatest.Records(nil, []lambdatest.Record{{SequenceNumber: a}, {SequenceNumber: b}})
	}
	client := kinesistest.New().Client()
	for want, s := range map[string]lambdatest.Source{
		"client is nil":       lambdatest.Stream(nil, clicksARN),
		`Stream("clicks")`:    lambdatest.Stream(client, "clicks"),
		`Stream("arn:a:s`:     lambdatest.Stream(client, "arn:a:sqs:r:1:q"),
		`record 1 of shard 1`: two("10", "9"),
		`number "9"`:          two("9", "9"),
		`number "x"`:          two("x", "9"),
		`number "07"`:         two("07", "9"),
		`number "-1"`:         two("-1", "9"),
	} {
		if _, err := lambdatest.New(s, answers("")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	for _, s := range []lambdatest.Source{two("9", "10"), two("0", "1"), two("", "")} {
		if _, err := lambdatest.New(s, answers("")); err != nil {
			t.Error(err)
		}
	}
}

// What Records fills in does not change what the caller has.
func TestRecordsAreCopied(t *testing.T) {
	mine := []lambdatest.Record{{Data: []byte("x")}}
	m := drained(t, lambdatest.Records(mine, mine), always(func(context.Context, []byte) ([]byte, error) { return nil, nil }))
	check(t, "mine", mine[0].SequenceNumber+mine[0].PartitionKey, "")
	for _, inv := range m.Invocations() {
		check(t, "filled in", len(inv.Records[0].SequenceNumber), 56)
		check(t, "key", inv.Records[0].PartitionKey, "key")
	}
}

package emf

// This file owns the metrics: their names and units, and how they are had from
// what the hooks are told.

import (
	"context"
	"slices"

	"github.com/kinpack/kinpack/internal/emf"
	"github.com/kinpack/kinpack/lambda"
)

func (w *writer) hooks() lambda.Hooks {
	return lambda.Hooks{
		Batch:           func(_ context.Context, b lambda.Batch) { w.write(b.Shard, measure(&b)...) },
		Passed:          func(_ context.Context, p lambda.Passed) { w.write(p.Shard, passed()) },
		CheckpointError: func(_ context.Context, e lambda.CheckpointError) { w.write(e.Shard, checkpointError()) },
	}
}

// measure returns the metrics of an invocation. BatchAge is the last one, and not
// there without an age.
func measure(b *lambda.Batch) []emf.Metric {
	all := []emf.Metric{
		count("OuterRecords", b.OuterRecords),
		count("UserRecords", b.UserRecords),
		count("SkippedRecords", b.Skipped),
		count("SucceededRecords", b.Succeeded),
		count("PoisonRecords", b.Poison),
		count("UndecidedRecords", b.Undecided),
		count("FailedAttempts", b.FailedAttempts),
		count("MalformedAggregates", b.Malformed),
		count("OutOfRangeAggregates", b.OutOfRangeAggregates),
		{Name: "BatchDuration", Unit: emf.Milliseconds, Value: emf.Millis(b.Duration)},
		count("PartialAnswers", one(b.Reported != "" && b.Err == nil)),
		count("TimeUps", one(b.TimeUp)),
		count("FunctionErrors", one(b.Err != nil)),
	}
	if b.Age != 0 {
		all = append(all, emf.Metric{Name: "BatchAge", Unit: emf.Milliseconds, Value: emf.Millis(b.Age)})
	}
	return all
}

func passed() emf.Metric { return count("PassedFailures", 1) }

func checkpointError() emf.Metric { return count("CheckpointErrors", 1) }

// reserved says whether a member of that name is written anyway.
func reserved(name string) bool {
	all := append(measure(&lambda.Batch{Age: 1}), passed(), checkpointError())
	return name == "StreamName" || slices.ContainsFunc(all, func(m emf.Metric) bool { return m.Name == name })
}

func count(name string, n int) emf.Metric {
	return emf.Metric{Name: name, Unit: emf.Count, Value: float64(n)}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

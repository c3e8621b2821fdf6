package lambdatest

// This file owns what an answer means. It is pure.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kinpack/kinpack/internal/sequence"
)

// Outcome is how an invocation went.
type Outcome string

// The outcomes.
const (
	// Succeeded: the batch is done.
	Succeeded Outcome = "succeeded"
	// Partial: the answer reports failures; the batch is done before the lowest.
	Partial Outcome = "partial"
	// BadAnswer: the answer fails the batch as a whole.
	BadAnswer Outcome = "bad answer"
	// FunctionError: the function returned an error or panicked.
	FunctionError Outcome = "function error"
	// TimedOut: the function did not answer in time, and its sandbox is gone.
	TimedOut Outcome = "timed out"
	// Killed: the sandbox died during the invocation.
	Killed Outcome = "killed"
)

// verdict is what an invocation came to.
type verdict struct {
	outcome Outcome
	done    int    // with Partial: how many records come before the lowest reported one
	state   []byte // with a tumbling window: what goes on; nil without
	err     error
}

func badAnswer(format string, args ...any) verdict {
	return verdict{outcome: BadAnswer, err: fmt.Errorf("lambdatest: "+format, args...)}
}

// judge says what an answer means for a batch. Names are compared exactly, as
// Lambda does, not as encoding/json does.
func judge(c *config, items []item, answer []byte) verdict {
	var v verdict
	answer = bytes.TrimSpace(answer)
	if c.tumbling == 0 && (!c.report || len(answer) == 0 || string(answer) == "null") {
		return verdict{outcome: Succeeded}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(answer, &fields); err != nil {
		return badAnswer("the answer is not a JSON object: %w", err)
	}
	if c.tumbling > 0 {
		state, err := stateOf(fields["state"])
		if err != nil {
			return verdict{outcome: BadAnswer, err: err}
		}
		v.state = state
	}
	v.outcome, v.done = Succeeded, len(items)
	if !c.report {
		return v
	}
	var failures []map[string]json.RawMessage
	if raw, ok := fields["batchItemFailures"]; ok {
		if err := json.Unmarshal(raw, &failures); err != nil {
			return badAnswer("batchItemFailures is not a list of objects: %w", err)
		}
	}
	if len(failures) == 0 {
		return v
	}
	positions := make(map[string]int, len(items)) // both may have 10,000
	for i := range items {
		positions[items[i].SequenceNumber] = i
	}
	for _, f := range failures {
		at, err := position(c, items, positions, f["itemIdentifier"])
		if err != nil {
			return verdict{outcome: BadAnswer, err: err}
		}
		v.outcome, v.done = Partial, min(v.done, at)
	}
	return v
}

// position returns where in the batch the record of an itemIdentifier is.
func position(c *config, items []item, positions map[string]int, raw json.RawMessage) (int, error) {
	var id *string
	if err := json.Unmarshal(raw, &id); err != nil || id == nil {
		return 0, fmt.Errorf("lambdatest: itemIdentifier is %q, want a string", raw)
	}
	if at, ok := positions[*id]; ok {
		return at, nil
	}
	if c.lowIDReported && len(items) > 0 && sequence.Valid(*id) && sequence.Compare(*id, items[0].SequenceNumber) < 0 {
		return 0, nil
	}
	return 0, fmt.Errorf("lambdatest: itemIdentifier %q is not in the batch", *id)
}

// stateOf returns the state of an answer; it must be an object.
func stateOf(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, errors.New("lambdatest: the answer has no state, which a tumbling window needs")
	}
	if raw[0] != '{' {
		return nil, errors.New("lambdatest: the state in the answer is not an object")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, fmt.Errorf("lambdatest: the state in the answer: %w", err)
	}
	return compact.Bytes(), nil
}

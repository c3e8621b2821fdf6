package redrive

// This file owns what a function's answer says of an event: how many of its
// records are done. In doubt a record is not done.

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Done returns how many of the event's outer records are done, from the first
// on. An answer without batchItemFailures is success, also a text or a number: many
// functions answer something. An array is not: it may be meant as the list.
// Otherwise everything from the lowest one that it lists is
// left, as with ReportBatchItemFailures. The error says why an answer is not to be
// understood; nothing is done then.
func (e Event) Done(answer []byte) (int, error) {
	if len(answer) == 0 {
		return len(e), nil
	}
	if !json.Valid(answer) {
		return 0, fmt.Errorf("the function's answer is not JSON: %.100q", answer)
	}
	if bytes.TrimLeft(answer, " \t\r\n")[0] == '[' {
		return 0, fmt.Errorf("the function's answer is an array, want an object with batchItemFailures: %.100q", answer)
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(answer, &o) != nil || o["batchItemFailures"] == nil {
		return len(e), nil
	}
	var failures []map[string]json.RawMessage
	if err := json.Unmarshal(o["batchItemFailures"], &failures); err != nil {
		return 0, fmt.Errorf("the function's answer: batchItemFailures: %w", err)
	}
	place := make(map[string]int, len(e))
	for i := range e {
		place[e[i].SequenceNumber] = i
	}
	done := len(e)
	for _, f := range failures {
		var id string
		err := json.Unmarshal(f["itemIdentifier"], &id)
		at, ok := place[id]
		if err != nil || !ok {
			return 0, fmt.Errorf("the function's answer lists %.140q, which is no record of the event", f["itemIdentifier"])
		}
		done = min(done, at)
	}
	return done, nil
}

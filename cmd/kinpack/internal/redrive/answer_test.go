package redrive_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
)

func TestDoneByAnswer(t *testing.T) {
	var s redrive.Set
	for _, sequence := range []string{"10", "11", "12"} {
		add(t, &s, outer(sequence, []byte(sequence)))
	}
	e := makeEvents(t, &s, 10)[0]
	failures := func(ids ...string) string { return fmt.Sprintf(`{"batchItemFailures":[%s]}`, strings.Join(ids, ",")) }
	id := func(id string) string { return fmt.Sprintf(`{"itemIdentifier":%q}`, id) }
	for _, c := range []struct {
		answer string
		done   int
		err    string
	}{
		{``, 3, ""}, {`null`, 3, ""}, {`{}`, 3, ""}, {`"fine"`, 3, ""}, {`17`, 3, ""}, {`false`, 3, ""},
		{`[]`, 0, "is an array"}, {` [{"itemIdentifier":"12"}]`, 0, "is an array"},
		{`{"batchItemFailures":null}`, 3, ""}, {failures(), 3, ""},
		{failures(id("10")), 0, ""}, {failures(id("12")), 2, ""}, {failures(id("11"), id("12")), 1, ""}, {failures(id("12"), id("11")), 1, ""},
		{failures(id("13")), 0, `lists "\"13\"", which is no record of the event`},
		{failures(id("12"), id("")), 0, "which is no record"},
		{failures(`{"itemIdentifier":null}`), 0, "which is no record"},
		{failures(`{"ItemIdentifier":"12"}`), 0, "which is no record"},
		{failures(`{"itemIdentifier":12}`), 0, "which is no record"},
		{failures(`null`), 0, "which is no record"},
		{`{"batchItemFailures":"12"}`, 0, "batchItemFailures: json"},
		{`{"batchItemFailures"`, 0, "not JSON"},
	} {
		done, err := e.Done([]byte(c.answer))
		if done != c.done || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d done, %v", c.answer, done, err)
		}
	}
}

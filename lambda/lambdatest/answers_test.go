package lambdatest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

func TestAnswers(t *testing.T) {
	failures := func(items ...string) string { return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}` }
	id := func(i int) string { return `{"itemIdentifier":"` + sequence(i) + `"}` }
	low := `{"itemIdentifier":"` + sequence(-1) + `"}`
	for _, c := range []struct {
		name, answer string
		want         string
		opts         []lambdatest.Option
	}{
		{"empty answer", ``, "succeeded 3", nil},
		{"white space", " \n", "succeeded 3", nil},
		{"null", `null`, "succeeded 3", nil},
		{"empty object", `{}`, "succeeded 3", nil},
		{"empty list", failures(), "succeeded 3", nil},
		{"null list", `{"batchItemFailures":null}`, "succeeded 3", nil},
		{"wrong top-level name", `{"batchItemFailure":[` + id(1) + `]}`, "succeeded 3", nil},
		{"top-level name with another case", `{"BatchItemFailures":[` + id(1) + `]}`, "succeeded 3", nil},
		{"more fields", `{"x":1,"batchItemFailures":[{"itemIdentifier":"` + sequence(1) + `","y":[]}]}`, "partial 1", nil},
		{"first", failures(id(0)), "partial 0", nil},
		{"lowest of several", failures(id(2), id(1)), "partial 1", nil},
		{"twice the same", failures(id(2), id(2)), "partial 2", nil},
		{"empty id", failures(`{"itemIdentifier":""}`), "bad answer 0", nil},
		{"null id", failures(`{"itemIdentifier":null}`), "bad answer 0", nil},
		{"number", failures(`{"itemIdentifier":1}`), "bad answer 0", nil},
		{"wrong inner name", failures(`{"itemidentifier":"` + sequence(1) + `"}`), "bad answer 0", nil},
		{"nothing inside", failures(`{}`), "bad answer 0", nil},
		{"null item", failures(`null`), "bad answer 0", nil},
		{"item that is no object", failures(`"` + sequence(1) + `"`), "bad answer 0", nil},
		{"id that is not in the batch", failures(`{"itemIdentifier":"` + sequence(3) + `"}`), "bad answer 0", nil},
		{"one of two is not in the batch", failures(id(1), `{"itemIdentifier":"x"}`), "bad answer 0", nil},
		{"list that is none", `{"batchItemFailures":"x"}`, "bad answer 0", nil},
		{"no object", `"ok"`, "bad answer 0", nil},
		{"no JSON", `{"batchItemFailures":[`, "bad answer 0", nil},
		{"more than JSON", `{} x`, "bad answer 0", nil},
		{"id below the first", failures(low), "bad answer 0", nil},
		{"id below the first, taken for the first", failures(low), "partial 0", []lambdatest.Option{lambdatest.WithLowIDsAsFirst()}},
		{"no number below the first", failures(`{"itemIdentifier":"-1"}`), "bad answer 0", []lambdatest.Option{lambdatest.WithLowIDsAsFirst()}},
	} {
		bubble(t, c.name, func(t *testing.T) {
			opts := append(c.opts, lambdatest.WithMaximumRetryAttempts(0), lambdatest.WithReportBatchItemFailures())
			m := drained(t, lambdatest.Records(numbered(3)), answers(c.answer), opts...)
			first := m.Invocations()[0]
			check(t, "outcome", fmt.Sprintf("%s %d", first.Outcome, first.Done), c.want)
			check(t, "error", first.Err != nil, strings.HasPrefix(c.want, "bad"))
			check(t, "answer", string(first.Answer), c.answer)

			m = drained(t, lambdatest.Records(numbered(3)), answers(c.answer), lambdatest.WithMaximumRetryAttempts(0))
			check(t, "without the response type", story(m), "0 1 2: succeeded")
		})
	}
}

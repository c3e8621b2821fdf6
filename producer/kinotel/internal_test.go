package kinotel

import (
	"errors"
	"slices"
	"testing"
)

// A Producer gives none of these now; what it may give must not lose the count.
func TestReasonOfUnknownError(t *testing.T) {
	if got := reason(errors.New("something new")).Value.AsString(); got != "_OTHER" {
		t.Error(got)
	}
}

func TestErrorType(t *testing.T) {
	for code, want := range map[string]string{"": "_OTHER", "InternalFailure": "InternalFailure", "a\xff": "a\uFFFD"} {
		if got := errorType(code).Value.AsString(); got != want {
			t.Errorf("%q is %q, want %q", code, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	if got, want := counts(500), []float64{1, 2, 5, 10, 20, 50, 100, 200, 500}; !slices.Equal(got, want) {
		t.Error(got)
	}
}

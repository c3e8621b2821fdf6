package kinprom

import (
	"errors"
	"slices"
	"testing"
)

// A Producer gives none of these now; what it may give must not lose the count.
func TestReasonOfUnknownError(t *testing.T) {
	if got := reason(errors.New("something new")); got != "other" {
		t.Error(got)
	}
}

func TestCodeLabel(t *testing.T) {
	for code, want := range map[string]string{"": "none", "InternalFailure": "InternalFailure", "a\xff": "a\uFFFD"} {
		if got := codeLabel(code); got != want {
			t.Errorf("%q is %q, want %q", code, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	if got, want := counts(500), []float64{1, 2, 5, 10, 20, 50, 100, 200, 500}; !slices.Equal(got, want) {
		t.Error(got)
	}
}

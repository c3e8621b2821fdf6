package sequence_test

import (
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/sequence"
)

func TestValid(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "7": true, "10": true, "49590338271490256608559692538361571095921575989136588898": true,
		strings.Repeat("9", 129): true, strings.Repeat("9", 130): false,
		"": false, "00": false, "07": false, "-1": false, "+1": false, "1x": false, "x1": false, "1 ": false, "1.0": false, "٣": false, "1:2": false,
	} {
		if got := sequence.Valid(s); got != want {
			t.Errorf("Valid(%q) is %v", s, got)
		}
	}
}

func TestCompareAndPad(t *testing.T) {
	ascending := []string{"0", "1", "9", "10", "99", "100", "49590338271490256608559692538361571095921575989136588898",
		"49590338271490256608559692538361571095921575989136588899", strings.Repeat("9", 129)}
	for i, a := range ascending {
		for j, b := range ascending {
			want := max(-1, min(1, i-j))
			if got := sequence.Compare(a, b); got != want {
				t.Errorf("Compare(%s, %s) is %d, want %d", a, b, got, want)
			}
			if got := strings.Compare(sequence.Pad(a), sequence.Pad(b)); got != want {
				t.Errorf("padded, %s and %s compare as %d, want %d", a, b, got, want)
			}
		}
		if n := len(sequence.Pad(a)); n != sequence.MaxDigits {
			t.Errorf("%s is padded to %d digits", a, n)
		}
	}
}

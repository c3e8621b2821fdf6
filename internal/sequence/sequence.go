// Package sequence owns what sequence numbers are outside of the service: decimal
// numbers, too long for an int, which compare as numbers.
package sequence

import (
	"cmp"
	"strings"
)

// MaxDigits is how many digits a sequence number has at most: the service's pattern
// is 0|([1-9]\d{0,128}) (Kinesis API Reference, SequenceNumberRange). It gives 56.
const MaxDigits = 129

// Valid says whether s is a sequence number.
func Valid(s string) bool {
	return s != "" && len(s) <= MaxDigits && (s[0] != '0' || s == "0") && strings.Trim(s, "0123456789") == ""
}

// Compare compares sequence numbers as numbers; other strings in some order.
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Pad returns a valid sequence number with leading zeros to MaxDigits, so that
// strings compare as the numbers do.
func Pad(s string) string {
	return strings.Repeat("0", max(0, MaxDigits-len(s))) + s
}

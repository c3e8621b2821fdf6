package kinesistest

import (
	"encoding/hex"
	"math"
	"testing"
)

// TestCBORIntegers writes integers of every width (RFC 8949, appendix A).
func TestCBORIntegers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "00", 23: "17", 24: "1818", 255: "18ff", 256: "190100", 65_535: "19ffff", 65_536: "1a00010000",
		1<<32 - 1: "1affffffff", 1 << 32: "1b0000000100000000", math.MaxInt64: "1b7fffffffffffffff",
		-1: "20", -24: "37", -25: "3818", -1000: "3903e7", math.MinInt64: "3b7fffffffffffffff",
	} {
		if got := hex.EncodeToString((cborForm{}).integer(nil, n)); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

// TestCBORText writes what is no UTF-8, as it may be in the message of a Fault,
// like JSON does.
func TestCBORText(t *testing.T) {
	if got, want := string(cborForm{}.text(nil, "a\xff\xfe")), "\x67a\ufffd\ufffd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

package hashkey_test

import (
	"math/big"
	"regexp"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// form is the service's pattern for an explicit hash key (API Reference,
// PutRecordsRequestEntry).
var form = regexp.MustCompile(`^(0|([1-9]\d{0,38}))$`)

// Parse takes exactly what the service's pattern and bound allow, and reads and
// prints it as math/big does.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0", "00", "7", "+7", "-1", " 1", "1\n", "x", max64, over64, max128, over128, max128 + "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := hashkey.Parse(s)
		want, valid := new(big.Int).SetString(s, 10)
		valid = valid && form.MatchString(s) && want.BitLen() <= 128
		switch {
		case valid != (err == nil):
			t.Fatalf("Parse(%q): error %v, but valid is %v", s, err, valid)
		case !valid:
			return
		case toBig(k).Cmp(want) != 0:
			t.Fatalf("Parse(%q) = %x, want %x", s, k, want)
		case k.String() != s:
			t.Fatalf("Parse(%q) prints as %s", s, k)
		case hashkey.Normalize(s) != s:
			t.Fatalf("Normalize(%q) = %q", s, hashkey.Normalize(s))
		}
	})
}

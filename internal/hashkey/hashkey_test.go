package hashkey_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
)

const (
	max64   = "18446744073709551615"                    // 2^64-1
	over64  = "18446744073709551616"                    // 2^64
	max128  = "340282366920938463463374607431768211455" // 2^128-1
	over128 = "340282366920938463463374607431768211456" // 2^128
)

// toBig is the oracle's view of k.
func toBig(k hashkey.Key) *big.Int {
	n := new(big.Int).SetUint64(k.Hi)
	return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(k.Lo))
}

func fromBig(n *big.Int) hashkey.Key {
	low := new(big.Int).SetUint64(^uint64(0))
	return hashkey.Key{Hi: new(big.Int).Rsh(n, 64).Uint64(), Lo: low.And(low, n).Uint64()}
}

// Of: known answers of RFC 1321, and the hash keys that the KPL wrote for the
// keys of its golden data.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		key  string
		want hashkey.Key
	}{
		{"", hashkey.Key{Hi: 0xd41d8cd98f00b204, Lo: 0xe9800998ecf8427e}},
		{"a", hashkey.Key{Hi: 0x0cc175b9c0f1b6a8, Lo: 0x31c399e269772661}},
		{"message digest", hashkey.Key{Hi: 0xf96b697d7cb7938d, Lo: 0x525a2f31aaf161d0}},
		{strings.Repeat("1234567890", 8), hashkey.Key{Hi: 0x57edf4a22be3c955, Lo: 0xac49da2e2107b67a}},
	} {
		if got := hashkey.Of(c.key); got != c.want {
			t.Errorf("Of(%q) = %x, want %x", c.key, got, c.want)
		}
	}
	for key, want := range map[string]string{
		"a":     "16955237001963240173058271559858726497",
		"key-1": "44775357070821016797045618461742138278",
		"big":   "287619647964831553596802258931442670516",
	} {
		if got := hashkey.Of(key).String(); got != want {
			t.Errorf("Of(%q) = %s, want %s", key, got, want)
		}
	}
}

func TestOfAllocates(t *testing.T) {
	for _, n := range []int{16, 200} {
		key := strings.Repeat("k", n)
		var sum uint64
		if got := testing.AllocsPerRun(100, func() { sum += hashkey.Of(key).Lo }); got != 0 {
			t.Errorf("Of allocates %v times for a key of %d bytes, want 0", got, n)
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]hashkey.Key{
		"0":                    {},
		"9":                    {Lo: 9},
		"10":                   {Lo: 10},
		max64:                  {Lo: ^uint64(0)},
		over64:                 {Hi: 1},
		"18446744073709551617": {Hi: 1, Lo: 1},
		max128:                 hashkey.Max(),
		"340282366920938463463374607431768211454": hashkey.Max().Prev(),
		"99999999999999999999999999999999999999":  {Hi: 0x4b3b4ca85a86c47a, Lo: 0x098a223fffffffff},
	} {
		if got, err := hashkey.Parse(s); err != nil || got != want {
			t.Errorf("Parse(%q) = %x, %v; want %x", s, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	digits := strings.Repeat("1", 40)
	for _, c := range []struct{ s, want string }{
		{"", `hash key is empty: want a decimal number from 0 to 2^128-1`},
		{"00", `hash key "00" has a leading zero`},
		{"007", `hash key "007" has a leading zero`},
		{"0x1", `hash key "0x1" has a leading zero`},
		{"+7", `hash key "+7" is not a decimal number`},
		{"-1", `hash key "-1" is not a decimal number`},
		{" 1", `hash key " 1" is not a decimal number`},
		{"1 ", `hash key "1 " is not a decimal number`},
		{"1_0", `hash key "1_0" is not a decimal number`},
		{"abc", `hash key "abc" is not a decimal number`},
		{"1/", `hash key "1/" is not a decimal number`},
		{"1:", `hash key "1:" is not a decimal number`},
		{"1\x00", `hash key "1\x00" is not a decimal number`},
		{"٣", `hash key "٣" is not a decimal number`},
		{over128, `hash key ` + over128 + ` is over 2^128-1`},
		{"999999999999999999999999999999999999999", `hash key 999999999999999999999999999999999999999 is over 2^128-1`},
		{digits, `hash key has 40 characters, at most 39 are possible (2^128-1)`},
		{strings.Repeat("0", 40), `hash key has 40 characters, at most 39 are possible (2^128-1)`},
	} {
		got, err := hashkey.Parse(c.s)
		if err == nil || err.Error() != c.want {
			t.Errorf("Parse(%q): error %v, want %s", c.s, err, c.want)
		}
		if got != (hashkey.Key{}) {
			t.Errorf("Parse(%q) = %x with an error, want the zero Key", c.s, got)
		}
	}
}

// Keys of every bit length go to decimal and back as math/big does it.
func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	keys := []hashkey.Key{{}, {Lo: 1}, {Hi: 1}, hashkey.Max()}
	for bits := range 129 {
		power := new(big.Int).Lsh(big.NewInt(1), uint(bits))
		keys = append(keys, fromBig(power.Sub(power, big.NewInt(1))))
		for range 20 {
			n := toBig(hashkey.Key{Hi: random.Uint64(), Lo: random.Uint64()})
			keys = append(keys, fromBig(n.Rsh(n, uint(128-bits))))
		}
	}
	for _, k := range keys {
		want := toBig(k).String()
		if got := k.String(); got != want {
			t.Fatalf("String of %x is %s, want %s", k, got, want)
		}
		if got := string(k.Append([]byte("key "))); got != "key "+want {
			t.Fatalf("Append of %x gives %q", k, got)
		}
		if got, err := hashkey.Parse(want); err != nil || got != k {
			t.Fatalf("Parse(%s) = %x, %v; want %x", want, got, err, k)
		}
	}
}

func TestAppendAllocates(t *testing.T) {
	buf := make([]byte, 0, hashkey.MaxDigits)
	if got := testing.AllocsPerRun(100, func() { buf = hashkey.Max().Append(buf[:0]) }); got != 0 {
		t.Errorf("Append allocates %v times into a buffer of MaxDigits, want 0", got)
	}
	if string(buf) != max128 {
		t.Errorf("Append gives %s", buf)
	}
}

// What the KPL reads comes out in the form that the service takes; what it
// cannot read stays wrong.
func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		s, want string
		valid   bool
	}{
		{"7", "7", true},
		{"007", "7", true},
		{"+7", "7", true},
		{" 123 ", "123", true},
		{"\t+0042\n", "42", true},
		{"0", "0", true},
		{"+000", "0", true},
		{"+0", "0", true},
		{max128, max128, true},
		{"+000" + max128, max128, true},
		{over128, over128, false},
		{"", "", false},
		{"-1", "-1", false},
		{"-0", "-0", false},
		{"++7", "+7", false},
		{"+ 7", " 7", false},
		{"0x10", "x10", false},
		{"1 2", "1 2", false},
	} {
		got := hashkey.Normalize(c.s)
		if got != c.want {
			t.Errorf("Normalize(%q) = %q, want %q", c.s, got, c.want)
		}
		if k, err := hashkey.Parse(got); (err == nil) != c.valid {
			t.Errorf("Parse(Normalize(%q)): %v, %v; valid should be %v", c.s, k, err, c.valid)
		}
	}
	for _, s := range []string{"+", " ", " + "} {
		if _, err := hashkey.Parse(hashkey.Normalize(s)); err == nil {
			t.Errorf("Normalize(%q) = %q, which Parse takes", s, hashkey.Normalize(s))
		}
	}
}

func TestCompare(t *testing.T) {
	rising := []hashkey.Key{{}, {Lo: 1}, {Lo: ^uint64(0)}, {Hi: 1}, {Hi: 1, Lo: 1}, {Hi: 2}, {Hi: ^uint64(0)}, hashkey.Max()}
	for i, a := range rising {
		for j, b := range rising {
			if got, want := a.Compare(b), toBig(a).Cmp(toBig(b)); got != want || (got == 0) != (i == j) {
				t.Errorf("Compare(%x, %x) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestNextPrev(t *testing.T) {
	for _, c := range []struct{ k, next hashkey.Key }{
		{hashkey.Key{}, hashkey.Key{Lo: 1}},
		{hashkey.Key{Lo: ^uint64(0)}, hashkey.Key{Hi: 1}},
		{hashkey.Key{Hi: 6, Lo: ^uint64(0)}, hashkey.Key{Hi: 7}},
		{hashkey.Key{Hi: 6, Lo: 41}, hashkey.Key{Hi: 6, Lo: 42}},
		{hashkey.Max(), hashkey.Key{}},
	} {
		if got := c.k.Next(); got != c.next {
			t.Errorf("Next of %x is %x, want %x", c.k, got, c.next)
		}
		if got := c.next.Prev(); got != c.k {
			t.Errorf("Prev of %x is %x, want %x", c.next, got, c.k)
		}
	}
}

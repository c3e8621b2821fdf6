// Package hashkey is the 128-bit hash key space of a Kinesis stream: the MD5
// of a partition key, the decimal form that the API uses, and the ranges that
// shards own.
package hashkey

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"unsafe"
)

// MaxDigits is the length of 2^128-1 in decimal, the longest hash key.
const MaxDigits = 39

// Key is an unsigned 128-bit integer. The zero value is the lowest hash key.
type Key struct{ Hi, Lo uint64 }

// Max returns 2^128-1, the highest hash key.
func Max() Key { return Key{^uint64(0), ^uint64(0)} }

// Of returns the hash key of a partition key: its MD5 as a big-endian integer
// (Amazon Kinesis Data Streams API Reference, PutRecord).
func Of(partitionKey string) Key {
	// A conversion to []byte would allocate for keys over 32 bytes.
	sum := md5.Sum(unsafe.Slice(unsafe.StringData(partitionKey), len(partitionKey)))
	return Key{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:])}
}

// Parse reads the decimal form of an explicit hash key as the service takes
// it: 0, or up to 39 digits without a leading zero, at most 2^128-1.
func Parse(s string) (Key, error) {
	switch {
	case s == "":
		return Key{}, fmt.Errorf("hash key is empty: want a decimal number from 0 to 2^128-1")
	case len(s) > MaxDigits:
		return Key{}, fmt.Errorf("hash key has %d characters, at most %d are possible (2^128-1)", len(s), MaxDigits)
	case s[0] == '0' && len(s) > 1:
		return Key{}, fmt.Errorf("hash key %q has a leading zero", s)
	}
	var k Key
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return Key{}, fmt.Errorf("hash key %q is not a decimal number", s)
		}
		var over bool
		if k, over = k.timesTenPlus(uint64(d)); over {
			return Key{}, fmt.Errorf("hash key %s is over 2^128-1", s)
		}
	}
	return k, nil
}

func (k Key) timesTenPlus(d uint64) (_ Key, over bool) {
	c1, lo := bits.Mul64(k.Lo, 10)
	c2, hi := bits.Mul64(k.Hi, 10)
	lo, carry := bits.Add64(lo, d, 0)
	hi, carry = bits.Add64(hi, c1, carry)
	return Key{hi, lo}, c2 != 0 || carry != 0
}

// Normalize brings a hash key that is written the way the KPL reads it into the
// form that Parse takes: blanks around it, a plus sign and leading zeros go. What
// has no digit comes back as it is, for Parse to refuse.
func Normalize(s string) string {
	n := strings.TrimPrefix(strings.TrimSpace(s), "+")
	if n == "" {
		return s
	}
	if t := strings.TrimLeft(n, "0"); t != "" {
		return t
	}
	return "0"
}

// Append appends the decimal form of k to dst.
func (k Key) Append(dst []byte) []byte {
	var buf [MaxDigits]byte
	i := len(buf)
	for {
		var d uint64
		k.Hi, d = k.Hi/10, k.Hi%10
		k.Lo, d = bits.Div64(d, k.Lo, 10)
		i--
		buf[i] = byte('0' + d)
		if k == (Key{}) {
			return append(dst, buf[i:]...)
		}
	}
}

// String returns the decimal form of k.
func (k Key) String() string {
	var buf [MaxDigits]byte
	return string(k.Append(buf[:0]))
}

// Compare returns -1, 0 or +1 as k is below, equal to or above o.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Hi, o.Hi); c != 0 {
		return c
	}
	return cmp.Compare(k.Lo, o.Lo)
}

// Next returns k+1; after Max comes 0.
func (k Key) Next() Key {
	lo, carry := bits.Add64(k.Lo, 1, 0)
	return Key{k.Hi + carry, lo}
}

// Prev returns k-1; before 0 comes Max.
func (k Key) Prev() Key {
	lo, borrow := bits.Sub64(k.Lo, 1, 0)
	return Key{k.Hi - borrow, lo}
}

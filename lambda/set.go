package lambda

// This file owns the set of decided user records of one outer record. Handled in
// order it is a count; only what is decided out of order costs a bitmap.

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// maxUsers bounds the index of a user record: a Kinesis record is of at most 10
// MiB, and a user record in it takes at least 6 bytes.
const maxUsers = 10 << 20 / 6

// set is a set of small numbers. The zero value is empty.
type set struct {
	prefix int      // all below are in it, and prefix itself is not
	more   []uint64 // bit i%64 of word i/64 is that of i; those below prefix do not count
}

func (s *set) has(i int) bool {
	return i < s.prefix || i/64 < len(s.more) && s.more[i/64]>>(i%64)&1 != 0
}

func (s *set) add(i int) {
	switch {
	case i < s.prefix:
	case i > s.prefix:
		for len(s.more) <= i/64 {
			s.more = append(s.more, 0)
		}
		s.more[i/64] |= 1 << (i % 64)
	default:
		s.prefix++
		for s.has(s.prefix) {
			s.prefix++
		}
		if s.prefix/64 >= len(s.more) {
			s.more = nil
		}
	}
}

func (s *set) count() int {
	n := s.prefix
	for w := s.prefix / 64; w < len(s.more); w++ {
		word := s.more[w]
		if w == s.prefix/64 {
			word &= ^uint64(0) << (s.prefix % 64)
		}
		n += bits.OnesCount64(word)
	}
	return n
}

// union adds all of t.
func (s *set) union(t *set) {
	for i := range 64 * max(len(t.more), (t.prefix+63)/64) {
		if t.has(i) {
			s.add(i)
		}
	}
}

func (s *set) clone() set {
	return set{s.prefix, append([]uint64(nil), s.more...)}
}

// The written forms of a set: runs, or a bitmap where that is shorter.
const (
	formRuns   = 0 // lengths by turns of what is in it and what is not, from 0 on
	formBitmap = 1 // little endian, as many bytes as n numbers need
)

// append writes the set of numbers below n.
func (s *set) append(to []byte, n int) []byte {
	start := len(to)
	to = append(to, formRuns)
	for at, in := 0, true; at < n; in = !in {
		from := at
		for at < n && s.has(at) == in {
			at++
		}
		if !in && at == n {
			break // what comes last is not in it
		}
		to = binary.AppendUvarint(to, uint64(at-from))
		if len(to)-start > 1+(n+7)/8 {
			return s.appendBitmap(to[:start], n)
		}
	}
	return to
}

func (s *set) appendBitmap(to []byte, n int) []byte {
	to = append(to, formBitmap)
	for i := 0; i < n; i += 8 {
		var b byte
		for j := range min(8, n-i) {
			if s.has(i + j) {
				b |= 1 << j
			}
		}
		to = append(to, b)
	}
	return to
}

var errSet = errors.New("a set of user records can't be read")

// readSet reads what append wrote: all of b.
func readSet(b []byte, n int) (s set, err error) {
	if len(b) == 0 {
		return s, errSet
	}
	form, b := b[0], b[1:]
	switch form {
	case formBitmap:
		if len(b) != (n+7)/8 {
			return s, errSet
		}
		for i := range n {
			if b[i/8]>>(i%8)&1 != 0 {
				s.add(i)
			}
		}
	case formRuns:
		at := 0
		for in := true; len(b) > 0; in = !in {
			run, size := binary.Uvarint(b)
			if size <= 0 || run > uint64(n-at) {
				return set{}, errSet
			}
			b = b[size:]
			for range run {
				if in {
					s.add(at)
				}
				at++
			}
		}
	default:
		return s, errSet
	}
	return s, nil
}

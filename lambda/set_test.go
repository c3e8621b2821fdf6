package lambda

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// checkSet compares a set with a map of the same.
func checkSet(t *testing.T, what string, s *set, want map[int]bool, n int) {
	t.Helper()
	prefix := 0
	for want[prefix] {
		prefix++
	}
	if s.prefix != prefix || s.count() != len(want) {
		t.Fatalf("%s: prefix %d and count %d, want %d and %d", what, s.prefix, s.count(), prefix, len(want))
	}
	for i := range n + 70 {
		if s.has(i) != want[i] {
			t.Fatalf("%s: has(%d) is %v", what, i, !want[i])
		}
	}
	if len(s.more) > 0 && s.prefix/64 >= len(s.more) {
		t.Fatalf("%s: a bitmap of what is in the prefix", what)
	}
}

// randomSet adds numbers below n in all kinds of order.
func randomSet(r *rand.Rand, n int) (s set, want map[int]bool) {
	want = map[int]bool{}
	order := r.Perm(n)
	if r.IntN(3) == 0 {
		for i := range order {
			order[i] = i
		}
	}
	count := r.IntN(n + 1)
	if r.IntN(4) == 0 {
		count = n
	}
	for _, i := range order[:count] {
		s.add(i)
		want[i] = true
		if r.IntN(8) == 0 {
			s.add(i) // once more
		}
	}
	return s, want
}

func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		n := 1 + r.IntN(300)
		s, want := randomSet(r, n)
		checkSet(t, "add", &s, want, n)

		copied := s.clone()
		other, more := randomSet(r, 1+r.IntN(300))
		all := map[int]bool{}
		for i := range want {
			all[i] = true
		}
		for i := range more {
			all[i] = true
		}
		s.union(&other)
		checkSet(t, "union", &s, all, 300)
		checkSet(t, "the other of it", &other, more, 300)
		checkSet(t, "a copy from before", &copied, want, n)

		written := copied.append([]byte("head"), n)
		if string(written[:4]) != "head" {
			t.Fatal("append did not append")
		}
		read, err := readSet(written[4:], n)
		if err != nil {
			t.Fatal(err)
		}
		checkSet(t, "read", &read, want, n)
		if got, least := len(written)-4, 1+min(runsLength(want, n), (n+7)/8); got != least {
			t.Fatalf("%d bytes, want %d", got, least)
		}
	}
}

// runsLength is how many bytes the runs of a set take.
func runsLength(want map[int]bool, n int) (length int) {
	if len(want) == 0 {
		return 1
	}
	last := 0 // behind the last one in it
	for i := range n {
		if want[i] {
			last = i + 1
		}
	}
	for at, in := 0, true; at < last; in = !in {
		from := at
		for at < last && want[at] == in {
			at++
		}
		length += len(binary.AppendUvarint(nil, uint64(at-from)))
	}
	return length
}

// The set of a batch that is done in order is a few bytes, however long.
func TestSetIsSmall(t *testing.T) {
	var s set
	for i := range 10_000 {
		s.add(i)
	}
	if s.more != nil {
		t.Error("a bitmap of what is in order")
	}
	if got := len(s.append(nil, 100_000)); got != 3 {
		t.Errorf("%d bytes, want 3", got)
	}
	var none set
	if got := len(none.append(nil, 100_000)); got != 2 {
		t.Errorf("%d bytes for none, want 2", got)
	}
	s.add(20_000)
	if got := len(s.append(nil, 100_000)); got != 6 {
		t.Errorf("%d bytes with one that is apart, want 6", got)
	}
}

func TestSetsThatAreNone(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":              {},
		"another form":         {2, 1},
		"bitmap, too short":    {formBitmap, 1},
		"bitmap, too long":     {formBitmap, 1, 1, 1},
		"bitmap without bytes": {formBitmap},
		"run too long":         {formRuns, 11},
		"second run too long":  {formRuns, 3, 8},
		"run cut off":          {formRuns, 0x80},
		"run over 64 bits":     {formRuns, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	} {
		if s, err := readSet(b, 10); err == nil {
			t.Errorf("%s: read %v", name, s)
		}
	}
	// Bits beyond the last number count for nothing.
	s, err := readSet([]byte{formBitmap, 0xff, 0xff}, 10)
	if err != nil || s.count() != 10 || s.prefix != 10 {
		t.Errorf("got %v, %v", s, err)
	}
}

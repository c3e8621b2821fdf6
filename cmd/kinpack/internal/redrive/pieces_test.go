package redrive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/lambda"
)

// piece is an event with some user records of an aggregate of five, made of
// letters and read again.
func piece(t *testing.T, subs ...int) redrive.Record {
	t.Helper()
	var s redrive.Set
	for _, sub := range subs {
		l := letterOf(sub)
		if _, err := s.AddLetter(&l); err != nil {
			t.Fatal(err)
		}
	}
	return read(makeEvents(t, &s, 1)[0].JSON())[0].Records[0]
}

func letterOf(sub int) lambda.Letter {
	return letter("49", sub, fmt.Sprintf("key %d", sub), fmt.Sprint(sub))
}

// subsOf names the sub-sequence numbers of the only outer record that a set makes.
func subsOf(t *testing.T, s *redrive.Set) string {
	t.Helper()
	made := makeEvents(t, s, 100)
	if len(made) != 1 || len(made[0]) != 1 {
		t.Fatalf("events %+v", made)
	}
	var subs []string
	for _, u := range made[0][0].Users {
		if string(u.Data) != fmt.Sprint(u.SubSequence) {
			t.Errorf("user record %d holds %q", u.SubSequence, u.Data)
		}
		subs = append(subs, fmt.Sprint(u.SubSequence))
	}
	return strings.Join(subs, ",")
}

// Pieces, wholes and letters of one outer record come together, in any order.
func TestPieces(t *testing.T) {
	whole := outer("49", packed(t, "0", "1", "2", "3", "4"))
	three := letterOf(3)
	for _, c := range []struct {
		name    string
		records []redrive.Record
		letter  *lambda.Letter
		want    string
		known   int
	}{
		{"one", []redrive.Record{piece(t, 2)}, nil, "2", 0},
		{"two", []redrive.Record{piece(t, 2), piece(t, 4)}, nil, "2,4", 0},
		{"overlapping", []redrive.Record{piece(t, 1, 2), piece(t, 2, 4)}, nil, "1,2,4", 1},
		{"two from the first on", []redrive.Record{piece(t, 0), piece(t, 0, 1)}, nil, "0,1", 1},
		{"from the first on and another", []redrive.Record{piece(t, 0, 1), piece(t, 4)}, nil, "0,1,4", 0},
		{"the whole too", []redrive.Record{piece(t, 2), whole, piece(t, 4)}, nil, "0,1,2,3,4", 2},
		{"the whole and its first ones", []redrive.Record{whole, piece(t, 0, 1)}, nil, "0,1,2,3,4", 2},
		{"the first ones and the whole", []redrive.Record{piece(t, 0), whole}, nil, "0,1,2,3,4", 1},
		{"a letter too", []redrive.Record{piece(t, 2), piece(t, 3, 4)}, &three, "2,3,4", 1},
	} {
		for range 2 {
			var s redrive.Set
			known := 0
			if c.letter != nil {
				if _, err := s.AddLetter(c.letter); err != nil {
					t.Fatal(c.name, err)
				}
			}
			for _, r := range c.records {
				skipped, k, err := s.AddRecord(&r, nil)
				if skipped != 0 || err != nil {
					t.Errorf("%s: skipped %d, %v", c.name, skipped, err)
				}
				known += k
			}
			if got := subsOf(t, &s); got != c.want || known != c.known {
				t.Errorf("%s: got %s, %d known; want %s, %d", c.name, got, known, c.want, c.known)
			}
			slices.Reverse(c.records)
		}
	}
}

// A piece that is not of the record is still refused, and takes nothing along.
func TestPiecesInConflict(t *testing.T) {
	foreign := letterOf(3)
	foreign.Data = []byte("other")
	var s redrive.Set
	if _, err := s.AddLetter(&foreign); err != nil {
		t.Fatal(err)
	}
	bad := read(makeEvents(t, &s, 1)[0].JSON())[0].Records[0]
	for _, r := range []redrive.Record{outer("49", packed(t, "0", "1", "2", "3", "4")), piece(t, 2, 3), piece(t, 3)} {
		var s redrive.Set
		add(t, &s, r)
		before := subsOf(t, &s)
		if _, _, err := s.AddRecord(&bad, nil); err == nil || subsOf(t, &s) != before {
			t.Errorf("%v, %s", err, subsOf(t, &s))
		}
	}
}

// What is made anew says so, even if it holds all or the first of its record, and
// comes out the same again. What was read whole, and only so, goes as it was.
func TestPieceByName(t *testing.T) {
	name := func(s *redrive.Set) (string, string) {
		b := string(makeEvents(t, s, 1)[0].JSON())
		_, after, _ := strings.Cut(b, `"eventName":"`)
		return after[:strings.IndexByte(after, '"')], b
	}
	plain := letter("49", 0, "a", "d")
	plain.Aggregated = false
	broken := letter("49", lambda.WholeRecord, "a", string(brokenAggregate()))
	broken.Aggregated = false
	for want, letters := range map[string][]lambda.Letter{
		"kinpack:redriven:0,2": {letterOf(0), letterOf(2)}, "kinpack:redriven:0-1": {letterOf(0), letterOf(1)},
		"kinpack:redriven:0": {plain}, "kinpack:redriven:-1": {broken},
	} {
		var s, again redrive.Set
		for _, l := range letters {
			if _, err := s.AddLetter(&l); err != nil {
				t.Fatal(err)
			}
		}
		got, made := name(&s)
		if got != want {
			t.Errorf("eventName %s, want %s", got, want)
		}
		add(t, &again, read([]byte(made))[0].Records[0])
		if _, b := name(&again); b != made {
			t.Errorf("again\n%s, not\n%s", b, made)
		}
	}
	var s redrive.Set
	add(t, &s, outer("49", packed(t, "0", "1")))
	if got, _ := name(&s); got != "aws:kinesis:record" {
		t.Errorf("of a whole one %s", got)
	}
	l := letterOf(1)
	if known, err := s.AddLetter(&l); !known || err != nil {
		t.Fatal(known, err)
	}
	if got, _ := name(&s); got != "kinpack:redriven:0-1" {
		t.Errorf("of a whole one with a letter in it %s", got)
	}
}

// Progress of a piece goes by the place in it.
func TestPieceDone(t *testing.T) {
	var s redrive.Set
	if skipped, _ := add(t, &s, piece(t, 1, 3, 4), 0, 1); skipped != 2 || subsOf(t, &s) != "4" {
		t.Errorf("skipped %d, left %s", skipped, subsOf(t, &s))
	}
}

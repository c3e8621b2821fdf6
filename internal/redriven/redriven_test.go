package redriven_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kinpack/kinpack/internal/redriven"
)

func TestName(t *testing.T) {
	for want, subs := range map[string][]int{
		"kinpack:redriven:0":         {0},
		"kinpack:redriven:7":         {7},
		"kinpack:redriven:0-2":       {0, 1, 2},
		"kinpack:redriven:2,5-9,11":  {2, 5, 6, 7, 8, 9, 11},
		"kinpack:redriven:0,2,4-5,9": {0, 2, 4, 5, 9},
	} {
		if got := redriven.Name(subs); got != want || !redriven.Is(got) {
			t.Errorf("Name(%v) is %q, want %q", subs, got, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var subs []int
		for i := range 200 {
			if r.IntN(3) > 0 {
				subs = append(subs, i)
			}
		}
		if got := redriven.Parse(redriven.Name(subs), len(subs)); !slices.Equal(got, subs) {
			t.Fatalf("%v came back as %v", subs, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	if redriven.Is("aws:kinesis:record") {
		t.Error("the name of every record is taken for one of a redrive")
	}
	for name, n := range map[string]int{
		"":                                           1,
		"aws:kinesis:record":                         1,
		"kinpack:redriven:":                          1,
		"kinpack:redriven:1":                         2,
		"kinpack:redriven:1,2":                       1,
		"kinpack:redriven:2,1":                       2,
		"kinpack:redriven:1,1":                       2,
		"kinpack:redriven:1-3,3":                     4,
		"kinpack:redriven:3-1":                       3,
		"kinpack:redriven:-1":                        1,
		"kinpack:redriven:-1-1":                      3,
		"kinpack:redriven:a":                         1,
		"kinpack:redriven:1-b":                       1,
		"kinpack:redriven:0-9223372036854775807":     5,
		"kinpack:redriven:9223372036854775808":       1,
		"kinpack:redriven:1,":                        1,
		"kinpack:redriven:1-2-3":                     3,
		"KINPACK:redriven:1":                         1,
		"kinpack:redriven:9223372036854775807,0":     2,
		"kinpack:redriven:0,1-9223372036854775807,3": 3,
	} {
		if got := redriven.Parse(name, n); got != nil {
			t.Errorf("Parse(%q, %d) is %v", name, n, got)
		}
	}
}

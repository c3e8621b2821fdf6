package follow

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What is due comes in the order of its time, and of being put among equals.
func TestQueue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	start := time.Unix(0, 0)
	for range 200 {
		var q queue
		type entry struct{ due, order int }
		var want, got []entry
		names := map[*cursor]entry{}
		for i := range rnd.IntN(50) {
			e := entry{rnd.IntN(20), i}
			c := new(cursor)
			names[c] = e
			q.put(c, start.Add(time.Duration(e.due)))
			want = append(want, e)
		}
		slices.SortFunc(want, func(a, b entry) int {
			if a.due != b.due {
				return a.due - b.due
			}
			return a.order - b.order
		})
		for now := range 20 {
			for {
				c, ok := q.take(start.Add(time.Duration(now)))
				if !ok {
					break
				}
				if names[c].due != now {
					t.Fatalf("%v at %d", names[c], now)
				}
				got = append(got, names[c])
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

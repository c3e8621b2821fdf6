package producer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// The memo is right whatever the keys, also for keys that fall on one slot, and when
// goroutines ask at once.
func TestMemoIsRight(t *testing.T) {
	m := new(memo)
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 50_000 {
				key := fmt.Sprint("key-", r.IntN(3*memoSlots))
				switch r.IntN(10) {
				case 0:
					key = strings.Repeat(key, 30) // too long to be remembered
				case 1, 2, 3, 4, 5:
					key = fmt.Sprint("hot-", r.IntN(50))
				}
				k, l := m.of(key)
				if k != hashkey.Of(key) {
					t.Errorf("the hash key of %.40q is %s", key, k)
				}
				mu.Lock()
				m.note(l)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// It is asked as long as keys come again soon, and else but for a sample.
func TestMemoStepsAside(t *testing.T) {
	for _, c := range []struct {
		keys        int // 0: each its own
		least, most float64
	}{{10, 0.99, 1}, {220, 0.99, 1}, {1707, 0.85, 1}, {8000, 0.5, 1}, {100_000, 0, 0.01}, {0, 0, 0.01}} {
		m := new(memo)
		const n = 2_000_000
		asked, last := 0, 0
		for i := range n {
			key := fmt.Sprint("sensor-", i)
			if c.keys > 0 {
				key = fmt.Sprint("sensor-", i*7%c.keys)
			}
			_, l := m.of(key)
			if l != notAsked {
				asked++
			}
			if l == found && i >= n/2 {
				last++
			}
			m.note(l)
		}
		if share := float64(last) / (n / 2); share < c.least {
			t.Errorf("%d keys: of the second million %.3f found, want %v at least", c.keys, share, c.least)
		}
		if share := float64(asked) / n; share > c.most {
			t.Errorf("%d keys: asked for %.3f of the Puts, want %v at most", c.keys, share, c.most)
		}
	}
}

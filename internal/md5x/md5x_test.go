package md5x_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/kinpack/kinpack/internal/md5x"
)

// eachWay runs a test of Sum, and of each way that it can take.
func eachWay(t *testing.T, test func(t *testing.T, sum func(sums [][16]byte, messages [][]byte))) {
	t.Logf("tested on this processor: Sum and %v", md5x.Ways())
	t.Run("Sum", func(t *testing.T) { test(t, md5x.Sum) })
	for _, w := range md5x.Ways() {
		t.Run(w.String(), func(t *testing.T) { test(t, w.Sum) })
	}
}

// check compares with crypto/md5.
func check(t *testing.T, sum func([][16]byte, [][]byte), messages [][]byte) {
	t.Helper()
	sums := make([][16]byte, len(messages))
	for i := range sums {
		sums[i] = [16]byte{0xee, byte(i)} // whatever was there
	}
	sum(sums, messages)
	for i, m := range messages {
		if want := md5.Sum(m); sums[i] != want {
			t.Fatalf("message %d of %d, %d bytes: got %x, want %x", i, len(messages), len(m), sums[i], want)
		}
	}
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// The test suite of RFC 1321, appendix A.5.
func TestRFC(t *testing.T) {
	suite := [][2]string{
		{"", "d41d8cd98f00b204e9800998ecf8427e"},
		{"a", "0cc175b9c0f1b6a831c399e269772661"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
		{strings.Repeat("1234567890", 8), "57edf4a22be3c955ac49da2e2107b67a"},
	}
	eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
		var messages [][]byte
		for _, c := range suite {
			messages = append(messages, []byte(c[0]))
		}
		sums := make([][16]byte, len(messages))
		sum(sums, messages)
		for i, c := range suite {
			if got := hex.EncodeToString(sums[i][:]); got != c[1] {
				t.Errorf("MD5(%q) = %s, want %s", c[0], got, c[1])
			}
		}
	})
}

// Every length up to 600 at every alignment in a cache line; the messages share
// their memory.
func TestLengthsAndAlignments(t *testing.T) {
	data := randomBytes(random(1), 600+64)
	eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
		for length := range 601 {
			var messages [][]byte
			for at := range 64 {
				messages = append(messages, data[at:at+length])
			}
			check(t, sum, messages)
		}
	})
}

// None to many messages of mixed lengths.
func TestCounts(t *testing.T) {
	for name, length := range map[string]func(r *rand.Rand) int{
		"short": func(r *rand.Rand) int { return r.IntN(130) },
		"mixed": func(r *rand.Rand) int { return r.IntN(1 << r.IntN(14)) },
		"even":  func(r *rand.Rand) int { return 900 + r.IntN(200) },
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
				r := random(2)
				for count := range 41 {
					for range 5 {
						checkRandom(t, sum, r, count, length)
					}
				}
				for _, count := range []int{127, 128, 129, 300} { // around what is sorted at once
					checkRandom(t, sum, r, count, length)
				}
			})
		})
	}
}

func checkRandom(t *testing.T, sum func([][16]byte, [][]byte), r *rand.Rand, count int, length func(*rand.Rand) int) {
	t.Helper()
	messages := make([][]byte, count)
	for i := range messages {
		messages[i] = randomBytes(r, length(r))
	}
	check(t, sum, messages)
}

// Messages much longer than a kernel hashes in one call, alone, side by side,
// and among short ones.
func TestLong(t *testing.T) {
	data := randomBytes(random(3), 3_000_000)
	for name, lengths := range map[string][]int{
		"alone":       {3_000_000},
		"two":         {1_000_000, 999_999},
		"one of many": {10, 70_000, 3_000_000, 0, 200, 64, 128},
		"all":         {32768, 32767, 32769, 65536, 65535, 65537, 40_000, 100_000, 51_200, 51_216, 51_220, 32704, 32832, 1, 2, 3, 90_000, 90_001},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
				var messages [][]byte
				for i, n := range lengths {
					messages = append(messages, data[min(i, len(data)-n):][:n])
				}
				check(t, sum, messages)
			})
		})
	}
}

// Goroutines that begin with a small stack, which grows and moves, while
// garbage is collected.
func TestConcurrent(t *testing.T) {
	eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
		var workers sync.WaitGroup
		for g := range 8 {
			workers.Go(func() {
				r := random(uint64(g))
				for range 10 {
					messages := make([][]byte, 1+r.IntN(40))
					for i := range messages {
						messages[i] = randomBytes(r, r.IntN(5000))
					}
					sums := make([][16]byte, len(messages))
					var fresh sync.WaitGroup
					fresh.Go(func() { sum(sums, messages) })
					fresh.Wait()
					for i, m := range messages {
						if sums[i] != md5.Sum(m) {
							t.Errorf("goroutine %d: message %d of %d, %d bytes: wrong sum", g, i, len(messages), len(m))
						}
					}
				}
			})
		}
		for range 20 {
			runtime.GC()
		}
		workers.Wait()
	})
}

func TestNoAllocation(t *testing.T) {
	r := random(4)
	messages := make([][]byte, 40)
	for i := range messages {
		messages[i] = randomBytes(r, r.IntN(3000))
	}
	sums := make([][16]byte, len(messages))
	eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
		if n := testing.AllocsPerRun(100, func() { sum(sums, messages) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestLanes(t *testing.T) {
	want := 1
	if len(md5x.Ways()) > 1 {
		want = 16
	}
	if got := md5x.Lanes(); got != want {
		t.Errorf("%d lanes, want %d with %v", got, want, md5x.Ways())
	}
}

func TestSumsOfOtherLength(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), "md5x: 2 sums for 3 messages"; got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	md5x.Sum(make([][16]byte, 2), make([][]byte, 3))
}

// The data, cut into messages by the seed.
func FuzzSum(f *testing.F) {
	f.Add([]byte(""), uint64(0))
	f.Add([]byte("abc"), uint64(1))
	f.Add(randomBytes(random(5), 3000), uint64(2))
	f.Add(randomBytes(random(6), 20_000), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		r := random(seed)
		longest := 1 + r.IntN(1+len(data))
		var messages [][]byte
		for rest := data; len(rest) > 0 && len(messages) < 300; {
			n := r.IntN(1 + min(longest, len(rest)))
			messages, rest = append(messages, rest[:n:n]), rest[n:]
		}
		check(t, md5x.Sum, messages)
		for _, w := range md5x.Ways() {
			check(t, w.Sum, messages)
		}
	})
}

func ExampleSum() {
	messages := [][]byte{[]byte("abc"), nil, []byte("message digest")}
	sums := make([][16]byte, len(messages))
	md5x.Sum(sums, messages)
	for i, sum := range sums {
		fmt.Printf("%x %q\n", sum, messages[i])
	}
	// Output:
	// 900150983cd24fb0d6963f7d28e17f72 "abc"
	// d41d8cd98f00b204e9800998ecf8427e ""
	// f96b697d7cb7938d525a2f31aaf161d0 "message digest"
}

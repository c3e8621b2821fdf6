package md5x_test

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kinpack/kinpack/internal/cputime"
	"github.com/kinpack/kinpack/internal/md5x"
)

// BenchmarkSum hashes messages of one size, in each way that the processor has;
// by=crypto is crypto/md5, one by one.
// To compare: go test -run '^$' -bench Sum -count 6 ./internal/md5x | benchstat -col /by -ignore /turn -
func BenchmarkSum(b *testing.B) {
	for _, size := range []int{16, 64, 1000, 25_000, 51_200} {
		for _, count := range []int{1, 2, 4, 8, 12, 16, 32, 100} {
			var lengths []int
			for range count {
				lengths = append(lengths, size)
			}
			benchmark(b, fmt.Sprintf("size=%dB/count=%d", size, count), lengths)
		}
	}
}

// BenchmarkMixed hashes messages of 25,000 to 51,200 bytes.
func BenchmarkMixed(b *testing.B) {
	for _, count := range []int{8, 16, 20, 32, 50, 100} {
		r := random(1)
		var lengths []int
		for range count {
			lengths = append(lengths, 25_000+r.IntN(26_201))
		}
		benchmark(b, fmt.Sprintf("count=%d", count), lengths)
	}
}

func benchmark(b *testing.B, name string, lengths []int) {
	r, messages, total := rand.New(rand.NewPCG(1, 2)), make([][]byte, len(lengths)), 0
	for i, n := range lengths {
		at := r.IntN(64)
		messages[i] = randomBytes(r, at+n)[at:]
		total += n
	}
	sums := make([][16]byte, len(messages))
	// In turns, so that a change of the machine's speed hits all.
	ways := md5x.Ways()
	for turn := range 2 {
		for _, way := range ways {
			b.Run(fmt.Sprintf("%s/turn=%d/by=%v", name, turn+1, way), func(b *testing.B) {
				b.SetBytes(int64(total))
				start := cputime.Used()
				for b.Loop() {
					way.Sum(sums, messages)
				}
				used := cputime.Used() - start
				for i, m := range messages {
					if sums[i] != md5.Sum(m) {
						b.Fatalf("message %d: wrong sum", i)
					}
				}
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*len(messages)), "cpu-ns/message")
			})
		}
		slices.Reverse(ways)
	}
}

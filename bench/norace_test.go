//go:build !race

package bench_test

const thinned = 1

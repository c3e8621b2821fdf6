//go:build !race

package speed_test

const (
	raceEnabled = false
	heapMiB     = 64
	tlsBytes    = 4 << 20 // that are put in each part of TestTLS
)

var heapShards = []int{4, 64}

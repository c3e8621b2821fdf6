//go:build race

package speed_test

// With the race detector everything takes ten times as long.
const (
	raceEnabled = true
	heapMiB     = 4
	tlsBytes    = 256 << 10
)

var heapShards = []int{4}

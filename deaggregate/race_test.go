//go:build race

package deaggregate_test

// growth is how many objects one slices.Grow allocates: with the race detector
// the compiler keeps the slice that Grow appends, which is as large again.
const growth = 2

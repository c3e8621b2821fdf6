//go:build !race

package deaggregate_test

// growth is how many objects one slices.Grow allocates.
const growth = 1

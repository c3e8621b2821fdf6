//go:build !purego

package md5x_test

import (
	"slices"
	"testing"

	"github.com/kinpack/kinpack/internal/md5x"
)

// Lanes take each message once, and of each 128 the longest first.
func TestOrder(t *testing.T) {
	r := random(8)
	for _, count := range []int{0, 1, 16, 17, 100, 127, 128, 129, 256, 300} {
		var messages [][]byte
		for range count {
			messages = append(messages, make([]byte, 64*r.IntN(20)))
		}
		order := md5x.Order(messages)
		for first := 0; first < len(order) && count > 16; first += 128 {
			window := order[first:min(first+128, len(order))]
			if !slices.IsSortedFunc(window, func(i, j int) int { return len(messages[j]) - len(messages[i]) }) {
				t.Errorf("%d messages: not the longest first from %d on: %v", count, first, window)
			}
			for _, i := range window {
				if i < first || i >= first+128 {
					t.Errorf("%d messages: %d is not of the 128 from %d on", count, i, first)
				}
			}
		}
		slices.Sort(order)
		for i := range count {
			if len(order) != count || order[i] != i {
				t.Fatalf("%d messages: taken %v", count, order)
			}
		}
	}
}

package md5x_test

import (
	"os"
	"syscall"
	"testing"
)

// Messages between two pages that must not be touched: a read before or after
// a message ends the test with a fault.
func TestGuardPages(t *testing.T) {
	page := os.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	inside := memory[page : 2*page : 2*page]
	copy(inside, randomBytes(random(7), page))
	for _, guard := range [][]byte{memory[:page], memory[2*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	eachWay(t, func(t *testing.T, sum func([][16]byte, [][]byte)) {
		for length := range 400 {
			first, last := inside[:length], inside[page-length:]
			for _, count := range []int{1, 2, 16, 17} {
				var messages [][]byte
				for i := range count {
					messages = append(messages, [][]byte{last, first}[i%2])
				}
				check(t, sum, messages)
			}
			// Idle lanes beside one that ends early, and one that runs on.
			check(t, sum, [][]byte{last, inside[page-length/2:], inside, first})
		}
	})
}

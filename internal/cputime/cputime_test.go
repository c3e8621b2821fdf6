//go:build unix

package cputime_test

import (
	"crypto/md5"
	"testing"
	"time"

	"github.com/kinpack/kinpack/internal/cputime"
)

func TestUsed(t *testing.T) {
	data := make([]byte, 1<<20)
	for start := cputime.Used(); cputime.Used()-start < 5*time.Millisecond; {
		md5.Sum(data) // the test ends only if this is counted
	}
}

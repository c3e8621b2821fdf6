package kinwire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// A body is an io.ReadSeeker like any other, however its pieces lie.
func TestBodyReadsAndSeeks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for _, sizes := range [][]int{{}, {0}, {0, 0}, {1}, {2}, {3}, {4}, {5}, {10, 0, 7}, {1, 1, 1, 1}, {100, 101, 102}, {40_000, 3, 50_001}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			b := newBody(len(sizes))
			var want []byte
			for i, n := range sizes {
				data := random(n)
				b.add(data, i%2 == 0)
				if i%2 == 0 {
					want = base64.StdEncoding.AppendEncode(want, data)
				} else {
					want = append(want, data...)
				}
			}
			if err := iotest.TestReader(b, want); err != nil {
				t.Error(err)
			}
			for range 200 {
				from, n := r.IntN(len(want)+1), r.IntN(20)
				if _, err := b.Seek(int64(from), io.SeekStart); err != nil {
					t.Fatal(err)
				}
				if b.Len() != len(want)-from {
					t.Fatalf("Len %d at %d of %d", b.Len(), from, len(want))
				}
				got := make([]byte, min(n, len(want)-from))
				if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, want[from:from+len(got)]) {
					t.Fatalf("%d bytes from %d: %q, %v, want %q", len(got), from, got, err, want[from:from+len(got)])
				}
			}
		})
	}
}

package aggregate

import (
	"fmt"

	"github.com/kinpack/kinpack/internal/md5x"
	"github.com/kinpack/kinpack/internal/wire"
)

// AppendAll appends to dst[i] the aggregate of builders[i], as its AppendTo does. The
// digests, which are most of the work, are computed side by side: for 16 aggregates or
// more that is several times as fast. dst must be as long as builders, and no
// two of its slices may share memory. The Builders stay as they are.
func AppendAll(dst [][]byte, builders []*Builder) {
	if len(dst) != len(builders) {
		panic(fmt.Sprintf("aggregate: %d slices for %d Builders", len(dst), len(builders)))
	}
	messages := make([][]byte, len(builders))
	for i, b := range builders {
		start := len(dst[i]) + len(wire.Magic)
		dst[i] = b.appendMessage(dst[i])
		messages[i] = dst[i][start:]
	}
	sums := make([][wire.DigestSize]byte, len(builders))
	md5x.Sum(sums, messages)
	for i := range dst {
		dst[i] = append(dst[i], sums[i][:]...)
	}
}

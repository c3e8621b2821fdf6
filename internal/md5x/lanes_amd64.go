//go:build !purego

package md5x

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C gen run . -out ../blocks_amd64.s -stubs ../blocks_amd64.go -pkg md5x

// lanes is how many messages a kernel hashes side by side.
const lanes = 16

// maxRun bounds the blocks of each lane in one call of a kernel: the runtime
// cannot stop a goroutine there, and a garbage collection that is to begin waits
// for it. It makes 512 kB of all lanes, 55 to 90 µs.
const maxRun = 512

// stagger is by how many blocks half of the lanes are ahead of the others, if a
// message has staggerFrom bytes. Long slices begin on a page, and lines of memory
// at one place of more than 8 pages push each other out of an 8-way cache: all
// lanes at the same place take 1.25 times as long, or more.
const (
	stagger     = 4
	staggerFrom = 8 << 10
)

// ways returns the ways that this processor has, the fastest first.
func ways() []way {
	var all []way
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL {
		all = append(all, avx512)
	}
	if cpu.X86.HasAVX2 {
		all = append(all, avx2)
	}
	return append(all, generic)
}

// sumLanes is sum by a kernel. A lane takes a message, first its whole blocks
// where they are, then the last one or two from a copy with the padding; then
// the next message. A run of the kernel ends where the first lane has to change.
func (w way) sumLanes(sums [][16]byte, messages [][]byte) {
	var (
		state [4][lanes]uint32
		at    [lanes]*byte // where the lane's next block is
		left  [lanes]int   // blocks from there on; 0 for an idle lane in a run
		tail  [lanes]int   // blocks in pads after those
		pads  [lanes][2 * 64]byte
		of    [lanes]int // the lane's message, -1 for none
		next  = queue{all: messages}
	)
	for l := range of {
		of[l] = -1
	}
	begun, most := lanes, maxRun // lanes that take messages, blocks of the next run
	if slices.ContainsFunc(messages, func(m []byte) bool { return len(m) >= staggerFrom }) {
		begun, most = lanes/2, stagger
	}
	for {
		n, busy := most, -1
		for l := range begun {
			if left[l]+tail[l] == 0 {
				if of[l] >= 0 {
					digest(&sums[of[l]], &state, l)
				}
				if of[l] = next.take(); of[l] < 0 {
					continue
				}
				m := messages[of[l]]
				start(&state, l)
				at[l], left[l], tail[l] = unsafe.SliceData(m), len(m)/64, pad(&pads[l], m)
			}
			if left[l] == 0 {
				at[l], left[l], tail[l] = &pads[l][0], tail[l], 0
			}
			n, busy = min(n, left[l]), l
		}
		if busy < 0 {
			return
		}
		for l := range lanes {
			if left[l] == 0 { // idle: it hashes what another lane does
				at[l] = at[busy]
			}
		}
		if w == avx512 {
			blocksAVX512(&state, &at, n)
		} else {
			blocksAVX2(&state, &at, n)
		}
		for l := range lanes {
			// The end of a message is no pointer to keep: other memory begins there.
			if left[l] = max(0, left[l]-n); left[l] > 0 {
				at[l] = (*byte)(unsafe.Add(unsafe.Pointer(at[l]), 64*n))
			}
		}
		begun, most = lanes, maxRun
	}
}

// start sets the state of a lane to that before the first block (RFC 1321,
// section 3.3).
func start(state *[4][lanes]uint32, l int) {
	state[0][l], state[1][l], state[2][l], state[3][l] = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
}

// digest writes the state of a lane as a sum.
func digest(sum *[16]byte, state *[4][lanes]uint32, l int) {
	for w := range state {
		binary.LittleEndian.PutUint32(sum[4*w:], state[w][l])
	}
}

// pad writes what is left of m after its whole blocks, with the padding and the
// length in bits (RFC 1321, sections 3.1 and 3.2), and returns how many blocks
// that makes.
func pad(p *[2 * 64]byte, m []byte) int {
	*p = [2 * 64]byte{}
	n := copy(p[:64], m[len(m)&^63:])
	p[n] = 0x80
	blocks := (n+8)/64 + 1
	binary.LittleEndian.PutUint64(p[64*blocks-8:], uint64(len(m))<<3)
	return blocks
}

// A queue hands out messages, of the next 128 the longest first, so that the
// lanes come to the end together: with 20 to 100 messages of 25 to 51 kB that
// saves 3 to 15 % of the time.
type queue struct {
	all   [][]byte
	taken int         // messages that went into order
	first int         // the first of those in order
	left  int         // how many are in order
	order [128]uint32 // 128 * a message's whole blocks + its place after first
}

// take returns the index of the next message, -1 if there is none.
func (q *queue) take() int {
	if q.left == 0 {
		if q.taken == len(q.all) {
			return -1
		}
		q.fill()
	}
	q.left--
	return q.first + int(q.order[q.left]%128)
}

// fill brings the next messages into order.
func (q *queue) fill() {
	q.first, q.left = q.taken, min(len(q.all)-q.taken, len(q.order))
	q.taken += q.left
	for i, m := range q.all[q.first:q.taken] {
		q.order[i] = uint32(min(len(m)/64, 1<<25-1)*128 + i) // from 2 GB on they are equal
	}
	if len(q.all) > lanes { // otherwise all start at once
		slices.Sort(q.order[:q.left])
	}
}

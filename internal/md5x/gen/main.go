// Command gen writes the kernels of package md5x, ../blocks_amd64.s, and their
// Go declarations, from the description of MD5 in RFC 1321. The version of avo,
// which makes the assembly, is pinned in go.mod.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Both kernels hash 16 lanes in two sets of 8, one 256-bit register a set for
// each word. The steps of the sets alternate: one set alone would wait for its
// own results. Word w of the state of lane l is at 4*(lanes*w+l).
const (
	lanes = 2 * set
	set   = 8
)

// Of each round (RFC 1321, section 3.4): the amounts of the rotations, and
// which word of the block a step takes.
var (
	rotations = [4][4]uint64{{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}
	words     = [4]func(step int) int{
		func(i int) int { return i % 16 },
		func(i int) int { return (5*i + 1) % 16 },
		func(i int) int { return (3*i + 5) % 16 },
		func(i int) int { return 7 * i % 16 },
	}
)

func main() {
	ConstraintExpr("!purego")
	constants := sines()
	kernel("blocksAVX512", "AVX512F and AVX512VL", constants, mix512)
	kernel("blocksAVX2", "AVX2", constants, mix2)
	Generate()
}

// sines lays out what each step adds: the integer part of 2^32 * |sin(i+1)|,
// in the last round less 1 (see mixer).
func sines() Mem {
	m := GLOBL("sines", 8|16) // read-only data, no pointers
	for i := range 64 {
		s := uint32(math.Floor((1 << 32) * math.Abs(math.Sin(float64(i+1)))))
		if i >= 48 {
			s--
		}
		DATA(4*i, U32(s))
	}
	return m
}

// A mixer writes the core of step i, a = rotate(a + f(b, c, d)), where f is the
// round's function F, G, H or I. I is cheaper as the complement of
// c ^ (^b & d), which is -1 - (c ^ (^b & d)): the last round subtracts that, and
// the -1 is in sines.
type mixer func(i int, a, b, c, d reg.VecVirtual)

// kernel writes one function.
func kernel(name, needs string, constants Mem, mix mixer) {
	TEXT(name, 0, "func(state *[4][16]uint32, at *[16]*byte, n int)")
	Pragma("noescape")
	Doc(name+" hashes the n blocks of 64 bytes, n > 0, at each of the 16 addresses into the",
		"lane of the state that has its index. It needs "+needs+".")
	state := Load(Param("state"), GP64())
	at := Load(Param("at"), GP64())
	left := Load(Param("n"), GP64())
	offset, sine, buffer := GP64(), GP64(), GP64()
	XORQ(offset, offset)
	LEAQ(constants, sine)
	LEAQ(AllocLocal(64*lanes+32).Offset(31), buffer) // aligned to 32 bytes
	ANDQ(I8(-32), buffer)

	// word is the state's word w of set s, block the place in the buffer.
	word := func(w, s int) Mem { return Mem{Base: state, Disp: 4 * (lanes*w + set*s)} }
	block := func(w, s int) Mem { return Mem{Base: buffer, Disp: 4 * (lanes*w + set*s)} }
	var v [2][4]reg.VecVirtual
	for s := range v {
		for w := range v[s] {
			v[s][w] = YMM()
			VMOVDQU(word(w, s), v[s][w])
		}
	}
	Label("block")
	transpose(at, offset, block)
	for i := range 64 {
		k := YMM()
		VPBROADCASTD(Mem{Base: sine, Disp: 4 * i}, k)
		for s := range v {
			a, b, c, d := v[s][-i&3], v[s][(1-i)&3], v[s][(2-i)&3], v[s][(3-i)&3]
			VPADDD(k, a, a)
			VPADDD(block(words[i/16](i), s), a, a)
			mix(i, a, b, c, d)
			VPADDD(b, a, a)
		}
	}
	for s := range v {
		for w := range v[s] {
			VPADDD(word(w, s), v[s][w], v[s][w])
			VMOVDQU(v[s][w], word(w, s))
		}
	}
	ADDQ(U8(64), offset)
	DECQ(left)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// transpose brings the next block of each lane to the buffer, word by word with
// the lanes side by side.
func transpose(at, offset reg.Register, block func(w, s int) Mem) {
	for s := range 2 {
		for half := range 2 { // of the block: more addresses than registers
			var from [set]Mem
			for l := range from {
				p := GP64()
				MOVQ(Mem{Base: at, Disp: 8 * (set*s + l)}, p)
				from[l] = Mem{Base: p, Index: offset, Scale: 1}
			}
			for quarter := 2 * half; quarter < 2*half+2; quarter++ {
				// 4 words of lanes j and 4+j, and 4x4 turned around in each 128 bits.
				var r, t [4]reg.VecVirtual
				for j := range r {
					r[j], t[j] = YMM(), YMM()
					VBROADCASTI128(from[j].Offset(16*quarter), r[j])
					VINSERTI128(U8(1), from[4+j].Offset(16*quarter), r[j], r[j])
				}
				VPUNPCKLDQ(r[1], r[0], t[0])
				VPUNPCKHDQ(r[1], r[0], t[1])
				VPUNPCKLDQ(r[3], r[2], t[2])
				VPUNPCKHDQ(r[3], r[2], t[3])
				VPUNPCKLQDQ(t[2], t[0], r[0])
				VPUNPCKHQDQ(t[2], t[0], r[1])
				VPUNPCKLQDQ(t[3], t[1], r[2])
				VPUNPCKHQDQ(t[3], t[1], r[3])
				for j := range r {
					VMOVDQA(r[j], block(4*quarter+j, s))
				}
			}
		}
	}
}

// mix512 is a mixer. Bit 4b+2c+d of the table is what the function makes of
// these three bits.
func mix512(i int, a, b, c, d reg.VecVirtual) {
	f := YMM()
	VMOVDQA(b, f)
	VPTERNLOGD([4]U8{0xca, 0xe4, 0x96, 0xc6}[i/16], d, c, f)
	add(i, f, a)
	VPROLD(U8(rotations[i/16][i%4]), a, a)
}

// mix2 is a mixer.
func mix2(i int, a, b, c, d reg.VecVirtual) {
	f := YMM()
	switch i / 16 {
	case 0: // F, b&c | ^b&d
		VPXOR(c, d, f)
		VPAND(b, f, f)
		VPXOR(d, f, f)
	case 1: // G, b&d | c&^d: no bit is in both, and the second need not wait for b
		VPANDN(c, d, f)
		VPADDD(f, a, a)
		VPAND(b, d, f)
	case 2: // H, b ^ c ^ d
		VPXOR(c, d, f)
		VPXOR(b, f, f)
	case 3: // c ^ (^b & d)
		VPANDN(d, b, f)
		VPXOR(c, f, f)
	}
	add(i, f, a)
	n := rotations[i/16][i%4]
	VPSLLD(U8(n), a, f)
	VPSRLD(U8(32-n), a, a)
	VPOR(f, a, a)
}

// add adds the value of the function in step i.
func add(i int, f, a reg.VecVirtual) {
	if i < 48 {
		VPADDD(f, a, a)
	} else {
		VPSUBD(f, a, a)
	}
}

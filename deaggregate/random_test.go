package deaggregate_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// messages makes messages that follow the schema most of the time and break
// it in every way that a field can be broken. Fuzzing by bytes seldom gets past
// the first length that does not fit.
type messages struct{ *rand.Rand }

func (m messages) oneIn(n int) bool { return m.IntN(n) == 0 }

// varint is v, at times in more bytes than it needs or, rarely, too many.
func (m messages) varint(v uint64) []byte {
	b := protowire.AppendVarint(nil, v)
	if m.oneIn(20) {
		for more := m.IntN(12 - len(b)); more > 0; more-- {
			b[len(b)-1] |= 0x80
			b = append(b, 0)
		}
	}
	if m.oneIn(300) {
		b[len(b)-1] |= byte(m.Uint32())
	}
	return b
}

func (m messages) number(v uint64) uint64 {
	if m.oneIn(30) {
		return []uint64{1, 2, 3, 4, 5, 127, 128, 1<<29 - 1, 1 << 29, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}[m.IntN(14)]
	}
	return v
}

func (m messages) bytes(num uint64, content []byte) []byte {
	b := m.varint(num<<3 | 2)
	length := uint64(len(content))
	if m.oneIn(200) {
		length = m.number(length + uint64(m.IntN(3)) - 1)
	}
	return append(append(b, m.varint(length)...), content...)
}

// unknown is a field of any number and wire type, with content to match, most
// of the time.
func (m messages) unknown(depth int) []byte {
	num, typ := m.number(uint64(1+m.IntN(20))), uint64(m.IntN(6))
	if m.oneIn(200) {
		num, typ = uint64(m.IntN(3)), uint64(m.IntN(8))
	}
	b := m.varint(num<<3 | typ)
	switch typ {
	case 0:
		return append(b, m.varint(m.number(3))...)
	case 1:
		return append(b, make([]byte, 8)...)
	case 2:
		return m.bytes(num, m.text())
	case 3:
		for m.oneIn(2) && depth < 4 {
			b = append(b, m.unknown(depth+1)...)
		}
		if m.oneIn(30) {
			num++
		}
		return append(b, m.varint(num<<3|4)...)
	case 4:
		if !m.oneIn(100) {
			return nil
		}
	case 5:
		return append(b, make([]byte, 4)...)
	}
	return b
}

// fields joins parts in any order, with unknown ones in between, at times one
// twice, missing or cut.
func (m messages) fields(parts ...[]byte) (b []byte) {
	if m.oneIn(4) {
		m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	for _, p := range parts {
		switch m.IntN(100) {
		case 0:
			continue
		case 1:
			p = append(bytes.Clone(p), p...)
		case 2, 3, 4, 5:
			p = append(m.unknown(0), p...)
		}
		b = append(b, p...)
	}
	if len(b) > 0 && m.oneIn(150) {
		b = b[:m.IntN(len(b))]
	}
	return b
}

func (m messages) text() []byte {
	b := make([]byte, m.IntN(5))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m messages) record(keys, hashKeys int) []byte {
	parts := [][]byte{
		append(m.varint(1<<3), m.varint(m.number(uint64(m.IntN(max(1, keys)))))...),
		m.bytes(3, m.text()),
	}
	if hashKeys > 0 && m.oneIn(2) {
		parts = append(parts, append(m.varint(2<<3), m.varint(m.number(uint64(m.IntN(hashKeys))))...))
	}
	if m.oneIn(8) {
		parts = append(parts, m.bytes(4, m.fields(m.bytes(1, m.text()), m.bytes(2, m.text()))))
	}
	return m.bytes(3, m.fields(parts...))
}

func (m messages) message() []byte {
	keys, hashKeys := m.IntN(6), m.IntN(4)
	if m.oneIn(50) {
		keys += 500 + m.IntN(50)
	}
	var parts [][]byte
	for range keys {
		parts = append(parts, m.bytes(1, m.text()))
	}
	for range hashKeys {
		parts = append(parts, m.bytes(2, m.text()))
	}
	if keys > 0 || m.oneIn(10) {
		for range m.IntN(8) {
			parts = append(parts, m.record(keys, hashKeys))
		}
	}
	return m.fields(parts...)
}

// TestDifferential: what FuzzDifferential asks, over messages made by the schema.
func TestDifferential(t *testing.T) {
	readable, records := 0, 0
	const n = 10_000
	for seed := range uint64(n) {
		message := messages{rand.New(rand.NewPCG(seed, 3))}.message()
		differ(t, message)
		if got, ok := unpackProto(nil, message); ok {
			readable++
			records += len(got)
		}
	}
	// Neither side may be all there is.
	if readable < n/4 || readable > n*3/4 || records < n/2 {
		t.Errorf("%d of %d messages are readable, with %d user records", readable, n, records)
	}
}

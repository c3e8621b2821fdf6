package wire_test

import (
	"bytes"
	"crypto/md5"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/internal/wire"
)

// seal puts a message into the envelope.
func seal(message []byte) []byte {
	sum := md5.Sum(message)
	return append(append([]byte(wire.Magic), message...), sum[:]...)
}

func TestMessage(t *testing.T) {
	message := []byte("\x0a\x01k\x1a\x05\x08\x00\x1a\x01d")
	sealed := seal(message)
	change := func(at int, by byte) []byte {
		b := bytes.Clone(sealed)
		b[(len(b)+at)%len(b)] ^= by
		return b
	}
	overMagic := md5.Sum(sealed[:len(sealed)-wire.DigestSize])
	for _, c := range []struct {
		name string
		data []byte
		want []byte // nil: not an aggregate
	}{
		{"aggregate", sealed, message},
		{"empty message", seal(nil), []byte{}},
		{"message is the magic", seal([]byte(wire.Magic)), []byte(wire.Magic)},
		{"nil", nil, nil},
		{"text", []byte(strings.Repeat("plain text ", 5)), nil},
		{"first byte of the magic", change(0, 1), nil},
		{"last byte of the magic", change(3, 0x80), nil},
		{"first byte of the message", change(4, 1), nil},
		{"last byte of the message", change(-17, 1), nil},
		{"first byte of the digest", change(-16, 1), nil},
		{"last byte of the digest", change(-1, 1), nil},
		{"digest over the magic too", append(bytes.Clone(sealed[:len(sealed)-wire.DigestSize]), overMagic[:]...), nil},
		{"byte before", append([]byte{0}, sealed...), nil},
		{"byte behind", append(bytes.Clone(sealed), 0), nil},
		{"magic twice", append([]byte(wire.Magic), sealed...), nil},
		{"cut", sealed[:len(sealed)-1], nil},
		{"no digest", sealed[:len(sealed)-wire.DigestSize], nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := wire.Message(c.data)
			if ok != (c.want != nil) {
				t.Fatalf("aggregate: %v, want %v", ok, c.want != nil)
			}
			if ok && !bytes.Equal(got, c.want) {
				t.Errorf("message %q, want %q", got, c.want)
			}
		})
	}
}

// Up to 24 bytes, only an envelope of its own length is one: 20 at least.
func TestMessageLength(t *testing.T) {
	for n := range 25 {
		data := make([]byte, n)
		copy(data, wire.Magic)
		if _, ok := wire.Message(data); ok {
			t.Errorf("%d bytes, magic and zeros: taken for an aggregate", n)
		}
		if n < wire.Overhead {
			if _, ok := wire.Message(seal(nil)[:n]); ok {
				t.Errorf("%d bytes of an empty aggregate: taken for one", n)
			}
			continue
		}
		data = seal(make([]byte, n-wire.Overhead))
		if got, ok := wire.Message(data); !ok || len(data) != n || len(got) != n-20 {
			t.Errorf("%d bytes: message of %d, aggregate: %v", len(data), len(got), ok)
		}
	}
}

// The tags are those of the schema: field number and wire type in one byte.
func TestTags(t *testing.T) {
	want := []byte{0x0a, 0x12, 0x1a, 0x08, 0x10, 0x1a, 0x22, 0x0a}
	got := []byte{
		wire.TagPartitionKey, wire.TagExplicitHashKey, wire.TagRecord,
		wire.TagPartitionKeyIndex, wire.TagExplicitHashKeyIndex, wire.TagData, wire.TagTag, wire.TagTagKey,
	}
	if !bytes.Equal(got, want) {
		t.Errorf("tags % x, want % x", got, want)
	}
}

func TestMessageAllocates(t *testing.T) {
	data := seal(bytes.Repeat([]byte("x"), 1000))
	if got := testing.AllocsPerRun(100, func() { wire.Message(data) }); got != 0 {
		t.Errorf("Message allocates %v times, want 0", got)
	}
}

package kinwire

// This file owns the body of a request: what the transport reads, once an attempt.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/segmentio/asm/base64"
)

// body reads pieces one after the other. It has no WriteTo on purpose: the SDK's
// Close of a body waits for one under way, so a call would outlast its context.
type body struct {
	pieces []piece
	size   int64

	at  int    // the piece that Read goes on in,
	off int    // and how much of it, as it is on the wire, is read
	pos int64  // in the whole
	sum string // SHA-256 of the whole in hexadecimal, once asked for
}

// piece is a part of the body, to be encoded on its way out or sent as it is.
type piece struct {
	data   []byte
	base64 bool
}

func newBody(blobs int) *body { return &body{pieces: make([]piece, 0, 3*blobs+1)} }

func (b *body) add(data []byte, base64 bool) {
	p := piece{data, base64}
	b.pieces = append(b.pieces, p)
	b.size += int64(p.len())
}

// len returns how many bytes of the wire p takes.
func (p *piece) len() int {
	if p.base64 {
		return base64.StdEncoding.EncodedLen(len(p.data))
	}
	return len(p.data)
}

// read copies the wire's bytes of p from off on into dst.
func (p *piece) read(dst []byte, off int) int {
	if !p.base64 {
		return copy(dst, p.data[off:])
	}
	// Whole groups of three bytes and four characters go straight into dst.
	if off%4 == 0 && len(dst) >= 4 {
		from := off / 4 * 3
		n := min(len(dst)/4*3, len(p.data)-from)
		base64.StdEncoding.Encode(dst, p.data[from:from+n])
		return base64.StdEncoding.EncodedLen(n)
	}
	var group [4]byte
	from := off / 4 * 3
	base64.StdEncoding.Encode(group[:], p.data[from:min(from+3, len(p.data))])
	return copy(dst, group[off%4:])
}

// Len returns how many bytes are left to read. The SDK takes it for the
// Content-Length.
func (b *body) Len() int { return int(b.size - b.pos) }

// Read implements io.Reader.
func (b *body) Read(dst []byte) (n int, err error) {
	for b.at < len(b.pieces) && n < len(dst) {
		p := &b.pieces[b.at]
		if b.off == p.len() {
			b.at, b.off = b.at+1, 0
			continue
		}
		m := p.read(dst[n:], b.off)
		b.off += m
		n += m
	}
	b.pos += int64(n)
	if n == 0 && len(dst) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek implements io.Seeker.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.pos
	case io.SeekEnd:
		offset += b.size
	case io.SeekStart:
	default:
		return b.pos, fmt.Errorf("kinwire: seek from %d, want 0 to 2", whence)
	}
	if offset < 0 || offset > b.size {
		return b.pos, fmt.Errorf("kinwire: seek to %d in a body of %d bytes", offset, b.size)
	}
	b.pos, b.at, b.off = offset, 0, int(offset)
	for b.at < len(b.pieces) && b.off > b.pieces[b.at].len() {
		b.off -= b.pieces[b.at].len()
		b.at++
	}
	return offset, nil
}

// sha256 returns the hash of the whole, which is at its start before and after. It
// is made once, however many attempts are signed.
func (b *body) sha256() string {
	if b.sum != "" {
		return b.sum
	}
	h := sha256.New()
	var buf []byte
	for i := range b.pieces {
		p := &b.pieces[i]
		if !p.base64 {
			h.Write(p.data)
			continue
		}
		if buf == nil {
			buf = make([]byte, 16<<10)
		}
		for off := 0; off < p.len(); {
			n := p.read(buf, off)
			h.Write(buf[:n])
			off += n
		}
	}
	b.sum = hex.EncodeToString(h.Sum(nil))
	return b.sum
}

// payloadHashID is the SDK's name for the step that hashes what is to be signed.
const payloadHashID = "ComputePayloadHash"

// payloadHash stands in the place of that step.
type payloadHash struct {
	own middleware.FinalizeMiddleware // for the requests of other operations
}

// ID implements middleware.FinalizeMiddleware.
func (*payloadHash) ID() string { return payloadHashID }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (h *payloadHash) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok || v4.GetPayloadHash(ctx) != "" {
		return h.own.HandleFinalize(ctx, in, next)
	}
	a, ok := req.GetStream().(*attempt)
	if !ok {
		return h.own.HandleFinalize(ctx, in, next)
	}
	return next.HandleFinalize(v4.SetPayloadHash(ctx, a.body.sha256()), in)
}

// cutOff is the step that gives each attempt a body of its own, and ends that with it.
type cutOff struct{}

// ID implements middleware.FinalizeMiddleware.
func (cutOff) ID() string { return "kinwire.CutOff" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (cutOff) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return next.HandleFinalize(ctx, in)
	}
	b, ok := req.GetStream().(*body)
	if !ok {
		return next.HandleFinalize(ctx, in)
	}
	a := &attempt{body: b}
	defer a.end()
	req, err := req.SetStream(a)
	if err != nil {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("set stream: %w", err)
	}
	in.Request = req
	return next.HandleFinalize(ctx, in)
}

// attempt is a body for one attempt to send it. A transport may want to go on reading
// after that, when the data is the caller's again, or is being sent anew.
type attempt struct {
	mu    sync.Mutex
	body  *body
	ended bool
}

func (a *attempt) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

// Len is that of the body.
func (a *attempt) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.body.Len()
}

// Read implements io.Reader.
func (a *attempt) Read(dst []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return 0, io.ErrClosedPipe
	}
	return a.body.Read(dst)
}

// Seek implements io.Seeker.
func (a *attempt) Seek(offset int64, whence int) (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return 0, io.ErrClosedPipe
	}
	return a.body.Seek(offset, whence)
}

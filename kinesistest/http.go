package kinesistest

// This file owns the two faces that speak HTTP: the handler, on a loopback
// socket or not, and the RoundTripper over it. The socket's goroutines belong
// to Listen and are joined by Close; the RoundTripper has none.

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	targetPrefix = "Kinesis_20131202."
	// headerTimeout ends connections that never send a request.
	headerTimeout = 30 * time.Second
)

// ServeHTTP answers one request, in the form it came in: awsJson1.1, or CBOR if
// its Content-Type is application/x-amz-cbor-1.1. The operation is in the header
// X-Amz-Target, as Kinesis_20131202.PutRecords; the path is not looked at, nor
// is the signature. Where a [Fault] leaves the request without an answer it
// panics with [http.ErrAbortHandler], which net/http takes as the wish to close
// the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lost := s.answer(w, r)
	if lost == nil {
		return
	}
	conn, ok := r.Context().Value(connKey{}).(*net.TCPConn)
	if ok && errors.Is(lost, syscall.ECONNRESET) {
		_ = conn.SetLinger(0) // closed like this it is reset; else it only ends
	}
	panic(http.ErrAbortHandler)
}

// answer writes the answer to r, or returns why there is none.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) (lost error) {
	f, unreadable := formOf(r.Header.Get("Content-Type"))
	output, err := s.serve(r, f, unreadable)
	if e, ok := errors.AsType[*lostError](err); ok {
		return e.error
	}
	w.Header().Set("x-amzn-RequestId", requestID())
	w.Header().Set("Content-Type", f.contentType())
	if err == nil {
		_, _ = w.Write(encodeOutput(f, output)) // a client that is gone needs no answer
		return nil
	}
	if errors.Is(err, errTooLarge) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = w.Write(encodeError(f, "RequestEntityTooLargeException", err.Error()))
		return nil
	}
	api, status := apiError(err)
	w.WriteHeader(status)
	_, _ = w.Write(encodeError(f, api.ErrorCode(), api.ErrorMessage()))
	return nil
}

var errTooLarge = errors.New("the request body is larger than any valid request")

// serve carries out a request in the form f, or returns unreadable if there is
// nothing else wrong with it.
func (s *Server) serve(r *http.Request, f form, unreadable error) (any, error) {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if r.Method != http.MethodPost || !ok {
		return nil, unknownOperation(r.Header.Get("X-Amz-Target"))
	}
	if unreadable != nil {
		return nil, unreadable
	}
	// In JSON the data is base64, hence 4/3 of it, and there are keys and names.
	// What is a little too large is to be told so in the service's words.
	limit := 2*int64(max(s.config.requestSize, defaultRequestSize)) + 1<<20
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= limit {
		body.Grow(int(n) + bytes.MinRead) // one allocation
	}
	if _, err := body.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		return nil, serialization("reading the request: %v", err)
	}
	if int64(body.Len()) > limit {
		return nil, errTooLarge
	}
	input, err := decodeInput(f, op, body.Bytes())
	if err != nil {
		return nil, err
	}
	return s.dispatch(r.Context(), op, input)
}

// requestID returns a random id in the form of the service's.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// connKey is where the context of a request of Listen has its connection.
type connKey struct{}

// listener is the socket of a Server. The zero value is not listening.
type listener struct {
	mu       sync.Mutex
	server   *http.Server
	endpoint string
	work     *sync.WaitGroup // the accept loop and every connection
}

// Listen serves s over HTTP on a free port of 127.0.0.1 and returns its
// endpoint, as http://127.0.0.1:41234, for [NewSDKClient] or any other client
// of Kinesis. While s listens, a second call returns the same endpoint. The
// caller has to call [Server.Close]. The error is that of [net.Listen].
func (s *Server) Listen() (endpoint string, err error) {
	l := &s.net
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return l.endpoint, nil
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("kinesistest: %w", err)
	}
	work := new(sync.WaitGroup)
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				work.Add(1)
			case http.StateClosed, http.StateHijacked:
				work.Done()
			}
		},
	}
	work.Go(func() { _ = server.Serve(socket) }) // ends with ErrServerClosed
	l.server, l.endpoint, l.work = server, "http://"+socket.Addr().String(), work
	return l.endpoint, nil
}

// Close closes the socket of [Server.Listen] and all its connections, and
// waits for their goroutines. The streams stay, the other faces go on, and
// Listen may be called again. Without a socket it does nothing.
func (s *Server) Close() error {
	l := &s.net
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return nil
	}
	err := l.server.Close()
	l.work.Wait()
	l.server, l.endpoint, l.work = nil, "", nil
	return err
}

// Transport returns an [net/http.RoundTripper] whose every request is
// answered by s, whatever its address, in the goroutine of the caller. A
// request whose context is done is not carried out; where a [Fault] leaves one
// without an answer, RoundTrip returns the error that a socket would give. It
// fits testing/synctest.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip implements [net/http.RoundTripper].
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in := *req // a RoundTripper must leave the request alone
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	out := &response{status: http.StatusOK, header: http.Header{}}
	if lost := t.s.answer(out, &in); lost != nil {
		return nil, lost
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)),
		StatusCode: out.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        out.header,
		Body:          io.NopCloser(bytes.NewReader(out.body)),
		ContentLength: int64(len(out.body)),
		Request:       req,
	}, nil
}

// response keeps what ServeHTTP writes.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (r *response) Header() http.Header { return r.header }

func (r *response) WriteHeader(status int) { r.status = status }

func (r *response) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

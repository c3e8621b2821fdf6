package speed_test

// This file owns the other process: a Kinesis over TLS that answers at once, or not
// at all, and its handle in the test's process. It is the test binary itself, told by
// an environment variable to be that. It ends when its standard input does, so it
// never outlives the test.

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"
	"time"
)

const serverVariable = "KINPACK_BENCH_SERVER"

func TestMain(m *testing.M) {
	if c := os.Getenv(serverVariable); c != "" {
		if err := serve(c, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serverConfig is what the other process is told.
type serverConfig struct {
	Shards int
	HTTP1  bool // it speaks HTTP/1.1 only, else HTTP/2, too
	Check  bool // it looks at the user records, which takes time
	Stall  string
}

// What a stalled server does with PutRecords until it is told to go on.
const (
	readsNothing = "reads-nothing" // not the body
	readsAll     = "reads-all"     // the whole body; and does not answer
)

// greeting is the first line that the other process writes.
type greeting struct {
	Address     string
	Certificate []byte // PEM
}

// counts is what the server has done so far, of PutRecords but for the connections.
type counts struct {
	Calls, Entries int64
	HTTP2          int64 // of the calls, those by HTTP/2
	Data           int64 // bytes of the entries' data
	Bodies         int64 // bytes of the requests' bodies
	Received, Sent int64 // bytes of the connections, under TLS
	UserRecords    int64 // with Check: in all entries,
	Digest         uint64
	CPU            time.Duration
	FirstFailure   string // of a request that was not understood
}

// serve is the other process: one line in, one line out.
func serve(config string, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(400) // its memory is of no interest, its time is
	var c serverConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	h, err := newHandler(c)
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!c.HTTP1)
	srv := &http.Server{
		Handler:   h,
		Protocols: protocols,
		// The frame size that HTTP/2 starts with, which most servers leave as it is.
		HTTP2:     &http.HTTP2Config{MaxReadFrameSize: 16 << 10, MaxConcurrentStreams: 1000},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.ServeTLS(&countingListener{socket, h}, "", "") }()
	w := json.NewEncoder(out)
	if err := w.Encode(greeting{socket.Addr().String(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})}); err != nil {
		return err
	}
	for commands := bufio.NewScanner(in); commands.Scan(); {
		if err := w.Encode(h.command(commands.Text())); err != nil {
			return err
		}
	}
	_ = srv.Close()
	<-failed
	return nil
}

// selfSigned returns a certificate for 127.0.0.1.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "bench"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// countingListener counts the bytes of its connections.
type countingListener struct {
	net.Listener
	h *handler
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countingConn{c, l.h}, err
}

type countingConn struct {
	net.Conn
	h *handler
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.h.received.Add(int64(n))
	return n, err
}

func (c *countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.h.sent.Add(int64(n))
	return n, err
}

// remote is the other process as the test sees it.
type remote struct {
	greeting
	roots *x509.CertPool
	in    io.Writer
	out   *json.Decoder
}

// startServer starts the other process, which ends with the test.
func startServer(t testing.TB, c serverConfig) *remote {
	config, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serverVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	r := &remote{in: in, out: json.NewDecoder(out), roots: x509.NewCertPool()}
	if err := r.out.Decode(&r.greeting); err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	if !r.roots.AppendCertsFromPEM(r.Certificate) {
		t.Fatal("the server's certificate cannot be read")
	}
	return r
}

// ask gives the other process a command, and returns its counts after it.
func (r *remote) ask(t testing.TB, command string, args ...any) (c counts) {
	if _, err := fmt.Fprintf(r.in, command+"\n", args...); err != nil {
		t.Fatal(err)
	}
	if err := r.out.Decode(&c); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if c.FirstFailure != "" {
		t.Fatalf("the server: %s", c.FirstFailure)
	}
	return c
}

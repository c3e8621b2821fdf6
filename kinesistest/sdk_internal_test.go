package kinesistest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// heldConn is a connection whose second write, the last of the request below,
// returns only once the answer is being read.
type heldConn struct {
	net.Conn
	writes  int
	reading chan struct{}
}

func (c *heldConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if c.writes++; c.writes == 2 {
		<-c.reading
	}
	return n, err
}

// heldBody starts with letting the write return, and waits until it has.
type heldBody struct {
	io.ReadCloser
	reading, wrote chan struct{}
	begun          bool
}

func (b *heldBody) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		close(b.reading)
		<-b.wrote
	}
	return b.ReadCloser.Read(p)
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestEarlyAnswer reads an answer that came before the client noticed that its
// request was out.
func TestEarlyAnswer(t *testing.T) {
	s := New()
	endpoint, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.AddStream("s", 1); err != nil {
		t.Fatal(err)
	}
	reading, wrote := make(chan struct{}), make(chan struct{})
	inner := earlyAnswers{awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return &heldConn{Conn: c, reading: reading}, err
		}
	})}
	client := NewSDKClient(endpoint, func(o *kinesis.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = clientFunc(func(r *http.Request) (*http.Response, error) {
			trace := &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
				if info.Err != nil {
					t.Errorf("writing the request: %v", info.Err)
				}
				close(wrote)
			}}
			out, err := inner.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
			if err == nil {
				out.Body = &heldBody{ReadCloser: out.Body, reading: reading, wrote: wrote}
			}
			return out, err
		})
	})
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
	for range 300 { // two writes of request, and an answer that no buffer holds
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("key"), Data: []byte("data")})
	}
	out, err := client.PutRecords(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Records) != 300 {
		t.Errorf("%d results", len(out.Records))
	}
}

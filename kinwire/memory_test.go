package kinwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/middleware"
)

func as[E error](err error) (E, bool) { return errors.AsType[E](err) }

// large returns an input of n records of 51,200 bytes.
func large(n int) *kinesis.PutRecordsInput {
	in := &kinesis.PutRecordsInput{StreamName: aws.String("orders")}
	for i := range n {
		in.Records = append(in.Records, entry(fmt.Sprint("key-", i), "", bytes.Repeat([]byte{byte(i)}, 51_200)))
	}
	return in
}

// Each attempt sends the same body under a signature of its own, all with the hash of
// that body. An attempt may have read all of it, a part, or nothing.
func TestRetries(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			in := large(3)
			want := sent(t, f.option, in).body
			attempts := 0
			c := newClient(f.option, func(r *http.Request) (*http.Response, error) {
				attempts++
				if sum := r.Header.Get("X-Amz-Content-Sha256"); sum != hash(want) {
					t.Errorf("attempt %d is signed for a body of hash %s, want %s", attempts, sum, hash(want))
				}
				if attempts < 4 {
					if _, err := io.CopyN(io.Discard, r.Body, int64((attempts-1)*70_001)); err != nil {
						t.Error(err)
					}
					return answer(503, "application/x-amz-json-1.1", []byte(`{"__type":"ServiceUnavailable"}`)), nil
				}
				got, err := io.ReadAll(r.Body)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("attempt %d: another body, %v", attempts, err)
				}
				return answer(200, "application/x-amz-json-1.1", []byte(stored)), nil
			})
			_, err := c.PutRecords(t.Context(), in, func(o *kinesis.Options) {
				o.APIOptions = append(o.APIOptions, v4.AddContentSHA256HeaderMiddleware)
				o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
					o.MaxAttempts = 4
					o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
				})
			})
			if err != nil || attempts != 4 {
				t.Errorf("%d attempts: %v", attempts, err)
			}
		})
	}
}

// The data is the caller's again when PutRecords returns, even if the answer came
// while the request was being sent, or the call was given up. The race detector
// would see the transport read on.
func TestDataIsTheCallersAgain(t *testing.T) {
	hold := make(chan struct{})
	arrived := make(chan struct{}, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var first [1]byte
		_, _ = r.Body.Read(first[:])
		arrived <- struct{}{}
		if r.Header.Get("X-Hold") != "" {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
			return
		}
		// Answers before it has read the request.
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"__type":"ProvisionedThroughputExceededException"}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	defer close(hold)
	for _, http2 := range []bool{false, true} {
		transport := server.Client().Transport.(*http.Transport).Clone()
		if !http2 {
			transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
			transport.ForceAttemptHTTP2 = false
		}
		defer transport.CloseIdleConnections()
		for _, f := range forms[1:] {
			t.Run(fmt.Sprintf("%s/http2=%t", f.name, http2), func(t *testing.T) {
				scribble(t, f.option, transport, server.URL, arrived)
			})
		}
	}
}

// A client that hides Close from the transport, as one that logs bodies may, and reads
// on after the answer, does not read the caller's data.
func TestReadAfterTheAnswer(t *testing.T) {
	for _, f := range forms[1:] {
		var late io.Reader
		c := newClient(f.option, func(r *http.Request) (*http.Response, error) {
			late = r.Body
			r.Body = http.NoBody
			_, err := io.CopyN(io.Discard, late, 1000)
			return answer(200, "application/x-amz-json-1.1", []byte(stored)), err
		})
		unsigned := func(o *kinesis.Options) {
			o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
		}
		for _, option := range []func(*kinesis.Options){stock, f.option, unsigned} { // also as an option of the call
			if _, err := c.PutRecords(t.Context(), large(2), option); err != nil {
				t.Fatal(err)
			}
			if n, err := late.Read(make([]byte, 100)); n != 0 || err == nil {
				t.Errorf("%s: %d bytes read after the answer, error %v", f.name, n, err)
			}
		}
	}
}

func scribble(t *testing.T, option func(*kinesis.Options), transport http.RoundTripper, url string, arrived chan struct{}) {
	in := large(60)
	overwrite := func() {
		for _, r := range in.Records {
			for i := range r.Data {
				r.Data[i]++
			}
		}
	}
	for i := range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		held := i%2 == 1
		c := newClient(option, func(r *http.Request) (*http.Response, error) {
			if held {
				r.Header.Set("X-Hold", "1")
			}
			return transport.RoundTrip(r)
		})
		returned := make(chan error)
		go func() {
			_, err := c.PutRecords(ctx, in, func(o *kinesis.Options) { o.BaseEndpoint = &url })
			returned <- err
		}()
		<-arrived
		if held {
			cancel()
		}
		err := <-returned
		overwrite()
		cancel()
		if err == nil || held && !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// A request takes memory for what is around the data only, and not for the data.
func TestMemory(t *testing.T) {
	const records = 100
	in := large(records)
	for _, f := range forms {
		c := newClient(f.option, func(r *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return answer(200, "application/x-amz-json-1.1", []byte(`{"Records":[]}`)), err
		})
		call := func() {
			if _, err := c.PutRecords(t.Context(), in); err != nil {
				t.Error(err)
			}
		}
		call() // what is made once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		call()
		runtime.ReadMemStats(&after)
		bytes := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes for %d of data", f.name, bytes, records*51_200)
		if f.name != "stock" && bytes > 200_000 {
			t.Errorf("%s: %d bytes allocated for a request, want 200,000 at most", f.name, bytes)
		}
	}
}

// A client that does not sign the payload goes on not to.
func TestUnsignedPayload(t *testing.T) {
	for _, f := range forms {
		c := newClient(f.option, func(r *http.Request) (*http.Response, error) {
			if sum := r.Header.Get("X-Amz-Content-Sha256"); sum != "UNSIGNED-PAYLOAD" {
				t.Errorf("%s: payload hash %s", f.name, sum)
			}
			return answer(200, "application/x-amz-json-1.1", []byte(stored)), nil
		})
		_, err := c.PutRecords(t.Context(), large(1), func(o *kinesis.Options) {
			o.APIOptions = append([]func(*middleware.Stack) error{v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware}, o.APIOptions...)
			o.APIOptions = append(o.APIOptions, v4.AddContentSHA256HeaderMiddleware)
		})
		if err != nil {
			t.Error(err)
		}
	}
}

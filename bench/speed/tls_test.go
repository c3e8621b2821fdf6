package speed_test

// This file owns the producer over TLS to another process that answers at once. Only
// the processor time of the producer's process counts.

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinwire"
	"github.com/kinpack/kinpack/producer"
)

// wires is how PutRecords requests are written.
var wires = []struct {
	name   string
	option func(*kinesis.Options)
}{
	{"stock", func(*kinesis.Options) {}},
	{"json", kinwire.JSON},
	{"cbor", kinwire.CBOR},
}

// wireNames returns the names of wires, as ways.
func wireNames() (names []string) {
	for _, w := range wires {
		names = append(names, w.name)
	}
	return names
}

// client returns the SDK's client as it comes, but for where it goes, that it trusts
// the server, and earlyAnswers.
func (r *remote) client(t testing.TB, wire string) *kinesis.Client {
	for _, w := range wires {
		if w.name != wire {
			continue
		}
		return kinesis.New(kinesis.Options{
			Region:       "us-east-1",
			BaseEndpoint: aws.String("https://" + r.Address),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
			}),
			HTTPClient: trusting(r.roots),
		}, w.option)
	}
	t.Fatalf("no wire %s", wire)
	return nil
}

func trusting(roots *x509.CertPool) aws.HTTPClient {
	return earlyAnswers{awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.TLSClientConfig.RootCAs = roots })}
}

// earlyAnswers is kinesistest's, for its reason: over HTTP/1.1 on loopback the SDK's
// client takes an answer that comes at once for a failed write now and then. It hides
// a WriteTo that net/http uses only to see that the body is at its end.
type earlyAnswers struct{ client *awshttp.BuildableClient }

// Do implements aws.HTTPClient.
func (e earlyAnswers) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return e.client.Do(r)
	}
	shown := *r
	shown.Body = struct{ io.ReadCloser }{r.Body}
	return e.client.Do(&shown)
}

// BenchmarkTLS puts records through the whole producer over TLS, by each way of
// writing its requests, to 4 shards and without the rate limit.
func BenchmarkTLS(b *testing.B) {
	for _, version := range []string{"2", "1.1"} {
		r := startServer(b, serverConfig{Shards: 4, HTTP1: version == "1.1"})
		loads := everyLoad(b)
		if version == "1.1" {
			loads = synthetic(100, 512, 2048)
		}
		for _, l := range loads {
			turns(b, fmt.Sprintf("http=%s/size=%s", version, l.name), wireNames(), func(b *testing.B, wire string) {
				floodTLS(b, r, l, wire)
			})
		}
	}
}

// perPackedByte is bytes on the connection, by one of aggregates.
const perPackedByte = "wire-B/packed-B"

func floodTLS(b *testing.B, r *remote, l *load, wire string) {
	p := open(b, r.client(b, wire), producer.WithRateLimit(0))
	before := r.ask(b, "counts")
	n := flood(b, p, l)
	after, s := r.ask(b, "counts"), p.Stats()
	if got := after.Data - before.Data; got != s.KinesisRecordsDataPut || s.EntryErrors > 0 {
		b.Fatalf("the server got %d bytes of data of %d; %d errors, by code %v", got, s.KinesisRecordsDataPut, s.EntryErrors, s.ErrorsByCode)
	}
	if h2, calls := after.HTTP2-before.HTTP2, after.Calls-before.Calls; calls != s.PutRecordsCalls || h2 != 0 && h2 != calls {
		b.Fatalf("the server got %d calls of %d, %d of them by HTTP/2", calls, s.PutRecordsCalls, h2)
	}
	b.ReportMetric(float64(after.Received-before.Received)/float64(s.KinesisRecordsDataPut), perPackedByte)
	b.ReportMetric(float64(s.KinesisRecordsDataPut)/float64(s.PutRecordsCalls), "packed-B/call")
	b.ReportMetric(float64((after.CPU-before.CPU).Nanoseconds())/float64(n), "server-cpu-ns/record")
}

// What arrives in the other process is what was put, by each wire and both versions of
// HTTP, and a stock client speaks HTTP/2 to a server that offers both.
func TestTLS(t *testing.T) {
	for _, version := range []string{"2", "1.1"} {
		r := startServer(t, serverConfig{Shards: 4, HTTP1: version == "1.1", Check: true})
		for _, wire := range wireNames() {
			for _, l := range everyLoad(t) {
				t.Run(fmt.Sprintf("http=%s/by=%s/size=%s", version, wire, l.name), func(t *testing.T) { arrives(t, r, l, wire, tlsBytes/len(l.data[0])) })
			}
		}
		c := r.ask(t, "counts")
		if all := map[string]int64{"2": c.Calls, "1.1": 0}[version]; c.HTTP2 != all {
			t.Errorf("HTTP/%s: %d of %d calls by HTTP/2", version, c.HTTP2, c.Calls)
		}
	}
}

func arrives(t *testing.T, r *remote, l *load, wire string, n int) {
	before := r.ask(t, "counts")
	p := open(t, r.client(t, wire), producer.WithRateLimit(0))
	var digest uint64
	for i := range n {
		u := l.at(i)
		digest += digestRecord(u.PartitionKey, u.Data)
		if err := p.Put(t.Context(), u, nil); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, p)
	after, s := r.ask(t, "counts"), p.Stats()
	if s.UserRecordsPut != int64(n) || s.EntryErrors > 0 {
		t.Errorf("put %d of %d, errors by code %v", s.UserRecordsPut, n, s.ErrorsByCode)
	}
	if got := after.UserRecords - before.UserRecords; got != int64(n) || after.Digest-before.Digest != digest {
		t.Errorf("%d user records arrived of %d, or others", got, n)
	}
	if after.Data-before.Data != s.KinesisRecordsDataPut || after.Calls-before.Calls != s.PutRecordsCalls || after.Entries-before.Entries != s.KinesisRecordsPut {
		t.Errorf("the server counts %+v, before %+v, the producer %+v", after, before, s)
	}
}

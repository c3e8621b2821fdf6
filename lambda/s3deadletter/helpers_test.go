package s3deadletter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/s3deadletter"
)

const (
	streamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
	shardID   = "shardId-000000000000"
	sequence  = "49590338271490256608559692538361571095921575989136588898"
	bucket    = "letters"
)

// letter is that of a user record, with keys that are not UTF-8.
func letter(sequence string, sub int) lambda.Letter {
	return lambda.Letter{
		ID:        fmt.Sprintf("%s/%s/%s/%d", streamARN, shardID, sequence, sub),
		StreamARN: streamARN, ShardID: shardID, SequenceNumber: sequence, SubSequenceNumber: sub, OuterPartitionKey: "a\xff",
		ApproximateArrivalTimestamp: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		PartitionKey:                "p\xff\x00\uFFFE", ExplicitHashKey: "42", HasExplicitHashKey: true, Data: []byte("\x00\xff<"), Aggregated: true,
		Attempts: 3, Error: "row is locked",
	}
}

// client keeps the last request.
type client struct {
	in  *s3.PutObjectInput
	err error
}

func (c *client) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	c.in = in
	return &s3.PutObjectOutput{}, c.err
}

func newDeadLetter(t *testing.T, c s3deadletter.Client, opts ...s3deadletter.Option) *s3deadletter.DeadLetter {
	t.Helper()
	d, err := s3deadletter.New(c, bucket, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fakeS3 is a client of an S3 in this process, with the bucket.
func fakeS3(t *testing.T) *s3.Client {
	t.Helper()
	srv := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(srv.Close)
	c := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), UsePathStyle: true, HTTPClient: earlyAnswers{awshttp.NewBuildableClient()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	return c
}

// earlyAnswers makes the SDK's HTTP client bear answers that come before it has
// noticed that its request is out, as they do on loopback: see kinesistest.
type earlyAnswers struct{ client *awshttp.BuildableClient }

func (e earlyAnswers) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return e.client.Do(r)
	}
	shown := *r
	shown.Body = struct{ io.ReadCloser }{r.Body} // without WriteTo
	return e.client.Do(&shown)
}

// keys lists the bucket.
func keys(t *testing.T, c *s3.Client) []string {
	t.Helper()
	out, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range out.Contents {
		all = append(all, aws.ToString(o.Key))
	}
	return all
}

// checkObject says that the bucket has the letter under the key.
func checkObject(t *testing.T, c *s3.Client, key string, want lambda.Letter) {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if got := aws.ToString(out.ContentType); got != "application/json" {
		t.Errorf("content type is %q", got)
	}
	document, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(document, []byte("\n")); n != 1 || document[len(document)-1] != '\n' {
		t.Errorf("%d line breaks, want one at the end", n)
	}
	checkDocument(t, bytes.NewReader(document), want)
}

func checkDocument(t *testing.T, document io.Reader, want lambda.Letter) {
	t.Helper()
	var got lambda.Letter
	if err := json.NewDecoder(document).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("letter is\n%.1000s, want\n%.1000s", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

package s3deadletter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/s3deadletter"
)

func TestRequest(t *testing.T) {
	var c client
	d := newDeadLetter(t, &c, s3deadletter.WithPrefix("dead"), s3deadletter.WithInput(func(in *s3.PutObjectInput) {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String("alias/letters")
	}))
	l := letter(sequence, 83)
	location, err := d.Store(t.Context(), l)
	if want := "s3://letters/" + d.Key(l); err != nil || location != want {
		t.Errorf("location %q, error %v, want %q", location, err, want)
	}
	in := c.in
	if aws.ToString(in.Bucket) != bucket || aws.ToString(in.Key) != d.Key(l) || aws.ToString(in.ContentType) != "application/json" || aws.ToString(in.SSEKMSKeyId) != "alias/letters" {
		t.Errorf("request is %+v", in)
	}
	checkDocument(t, in.Body, l)
}

// The location is where the request went, whatever WithInput made of it.
func TestInputMoves(t *testing.T) {
	var c client
	d := newDeadLetter(t, &c, s3deadletter.WithInput(func(in *s3.PutObjectInput) { in.Bucket, in.Key = aws.String("other"), aws.String("k") }))
	if location, err := d.Store(t.Context(), letter(sequence, 0)); err != nil || location != "s3://other/k" {
		t.Errorf("location %q, error %v", location, err)
	}
}

func TestErrors(t *testing.T) {
	down := errors.New("the service is down")
	c := client{err: down}
	d := newDeadLetter(t, &c)
	if location, err := d.Store(t.Context(), letter(sequence, 0)); location != "" || !errors.Is(err, down) || !strings.Contains(err.Error(), "s3://letters/us-east-1/") {
		t.Errorf("location %q, error %v", location, err)
	}
	if err := d.Send(t.Context(), letter(sequence, 0)); !errors.Is(err, down) {
		t.Errorf("error %v, want the client's", err)
	}
	c = client{}
	odd := letter(sequence, 0)
	odd.ApproximateArrivalTimestamp = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // RFC 3339 ends before
	if err := d.Send(t.Context(), odd); err == nil || !strings.Contains(err.Error(), odd.ID) || c.in != nil {
		t.Errorf("error %v for a letter without JSON, request %v", err, c.in)
	}
}

// A bucket of a server that is not ours.
func TestS3(t *testing.T) {
	c := fakeS3(t)
	d := newDeadLetter(t, c, s3deadletter.WithPrefix("dead/intake"))
	large := letter(sequence, 100)
	large.Data = make([]byte, 6<<20) // the most that an event has
	letters := []lambda.Letter{letter("99", 5), letter("100", lambda.WholeRecord), letter(sequence, 9), letter(sequence, 10), large}
	var want []string
	for _, l := range letters {
		want = append(want, d.Key(l))
	}
	for _, i := range []int{4, 2, 0, 1, 3} {
		if err := d.Send(t.Context(), letters[i]); err != nil {
			t.Fatal(err)
		}
	}
	if got := keys(t, c); !slices.Equal(got, want) {
		t.Errorf("listed are\n%s, want in the order of the shard\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, l := range letters {
		checkObject(t, c, want[i], l)
	}

	again := letters[2]
	again.Attempts, again.Error = 4, "row is still locked"
	if err := d.Send(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if n := len(keys(t, c)); n != len(letters) {
		t.Errorf("%d objects after a letter was sent again, want %d", n, len(letters))
	}
	checkObject(t, c, want[2], again)

	nowhere, err := s3deadletter.New(c, "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if err := nowhere.Send(t.Context(), again); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("error %v, want that there is no bucket", err)
	}
}

func TestConcurrency(t *testing.T) {
	c := fakeS3(t)
	d := newDeadLetter(t, c)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 10 {
				if err := d.Send(t.Context(), letter(sequence, 10*i+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(keys(t, c)); n != 40 {
		t.Errorf("%d objects, want 40", n)
	}
}

func TestBadArguments(t *testing.T) {
	prefix := func(s string) []s3deadletter.Option { return []s3deadletter.Option{s3deadletter.WithPrefix(s)} }
	if _, err := s3deadletter.New(&client{}, bucket, prefix(strings.Repeat("é", 256))...); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name      string
		client    s3deadletter.Client
		bucket    string
		opts      []s3deadletter.Option
		complains int
		says      string
	}{
		{"nil client", nil, bucket, nil, 1, "client is nil"},
		{"no bucket", &client{}, "", nil, 1, "bucket"},
		{"nil option", &client{}, bucket, []s3deadletter.Option{nil}, 1, "option is nil"},
		{"long prefix", &client{}, bucket, prefix(strings.Repeat("a", 513)), 1, "at most 512 bytes"},
		{"odd prefix", &client{}, bucket, prefix("a\xff"), 1, fmt.Sprintf("WithPrefix(%q)", "a\xff")},
		{"control character", &client{}, bucket, prefix("a\n"), 1, "WithPrefix"},
		{"slash first", &client{}, bucket, prefix("/a"), 1, `WithPrefix("/a")`},
		{"nil input", &client{}, bucket, []s3deadletter.Option{s3deadletter.WithInput(nil)}, 1, "WithInput(nil)"},
		{"all", nil, "", append(prefix("/"), nil, s3deadletter.WithInput(nil)), 5, "s3deadletter: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := s3deadletter.New(c.client, c.bucket, c.opts...)
			if d != nil || err == nil || !strings.Contains(err.Error(), c.says) || strings.Count(err.Error(), "\n") != c.complains-1 {
				t.Errorf("error %v, want %d complaints with %q", err, c.complains, c.says)
			}
		})
	}
}

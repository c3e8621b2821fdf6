package sqsdeadletter_test

// This file owns the tests against ministack, an SQS that is not ours (PyPI): it
// is run if it is installed, or can be installed into the user's cache folder. If
// not they are skipped; with CI set that is a failure.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/sqsdeadletter"
)

const ministackVersion = "1.5.33"

func TestMinistack(t *testing.T) {
	c := startMinistack(t)
	t.Run("letters", func(t *testing.T) {
		url := createQueue(t, c, "letters", nil)
		d := newDeadLetter(t, c, url)
		odd := letter()
		odd.PartitionKey, odd.OuterPartitionKey, odd.Error = "a\uFFFEb\uFFFF\x00\xff", "\U0001F600\U0001FFFE", "\x01\uFFFF\n<&>"
		send(t, d, odd)
		checkBody(t, aws.ToString(receive(t, c, url, 1)[0].Body), odd)
		large := sized(t, limit)
		send(t, d, large)
		checkBody(t, aws.ToString(receive(t, c, url, 1)[0].Body), large)
	})
	t.Run("smaller queue", func(t *testing.T) {
		url := createQueue(t, c, "small", map[string]string{"MaximumMessageSize": "262144"})
		l := sized(t, 262_144)
		send(t, newDeadLetter(t, c, url, sqsdeadletter.WithMaxBytes(262_144)), l)
		l.Error += "e"
		var refusal smithy.APIError
		if err := newDeadLetter(t, c, url).Send(t.Context(), l); !errors.As(err, &refusal) {
			t.Errorf("error %v, want the service's", err)
		}
		o := overflow{location: "s3://bucket/key"}
		send(t, newDeadLetter(t, c, url, sqsdeadletter.WithMaxBytes(262_144), sqsdeadletter.WithOverflow(&o)), l)
		if len(o.stored) != 1 || len(receive(t, c, url, 2)) != 2 {
			t.Errorf("%d letters stored, want 1", len(o.stored))
		}
	})
	t.Run("FIFO", func(t *testing.T) {
		url := createQueue(t, c, "letters.fifo", map[string]string{"FifoQueue": "true"})
		d := newDeadLetter(t, c, url)
		first, second := letter(), letter()
		second.ID, second.SubSequenceNumber = first.ID+"4", 834
		send(t, d, first)
		send(t, d, second)
		send(t, d, first) // comes again: SQS must not drop it
		messages := receive(t, c, url, 3)
		for i, want := range []lambda.Letter{first, second, first} {
			checkBody(t, aws.ToString(messages[i].Body), want)
			if messages[i].Attributes["MessageGroupId"] != messages[0].Attributes["MessageGroupId"] {
				t.Errorf("groups are %v and %v", messages[0].Attributes, messages[i].Attributes)
			}
		}
	})
	// What the above would not show if the server took everything.
	t.Run("refuses", func(t *testing.T) {
		url := createQueue(t, c, "strict", nil)
		for name, body := range map[string]string{"1 MiB and a byte": strings.Repeat("a", limit+1), "U+FFFE": "a\uFFFE", "U+FFFF": "\uFFFF"} {
			if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err == nil {
				t.Errorf("%s was taken", name)
			} else {
				t.Logf("%s: %v", name, err)
			}
		}
	})
}

func createQueue(t *testing.T, c *sqs.Client, name string, attributes map[string]string) string {
	t.Helper()
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.QueueUrl)
}

// receive returns n messages, and fails t if there are more.
func receive(t *testing.T, c *sqs.Client, url string, n int) []types.Message {
	t.Helper()
	var all []types.Message
	for wait := int32(10); ; {
		out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, out.Messages...)
		if len(all) >= n {
			wait = 0 // once more, for those that should not be there
		}
		if len(out.Messages) == 0 {
			break
		}
	}
	if len(all) != n {
		t.Fatalf("%d messages received, want %d", len(all), n)
	}
	return all
}

// startMinistack returns a client of a server on loopback that ends with the test.
func startMinistack(t *testing.T) *sqs.Client {
	t.Helper()
	cmd, err := ministack(t)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("ministack %s is neither installed nor to be had: %v", ministackVersion, err)
		}
		t.Skipf("ministack %s is neither installed nor to be had: %v", ministackVersion, err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "BIND_HOST=127.0.0.1", fmt.Sprint("GATEWAY_PORT=", address.Port), "SERVICES=sqs",
		"LOG_LEVEL=INFO", "IOT_MTLS_ENABLED=0", "PYTHONUNBUFFERED=1", "TMPDIR="+dir)
	output, child, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = child, child
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child.Close()
	drained := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-drained
		output.Close()
	})
	ready := make(chan string, 1)
	go func() {
		defer close(drained)
		waitReady(output, ready)
	}()
	if text := <-ready; text != "" {
		t.Fatalf("ministack has ended: %s", text)
	}
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address.String()), HTTPClient: earlyAnswers{awshttp.NewBuildableClient()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
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

// waitReady reads the server's output to its end. It sends "" when the server
// listens, or all of the output if that never comes.
func waitReady(output *os.File, ready chan<- string) {
	var text strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if ready != nil && strings.Contains(lines.Text(), "Running on http://127.0.0.1:") {
			ready <- ""
			ready = nil
		}
	}
	if ready != nil {
		ready <- text.String()
	}
}

// ministack returns the command that runs it, and installs it if need be. Another
// process may be doing the same: the rename makes it there all at once.
func ministack(t *testing.T) (*exec.Cmd, error) {
	if path, err := exec.LookPath("ministack"); err == nil {
		return exec.Command(path), nil
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, "kinpack")
	installed := filepath.Join(cache, "ministack-"+ministackVersion)
	if _, err := os.Stat(installed); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return nil, err
		}
		building, err := os.MkdirTemp(cache, "ministack-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(building)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, python, "-m", "pip", "install", "-q", "--target", building, "ministack=="+ministackVersion).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		if err := os.Rename(building, installed); err != nil {
			if _, there := os.Stat(installed); there != nil {
				return nil, err
			}
		}
	}
	cmd := exec.Command(python, "-m", "ministack")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+installed)
	return cmd, nil
}

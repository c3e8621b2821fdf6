//go:build !race

package main

// This file owns put | tail through two emulators that are not ours: kinesalite and
// kinesis-local (npm). With CI set they are installed into the user's cache folder; else
// these tests are skipped if they are not there. The race detector looks at the same
// code in TestPutTail, and would make these slow.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/kinwire"
)

func TestPutTailKinesalite(t *testing.T) {
	newCloud(t)
	endpoint := startEmulator(t, func(dir string, port int) *exec.Cmd {
		return exec.Command("node", filepath.Join(dir, "node_modules", "kinesalite", "cli.js"),
			"--port", fmt.Sprint(port), "--createStreamMs", "10", "--shardLimit", "100")
	})
	sameInEveryForm(t, endpoint)
	putTail(t, endpoint, "--rate-limit", "0")
}

func TestPutTailKinesisLocal(t *testing.T) {
	newCloud(t)
	endpoint := startEmulator(t, func(dir string, port int) *exec.Cmd {
		cmd := exec.Command("node", "main.js")
		cmd.Dir = filepath.Join(dir, "node_modules", "kinesis-local")
		cmd.Env = append(os.Environ(), fmt.Sprint("KINESIS_MOCK_PLAIN_PORT=", port), "KINESIS_MOCK_TLS_PORT="+fmt.Sprint(freePort(t)),
			"LOG_LEVEL=ERROR", "SHARD_LIMIT=100", "CREATE_STREAM_DURATION=10ms")
		return cmd
	})
	sameInEveryForm(t, endpoint)
	putTail(t, endpoint, "--rate-limit", "30", "--timeout", "2m", "--cbor") // it is slow
}

// sameInEveryForm puts the same by the SDK's own protocol and by both of kinwire's into
// a stream of its own: the answers, what is stored, and the errors are the same.
func sameInEveryForm(t *testing.T, endpoint string) {
	t.Helper()
	ctx, stream := t.Context(), aws.String("forms")
	own := kinesistest.NewSDKClient(endpoint, func(o *kinesis.Options) { o.HTTPClient = blobs{o.HTTPClient} })
	ready(t, own, *stream, 2, nil, nil)
	in := &kinesis.PutRecordsInput{}
	for i, size := range []int{0, 1, 23, 24, 255, 256, 51_200, 65_535, 65_536, 300_000} {
		key := fmt.Sprintf("\"key\\ü\U0001f511%d", i)
		e := types.PutRecordsRequestEntry{PartitionKey: &key, Data: bytes.Repeat([]byte{byte(i), 0xff}, size)[:size]}
		if i%2 == 0 {
			e.ExplicitHashKey = aws.String(fmt.Sprint(i))
		}
		in.Records = append(in.Records, e)
	}
	var outcomes []string
	for _, form := range []func(*kinesis.Options){func(*kinesis.Options) {}, kinwire.JSON, kinwire.CBOR} {
		client := kinesistest.NewSDKClient(endpoint, form)
		in.StreamName = stream
		out, err := client.PutRecords(ctx, in)
		if err != nil || aws.ToInt32(out.FailedRecordCount) != 0 || len(out.Records) != len(in.Records) {
			t.Fatalf("%v, %v", out, err)
		}
		outcome := ""
		for i, e := range in.Records {
			r := out.Records[i]
			iterator, err := own.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: stream, ShardId: r.ShardId,
				ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, StartingSequenceNumber: r.SequenceNumber})
			if err != nil {
				t.Fatal(err)
			}
			got, err := own.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator, Limit: aws.Int32(1)})
			if err != nil || len(got.Records) != 1 || *got.Records[0].PartitionKey != *e.PartitionKey || !bytes.Equal(got.Records[0].Data, e.Data) {
				t.Fatalf("record %d is not in the stream as it was put: %v", i, err)
			}
			outcome += *r.ShardId + " "
		}
		in.StreamName = aws.String("no-such-stream")
		_, err = client.PutRecords(ctx, in)
		var missing *types.ResourceNotFoundException
		if !errors.As(err, &missing) {
			t.Fatalf("a stream that is not there: %v", err)
		}
		in.StreamName = stream
		bad := *in
		bad.Records = append(slices.Clip(in.Records), types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: []byte("x"), ExplicitHashKey: aws.String("-1")})
		_, err = client.PutRecords(ctx, &bad)
		var api smithy.APIError
		if !errors.As(err, &api) {
			t.Fatalf("a hash key of -1: %v", err)
		}
		outcomes = append(outcomes, fmt.Sprint(outcome, missing.ErrorMessage(), api.ErrorCode(), api.ErrorMessage()))
	}
	if outcomes[1] != outcomes[0] || outcomes[2] != outcomes[0] {
		t.Errorf("outcomes by form: %q", outcomes)
	}
}

const emulators = "kinesalite@3.3.3 kinesis-local@0.6.2"

// startEmulator starts an emulator that ends with the test, makes the stream flights
// in it, and returns its endpoint.
func startEmulator(t *testing.T, command func(dir string, port int) *exec.Cmd) string {
	t.Helper()
	dir, err := emulatorsDir(t)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s: %v", emulators, err)
		}
		t.Skipf("%s: %v", emulators, err)
	}
	port := freePort(t)
	cmd := command(dir, port)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	endpoint := fmt.Sprint("http://127.0.0.1:", port)
	ready(t, kinesistest.NewSDKClient(endpoint), "flights", 4, ended, &output)
	return endpoint
}

// ready makes a stream and returns when it is ACTIVE, however long the emulator takes
// to start. One that ends tells it, and what it has said.
func ready(t *testing.T, client *kinesis.Client, name string, shards int32, ended chan error, output fmt.Stringer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream := &name
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for created := false; ; {
		if !created {
			_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: &shards})
			var inUse *types.ResourceInUseException
			created = err == nil || errors.As(err, &inUse)
		} else if d, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: stream}); err == nil &&
			d.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("the emulator has ended: %v\n%s", err, output.String())
		case <-ctx.Done():
			t.Fatal("the emulator does not get ready")
		}
	}
}

// blobs reads what kinesalite says in JSON of data that it was given in CBOR: the way
// that Node.js writes a Buffer.
type blobs struct{ kinesis.HTTPClient }

var nodeBuffer = regexp.MustCompile(`\{"type":"Buffer","data":(\[[0-9,]*\])\}`)

func (b blobs) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.HTTPClient.Do(r)
	if err != nil {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	body = nodeBuffer.ReplaceAllFunc(body, func(found []byte) []byte {
		var numbers []uint16
		if e := json.Unmarshal(nodeBuffer.FindSubmatch(found)[1], &numbers); e != nil {
			err = e
		}
		data := make([]byte, len(numbers))
		for i, n := range numbers {
			data[i] = byte(n)
		}
		return fmt.Appendf(nil, "%q", base64.StdEncoding.EncodeToString(data))
	})
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

func freePort(t *testing.T) int {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().(*net.TCPAddr).Port
}

// emulatorsDir returns where they are, and installs them with CI set. Another process
// may be doing the same: the rename makes them there all at once.
func emulatorsDir(t *testing.T) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "kinpack")
	installed := filepath.Join(cache, strings.NewReplacer("@", "-", " ", "-").Replace(emulators))
	if _, err := os.Stat(installed); err == nil {
		return installed, nil
	}
	if os.Getenv("CI") == "" {
		return "", errors.New("not installed; with CI set they would be")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(cache, "emulators-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", building}, strings.Fields(emulators)...)...)
	cmd.Dir = building
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm: %w: %s", err, out)
	}
	if err := os.Rename(building, installed); err != nil {
		if _, there := os.Stat(installed); there != nil {
			return "", err
		}
	}
	return installed, nil
}

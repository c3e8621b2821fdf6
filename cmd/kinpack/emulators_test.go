//go:build !race

package main

// This file owns put | tail through two emulators that are not ours: kinesalite and
// kinesis-local (npm). With CI set they are installed into the user's cache folder; else
// these tests are skipped if they are not there. The race detector looks at the same
// code in TestPutTail, and would make these slow.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

func TestPutTailKinesalite(t *testing.T) {
	newCloud(t)
	endpoint := startEmulator(t, func(dir string, port int) *exec.Cmd {
		return exec.Command("node", filepath.Join(dir, "node_modules", "kinesalite", "cli.js"),
			"--port", fmt.Sprint(port), "--createStreamMs", "10", "--shardLimit", "100")
	})
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
	putTail(t, endpoint, "--rate-limit", "30", "--timeout", "2m") // it is slow
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := kinesistest.NewSDKClient(endpoint)
	stream := aws.String("flights")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for created := false; ; {
		if !created {
			_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: aws.Int32(4)})
			var inUse *types.ResourceInUseException
			created = err == nil || errors.As(err, &inUse)
		} else if d, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: stream}); err == nil &&
			d.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return endpoint
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

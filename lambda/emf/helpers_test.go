package emf_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/emf"
)

var shard = lambda.Shard{StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/orders", ID: "shardId-000000000000"}

// hooks are under the namespace Orders, and fail t where they log.
func hooks(t *testing.T, log *bytes.Buffer, opts ...emf.Option) lambda.Hooks {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	h, err := emf.New(log, "Orders", append(opts, emf.WithLogger(logger))...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Errorf("logged: %s", b)
	return len(b), nil
}

package lambdatest_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// exiting is an endpoint whose GetRecords ends its goroutine once it is told to, as
// a test double does with t.FailNow.
type exiting struct {
	*kinesistest.Client
	now atomic.Bool
}

func (c *exiting) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	if c.now.Load() {
		runtime.Goexit()
	}
	return c.Client.GetRecords(ctx, in, opts...)
}

// wantExit calls a run, which must end by itself with an error that says why.
func wantExit(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	err := run(ctx)
	if err == nil || !strings.Contains(err.Error(), "ended its goroutine") {
		t.Errorf("error: %v", err)
	}
}

// What a test gives the mapping may call t.FailNow: the run ends with an error, and
// the next one goes on.
func TestGoroutinesThatAreEnded(t *testing.T) {
	exit := func(on *bool) {
		if *on {
			*on = false
			runtime.Goexit()
		}
	}
	for name, opts := range map[string]func(on *bool) (lambdatest.Factory, lambdatest.Option){
		"on-failure function": func(on *bool) (lambdatest.Factory, lambdatest.Option) {
			return throws("3"), lambdatest.WithOnFailure(func(lambdatest.OnFailure) { exit(on) })
		},
		"backoff": func(on *bool) (lambdatest.Factory, lambdatest.Option) {
			return throws("3"), lambdatest.WithBackoff(func(int) time.Duration { exit(on); return time.Second })
		},
		"factory": func(on *bool) (lambdatest.Factory, lambdatest.Option) {
			return func(s *lambdatest.Sandbox) lambdatest.Function { exit(on); return throws("3")(s) }, lambdatest.WithSandboxes(1, lambdatest.Sticky)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			on := true
			f, opt := opts(&on)
			m := newMapping(t, lambdatest.Records(numbered(500), numbered(1)), f, opt, lambdatest.WithBatchSize(10), lambdatest.WithMaximumRetryAttempts(1))
			defer m.Close()
			wantExit(t, m.Drain)
			drain(t, m)
			check(t, "seen", len(m.Seen()), 501)
			check(t, "given up", len(m.OnFailures()), 1)
		})
	}
}

// The run still sees what it has sent to its end.
func TestReaderThatIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &exiting{Client: kinesistest.Fake(t, "clicks", 1)}
		put(t, client.Client, 0, 10, 10)
		m := newMapping(t, lambdatest.Stream(client, clicksARN), always(func(context.Context, []byte) ([]byte, error) {
			client.now.Store(true)
			time.Sleep(2 * time.Second)
			return nil, nil
		}))
		defer m.Close()
		start := time.Now()
		wantExit(t, m.Run)
		check(t, "time", time.Since(start), 2*time.Second)
		check(t, "story", story(m), "0 1 2 3 4 5 6 7 8 9: succeeded")
		client.now.Store(false)
		drain(t, m)
		check(t, "invocations", len(m.Invocations()), 1)
	})
}

// Those who wait for a sandbox that is being made don't wait for ever if its
// factory ends its goroutine.
func TestFactoryThatIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		f := func(s *lambdatest.Sandbox) lambdatest.Function {
			if calls.Add(1) == 1 {
				time.Sleep(time.Second)
				runtime.Goexit()
			}
			return answers("")(s)
		}
		m := newMapping(t, lambdatest.Records(numbered(1), numbered(1), numbered(1)), f, lambdatest.WithSandboxes(1, lambdatest.Sticky), lambdatest.WithConcurrencyPerSandbox(2))
		defer m.Close()
		wantExit(t, m.Drain)
		drain(t, m)
		check(t, "seen", len(m.Seen()), 3)
		for _, inv := range m.Invocations() {
			if inv.Outcome != lambdatest.Succeeded && inv.Outcome != lambdatest.Killed {
				t.Errorf("%s: %v", inv.Outcome, inv.Err)
			}
		}
	})
}

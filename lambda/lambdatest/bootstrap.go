package lambdatest

// This file owns a function that is a program of its own: its process, and the
// settings that it gets as Lambda would give them. runtimeapi.go has what it talks
// to. A process lives from its sandbox's start to Close, or to its own end.

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Bootstrap is a function that is a program: one that aws-lambda-go's or
// kinpack's lambda.Start makes, or a custom runtime. Its Start is a [Factory]:
//
//	m, err := lambdatest.New(source, lambdatest.Bootstrap{Path: "./bootstrap"}.Start)
//
// Each sandbox is a process that is talked to by the Lambda Runtime API, over
// HTTP on loopback, and killed with its sandbox or when it does not answer in time.
// It needs real time: it does not work in a bubble of testing/synctest.
type Bootstrap struct {
	// Path is the program, and Args are its arguments without its name.
	Path string
	Args []string
	// Env is what the program's environment has besides Lambda's own variables,
	// PATH and the like, as "NAME=value". It wins over these.
	Env []string
	// Output gets what the process writes to standard output and standard error.
	// It must be safe for concurrent use if there are several sandboxes. The
	// default, nil, throws it away.
	Output io.Writer
	// Handler is _HANDLER; the default is "bootstrap".
	Handler string
	// MemorySize is AWS_LAMBDA_FUNCTION_MEMORY_SIZE, in MB; it is told, not
	// enforced. The default, 0, is Lambda's, 128.
	MemorySize int
	// MaxConcurrency is AWS_LAMBDA_MAX_CONCURRENCY: how many loops the program runs.
	// WithConcurrencyPerSandbox is the same on the side of the mapping. The
	// default, 0, does not set it.
	MaxConcurrency int
}

// process is the function of one sandbox.
type process struct {
	api    *runtimeAPI
	cmd    *exec.Cmd
	failed error         // why there is no process
	exited chan struct{} // closed when the process is gone
}

// Start starts the program for a sandbox; it is a [Factory]. If that fails every
// invocation returns the error. A process that ends by itself is replaced at the
// next invocation.
func (b Bootstrap) Start(s *Sandbox) Function {
	p := &process{exited: make(chan struct{})}
	if p.api, p.failed = newRuntimeAPI(); p.failed != nil {
		close(p.exited)
		return p
	}
	p.cmd = exec.Command(b.Path, b.Args...)
	p.cmd.Env = b.environment(p.api.address, s.pool.config.functionARN)
	p.cmd.Stdout, p.cmd.Stderr = b.Output, b.Output
	p.cmd.WaitDelay = time.Second // for what the process leaves behind with its output open
	if err := p.cmd.Start(); err != nil {
		p.failed = fmt.Errorf("lambdatest: Bootstrap: %w", err)
		close(p.exited)
		return p
	}
	s.pool.wg.Go(func() {
		_ = p.cmd.Wait() // its state tells all there is
		s.exit()
		close(p.exited)
	})
	return p
}

// environment is what Lambda sets (developer guide, defined runtime variables).
func (b Bootstrap) environment(address, arn string) []string {
	name, version := arn, "$LATEST"
	if part := strings.Split(arn, ":"); len(part) >= 7 {
		name = part[6]
	}
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + address,
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(b.memorySize()),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name,
		"AWS_LAMBDA_LOG_STREAM_NAME=2000/01/01/[" + version + "]0123456789abcdef0123456789abcdef",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=example", "AWS_SECRET_ACCESS_KEY=example", "AWS_SESSION_TOKEN=example",
		"LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
		"LANG=en_US.UTF-8", "TZ=:UTC",
		"_HANDLER=" + b.handler(),
	}
	if b.MaxConcurrency > 0 {
		env = append(env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(b.MaxConcurrency))
	}
	for _, name := range []string{"PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, b.Env...)
}

func (b Bootstrap) memorySize() int {
	if b.MemorySize > 0 {
		return b.MemorySize
	}
	return 128
}

func (b Bootstrap) handler() string {
	if b.Handler != "" {
		return b.Handler
	}
	return "bootstrap"
}

// Invoke hands an event to the process and waits for its answer, its end, or that
// of ctx, as which the mapping kills the process.
func (p *process) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if p.failed != nil {
		return nil, p.failed
	}
	call := &call{payload: payload, results: make(chan result, 1)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		call.id, call.arn = lc.AwsRequestID, lc.InvokedFunctionArn
	}
	if deadline, ok := ctx.Deadline(); ok {
		call.deadline = deadline
	}
	p.api.add(call)
	defer p.api.remove(call)
	select {
	case r := <-call.results:
		return r.answer, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.exited:
	}
	if r, ok := p.api.last(call); ok { // it answered, and then ended
		return r.answer, r.err
	}
	return nil, p.exitError()
}

// exitError says how the process ended; p.exited is closed.
func (p *process) exitError() error {
	err := fmt.Errorf("lambdatest: the runtime exited: %v", p.cmd.ProcessState)
	if initial := p.api.initError(); initial != nil {
		err = fmt.Errorf("%w, after the init error: %w", err, initial)
	}
	return err
}

// Close kills the process and waits for it.
func (p *process) Close() error {
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Kill() // an error says that it has ended
	}
	<-p.exited
	if p.api == nil {
		return nil
	}
	return p.api.close()
}

package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// child is what this test program does instead of testing, when it is started as
// a Lambda function.
const child = "KINPACK_TEST_LAMBDA_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "":
		os.Exit(m.Run())
	case "kinpack":
		lambda.Start(func(_ context.Context, r *lambda.Record) error {
			if string(r.Data) == "bad" {
				return errors.New("boom")
			}
			return nil
		})
	case "meet":
		meet := make(chan int)
		awslambda.Start(func(ctx context.Context, _ events.KinesisEvent) error {
			select { // two invocations at once let each other go
			case meet <- 1:
			case <-meet:
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		})
	case "ends":
		os.Exit(7)
	case "init":
		http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "", strings.NewReader(`{"errorType":"Bad.Config","errorMessage":"no table"}`))
		os.Exit(1)
	case "foreign":
		foreign(os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	default:
		calls := 0
		awslambda.Start(func(ctx context.Context, e events.KinesisEvent) (string, error) {
			calls++
			return behave(ctx, calls, string(e.Records[0].Kinesis.Data))
		})
	}
}

func behave(ctx context.Context, calls int, what string) (string, error) {
	switch name, rest, _ := strings.Cut(what, " "); name {
	case "env":
		return os.Getenv(rest), nil
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return fmt.Sprintf("%s %s %v", lc.AwsRequestID, lc.InvokedFunctionArn, time.Until(deadline) > 5*time.Second), nil
	case "error":
		return "", errors.New("boom")
	case "panic":
		if calls > 1 { // not in a new sandbox
			panic("oh no")
		}
	case "exit":
		if calls > 1 {
			fmt.Println("going")
			os.Exit(7)
		}
	case "sleep":
		if calls > 1 {
			time.Sleep(time.Minute)
		}
	}
	return fmt.Sprint(calls), nil
}

// foreign is a runtime that answers what it was not asked, and reports an error in
// words of its own.
func foreign(api string) {
	base := "http://" + api + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(base + "next")
		if err != nil || next.StatusCode != 200 {
			os.Exit(1)
		}
		io.Copy(io.Discard, next.Body)
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		wrong, _ := http.Post(base+"other/response", "", strings.NewReader("x"))
		req, _ := http.NewRequest("POST", base+id+"/error", strings.NewReader(fmt.Sprintf("status %d", wrong.StatusCode)))
		req.Header.Set("Lambda-Runtime-Function-Error-Type", "Mine.Own")
		http.DefaultClient.Do(req)
	}
}

// output keeps what processes write.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func self(what string) lambdatest.Bootstrap {
	return lambdatest.Bootstrap{Path: os.Args[0], Env: []string{child + "=" + what}}
}

func asked(what ...string) lambdatest.Source {
	all := numbered(len(what))
	for i, w := range what {
		all[i].Data = []byte(w)
	}
	return lambdatest.Records(all)
}

// A real program of kinpack's lambda, from its start to its answers.
func TestBootstrap(t *testing.T) {
	m := drained(t, asked("good", "bad", "good"), self("kinpack").Start, lambdatest.WithTimeout(time.Minute),
		lambdatest.WithReportBatchItemFailures(), lambdatest.WithMaximumRetryAttempts(0))
	check(t, "story", story(m), lines("good bad good: partial 1", "bad good: partial 0"))
	check(t, "sandboxes", visits(m), "1* 1")
	check(t, "answer", string(m.Invocations()[0].Answer), `{"batchItemFailures":[{"itemIdentifier":"`+sequence(1)+`"}]}`)
}

func TestEndsOfAProcess(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out output
	b := self("behave")
	b.Output = &out
	m := drained(t, asked("x", "error", "x", "panic", "x", "exit", "x", "sleep", "x"), b.Start, lambdatest.WithBatchSize(1), lambdatest.WithTimeout(time.Second),
		lambdatest.WithMaximumRetryAttempts(1), lambdatest.WithBackoff(func(int) time.Duration { return 0 }))
	var got []string
	for _, inv := range m.Invocations() {
		err := ""
		if inv.Err != nil {
			err, _, _ = strings.Cut(inv.Err.Error(), "\n")
		}
		got = append(got, fmt.Sprintf("%d %s: %s %s%s", inv.Sandbox, names(inv.Records), inv.Outcome, inv.Answer, err))
	}
	check(t, "story", strings.Join(got, "\n"), lines(
		`1 x: succeeded "1"`,
		`1 error: function error errorString: boom`,
		`1 error: function error errorString: boom`, // the same process
		`1 x: succeeded "4"`,
		`1 panic: function error string: oh no`,
		`2 panic: succeeded "1"`,
		`2 x: succeeded "2"`,
		`2 exit: function error lambdatest: the runtime exited: exit status 7`,
		`3 exit: succeeded "1"`,
		`3 x: succeeded "2"`,
		`3 sleep: timed out lambdatest: the function did not answer within 1s`,
		`4 sleep: succeeded "1"`,
		`4 x: succeeded "2"`,
	))
	check(t, "output", strings.Contains(out.String(), "going\n"), true)
}

func TestEnvironmentAndContext(t *testing.T) {
	arn := "arn:aws:lambda:us-east-1:123456789012:function:mine"
	for name, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "mine", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_REGION": "eu-west-1", "_HANDLER": "main", "AWS_LAMBDA_MAX_CONCURRENCY": "1", "PATH": os.Getenv("PATH"), "HOME": "",
	} {
		b := self("behave")
		b.Env = append(b.Env, "AWS_REGION=eu-west-1")
		b.MemorySize, b.Handler, b.MaxConcurrency = 512, "main", 1
		m := drained(t, asked("env "+name), b.Start, lambdatest.WithFunctionARN(arn), lambdatest.WithTimeout(time.Minute))
		check(t, name, string(m.Invocations()[0].Answer), fmt.Sprintf("%q", want))
	}
	m := drained(t, asked("context"), self("behave").Start, lambdatest.WithFunctionARN(arn), lambdatest.WithTimeout(time.Minute))
	inv := m.Invocations()[0]
	check(t, "context", string(inv.Answer), fmt.Sprintf("%q", inv.RequestID+" "+arn+" true"))
}

// Two invocations at once in one process.
func TestMaxConcurrency(t *testing.T) {
	b := self("meet")
	b.MaxConcurrency = 2
	m := drained(t, lambdatest.Records(numbered(3), numbered(3)), b.Start, lambdatest.WithBatchSize(1), lambdatest.WithTimeout(time.Minute),
		lambdatest.WithSandboxes(1, lambdatest.Sticky), lambdatest.WithConcurrencyPerSandbox(2))
	for _, inv := range m.Invocations() {
		check(t, "outcome", inv.Outcome, lambdatest.Succeeded)
		check(t, "sandbox", inv.Sandbox, 1)
	}
	check(t, "invocations", len(m.Invocations()), 6)
}

func TestProgramsThatDoNotStart(t *testing.T) {
	run := func(b lambdatest.Bootstrap) lambdatest.Invocation {
		m := drained(t, asked("x"), b.Start, lambdatest.WithTimeout(time.Minute), lambdatest.WithMaximumRetryAttempts(1))
		for _, inv := range m.Invocations() {
			check(t, "outcome", inv.Outcome, lambdatest.FunctionError)
		}
		return m.Invocations()[1]
	}
	check(t, "ends", run(self("ends")).Err.Error(), "lambdatest: the runtime exited: exit status 7")
	err := run(self("init")).Err
	check(t, "init error", err.Error(), "lambdatest: the runtime exited: exit status 1, after the init error: Bad.Config: no table")
	var reported *lambdatest.RuntimeError
	if !errors.As(err, &reported) || reported.Type != "Bad.Config" {
		t.Errorf("no RuntimeError in %v", err)
	}
	if err := run(lambdatest.Bootstrap{Path: "no/such/program"}).Err; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	check(t, "another runtime", run(self("foreign")).Err.Error(), "Mine.Own: status 400")
}

// Kill ends the process at once, and Close at the end.
func TestKillOfAProcess(t *testing.T) {
	factory := func(s *lambdatest.Sandbox) lambdatest.Function {
		if s.Number() == 1 {
			time.AfterFunc(300*time.Millisecond, s.Kill)
		}
		return self("behave").Start(s)
	}
	start := time.Now()
	m := drained(t, asked("x", "sleep"), factory, lambdatest.WithBatchSize(1), lambdatest.WithTimeout(time.Minute))
	all := m.Invocations()
	check(t, "last", string(all[len(all)-1].Answer), `"1"`)
	if time.Since(start) > 30*time.Second {
		t.Error("the process was waited for")
	}
}

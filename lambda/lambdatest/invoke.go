package lambdatest

// This file owns one invocation in a sandbox: the context that the function gets,
// the end that it comes to, and the points at which the sandbox may die.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/cespare/xxhash/v2"
)

// The points that every invocation passes by itself.
const (
	// PointStart is before the function is called.
	PointStart = "start"
	// PointAnswer is when it has returned and its answer is not out yet.
	PointAnswer = "answer"
)

// Point is a moment at which a sandbox may be killed: see [Sandbox.Point].
type Point struct {
	Name    string
	Sandbox int
	// ShardID, Lane and Invocation say within which invocation it is: Invocation
	// counts those of the lane, from 1. Outside one they are zero.
	ShardID    string
	Lane       int
	Invocation int
	// Nth counts the points of that name within the invocation, from 1. Outside
	// one it is 0.
	Nth int
}

// running is an invocation as its context carries it.
type running struct {
	point Point // but for Name and Nth
	mu    sync.Mutex
	nth   map[string]int
}

type runningKey struct{}

// Point is a moment at which the sandbox may be killed, by [WithKill] or
// [Trouble]. It returns nil if it lives on, and ErrKilled if it was killed, here
// or before; what comes after must then have no effect. Test doubles call it
// between what a process could die between: before and after they write. ctx is
// that of the invocation, or one made from it.
//
// The chance of Trouble depends on the seed, the shard, the lane, the number of
// the invocation and name, so that it is the same in every run however goroutines
// are scheduled. Name points that are passed concurrently each by its own name.
func (s *Sandbox) Point(ctx context.Context, name string) error {
	if err := s.Alive(); err != nil {
		return err
	}
	p := Point{Name: name}
	if r, ok := ctx.Value(runningKey{}).(*running); ok {
		p = r.point
		p.Name = name
		r.mu.Lock()
		r.nth[name]++
		p.Nth = r.nth[name]
		r.mu.Unlock()
	}
	p.Sandbox = s.number
	if c := s.pool.config; c.kill != nil && c.kill(p) || c.diesAt(p) {
		s.Kill()
	}
	return s.Alive()
}

// diesAt draws whether a sandbox dies at a point.
func (c *config) diesAt(p Point) bool {
	if c.trouble.KillAtPoint == 0 {
		return false
	}
	rnd := random(c.seed, "point", p.ShardID, strconv.Itoa(p.Lane), strconv.Itoa(p.Invocation), p.Name, strconv.Itoa(p.Nth))
	return chance(rnd, c.trouble.KillAtPoint)
}

// random is a generator whose numbers depend on the seed and the names only.
func random(seed uint64, names ...string) *rand.Rand {
	h := xxhash.New()
	for _, n := range names {
		h.WriteString(n)
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func chance(rnd *rand.Rand, p float64) bool { return p > 0 && rnd.Float64() < p }

// requestID is a UUID of version 4.
func requestID(rnd *rand.Rand) string {
	a, b := rnd.Uint64(), rnd.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// result is how a function ended.
type result struct {
	answer   []byte
	err      error
	panicked bool // or exited its goroutine: the process is gone
}

// call invokes the sandbox's function and waits for its answer, the deadline or
// the end of the sandbox. What does not return goes on until it does; the pool
// waits for it at its close.
func (s *Sandbox) call(ctx context.Context, r *running, id string, payload []byte, killAfter time.Duration) ([]byte, verdict) {
	c := s.pool.config
	ctx = context.WithValue(context.WithoutCancel(ctx), runningKey{}, r)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id, InvokedFunctionArn: c.functionARN})
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if killAfter > 0 {
		defer time.AfterFunc(killAfter, s.Kill).Stop()
	}

	results := make(chan result, 1)
	s.pool.wg.Go(func() { s.run(ctx, payload, results) })
	var res result
	select {
	case res = <-results:
	case <-ctx.Done():
	case <-s.done:
		stop(ErrKilled)
	}
	switch {
	case s.Alive() != nil:
		return nil, verdict{outcome: Killed, err: ErrKilled}
	case ctx.Err() != nil: // also if it has answered at the last moment
		s.Kill()
		return nil, verdict{outcome: TimedOut, err: fmt.Errorf("lambdatest: the function did not answer within %v", c.timeout)}
	case res.panicked:
		s.Kill()
		return nil, verdict{outcome: FunctionError, err: res.err}
	case res.err != nil:
		return nil, verdict{outcome: FunctionError, err: res.err}
	case len(res.answer) > payloadLimit:
		return nil, verdict{outcome: FunctionError, err: fmt.Errorf("lambdatest: the answer has %d bytes, the limit is %d", len(res.answer), payloadLimit)}
	}
	return res.answer, verdict{outcome: Succeeded}
}

// run is the goroutine of one invocation.
func (s *Sandbox) run(ctx context.Context, payload []byte, results chan<- result) {
	res := result{err: errors.New("lambdatest: the function ended its goroutine"), panicked: true}
	defer func() {
		if p := recover(); p != nil {
			res.err = fmt.Errorf("lambdatest: the function panicked: %v\n%s", p, debug.Stack())
		}
		results <- res
	}()
	if s.Point(ctx, PointStart) != nil {
		return
	}
	answer, err := s.function.Invoke(ctx, payload)
	answer = bytes.Clone(answer)
	if s.Point(ctx, PointAnswer) != nil {
		return
	}
	res = result{answer: answer, err: err}
}

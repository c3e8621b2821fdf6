package lambdatest

// This file owns sandboxes: what one is, how it dies, and which one gets the next
// invocation.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
)

// Function is a Lambda function: it gets an event and returns its answer, as
// aws-lambda-go's Handler does. It must not keep payload after it has returned.
type Function interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Factory makes the function of a new sandbox, at each cold start. What it makes
// is the sandbox's memory. A Function that is also an [io.Closer] is closed once
// its sandbox is gone.
type Factory func(*Sandbox) Function

// HandlerFunc is a function in the form that most have, with its own types for
// event and answer; they are converted by encoding/json. Unlike aws-lambda-go's
// NewHandler, whose answers share a buffer, it may serve several sandboxes at once.
type HandlerFunc[Event, Answer any] func(context.Context, Event) (Answer, error)

// Invoke calls f with the event that payload holds.
func (f HandlerFunc[Event, Answer]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event Event
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	answer, err := f(ctx, event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// Handler is a factory for a function that has no memory of its own to lose: all
// sandboxes call f.
func Handler[Event, Answer any](f func(context.Context, Event) (Answer, error)) Factory {
	return func(*Sandbox) Function { return HandlerFunc[Event, Answer](f) }
}

// ErrKilled says that the sandbox is gone.
var ErrKilled = errors.New("lambdatest: the sandbox was killed")

// Placement says which sandbox gets the next invocation.
type Placement uint8

// The placements.
const (
	// Sticky takes the free sandbox that was first: always the same one, as long
	// as one is enough.
	Sticky Placement = iota
	// Random takes any free place, a new sandbox if there is none in it.
	Random
	// RoundRobin takes the places in turn.
	RoundRobin
	// AlwaysCold takes a new sandbox every time, in the place of a free one.
	AlwaysCold
)

// Sandbox is one execution environment of the function. All its methods may be
// called at any time, by any goroutine.
type Sandbox struct {
	number int
	pool   *pool
	ready  chan struct{} // closed when function is there
	done   chan struct{} // closed when it is dead

	mu       sync.Mutex
	dead     bool
	exited   bool // its process has ended by itself
	function Function

	// Owned by the pool.
	busy int
	used bool
}

// Number counts the sandboxes of a mapping in the order of their starts, from 1.
func (s *Sandbox) Number() int { return s.number }

// Alive returns nil, or ErrKilled once the sandbox is gone. Test doubles ask it
// before they have an effect on what outlives the sandbox, because a goroutine
// can't be ended as a process can.
func (s *Sandbox) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return ErrKilled
	}
	return nil
}

// Done is closed when the sandbox is killed.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Kill ends the sandbox. The mapping no longer waits for what runs in it: the
// invocation has failed as with a crash. Its context ends.
func (s *Sandbox) Kill() {
	s.mu.Lock()
	if s.dead {
		s.mu.Unlock()
		return
	}
	s.dead = true
	f := s.function
	s.mu.Unlock()
	close(s.done)
	s.pool.bury(f)
}

// lost says that the sandbox takes no more invocations: it was killed, or its
// process has ended by itself.
func (s *Sandbox) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead || s.exited
}

// exit tells that the sandbox's process has ended by itself.
func (s *Sandbox) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exited = true
}

// install sets what the factory made.
func (s *Sandbox) install(f Function) {
	s.mu.Lock()
	dead := s.dead
	s.function = f
	s.mu.Unlock()
	close(s.ready)
	if dead { // while it was made
		s.pool.bury(f)
	}
}

// pool is the sandboxes of a mapping, each in a place of its own.
type pool struct {
	config  *config
	factory Factory
	wg      sync.WaitGroup // functions that run, and those that are closed

	mu      sync.Mutex
	places  []*Sandbox    // nil or dead: free for a new one
	changed chan struct{} // closed and replaced when a place may be free
	next    int           // for RoundRobin
	started int
	errs    []error // of closing functions
}

func newPool(c *config, f Factory) *pool {
	return &pool{config: c, factory: f, places: make([]*Sandbox, c.sandboxes), changed: make(chan struct{})}
}

// bury closes a function whose sandbox is gone.
func (p *pool) bury(f Function) {
	closer, ok := f.(io.Closer)
	if !ok {
		return
	}
	p.wg.Go(func() {
		if err := closer.Close(); err != nil {
			p.mu.Lock()
			p.errs = append(p.errs, err)
			p.mu.Unlock()
		}
	})
}

// acquire returns a sandbox for one invocation, when there is one.
func (p *pool) acquire(ctx context.Context, rnd *rand.Rand) (s *Sandbox, cold bool, err error) {
	renew := p.config.placement == AlwaysCold || chance(rnd, p.config.trouble.ColdStart)
	for {
		p.mu.Lock()
		at := p.choose(rnd)
		if at >= 0 {
			s = p.places[at]
			var old *Sandbox
			if s == nil || s.lost() || renew && s.busy == 0 {
				old, s = s, &Sandbox{number: p.started + 1, pool: p, ready: make(chan struct{}), done: make(chan struct{})}
				p.started++
				p.places[at] = s
			}
			s.busy++
			cold = !s.used
			s.used = true
			p.mu.Unlock()
			if old != nil {
				old.Kill()
			}
			if cold {
				p.make(s)
			}
			<-s.ready
			return s, cold, nil
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// make makes the function of a sandbox that was just acquired. If the factory ends
// its goroutine the sandbox is gone, for those who wait for it as well.
func (p *pool) make(s *Sandbox) {
	var f Function
	made := false
	defer func() {
		if !made {
			s.Kill()
		}
		s.install(f)
	}()
	f, made = p.factory(s), true
}

// choose returns a place that takes an invocation, or -1.
func (p *pool) choose(rnd *rand.Rand) int {
	var free []int
	for i, s := range p.places {
		if s == nil || s.lost() || s.busy < p.config.perSandbox {
			free = append(free, i)
		}
	}
	switch {
	case len(free) == 0 && p.config.sandboxes > 0:
		return -1
	case len(free) == 0:
		p.places = append(p.places, nil)
		return len(p.places) - 1
	case p.config.placement == Random:
		return free[rnd.IntN(len(free))]
	case p.config.placement == RoundRobin:
		at := free[0]
		for _, i := range free {
			if i >= p.next {
				at = i
				break
			}
		}
		p.next = (at + 1) % len(p.places)
		return at
	}
	return free[0]
}

func (p *pool) release(s *Sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.busy--
	close(p.changed)
	p.changed = make(chan struct{})
}

// close ends all sandboxes and waits for everything that runs in them.
func (p *pool) close() error {
	p.mu.Lock()
	places := p.places
	p.mu.Unlock()
	for _, s := range places {
		if s != nil {
			s.Kill()
		}
	}
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) == 0 {
		return nil
	}
	err := fmt.Errorf("lambdatest: closing a function: %w", errors.Join(p.errs...))
	p.errs = nil
	return err
}

package lambdatest

// This file owns the Lambda Runtime API (version 2018-06-01): four routes on
// loopback, by which one process fetches its invocations and answers them.

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// call is an invocation on its way to the process and back.
type call struct {
	id, arn  string
	deadline time.Time
	payload  []byte
	results  chan result // one at most is sent
	settled  *result     // the answer, until the process asks for more
}

type runtimeAPI struct {
	address string
	server  *http.Server
	wg      sync.WaitGroup // the server's goroutine, and the requests
	closed  chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when there is a call to fetch
	waiting []*call       // not fetched yet
	out     []*call       // fetched; one of them may be settled
	initial error         // what init/error told
}

// RuntimeError is an error that a program has reported by the Runtime API.
type RuntimeError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns the type and the message.
func (e *RuntimeError) Error() string { return e.Type + ": " + e.Message }

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lambdatest: Runtime API: %w", err)
	}
	a := &runtimeAPI{address: listener.Addr().String(), changed: make(chan struct{}), closed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.initFailure)
	a.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.enter() {
			defer a.wg.Done()
			mux.ServeHTTP(w, r)
		}
	})}
	a.wg.Go(func() { _ = a.server.Serve(listener) }) // ends with close
	return a, nil
}

// enter counts a request that close is to wait for, unless it is too late.
func (a *runtimeAPI) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.closed:
		return false
	default:
		a.wg.Add(1)
		return true
	}
}

func (a *runtimeAPI) close() error {
	a.mu.Lock()
	close(a.closed)
	a.mu.Unlock()
	err := a.server.Close()
	a.wg.Wait()
	return err
}

// add lets the process fetch a call.
func (a *runtimeAPI) add(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, c)
	close(a.changed)
	a.changed = make(chan struct{})
}

// remove forgets a call that nobody waits for.
func (a *runtimeAPI) remove(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	same := func(other *call) bool { return other == c }
	a.waiting, a.out = slices.DeleteFunc(a.waiting, same), slices.DeleteFunc(a.out, same)
}

func (a *runtimeAPI) initError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.initial
}

// last returns the answer of a call whose process has ended after it.
func (a *runtimeAPI) last(c *call) (result, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case r := <-c.results:
		return r, true
	default:
	}
	if c.settled == nil {
		return result{}, false
	}
	return *c.settled, true
}

// complete ends the calls that are settled: the process asks for more. Only then is
// an invocation over, so that a process that answers and ends gets no other one.
// Which of several loops asks can't be seen; it does not matter.
func (a *runtimeAPI) complete() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out = slices.DeleteFunc(a.out, func(c *call) bool {
		if c.settled == nil {
			return false
		}
		c.results <- *c.settled
		return true
	})
}

// fetch waits for the next call; nil is the end of the request or of the server.
func (a *runtimeAPI) fetch(r *http.Request) *call {
	for {
		a.mu.Lock()
		if len(a.waiting) > 0 {
			c := a.waiting[0]
			a.waiting = a.waiting[1:]
			a.out = append(a.out, c)
			a.mu.Unlock()
			return c
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return nil
		case <-a.closed:
			return nil
		}
	}
}

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.complete()
	c := a.fetch(r)
	if c == nil {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(c.payload)))
	h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", c.arn)
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
	_, _ = w.Write(c.payload) // a process that is gone is seen by its end
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection broke
	}
	a.settle(w, r, result{answer: body})
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	a.settle(w, r, result{err: reported(r)})
}

func (a *runtimeAPI) initFailure(w http.ResponseWriter, r *http.Request) {
	err := reported(r)
	a.mu.Lock()
	a.initial = err
	a.mu.Unlock()
	accepted(w)
}

// reported reads an error that the process tells.
func reported(r *http.Request) error {
	e := &RuntimeError{Type: r.Header.Get("Lambda-Runtime-Function-Error-Type")}
	body, err := io.ReadAll(io.LimitReader(r.Body, payloadLimit))
	if err == nil {
		err = json.Unmarshal(body, e)
	}
	if err != nil {
		e.Message = string(body)
	}
	return e
}

// settle answers the call that a request names.
func (a *runtimeAPI) settle(w http.ResponseWriter, r *http.Request, res result) {
	id := r.PathValue("id")
	a.mu.Lock()
	at := slices.IndexFunc(a.out, func(c *call) bool { return c.id == id && c.settled == nil })
	if at >= 0 {
		a.out[at].settled = &res
	}
	a.mu.Unlock()
	if at < 0 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errorType":"InvalidRequestID","errorMessage":"no such invocation"}`)
		return
	}
	accepted(w)
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/lambda"
)

// shelf is a Checkpoint in memory. It copies all it is given, checks that it is
// given what the interface says, and notes its calls.
type shelf struct {
	mu    sync.Mutex
	items map[lambda.Shard]map[string]lambda.SavedProgress
	calls []string
	// room, if not 0, is the most entries of an item.
	room int
	// These, if not nil, are asked before the call does anything.
	load, save, remove func(ctx context.Context) error
}

func newShelf() *shelf {
	return &shelf{items: map[lambda.Shard]map[string]lambda.SavedProgress{}}
}

// short is the end of a sequence number.
func short(s string) string { return strings.TrimLeft(strings.TrimPrefix(s, "4956"), "0") }

func shorts(all []string) string {
	var s []string
	for _, a := range all {
		s = append(s, short(a))
	}
	slices.Sort(s)
	return strings.Join(s, ",")
}

func (p *shelf) called(ctx context.Context, call string, first func(context.Context) error) error {
	p.mu.Lock()
	p.calls = append(p.calls, call)
	p.mu.Unlock()
	if first == nil {
		return nil
	}
	return first(ctx)
}

func (p *shelf) Load(ctx context.Context, shard lambda.Shard, first, last string) ([]lambda.SavedProgress, error) {
	if err := p.called(ctx, "load "+short(first)+"-"+short(last), p.load); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []lambda.SavedProgress
	for s, item := range p.items[shard] {
		if s >= first && s <= last { // all have as many digits
			all = append(all, copyOf(item))
		}
	}
	return all, nil
}

func (p *shelf) Save(ctx context.Context, shard lambda.Shard, s lambda.SavedProgress, stale []string) (int, error) {
	entries := make([]string, len(s.Entries))
	for i, e := range s.Entries {
		outer, err := lambda.ReadOuterProgress(e)
		if err != nil {
			return 0, err
		}
		entries[i] = outer.SequenceNumber()
	}
	call := "save " + short(s.SequenceNumber) + ":" + shorts(entries)
	if len(stale) > 0 {
		call += " stale " + shorts(stale)
	}
	if err := p.called(ctx, call, p.save); err != nil {
		return 0, err
	}
	switch {
	case !slices.IsSorted(entries) || len(slices.Compact(slices.Clone(entries))) < len(entries):
		return 0, errors.New("the entries are not in ascending order")
	case len(entries) == 0 || slices.Contains(stale, s.SequenceNumber):
		return 0, errors.New("nothing to save, or stale itself")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.items[shard] == nil {
		p.items[shard] = map[string]lambda.SavedProgress{}
	}
	item := copyOf(s)
	if p.room > 0 && len(item.Entries) > p.room {
		item.Entries = item.Entries[:p.room]
	}
	p.items[shard][item.SequenceNumber] = item
	for _, s := range stale {
		delete(p.items[shard], s)
	}
	for _, e := range s.Entries { // what is given may not be kept
		clear(e)
	}
	return len(item.Entries), nil
}

func (p *shelf) Delete(ctx context.Context, shard lambda.Shard, sequenceNumbers []string) error {
	if err := p.called(ctx, "delete "+shorts(sequenceNumbers), p.remove); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range sequenceNumbers {
		delete(p.items[shard], s)
	}
	return nil
}

func copyOf(s lambda.SavedProgress) lambda.SavedProgress {
	s.SequenceNumber = strings.Clone(s.SequenceNumber)
	s.Entries = slices.Clone(s.Entries)
	for i := range s.Entries {
		s.Entries[i] = slices.Clone(s.Entries[i])
	}
	return s
}

// take returns the calls since the last time.
func (p *shelf) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.calls = nil }()
	return strings.Join(p.calls, "; ")
}

// left returns the numbers of the items that there are, of all shards.
func (p *shelf) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, items := range p.items {
		for s := range items {
			all = append(all, s)
		}
	}
	return shorts(all)
}

func TestCheckpointInAnotherSandbox(t *testing.T) {
	p, d := newShelf(), &letters{}
	h := &tape{fail: map[string]error{"2b": errBoom}}
	var attempts []int
	h.do = func(_ context.Context, r *lambda.Record) error { attempts = append(attempts, r.Attempt); return nil }
	sandbox := func() *lambda.Consumer {
		return newConsumer(t, func(ctx context.Context, r *lambda.Record) error {
			if string(r.Data) == "2b" {
				attempts = append(attempts, r.Attempt)
			}
			return h.handle(ctx, r)
		}, lambda.WithCheckpoint(p), lambda.WithDeadLetter(d), lambda.WithProgressNamespace("mine"))
	}
	e := event(plain(1), packed(t, 2, "2a", "2b", "2c"), plain(3))
	check(t, "answer", invoke(t, sandbox(), e), sequence(2))
	check(t, "calls", h.take(), "1 2a 2b")
	check(t, "checkpoint", p.take(), "load 1-3; save 2:2")
	check(t, "shard", fmt.Sprint(p.items[lambda.Shard{Namespace: "mine", StreamARN: streamARN, ID: shardA}][sequence(2)].LastArrival), fmt.Sprint(arrival))

	e = event(e.Records[1:]...)
	attempts = nil
	check(t, "answer", invoke(t, sandbox(), e), sequence(2))
	check(t, "calls", h.take(), "2b")
	check(t, "attempts", fmt.Sprint(attempts), "[2]")
	check(t, "checkpoint", p.take(), "load 2-3; save 2:2")

	h.fail = nil
	attempts = nil
	check(t, "answer", invoke(t, sandbox(), e), "")
	check(t, "calls", h.take(), "2b 2c 3")
	check(t, "attempts", fmt.Sprint(attempts), "[3 3 1 1]")
	check(t, "checkpoint", p.take(), "load 2-3; delete 2")
	check(t, "items", p.left(), "")
}

func TestCheckpointCarriesMaxAttempts(t *testing.T) {
	p, d := newShelf(), &letters{}
	h := &tape{fail: map[string]error{"b": errBoom}}
	var text string
	send := lambda.DeadLetterFunc(func(ctx context.Context, l lambda.Letter) error { text = l.Error; return d.Send(ctx, l) })
	e := event(packed(t, 1, "a", "b", "c"))
	for range 2 { // one attempt each, since there is no limit
		check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), e), sequence(1))
	}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithMaxAttempts(2), lambda.WithDeadLetter(send)), e), "")
	check(t, "calls", h.take(), "a b b c")
	check(t, "letters", d.take(), "b/2")
	check(t, "text", text, "boom")
}

func TestCheckpointCosts(t *testing.T) {
	p, h := newShelf(), &tape{}
	c := newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithDeadLetter(&letters{}), lambda.WithConcurrency(3))
	check(t, "answer", invoke(t, c, event(plain(1), packed(t, 2, "a", "b"), plain(3))), "")
	check(t, "one read, no write", p.take(), "load 1-3")
	h.fail = map[string]error{"4": lambda.Poison(errBoom)}
	check(t, "answer", invoke(t, c, event(plain(4))), "")
	check(t, "a letter is no write", p.take(), "load 4-4")
	check(t, "answer", invoke(t, c, event()), "")
	check(t, "no records, no read", p.take(), "")
}

// What lies under a number that is no longer the one reported goes.
func TestCheckpointMovesOn(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"1": errBoom, "2": errBoom, "4": errBoom}}
	e := event(plain(1), plain(2), plain(3), plain(4))
	send := func(from int, want string) {
		t.Helper()
		check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(e.Records[from:]...)), want)
	}
	send(0, sequence(1))
	send(0, sequence(2))
	check(t, "checkpoint", p.take(), "load 1-4; save 1:1; load 1-4; save 2:2 stale 1")
	send(1, sequence(4))
	check(t, "checkpoint", p.take(), "load 2-4; save 4:4 stale 2")
	send(3, "")
	check(t, "checkpoint", p.take(), "load 4-4; delete 4")
	check(t, "calls", h.take(), "1 1 2 2 3 4 4")
	check(t, "items", p.left(), "")
}

// Nothing is known of an outer record that was not come to, and of one that has
// failed at its first user record the attempt is.
func TestCheckpointOutOfOrder(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"a1": errBoom}}
	e := event(lettered(t, 1, "b1", "a1"), lettered(t, 2, "a2"), lettered(t, 3, "c1", "a3", "c2"), lettered(t, 4, "d1"))
	sandbox := func() *lambda.Consumer {
		return newConsumer(t, h.handle, lambda.WithCheckpoint(p), lambda.WithConcurrency(2))
	}
	check(t, "answer", invoke(t, sandbox(), e), sequence(1))
	check(t, "checkpoint", p.take(), "load 1-4; save 1:1,3,4")
	h.take()
	h.fail = nil
	check(t, "answer", invoke(t, sandbox(), e), "")
	check(t, "calls", h.take(), "a1 a2 a3")
	check(t, "checkpoint", p.take(), "load 1-4; delete 1")
}

// A deliberate replay runs everything again, also where a sandbox remembers what
// another one has finished since.
func TestCheckpointAndReplay(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	here, there := newConsumer(t, h.handle, lambda.WithCheckpoint(p)), newConsumer(t, h.handle, lambda.WithCheckpoint(p))
	e := event(packed(t, 1, "a", "b", "c"))
	check(t, "answer here", invoke(t, here, e), sequence(1))
	check(t, "answer there", invoke(t, there, e), "")
	check(t, "calls", h.take(), "a b b c")
	check(t, "replay here", invoke(t, here, e), "")
	check(t, "calls", h.take(), "a b c")
	check(t, "replay there", invoke(t, there, e), "")
	check(t, "calls", h.take(), "a b c")
	check(t, "items", p.left(), "")
}

func TestCheckpointNamespaces(t *testing.T) {
	p, h := newShelf(), &tape{fail: map[string]error{"b": errBoom}}
	e := event(packed(t, 1, "a", "b"))
	sandbox := func(opts ...lambda.Option) *lambda.Consumer {
		return newConsumer(t, h.handle, append(opts, lambda.WithCheckpoint(p))...)
	}
	check(t, "answer", invoke(t, sandbox(lambda.WithProgressNamespace("one")), e), sequence(1))
	check(t, "answer", invoke(t, sandbox(lambda.WithProgressNamespace("two")), e), sequence(1))
	check(t, "calls", h.take(), "a b a b")
	check(t, "answer", invoke(t, sandbox(lambda.WithProgressNamespace("one")), e), sequence(1))
	check(t, "calls", h.take(), "b")
	check(t, "namespaces", len(p.items), 2)
	elsewhere := e.Records[0]
	elsewhere.EventID = shardB + ":" + sequence(1)
	check(t, "answer", invoke(t, sandbox(lambda.WithProgressNamespace("one")), event(elsewhere)), sequence(1))
	check(t, "calls of another shard", h.take(), "a b")
}

// The stream was deleted and made anew, with the same sequence numbers.
func TestCheckpointOfAnotherRecord(t *testing.T) {
	p, h := newShelf(), &tape{once: map[string]error{"b": errBoom}}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(packed(t, 1, "a", "b"))), sequence(1))
	h.take()
	other := packed(t, 1, "a", "b")
	other.Kinesis.ApproximateArrivalTimestamp = events.SecondsEpochTime{Time: arrival.Add(time.Hour)}
	check(t, "answer", invoke(t, newConsumer(t, h.handle, lambda.WithCheckpoint(p)), event(other)), "")
	check(t, "calls", h.take(), "a b")
	check(t, "checkpoint", p.take(), "load 1-1; save 1:1; load 1-1; delete 1")
}

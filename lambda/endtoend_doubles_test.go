package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// simHandler is the handler of one sandbox, in every form.
type simHandler struct {
	s  *scene
	sb *lambdatest.Sandbox
}

// handle handles the record with that data and letter's ID, as the seed wants it,
// and adds it to ok if that worked.
func (h *simHandler) handle(ctx context.Context, record, id string, ok *[]int) error {
	s := h.s
	if err := h.sb.Point(ctx, "handle "+id); err != nil {
		return err
	}
	lc, _ := lambdacontext.FromContext(ctx)
	s.mu.Lock()
	nth := 1
	for _, c := range s.calls {
		if c.id == id {
			nth++
		}
	}
	n := len(s.calls)
	s.calls = append(s.calls, call{record: record, id: id, request: lc.AwsRequestID, at: time.Now(), late: ctx.Err() != nil})
	s.mu.Unlock()
	if err := h.trouble(ctx, record, id, nth); err != nil {
		return err
	}
	if strings.HasPrefix(record, "poison") && !s.quietly.Load() {
		if s.chance(3, "mark", id) == 0 {
			return lambda.Poison(errBoom)
		}
		return errBoom
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.sb.Alive() != nil {
		return lambdatest.ErrKilled
	}
	s.calls[n].ended = time.Now()
	*ok = append(*ok, n)
	return nil
}

// report is called when the calls' successes are told, by a return.
func (h *simHandler) report(ctx context.Context, ok []int) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	for _, n := range ok {
		h.s.calls[n].done = ctx.Err() == nil
	}
}

// trouble is what goes wrong at the nth call for a record; after some it is none.
func (h *simHandler) trouble(ctx context.Context, record, id string, nth int) error {
	s := h.s
	if !s.faulty || s.quietly.Load() || nth > 3 {
		return nil
	}
	switch s.chance(30, "trouble", id, nth) {
	case 0:
		panic(errBoom)
	case 1:
		runtime.Goexit()
	case 2:
		time.Sleep(4 * time.Second) // longer than the function may take
	case 3:
		<-ctx.Done()
		return ctx.Err()
	case 4, 5, 6:
		return errBoom
	case 7, 8, 9:
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

func (h *simHandler) one(ctx context.Context, r *lambda.Record) error {
	id, ok := lambda.IdentityFrom(ctx)
	if !ok || id != r.Identity() {
		h.s.t.Errorf("identity %v, want %v", id, r.Identity())
	}
	var done []int
	err := h.handle(ctx, string(r.Data), id.String(), &done)
	h.report(ctx, done)
	return err
}

// several stops at the first failure, goes on, or fails as a whole.
func (h *simHandler) several(ctx context.Context, rs []*lambda.Record) error {
	failures := lambda.Failures{}
	var done []int
	for i, r := range rs {
		err := h.handle(ctx, string(r.Data), r.Identity().String(), &done)
		if err == nil {
			continue
		}
		switch h.s.chance(3, "several", r.Identity().String()) {
		case 0:
			return err
		case 1:
			if h.s.mode == "batch" { // or the key would be out of order
				failures[i] = err
				continue
			}
		}
		h.report(ctx, done)
		if len(failures) > 0 { // some went before
			failures[i] = err
			for j := i + 1; j < len(rs); j++ {
				failures[j] = lambda.ErrNotTried
			}
			return failures
		}
		return lambda.FailedAt(i, len(rs), err)
	}
	h.report(ctx, done)
	if len(failures) > 0 {
		return failures
	}
	return nil
}

// stopping is a function as Lambda's documentation has it: it stops at the first failure.
func (h *simHandler) stopping(ctx context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
	var done []int
	for i := range e.Records {
		if h.handleExpanded(ctx, &e.Records[i], &done) != nil {
			r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: e.Records[i].Kinesis.SequenceNumber})
			break
		}
	}
	h.report(ctx, done)
	return r, nil
}

// listing goes on and lists every failure.
func (h *simHandler) listing(ctx context.Context, e events.KinesisEvent) (r events.KinesisEventResponse, err error) {
	var done []int
	for i := range e.Records {
		if h.handleExpanded(ctx, &e.Records[i], &done) != nil {
			r.BatchItemFailures = append(r.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: e.Records[i].Kinesis.SequenceNumber})
		}
	}
	h.report(ctx, done)
	return r, nil
}

func (h *simHandler) handleExpanded(ctx context.Context, r *events.KinesisEventRecord, ok *[]int) error {
	shard, _, _ := strings.Cut(r.EventID, ":")
	outer, sub, aggregated := strings.Cut(r.Kinesis.SequenceNumber, ":")
	if !aggregated {
		sub = "0"
	}
	return h.handle(ctx, string(r.Kinesis.Data), strings.Join([]string{r.EventSourceArn, shard, outer, sub}, "/"), ok)
}

// simLetters is a sandbox's dead letter.
type simLetters struct {
	s  *scene
	sb *lambdatest.Sandbox
}

func (d *simLetters) Send(ctx context.Context, l lambda.Letter) error {
	if err := d.sb.Point(ctx, "before letter "+l.ID); err != nil {
		return err
	}
	s := d.s
	s.mu.Lock()
	sent := len(s.letters[string(l.Data)])
	if s.faulty && !s.quietly.Load() && s.chance(5, "letter", l.ID, l.Attempts, sent) == 0 && l.Attempts < s.limit+3 {
		s.mu.Unlock()
		return errors.New("the queue is not there")
	}
	if d.sb.Alive() == nil {
		s.letters[string(l.Data)] = append(s.letters[string(l.Data)], l.ID)
	}
	s.mu.Unlock()
	return d.sb.Point(ctx, "after letter "+l.ID)
}

// store is a table of progress that outlives sandboxes.
type store struct {
	mu    sync.Mutex
	items map[string]lambda.SavedProgress
	// writers are the requests that have saved or deleted something.
	writers map[string]bool
}

// write is called with the lock held.
func (p *store) write(ctx context.Context) {
	if p.items == nil {
		p.items, p.writers = map[string]lambda.SavedProgress{}, map[string]bool{}
	}
	lc, _ := lambdacontext.FromContext(ctx)
	p.writers[lc.AwsRequestID] = true
}

// simStore is a sandbox's way to it.
type simStore struct {
	*store
	sb *lambdatest.Sandbox
}

func itemKey(shard lambda.Shard, sequence string) string {
	return fmt.Sprintf("%s|%s|%s|%0128s", shard.Namespace, shard.StreamARN, shard.ID, sequence)
}

func (p *simStore) Load(ctx context.Context, shard lambda.Shard, first, last string) (found []lambda.SavedProgress, err error) {
	if err := p.sb.Point(ctx, "load"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, item := range p.items {
		if itemKey(shard, first) <= key && key <= itemKey(shard, last) {
			item.Entries = slices.Clone(item.Entries)
			found = append(found, item)
		}
	}
	return found, nil
}

func (p *simStore) Save(ctx context.Context, shard lambda.Shard, s lambda.SavedProgress, stale []string) (int, error) {
	if err := p.sb.Point(ctx, "before save"); err != nil {
		return 0, err
	}
	p.mu.Lock()
	if p.sb.Alive() == nil {
		p.write(ctx)
		s.Entries = slices.Clone(s.Entries)
		p.items[itemKey(shard, s.SequenceNumber)] = s
		for _, sequence := range stale {
			delete(p.items, itemKey(shard, sequence))
		}
	}
	p.mu.Unlock()
	return len(s.Entries), p.sb.Point(ctx, "after save")
}

func (p *simStore) Delete(ctx context.Context, shard lambda.Shard, sequenceNumbers []string) error {
	if err := p.sb.Point(ctx, "before delete"); err != nil {
		return err
	}
	p.mu.Lock()
	if p.sb.Alive() == nil {
		p.write(ctx)
		for _, sequence := range sequenceNumbers {
			delete(p.items, itemKey(shard, sequence))
		}
	}
	p.mu.Unlock()
	return p.sb.Point(ctx, "after delete")
}

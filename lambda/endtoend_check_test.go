package lambda_test

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kinpack/kinpack/lambda/lambdatest"
)

// check checks what is promised.
func (s *scene) check(m *lambdatest.Mapping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	recorded := s.recorded(m)
	s.checkOutcomes()
	s.checkOrder()
	s.checkRepeats(recorded, s.lost(m, recorded))
	if left := len(s.store.items); left > 0 {
		s.t.Errorf("%s: %d items are left in the checkpoint", s, left)
	}
}

// recorded returns the ends of the invocations whose answers came through, by
// request.
func (s *scene) recorded(m *lambdatest.Mapping) map[string]time.Time {
	all := map[string]time.Time{}
	for _, i := range m.Invocations() {
		switch i.Outcome {
		case lambdatest.Succeeded, lambdatest.Partial:
			all[i.RequestID] = i.End
		case lambdatest.BadAnswer:
			s.t.Errorf("%s: an answer that Lambda does not take: %s: %v", s, i.Answer, i.Err)
		}
	}
	return all
}

// checkOutcomes: every record has succeeded or is in the dead letter, poison only
// there, under one id a copy.
func (s *scene) checkOutcomes() {
	done := map[string]bool{}
	for _, c := range s.calls {
		if !c.ended.IsZero() {
			done[c.record] = true
		}
	}
	for name := range s.keys {
		aside := len(s.letters[name]) > 0
		switch {
		case strings.HasPrefix(name, "poison") && !aside:
			s.t.Errorf("%s: %s is not in the dead letter", s, name)
		case !done[name] && !aside:
			s.t.Errorf("%s: %s is lost", s, name)
		case s.faulty || strings.HasPrefix(name, "poison"):
		case aside:
			s.t.Errorf("%s: %s is in the dead letter: its neighbours' fault", s, name)
		}
		if ids := s.letters[name]; len(ids) > 0 && len(slices.Compact(slices.Clone(ids))) != 1 {
			s.t.Errorf("%s: %s has the ids %v", s, name, ids)
		}
	}
}

// checkOrder: the first calls for the records of a key are in the order in which
// they were put.
func (s *scene) checkOrder() {
	seen, last := map[string]bool{}, map[string]string{}
	for _, c := range s.calls {
		if seen[c.record] {
			continue
		}
		seen[c.record] = true
		_, number, _ := strings.Cut(c.record, "-")
		if key := s.keys[c.record]; number < last[key] {
			s.t.Errorf("%s: %s of %s comes after %s", s, number, key, last[key])
		} else {
			last[key] = number
		}
	}
}

// loss is a write to the checkpoint by an invocation that then died: what it took
// for answered is sent again.
type loss struct {
	at     time.Time
	outers map[string]bool // shard/sequence number
}

func (s *scene) lost(m *lambdatest.Mapping, recorded map[string]time.Time) (all []loss) {
	for _, i := range m.Invocations() {
		if _, ok := recorded[i.RequestID]; ok || !s.store.writers[i.RequestID] {
			continue
		}
		l := loss{i.End, map[string]bool{}}
		for _, r := range i.Records {
			l.outers[i.ShardID+"/"+r.SequenceNumber] = true
		}
		all = append(all, l)
	}
	return all
}

// checkRepeats: what succeeded in an invocation whose answer came through does
// not run again, if there is a Checkpoint or only one sandbox, which lives.
func (s *scene) checkRepeats(recorded map[string]time.Time, lost []loss) {
	if !s.durable && !(s.sticky && !s.faulty) {
		return
	}
	done := map[string]time.Time{}
	for _, c := range s.calls {
		outer := path.Dir(strings.TrimPrefix(c.id, streamARN+"/"))
		if at, ok := done[c.id]; ok && c.at.After(at) && !c.late && !slices.ContainsFunc(lost, func(l loss) bool {
			return l.outers[outer] && !l.at.Before(at) && !l.at.After(c.at)
		}) {
			s.t.Errorf("%s: %s runs again although it succeeded", s, c.record)
		}
		if end, ok := recorded[c.request]; ok && c.done {
			done[c.id] = end
		}
	}
}

// replay reads the stream from its beginning once more, with a mapping and
// sandboxes of the same function: everything runs again.
func (s *scene) replay(m *lambdatest.Mapping) {
	if err := m.Close(); err != nil {
		s.t.Error(err)
	}
	if !s.durable {
		return
	}
	s.mu.Lock()
	s.quietly.Store(true)
	before := len(s.calls)
	s.mu.Unlock()
	again, err := lambdatest.New(lambdatest.Stream(s.srv.Client(), streamARN), s.sandbox,
		lambdatest.WithReportBatchItemFailures(), lambdatest.WithBatchSize(100))
	if err != nil {
		s.t.Fatal(err)
	}
	s.drain(again)
	if err := again.Close(); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	run := map[string]bool{}
	for _, c := range s.calls[before:] {
		run[c.record] = true
	}
	for name := range s.keys {
		if !run[name] {
			s.t.Errorf("%s: %s does not run when the stream is replayed", s, name)
		}
	}
}

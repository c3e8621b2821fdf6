package lambda

// This file owns what a window's invocation can fall back to when its time is up
// while a record is being folded: the state is then in the hands of the handler,
// and can't be written. The runner writes it now and then, before a record; what
// was folded since then is folded again.

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kinpack/kinpack/internal/sequence"
)

// snapshotEvery bounds what is lost by that, and what writing costs.
const snapshotEvery = 100 * time.Millisecond

// snapshot is a state that everything before at is in.
type snapshot struct {
	at    ref
	state string
	err   error
}

type snapshots struct {
	mu    sync.Mutex
	taken bool
	when  time.Time
	snap  snapshot
}

// take takes a snapshot, if the last one is some time ago. Only the runner calls it.
func (s *snapshots) take(at ref, write func() (string, error)) {
	s.mu.Lock()
	recent := s.taken && time.Since(s.when) < snapshotEvery
	s.mu.Unlock()
	if recent {
		return
	}
	state, err := write()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.when, s.snap = true, time.Now(), snapshot{at, state, err}
}

// last returns the outer records as they stood at the last snapshot, with the
// attempts that were made since, and the state. Without one nothing was folded:
// all stands as it is, and the state is the one that came.
func (s *snapshots) last(outers []outerState, came string) ([]outerState, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.taken {
		return outers, came, nil
	}
	at := s.snap.at
	outers = slices.Clone(outers)
	for i := int(at.outer); i < len(outers); i++ {
		outers[i].done = set{}
	}
	outers[at.outer].done.prefix = int(at.user)
	return outers, s.snap.state, s.snap.err
}

// writeProgress writes entries as text. One whose sequence number is not decimal
// could not be read again, and its records would be folded twice.
func writeProgress(entries []entry) (string, error) {
	var b []byte
	texts := maxSavedAll
	for i := range entries {
		if s := entries[i].sequence; !sequence.Valid(s) {
			return "", fmt.Errorf("lambda: the progress of a window: sequence number %.200q: want a decimal number", s)
		}
		b = appendBytes(b, entries[i].append(nil, &texts))
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// readProgress reads what writeProgress wrote.
func readProgress(text string) (entries []entry, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProgress, err)
	}
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, ErrProgress
		}
		e, err := readEntry(b[size : size+int(n)])
		if err != nil {
			return nil, err
		}
		entries, b = append(entries, e), b[size+int(n):]
	}
	return entries, nil
}

// progressOf lays the progress that came with a batch out by sequence number;
// beyond is that of records behind the batch.
func progressOf(b *batch, text string) (known map[string]entry, beyond []entry, err error) {
	entries, err := readProgress(text)
	if err != nil {
		return nil, nil, fmt.Errorf("the window's state under %q: %w", progressKey, err)
	}
	known = make(map[string]entry, len(entries))
	for _, e := range entries {
		switch {
		case b.index(e.sequence) >= 0:
			known[e.sequence] = e
		case sequence.Compare(e.sequence, b.highest()) > 0:
			beyond = append(beyond, e)
		}
	}
	return known, beyond, nil
}

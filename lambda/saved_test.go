package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

func randomEntry(r *rand.Rand) entry {
	n := 1 + r.IntN(100)
	e := entry{sequence: fmt.Sprint(r.Uint64()), records: n, round: r.Uint32(), saved: true}
	e.content.arrival = r.Int64N(1<<42) - 1<<20
	for i := range e.content.digest {
		e.content.digest[i] = byte(r.IntN(256))
	}
	e.progress.done, _ = randomSet(r, n)
	for range r.IntN(5) {
		if i := r.IntN(n); !e.progress.done.has(i) {
			t := e.progress.tries[i]
			e.progress.fail(i, r.IntN(2) == 0, strings.Repeat("é", r.IntN(50)))
			t = e.progress.tries[i]
			t.attempts += r.IntN(300)
			e.progress.tries[i] = t
		}
	}
	return e
}

// members makes two entries that say the same equal.
func members(e entry) entry {
	n := e.records
	e.progress.done, _ = readSet(e.progress.done.append(nil, n), n)
	return e
}

// written is the written form of an entry.
func written(e entry) []byte {
	texts := maxSavedAll
	return e.append(nil, &texts)
}

func progressText(t *testing.T, entries []entry) string {
	t.Helper()
	text, err := writeProgress(entries)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEntry(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var several []entry
	for range 2000 {
		e := randomEntry(r)
		got, err := readEntry(written(e))
		if err != nil {
			t.Fatal(err)
		}
		if want := members(e); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		several = append(several, members(e))
	}
	for some := range slices.Chunk(several, 4) {
		got, err := readProgress(progressText(t, some))
		if err != nil || !reflect.DeepEqual(got, some) {
			t.Errorf("%d entries as text: got %d, %v", len(some), len(got), err)
		}
	}
	if got, err := readProgress(progressText(t, nil)); err != nil || got != nil {
		t.Errorf("none as text: got %v, %v", got, err)
	}
}

// Every part of an entry is needed to read it, but for whole attempts at its end.
func TestEntryThatIsCutOff(t *testing.T) {
	e := entry{sequence: "4956", records: 9, progress: progress{tries: map[int]try{3: {2, true, "why"}}}}
	e.progress.decide(5)
	whole := written(e)
	without := e
	without.progress.tries = nil
	for n := range whole {
		if _, err := readEntry(whole[:n]); (err == nil) != (n == len(written(without))) || err != nil && !errors.Is(err, ErrProgress) {
			t.Errorf("of the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestEntriesThatAreNone(t *testing.T) {
	good := func() entry { return entry{sequence: "4956", records: 9} }
	for name, change := range map[string]func(*entry){
		"no sequence number":      func(e *entry) { e.sequence = "" },
		"one with leading zeros":  func(e *entry) { e.sequence = "0049" },
		"one that is no number":   func(e *entry) { e.sequence = "49:6" }, // one above 9
		"one that is too long":    func(e *entry) { e.sequence = strings.Repeat("1", 130) },
		"too many user records":   func(e *entry) { e.records = maxUsers + 1 },
		"an attempt at no record": func(e *entry) { e.progress.tries = map[int]try{9: {}} },
		"far beyond all":          func(e *entry) { e.progress.tries = map[int]try{maxUsers + 1: {}} },
		"more attempts than fit":  func(e *entry) { e.progress.tries = map[int]try{1: {attempts: math.MaxInt32}} },
	} {
		e := good()
		if _, err := readEntry(written(e)); err != nil {
			t.Fatal(err)
		}
		change(&e)
		if got, err := readEntry(written(e)); !errors.Is(err, ErrProgress) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	longest := good()
	longest.sequence = strings.Repeat("1", 129)
	if _, err := readEntry(written(longest)); err != nil {
		t.Error(err)
	}
}

// The texts of failures are cut: each, and all of them together.
func TestEntryTexts(t *testing.T) {
	e := entry{sequence: "1", records: 100}
	for i := range 100 {
		e.progress.fail(i, true, strings.Repeat("é", 300)+"\xff")
	}
	whole := written(e)
	if len(whole) > maxSavedAll+100*8+100 {
		t.Errorf("%d bytes", len(whole))
	}
	got, err := readEntry(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		text := got.progress.tries[i].failure
		if want := map[bool]int{true: maxSavedText, false: 0}[i < maxSavedAll/maxSavedText]; len(text) != want || !utf8.ValidString(text) {
			t.Errorf("text %d has %d bytes, want %d", i, len(text), want)
		}
	}
	e = entry{sequence: "1", records: 1}
	e.progress.fail(0, true, "x"+strings.Repeat("é", 300))
	if got, _ := readEntry(written(e)); len(got.progress.tries[0].failure) != maxSavedText-1 {
		t.Errorf("%d bytes of a text that is cut within a letter", len(got.progress.tries[0].failure))
	}
}

func TestOuterProgress(t *testing.T) {
	var r events.KinesisEventRecord
	r.Kinesis = events.KinesisRecord{SequenceNumber: "4956", PartitionKey: "k", Data: []byte("data")}
	r.Kinesis.ApproximateArrivalTimestamp.Time = time.UnixMilli(1480641523477)
	e := entry{sequence: "4956", content: contentOf(&r), records: 3}
	e.progress.decide(0)
	e.progress.decide(2)
	p, err := ReadOuterProgress(written(e))
	if err != nil {
		t.Fatal(err)
	}
	if p.SequenceNumber() != "4956" || p.UserRecords() != 3 {
		t.Errorf("got %s, %d", p.SequenceNumber(), p.UserRecords())
	}
	for sub, want := range map[int]bool{WholeRecord: true, -2: false, 0: true, 1: false, 2: true, 3: false, 1 << 30: false} {
		if p.Done(sub) != want {
			t.Errorf("Done(%d) is %v", sub, !want)
		}
	}
	for name, change := range map[string]func(*events.KinesisRecord){
		"":                       func(*events.KinesisRecord) {},
		"2 ms, as readers round": func(k *events.KinesisRecord) { k.ApproximateArrivalTimestamp.Time = time.UnixMilli(1480641523479) },
		"3 ms: another":          func(k *events.KinesisRecord) { k.ApproximateArrivalTimestamp.Time = time.UnixMilli(1480641523474) },
		"number: another":        func(k *events.KinesisRecord) { k.SequenceNumber = "4957" },
		"key: another":           func(k *events.KinesisRecord) { k.PartitionKey = "kd" },
		"data: another":          func(k *events.KinesisRecord) { k.Data = []byte("ata") },
		"both: another":          func(k *events.KinesisRecord) { k.PartitionKey, k.Data = "kd", []byte("ata") },
	} {
		other := r
		change(&other.Kinesis)
		if p.Of(&other) == strings.Contains(name, "another") {
			t.Errorf("%q: Of is %v", name, p.Of(&other))
		}
	}
	if _, err := ReadOuterProgress([]byte("x")); !errors.Is(err, ErrProgress) {
		t.Errorf("got %v", err)
	}
}

func TestProgressMerge(t *testing.T) {
	var p, q progress
	p.decide(0)
	p.fail(1, false, "old")
	p.fail(2, true, "p")
	p.fail(2, true, "p")
	p.fail(3, true, "p")
	q.decide(1)
	q.decide(4)
	q.fail(2, false, "q")
	q.fail(3, false, "q")
	q.fail(3, false, "more")
	q.fail(0, true, "before it was done")
	p.merge(&q)
	want := map[int]try{2: {2, true, "p"}, 3: {2, false, "more"}}
	if !reflect.DeepEqual(p.tries, want) || p.done.count() != 3 || !p.done.has(0) || !p.done.has(1) || !p.done.has(4) {
		t.Errorf("got %+v", p)
	}
	var none progress
	none.merge(&p)
	if !reflect.DeepEqual(none.tries, want) {
		t.Errorf("got %+v", none)
	}
}

// Whatever is read does not panic, and what was read writes and reads as the same.
func FuzzReadOuterProgress(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		e := randomEntry(r)
		f.Add(written(e))
	}
	f.Add([]byte{1})
	f.Add([]byte("\x01\x041234"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadOuterProgress(b)
		if err != nil {
			if !errors.Is(err, ErrProgress) {
				t.Errorf("error %v", err)
			}
			return
		}
		first := written(p.entry)
		again, err := ReadOuterProgress(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := written(again.entry); string(second) != string(first) {
			t.Errorf("written %x, then %x", first, second)
		}
		if again.SequenceNumber() != p.SequenceNumber() || again.UserRecords() != p.UserRecords() {
			t.Errorf("read %v, then %v", p, again)
		}
		for i := range min(p.UserRecords(), 5000) {
			if p.Done(i) != again.Done(i) {
				t.Errorf("Done(%d) is not the same", i)
			}
		}
	})
}

// Numbers that no 64 bits hold, wherever there is one.
func TestEntryNumbersThatAreTooLong(t *testing.T) {
	e := entry{sequence: "4956", records: 9, progress: progress{tries: map[int]try{3: {2, true, "why"}}}}
	whole := written(e)
	long := append(bytes.Repeat([]byte{0xff}, 10), 1)
	for at := range whole {
		for _, b := range [][]byte{slices.Concat(whole[:at], long), slices.Concat(whole[:at], long, whole[at+1:])} {
			if got, err := readEntry(b); err != nil && !errors.Is(err, ErrProgress) {
				t.Errorf("at %d: %+v, %v", at, got, err)
			}
		}
	}
	arrival := 1 + 1 + 2 + len(e.content.digest)
	if got, err := readEntry(slices.Concat(whole[:arrival], long, whole[arrival+1:])); err == nil {
		t.Errorf("an arrival that is too long: %+v", got)
	}
}

package redrive_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/cmd/kinpack/internal/redrive"
	"github.com/kinpack/kinpack/lambda"
)

// packed is an aggregate of user records with these data.
func packed(t testing.TB, data ...string) []byte {
	t.Helper()
	var b aggregate.Builder
	for _, d := range data {
		if err := b.Add(aggregate.Record{PartitionKey: "key " + d, Data: []byte(d)}); err != nil {
			t.Fatal(err)
		}
	}
	return b.AppendTo(nil)
}

func outer(sequence string, data []byte) redrive.Record {
	return redrive.Record{StreamARN: streamARN, ShardID: shardA, SequenceNumber: sequence, PartitionKey: "a", Arrival: arrival, Data: data}
}

func add(t testing.TB, s *redrive.Set, r redrive.Record, done ...int) (skipped, known int) {
	t.Helper()
	skipped, known, err := s.AddRecord(&r, func(sub int) bool {
		for _, d := range done {
			if d == sub {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return skipped, known
}

// contents names what is in events: sequence number, then the user records' data.
func contents(t testing.TB, made []redrive.Event) string {
	t.Helper()
	var all []string
	for _, e := range made {
		var records []string
		for i := range e {
			var data []string
			for _, u := range unpacked(t, e[i:i+1]) {
				data = append(data, string(u.Data))
			}
			records = append(records, e[i].SequenceNumber+":"+strings.Join(data, ","))
		}
		all = append(all, strings.Join(records, " "))
	}
	return strings.Join(all, " | ")
}

// Letters of one outer record, in any order and twice, make one outer record.
func TestLettersOfOneRecord(t *testing.T) {
	var s redrive.Set
	var known int
	for _, l := range []lambda.Letter{letter("50", 7, "k", "7"), letter("50", 2, "k", "2"), letter("9", 0, "k", "0"), letter("50", 7, "k", "7"), letter("50", 11, "k", "11")} {
		was, err := s.AddLetter(&l)
		if err != nil {
			t.Fatal(err)
		}
		if was {
			known++
		}
	}
	made := makeEvents(t, &s, 100)
	if got := contents(t, made); got != "9:0 50:2,7,11" || known != 1 {
		t.Errorf("got %s, %d known", got, known)
	}
	var e events.KinesisEvent
	if err := json.Unmarshal(made[0].JSON(), &e); err != nil {
		t.Fatal(err)
	}
	r := e.Records[1]
	if r.EventID != shardA+":50" || r.EventSourceArn != streamARN || r.AwsRegion != "eu-west-1" || r.EventSource != "aws:kinesis" || r.EventVersion != "1.0" ||
		r.EventName != "kinpack:redriven:2,7,11" || r.Kinesis.SequenceNumber != "50" || r.Kinesis.PartitionKey != "a" || r.Kinesis.KinesisSchemaVersion != "1.0" {
		t.Errorf("record: %+v", r)
	}
	if !strings.Contains(string(made[0].JSON()), `"approximateArrivalTimestamp":1545084650.987}`) {
		t.Errorf("arrival: %s", made[0].JSON())
	}
}

// An aggregate that can't be read goes as it is; a letter that holds it is the
// same as the record.
func TestWholeRecord(t *testing.T) {
	broken := brokenAggregate()
	l := letter("49", lambda.WholeRecord, "a", string(broken))
	l.Aggregated = false
	var s redrive.Set
	if _, err := s.AddLetter(&l); err != nil {
		t.Fatal(err)
	}
	if _, known := add(t, &s, outer("49", broken)); known != 1 {
		t.Error("the record of a letter is new")
	}
	e := makeEvents(t, &s, 100)[0]
	if string(e[0].Data) != string(broken) || e[0].PartitionKey != "a" {
		t.Errorf("got %+v", e[0])
	}
	if put := redrive.EntryOf(e[0].Users[0]); string(put.Data) != string(broken) || put.PartitionKey != "a" {
		t.Errorf("put: %+v", put)
	}
	var skip redrive.Set
	if skipped, _ := add(t, &skip, outer("49", broken), lambda.WholeRecord); skipped != 1 || len(makeEvents(t, &skip, 1)) != 0 {
		t.Errorf("%d skipped", skipped)
	}
}

// An event that is whole goes as it came, whatever is in it.
func TestEventAsItCame(t *testing.T) {
	var want bytes.Buffer
	if err := json.Compact(&want, file(t, "aws-event.json")); err != nil {
		t.Fatal(err)
	}
	var s redrive.Set
	for i, r := range read(file(t, "aws-event.json"))[0].Records {
		if skipped, known := add(t, &s, r); skipped != 0 || known != 0 {
			t.Errorf("record %d: %d skipped, %d known", i, skipped, known)
		}
	}
	if got := makeEvents(t, &s, 10)[0].JSON(); string(got) != want.String() {
		t.Errorf("got %s\nwant %s", got, want.String())
	}
}

// What is done is left out of a record; a letter for it brings it back.
func TestDone(t *testing.T) {
	data := packed(t, "0", "1", "2", "3")
	var s redrive.Set
	if skipped, known := add(t, &s, outer("49", data), 0, 1, 3); skipped != 3 || known != 0 {
		t.Errorf("skipped %d, known %d", skipped, known)
	}
	add(t, &s, outer("50", packed(t, "x")), 0)
	add(t, &s, outer("51", packed(t)))
	add(t, &s, outer("52", []byte("plain")))
	if got := contents(t, makeEvents(t, &s, 100)); got != "49:2 51: 52:plain" {
		t.Errorf("got %s", got)
	}
	l := letter("49", 3, "key 3", "3")
	if known, err := s.AddLetter(&l); known || err != nil {
		t.Fatal(known, err)
	}
	if got := contents(t, makeEvents(t, &s, 2)); got != "49:2,3 51: | 52:plain" {
		t.Errorf("got %s", got)
	}
	if _, known := add(t, &s, outer("49", data)); known != 2 {
		t.Errorf("%d known", known)
	}
	made := makeEvents(t, &s, 1)
	if got := contents(t, made); got != "49:0,1,2,3 | 51: | 52:plain" || string(made[0][0].Data) != string(data) {
		t.Errorf("got %s", got)
	}
	var behind redrive.Set
	add(t, &behind, outer("49", data), 3)
	l = letter("49", 7, "key 7", "7")
	if _, err := behind.AddLetter(&l); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, makeEvents(t, &behind, 1)); got != "49:0,1,2,7" {
		t.Errorf("with a letter from behind the end: %s", got)
	}
	o, err := made[0][0].Only(func(i int) bool { return i%2 == 1 })
	if err != nil || contents(t, []redrive.Event{{o}}) != "49:1,3" {
		t.Errorf("only odd ones: %+v, %v", o, err)
	}
	if o, err := made[0][0].Only(func(int) bool { return true }); err != nil || string(o.Data) != string(data) {
		t.Errorf("all: %v", err)
	}
	if o, err := made[0][0].Only(func(int) bool { return false }); err != nil || len(o.Users) != 0 {
		t.Errorf("none: %v", err)
	}
}

// Other content in the same place is an error: neither may stand for the other.
func TestConflicts(t *testing.T) {
	base := letter("49", 1, "k", "d")
	with := func(change func(*lambda.Letter)) lambda.Letter {
		l := base
		change(&l)
		return l
	}
	for name, l := range map[string]lambda.Letter{
		"data":          with(func(l *lambda.Letter) { l.Data = []byte("e") }),
		"key":           with(func(l *lambda.Letter) { l.PartitionKey = "l" }),
		"hash key":      with(func(l *lambda.Letter) { l.HasExplicitHashKey = true }),
		"form":          with(func(l *lambda.Letter) { l.Aggregated = false }),
		"outer key":     with(func(l *lambda.Letter) { l.OuterPartitionKey = "b" }),
		"arrival":       with(func(l *lambda.Letter) { l.ApproximateArrivalTimestamp = arrival.Add(time.Second) }),
		"a whole one":   with(func(l *lambda.Letter) { l.SubSequenceNumber = lambda.WholeRecord }),
		"the same":      base,
		"another":       with(func(l *lambda.Letter) { l.SubSequenceNumber = 2 }),
		"rounded":       with(func(l *lambda.Letter) { l.ApproximateArrivalTimestamp = arrival.Add(-time.Millisecond) }),
		"another shard": with(func(l *lambda.Letter) { l.ShardID = shardB }),
	} {
		var s redrive.Set
		if _, err := s.AddLetter(&base); err != nil {
			t.Fatal(err)
		}
		_, err := s.AddLetter(&l)
		fine := name == "the same" || name == "another" || name == "rounded" || name == "another shard"
		if (err == nil) != fine {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && contents(t, makeEvents(t, &s, 1)) != "49:d" {
			t.Errorf("%s: after the error %s", name, contents(t, makeEvents(t, &s, 1)))
		}
	}
	var s redrive.Set
	add(t, &s, outer("49", packed(t, "0", "1")))
	for name, r := range map[string]redrive.Record{"longer": outer("49", packed(t, "0", "1", "2")), "other": outer("49", packed(t, "x", "1"))} {
		if _, _, err := s.AddRecord(&r, nil); err == nil {
			t.Errorf("a %s record in the same place was taken", name)
		}
	}
	l := letter("50", 1, "k", "d")
	if _, err := s.AddLetter(&l); err != nil {
		t.Fatal(err)
	}
	r := outer("50", packed(t, "0", "1"))
	if _, _, err := s.AddRecord(&r, nil); err == nil || !strings.Contains(err.Error(), "redrive it by itself") {
		t.Errorf("a letter and another record: %v", err)
	}
	if got := contents(t, makeEvents(t, &s, 100)); got != "49:0,1 50:d" {
		t.Errorf("after the errors %s", got)
	}
}

func TestEvents(t *testing.T) {
	var s redrive.Set
	for _, sequence := range []string{"100", "99", "9", "1000"} {
		add(t, &s, outer(sequence, []byte("d")))
		r := outer(sequence, []byte("e"))
		r.ShardID = shardB
		add(t, &s, r)
	}
	if got := contents(t, makeEvents(t, &s, 3)); got != "9:d 99:d 100:d | 1000:d | 9:e 99:e 100:e | 1000:e" {
		t.Errorf("got %s", got)
	}
	for _, e := range makeEvents(t, &s, 3) {
		for i := range e {
			if e[i].ShardID != e[0].ShardID {
				t.Error("an event of two shards")
			}
		}
	}

	// Exactly the limit goes into one event, a byte more does not.
	exact := func(key string, more int) []redrive.Event {
		var s redrive.Set
		for _, sequence := range []string{"10", "11"} {
			r := outer(sequence, make([]byte, 3+more))
			if more = 0; sequence == "10" {
				r.PartitionKey = key
			}
			add(t, &s, r)
		}
		return makeEvents(t, &s, 2)
	}
	key := "k"
	room := redrive.MaxEvent - len(exact(key, 0)[0].JSON())
	key += strings.Repeat("k", room%4) // what base64 can't fill
	full := exact(key, room/4*3)
	if len(full) != 1 || len(full[0].JSON()) != redrive.MaxEvent {
		t.Errorf("the limit makes %d events, the first of %d bytes", len(full), len(full[0].JSON()))
	}
	if made := exact(key+"k", room/4*3); len(made) != 2 {
		t.Errorf("a byte more than the limit makes %d events", len(made))
	}
	var big redrive.Set
	add(t, &big, outer("10", make([]byte, redrive.MaxEvent)))
	add(t, &big, outer("11", []byte("abc")))
	if made := makeEvents(t, &big, 2); len(made) != 2 || len(made[0].JSON()) <= redrive.MaxEvent {
		t.Errorf("%d events", len(made))
	}
}

func TestOddRecords(t *testing.T) {
	r := redrive.Record{SequenceNumber: "1", StreamARN: "nonsense"}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"data":""`, `"awsRegion":""`, `"eventID":":1"`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("%s is not in %s", part, b)
		}
	}
	if strings.Contains(string(b), "approximateArrivalTimestamp") {
		t.Errorf("an arrival in %s", b)
	}
}

package speed_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/producer"
)

// BenchmarkPut is Put alone: a Client that does not answer takes one aggregate of
// each of 4 shards, and records are put until the buffer is full. That they are sent
// then is not measured. Beside it: the hash key of each record's partition key, by
// MD5, and nothing else.
func BenchmarkPut(b *testing.B) {
	for _, keys := range []string{"10", "220", "1707", "100000", endless} {
		putByKeys(b, ofSize(100, number(b, keys)), keys)
	}
	for _, l := range everyLoad(b)[1:] {
		putByKeys(b, l, fmt.Sprint(l.keys.distinct()))
	}
}

func putByKeys(b *testing.B, l *load, keys string) {
	turns(b, fmt.Sprintf("size=%s/keys=%s", l.name, keys), []string{"hashkey", "kinpack"}, func(b *testing.B, way string) {
		if way == "hashkey" {
			i := 0
			loop(b, 1, func() {
				hashkey.Of(l.keys.at(i))
				i++
			})
			return
		}
		putAlone(b, l)
	})
}

func putAlone(b *testing.B, l *load) {
	c := newInstant(b, 4)
	hold := new(valve)
	hold.shut()
	c.before = hold.pass
	p := open(b, c, producer.WithRateLimit(0), producer.WithRecordTTL(0), producer.WithRequestTimeout(time.Hour))
	b.Cleanup(hold.open) // before the Producer closes
	done := func(producer.Result) {}
	n := 0
	var m meter
	b.ReportAllocs()
	m.start()
	for b.Loop() {
		err := p.TryPut(l.at(n), done)
		if errors.Is(err, producer.ErrBufferFull) {
			b.StopTimer()
			m.stop()
			hold.open()
			flush(b, p)
			hold.shut()
			runtime.GC() // of what sending has left
			m.start()
			b.StartTimer()
			err = p.TryPut(l.at(n), done)
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	m.stop()
	m.report(b, n)
	hold.open()
	flush(b, p)
	if s := p.Stats(); s.UserRecordsPut != int64(n) {
		b.Fatalf("%d records put of %d", s.UserRecordsPut, n)
	}
}

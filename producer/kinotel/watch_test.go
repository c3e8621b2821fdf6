package kinotel_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinotel"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3)
		r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.NoAnswer()})
		p := r.producer()
		unwatch := r.tel.Watch(p, "orders")
		r.put(p, 5)
		time.Sleep(2 * time.Second)
		s := p.Stats()
		if s.OldestAge != 2*time.Second || s.BufferedBytes == 0 {
			t.Fatalf("%+v", s)
		}
		r.check(map[string]float64{
			"user_records.received orders":  5,
			"user_records.pending orders":   5,
			"buffer.usage orders":           float64(s.BufferedBytes),
			"oldest_user_record.age orders": 2,
			"shards.open orders":            3,
			"stream.service_managed orders": 0,
		})

		second := r.producer()
		unwatchSecond := r.tel.Watch(second, "orders")
		r.put(second, 3)
		time.Sleep(time.Second)
		r.check(map[string]float64{
			"user_records.received orders":  8,
			"user_records.pending orders":   8,
			"buffer.usage orders":           float64(p.Stats().BufferedBytes + second.Stats().BufferedBytes),
			"oldest_user_record.age orders": 3,
			"shards.open orders":            3,
		})

		r.close(p, time.Millisecond)
		unwatch()
		unwatch()
		r.check(map[string]float64{
			"user_records.received orders":  8,
			"user_records.pending orders":   3,
			"oldest_user_record.age orders": 1.001,
		})
		r.close(second, time.Millisecond)
		unwatchSecond()
		v := r.values()
		if _, ok := v["user_records.pending orders"]; ok || v["user_records.received orders"] != 8 {
			t.Errorf("nothing is watched, and there is %v", v)
		}
	})
}

func TestWatchServiceManaged(t *testing.T) {
	r := newRig(t, 0)
	r.manage()
	p := r.producer()
	defer r.tel.Watch(p, "orders")()
	r.check(map[string]float64{"stream.service_managed orders": 1})
	r.close(p, time.Minute)
}

func TestWatchNil(t *testing.T) {
	r := newRig(t, 1)
	r.tel.Watch(nil, "orders")()
	if v := r.values(); len(v) != 0 {
		t.Error(v)
	}
}

// OTLP refuses attributes that are no UTF-8.
func TestWatchOddName(t *testing.T) {
	r := newRig(t, 1)
	p := r.producer()
	defer r.tel.Watch(p, "a\xffb")()
	r.check(map[string]float64{"shards.open a\uFFFDb": 1})
	r.close(p, time.Minute)
}

// Scrapes, Puts and changes of what is watched at the same time.
func TestConcurrency(t *testing.T) {
	r := newRig(t, 4, kinotel.WithShardAttribute())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p := r.producer(producer.WithMaxBufferedTime(time.Millisecond))
			unwatch := r.tel.Watch(p, "orders")
			defer unwatch()
			for range 20 {
				r.put(p, 50)
				r.values()
			}
			r.close(p, time.Minute)
		})
	}
	wg.Wait()
	r.check(map[string]float64{
		"user_records.put orders":      4000,
		"user_records.received orders": 4000,
	})
}

package kinprom_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinprom"
)

// documented returns the metrics in the package's documentation, and what they are.
func documented(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasPrefix(f[1], "kinpack_") && !strings.HasSuffix(f[1], ",") {
			kinds[f[1]] = f[2]
		}
	}
	return kinds
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3)
		r.on("PutRecords", kinesistest.Fault{Failure: kinesistest.NoAnswer()})
		p := r.producer()
		unwatch := r.m.Watch(p, "orders")
		r.put(p, 5)
		time.Sleep(2 * time.Second)
		s := p.Stats()
		if s.OldestAge != 2*time.Second || s.BufferedBytes == 0 {
			t.Fatalf("%+v", s)
		}
		r.check(map[string]float64{
			"user_records_received_total orders":    5,
			"user_records_pending orders":           5,
			"buffered_bytes orders":                 float64(s.BufferedBytes),
			"oldest_user_record_age_seconds orders": 2,
			"open_shards orders":                    3,
			"service_managed orders":                0,
		})

		second := r.producer()
		unwatchSecond := r.m.Watch(second, "orders")
		r.put(second, 3)
		time.Sleep(time.Second)
		r.check(map[string]float64{
			"user_records_received_total orders":    8,
			"user_records_pending orders":           8,
			"buffered_bytes orders":                 float64(p.Stats().BufferedBytes + second.Stats().BufferedBytes),
			"oldest_user_record_age_seconds orders": 3,
			"open_shards orders":                    3,
		})

		r.close(p, time.Millisecond)
		unwatch()
		unwatch()
		r.check(map[string]float64{
			"user_records_received_total orders":    8,
			"user_records_pending orders":           3,
			"oldest_user_record_age_seconds orders": 1.001,
		})
		r.close(second, time.Millisecond)
		unwatchSecond()
		v := r.values()
		if _, ok := v["user_records_pending orders"]; ok || v["user_records_received_total orders"] != 8 {
			t.Errorf("nothing is watched, and there is %v", v)
		}
	})
}

func TestWatchServiceManaged(t *testing.T) {
	r := newRig(t, 0)
	r.manage()
	p := r.producer()
	defer r.m.Watch(p, "orders")()
	r.check(map[string]float64{"service_managed orders": 1, "user_records_failed_total expired orders": 0})
	r.close(p, time.Minute)
}

func TestWatchNil(t *testing.T) {
	r := newRig(t, 1)
	r.m.Watch(nil, "orders")()
	if v := r.values(); len(v) != 0 {
		t.Error(v)
	}
}

// Prometheus refuses labels that are no UTF-8.
func TestWatchOddName(t *testing.T) {
	r := newRig(t, 1)
	p := r.producer()
	defer r.m.Watch(p, "a\xffb")()
	r.check(map[string]float64{"open_shards a\uFFFDb": 1})
	r.close(p, time.Minute)
}

// Scrapes, Puts and changes of what is watched at the same time.
func TestConcurrency(t *testing.T) {
	r := newRig(t, 4, kinprom.WithShardLabel())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p := r.producer(producer.WithMaxBufferedTime(time.Millisecond))
			unwatch := r.m.Watch(p, "orders")
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
		"user_records_put_total orders":      4000,
		"user_records_received_total orders": 4000,
	})
}

package bucket_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kinpack/kinpack/producer/internal/bucket"
)

func TestBucket(t *testing.T) {
	const sec = time.Second
	b := bucket.New(10, 1000)
	for i, c := range []struct {
		now  time.Duration
		n    int
		want time.Duration // to wait, and then it is taken
	}{
		{0, 600, 0},                // full at the start
		{0, 400, 0},                // a burst of one second
		{0, 100, sec / 10},         // and then its rate
		{sec / 5, 200, sec / 10},   // 100 came in since 0.1
		{10 * sec, 1000, 0},        // no more than one second is saved up
		{10 * sec, 5000, sec},      // more than a burst goes when it is full
		{11 * sec, 1, 4*sec + 1e6}, // and is owed
	} {
		got := b.Wait(c.now, c.n)
		if d := got - c.want; d < 0 || d > 2 {
			t.Errorf("%d: waits %v, want %v", i, got, c.want)
		}
		b.Take(c.now+got, c.n)
	}
	// Empty records count too.
	b = bucket.New(10, 1000)
	for range 10 {
		b.Take(0, 0)
	}
	if got := b.Wait(0, 0); got < sec/10 || got > sec/10+1 {
		t.Errorf("the eleventh record waits %v", got)
	}
	var free bucket.Bucket
	free.Take(0, 1<<30)
	if got := free.Wait(0, 1<<30); got != 0 {
		t.Errorf("without a limit it waits %v", got)
	}
}

// Whoever waits as told never passes the rate plus a burst, and after the wait
// told there is enough.
func TestRate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	b := bucket.New(100, 10_000)
	var now time.Duration
	records, bytes := 0, 0
	for range 10_000 {
		n := rnd.IntN(400)
		now += time.Duration(rnd.IntN(int(time.Second / 50)))
		now += b.Wait(now, n)
		if left := b.Wait(now, n); left != 0 {
			t.Fatalf("after the wait, %v more", left)
		}
		b.Take(now, n)
		records, bytes = records+1, bytes+n
		if s := now.Seconds() + 1; float64(records) > 100*s+1e-3 || float64(bytes) > 10_000*s+1e-3 {
			t.Fatalf("%d records, %d bytes in %v", records, bytes, now)
		}
	}
	if s := now.Seconds(); float64(bytes) < 9500*s {
		t.Errorf("%d records, %d bytes in %v: it holds up too much", records, bytes, now)
	}
}

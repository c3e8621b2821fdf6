// Package bucket is the rate limit of one shard: two token buckets, records and
// bytes, that take the time.
package bucket

import "time"

// Bucket allows a rate of records and bytes, and a burst of one second of it. The
// zero value allows everything. It is full at the start.
type Bucket struct {
	records, bytes tokens
}

// New returns a Bucket of so many records and bytes a second.
func New(records, bytes float64) Bucket {
	return Bucket{tokens{rate: records, left: records}, tokens{rate: bytes, left: bytes}}
}

// Wait returns how long it takes from now until n bytes may go as one record,
// 0 for at once. More than a burst may go when the bucket is full.
func (b *Bucket) Wait(now time.Duration, n int) time.Duration {
	return max(b.records.wait(now, 1), b.bytes.wait(now, float64(n)))
}

// Take has n bytes go as one record, whether Wait allows it or not; what is not
// there is owed.
func (b *Bucket) Take(now time.Duration, n int) {
	b.records.take(now, 1)
	b.bytes.take(now, float64(n))
}

// tokens come in at a rate, up to one second's worth.
type tokens struct {
	rate, left float64 // a second; as of at
	at         time.Duration
}

func (t *tokens) wait(now time.Duration, n float64) time.Duration {
	if t.rate == 0 {
		return 0
	}
	lack := min(n, t.rate) - t.have(now)
	if lack <= 0 {
		return 0
	}
	// Rounded up, so that after that long there is enough.
	return time.Duration(lack/t.rate*float64(time.Second)) + 1
}

func (t *tokens) take(now time.Duration, n float64) {
	if t.rate > 0 {
		t.left, t.at = t.have(now)-n, now
	}
}

// have returns the tokens that there are now.
func (t *tokens) have(now time.Duration) float64 {
	return min(t.rate, t.left+t.rate*(now-t.at).Seconds())
}

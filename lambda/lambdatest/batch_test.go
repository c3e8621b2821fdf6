package lambdatest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda/lambdatest"
)

func TestBatchSize(t *testing.T) {
	sizes := func(m *lambdatest.Mapping) string {
		var all []int
		for _, inv := range m.Invocations() {
			all = append(all, len(inv.Records))
		}
		return fmt.Sprint(all)
	}
	check(t, "default", sizes(drained(t, lambdatest.Records(numbered(250)), answers(""))), "[100 100 50]")
	check(t, "200 of 300", sizes(drained(t, lambdatest.Records(numbered(300)), answers(""), lambdatest.WithBatchSize(200))), "[200 100]")
	check(t, "10,000 of 25,000", sizes(drained(t, lambdatest.Records(numbered(25_000)), answers(""), lambdatest.WithBatchSize(10_000))), "[10000 10000 5000]")
	check(t, "nothing", sizes(drained(t, lambdatest.Records(nil), answers(""))), "[]")
}

// 6 MB are measured on the event as it is sent: as many records as fit, none more.
func TestPayloadLimit(t *testing.T) {
	const limit = 6 << 20
	for _, pipes := range []bool{false, true} {
		var opts []lambdatest.Option
		if pipes {
			opts = append(opts, lambdatest.WithPipes())
		}
		var overhead seen
		drained(t, lambdatest.Records([]lambdatest.Record{{}, {}}), overhead.factory(), opts...)
		two := len(overhead.events[0])
		// Two records of which the base64 fills the event to the last byte.
		chars := limit - two
		first := chars / 8 * 4
		second := chars - first
		if second%4 != 0 { // pad by the partition key
			first -= 4
		}
		pad := (chars - first) % 4
		fill := func(more int) []lambdatest.Record {
			return []lambdatest.Record{
				{Data: make([]byte, first/4*3), PartitionKey: "key" + strings.Repeat("x", pad+more)},
				{Data: make([]byte, (chars-first-pad)/4*3)},
				{Data: []byte("z")},
			}
		}
		var s seen
		m := drained(t, lambdatest.Records(fill(0)), s.factory(), opts...)
		check(t, "events", len(m.Invocations()), 2)
		check(t, "bytes", len(s.events[0]), limit)
		m = drained(t, lambdatest.Records(fill(1)), s.factory(), opts...)
		check(t, "records of the first, with a byte more", len(m.Invocations()[0].Records), 1)
		check(t, "of the second", len(m.Invocations()[1].Records), 2)
	}
	var big seen
	drained(t, lambdatest.Records([]lambdatest.Record{{Data: make([]byte, 5<<20)}, {Data: []byte("z")}}), big.factory())
	check(t, "events with one that is too large", len(big.events), 2)
}

func TestBatchingWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := kinesistest.Fake(t, "clicks", 1)
		m := newMapping(t, lambdatest.Stream(client, clicksARN), answers(""), lambdatest.WithBatchSize(10), lambdatest.WithMaximumBatchingWindow(20*time.Second))
		defer m.Close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Second)
		defer cancel()
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(500 * time.Millisecond)
		put(t, client, 0, 3, 3) // read at 1 s, sent at 21 s with what comes until then
		time.Sleep(15 * time.Second)
		put(t, client, 3, 2, 2)
		time.Sleep(60 * time.Second)
		put(t, client, 5, 10, 3) // a full batch goes at once, the rest waits
		time.Sleep(10 * time.Second)
		put(t, client, 15, 12, 3)
		check(t, "error", <-done, context.DeadlineExceeded)
		var got []string
		for _, inv := range m.Invocations() {
			got = append(got, fmt.Sprintf("%d at %v", len(inv.Records), inv.Start.Sub(start)))
		}
		check(t, "batches", strings.Join(got, ", "), "5 at 21s, 10 at 1m16s, 10 at 1m26s, 2 at 1m46s")
	})
}

// A drain waits for the batching window, too, as Lambda does.
func TestDrainWaitsForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		m := drained(t, lambdatest.Records(numbered(3)), answers(""), lambdatest.WithMaximumBatchingWindow(5*time.Minute))
		check(t, "invocations", story(m), "0 1 2: succeeded")
		check(t, "time", time.Since(start), 5*time.Minute)
	})
}

// Each outer key is in one lane, in order; lanes run at once and don't wait for
// each other.
func TestParallelizationFactor(t *testing.T) {
	for _, factor := range []int{1, 3, 10} {
		bubble(t, fmt.Sprint(factor), func(t *testing.T) {
			records := numbered(2000)
			for i := range records {
				records[i].PartitionKey = fmt.Sprintf("key-%d", i%40)
			}
			h := &byKey{seen: map[string][]string{}}
			var mu sync.Mutex
			running, most := 0, 0
			m := drained(t, lambdatest.Records(records), lambdatest.Handler(func(ctx context.Context, e events.KinesisEvent) (string, error) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return "", h.handle(ctx, e)
			}), lambdatest.WithParallelizationFactor(factor), lambdatest.WithBatchSize(20))
			h.want(t, 2000, 40)
			check(t, "at once", most, factor)
			lanes := map[string]int{}
			for _, inv := range m.Invocations() {
				for _, r := range inv.Records {
					if lane, ok := lanes[r.PartitionKey]; ok && lane != inv.Lane {
						t.Fatalf("%s in lanes %d and %d", r.PartitionKey, lane, inv.Lane)
					}
					lanes[r.PartitionKey] = inv.Lane
				}
			}
		})
	}
}

// The same outer key for all, as the KPL gives it, makes one lane.
func TestParallelizationOfOneKey(t *testing.T) {
	m := drained(t, lambdatest.Records(numbered(50)), answers(""), lambdatest.WithParallelizationFactor(10), lambdatest.WithBatchSize(10))
	for i, inv := range m.Invocations() {
		check(t, "lane", inv.Lane, m.Invocations()[0].Lane)
		check(t, "first", string(inv.Records[0].Data), fmt.Sprint(10*i))
	}
}

// A lane that is stuck stops its shard's reader in the end, and no other shard.
func TestStuckLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := [][]lambdatest.Record{numbered(30_000), numbered(500)}
		for i := range records[0] {
			records[0][i].PartitionKey = fmt.Sprint(i % 10)
		}
		records[0][0].Data = []byte("bad")
		records[1][0].Data = []byte("good")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		m := newMapping(t, lambdatest.Records(records...), throws("bad"), lambdatest.WithParallelizationFactor(2))
		defer m.Close()
		check(t, "error", m.Drain(ctx), context.DeadlineExceeded)
		got := map[string]int{}
		for _, inv := range m.Invocations() {
			if inv.Outcome == lambdatest.Succeeded {
				got[inv.ShardID] += len(inv.Records)
			}
		}
		check(t, "other shard", got["shardId-000000000001"], 500)
		if n := got["shardId-000000000000"]; n < 1000 || n > 9_000 {
			t.Errorf("%d records of the other lane were done: want some of the first read of 10,000", n)
		}
	})
}

// 10,000 small records in a batch each, and large ones, take seconds at most.
func TestThroughput(t *testing.T) {
	start := time.Now()
	records := numbered(10_000)
	for i := range records {
		records[i].Data = bytes.Repeat([]byte("x"), 500)
	}
	m := drained(t, lambdatest.Records(records), answers(""), lambdatest.WithBatchSize(1))
	check(t, "invocations", len(m.Invocations()), 10_000)
	m = drained(t, lambdatest.Records(records), answers(""), lambdatest.WithBatchSize(10_000), lambdatest.WithParallelizationFactor(10))
	check(t, "seen", len(m.Seen()), 10_000)
	t.Logf("%v", time.Since(start))
}

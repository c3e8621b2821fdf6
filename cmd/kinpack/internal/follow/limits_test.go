package follow_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/follow"
	"github.com/kinpack/kinpack/kinesistest"
)

// What a shard gives to readers is kept to: 5 calls and 2 MB a second, fewer at the
// tip.
func TestLimits(t *testing.T) {
	for _, size := range []int{900_000, 100} {
		bubble(t, func(t *testing.T) { limits(t, size) })
	}
}

func limits(t *testing.T, size int) {
	client := kinesistest.Fake(t, stream, 1)
	in := &kinesis.PutRecordInput{StreamName: aws.String(stream), PartitionKey: aws.String("k"), Data: make([]byte, size)}
	for range 20 {
		if _, err := client.PutRecord(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	type call struct {
		at    time.Time
		bytes int
	}
	var mu sync.Mutex
	var calls []call
	so := func() []call {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(calls)
	}
	watched := &altered{Client: client, answer: func(out *kinesis.GetRecordsOutput) {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, r := range out.Records {
			n += len(r.Data)
		}
		calls = append(calls, call{time.Now(), n})
	}}
	time.Sleep(time.Minute)
	r := read(t, watched, follow.TrimHorizon(), follow.WithPageSize(5))
	wait(15 * time.Second)
	if n := len(r.data()); n != 20 {
		t.Errorf("%d records", n)
	}
	total := 0
	before := so()
	for i, c := range before {
		if i > 0 && c.at.Sub(before[i-1].at) < 200*time.Millisecond {
			t.Errorf("two calls in %v", c.at.Sub(before[i-1].at))
		}
		if d := c.at.Sub(before[0].at).Seconds(); i > 0 && float64(total) > 2e6*d {
			t.Errorf("%d bytes after %v s", total, d)
		}
		total += c.bytes
	}
	wait(time.Minute)
	if n := len(so()) - len(before); n < 55 || n > 65 {
		t.Errorf("%d calls in a quiet minute", n)
	}
	// A record shows up within a second, and then the next one sooner.
	for i, within := range []time.Duration{time.Second, 250 * time.Millisecond, 250 * time.Millisecond} {
		put(t, client, "k")
		wait(within)
		if n := len(r.data()); n != 21+i {
			t.Errorf("%d records", n)
		}
	}
	r.stop(t)
}

// While the caller takes its time no more pages are fetched than there are workers.
func TestMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := kinesistest.Fake(t, stream, 20)
		want := spread(t, client, "k", 1000)
		var pages, most atomic.Int64
		watched := &altered{Client: client, answer: func(out *kinesis.GetRecordsOutput) {
			if len(out.Records) > 0 {
				most.Store(max(most.Load(), pages.Add(1)))
			}
		}}
		last := ""
		var got []string
		for r, err := range of(watched).Read(t.Context(), follow.TrimHorizon(), follow.WithStopAtTip(), follow.WithWorkers(3), follow.WithPageSize(10)) {
			if err != nil {
				t.Fatal(err)
			}
			if page := r.Shard.ID; page != last {
				last = page
				pages.Add(-1)
			}
			got = append(got, string(r.Data))
			time.Sleep(100 * time.Millisecond)
		}
		same(t, got, want)
		if most.Load() > 4 {
			t.Errorf("%d pages at a time", most.Load())
		}
	})
}

// The SDK's client works as well, its clock and its retries included.
func TestSDKClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := kinesistest.New()
		if err := server.AddStream(stream, 3); err != nil {
			t.Fatal(err)
		}
		client := server.SDKClient()
		want := spread(t, server.Client(), "k", 50)
		time.Sleep(time.Minute)
		summary, err := client.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String(stream)})
		if err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		server.SetFaults(on("GetRecords", func() (f *kinesistest.Fault) {
			once.Do(func() { f = &kinesistest.Fault{Failure: kinesistest.ConnectionReset()} })
			return f
		}))
		byARN := follow.Stream{Client: client, ARN: summary.StreamDescriptionSummary.StreamARN}
		var got []string
		for r, err := range byARN.Read(t.Context(), follow.TrimHorizon(), follow.WithStopAtTip()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(r.Data))
		}
		same(t, got, want)
		if s := fmt.Sprint(byARN); s != *byARN.ARN {
			t.Errorf("it is named %s", s)
		}
	})
}

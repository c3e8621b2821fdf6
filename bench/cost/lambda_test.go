package cost_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kinpack/kinpack/bench/cost"
)

func TestInvocations(t *testing.T) {
	small := func(rate float64) cost.Flow { return steady(t, rate, 100, 1) }
	for _, c := range []struct {
		name   string
		lambda cost.Lambda
		flow   cost.Flow
		want   float64
	}{
		{"nothing", cost.Lambda{Shards: 4}, cost.Flow{}, 0},
		{"fewer records than polls", cost.Lambda{Shards: 4}, small(3), 3},
		{"a poll a second and shard", cost.Lambda{Shards: 4}, small(50), 4},
		{"a window of less than a poll", cost.Lambda{Shards: 4, WindowSeconds: 0.5}, small(50), 4},
		{"a window", cost.Lambda{Shards: 4, WindowSeconds: 5}, small(50), 0.8},
		{"full batches", cost.Lambda{Shards: 4}, small(1000), 10},
		{"full batches in a window", cost.Lambda{Shards: 4, BatchSize: 1000, WindowSeconds: 60}, small(1000), 1},
		{"parallel", cost.Lambda{Shards: 4, ParallelizationFactor: 10}, small(1000), 40},
		{"6 MB", cost.Lambda{Shards: 1, BatchSize: 10_000, WindowSeconds: 300}, steady(t, 100, 51_200, 1), 100 * (532 + 51_201*4/3. + 1) / (6 << 20)},
		{"records of more than 6 MB", cost.Lambda{Shards: 1}, steady(t, 0.1, 10<<20, 1), 0.1},
		{"known", cost.Lambda{Shards: 1, InvocationsPerSecond: 7}, small(1), 7},
	} {
		if got := c.lambda.Invocations(c.flow); !near(got, c.want) {
			t.Errorf("%s: %v a second, want %v", c.name, got, c.want)
		}
	}
}

// The event's bytes a record are those of the Lambda Developer Guide's example.
func TestEventRecord(t *testing.T) {
	record := `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"","sequenceNumber":"@","data":"","approximateArrivalTimestamp":1545084650.987},` +
		`"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:@","eventName":"aws:kinesis:record",` +
		`"invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2",` +
		`"eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"},`
	record = strings.ReplaceAll(record, "@", strings.Repeat("4", 56))
	f := cost.Flow{KinesisRecordsPerSecond: 30_000, KeyBytesPerSecond: 6e6}
	l := cost.Lambda{Shards: 1, BatchSize: 10_000, WindowSeconds: 300}
	if got, want := l.Invocations(f)*(6<<20), 30_000*(float64(len(record))+4/3.)+6e6; !near(got, want) {
		t.Errorf("%v bytes of event a second, want %v", got, want)
	}
}

func TestLambdaBill(t *testing.T) {
	l := cost.Lambda{Shards: 2, MemoryMB: 512, MillisecondsPerInvocation: 10, MillisecondsPerUserRecord: 0.0501, HoursPerMonth: 720}
	f := steady(t, 10, 51_200, 1)
	f.UserRecordsPerSecond = 1000
	bill, err := l.Bill(f, prices(t, virginia))
	if err != nil {
		t.Fatal(err)
	}
	// 2 invocations a second of 10 + 500*0.0501 ms, that is 36.
	requests := 2 * 720 * 3600.
	want := []cost.Line{{cost.LambdaRequests, requests / 1e6, "million requests", 0.20, requests / 1e6 * 0.20},
		{cost.LambdaDuration, requests * 0.036 / 2, "GB-second", 0.0000166667, requests * 0.018 * 0.0000166667}}
	for i, l := range bill.Lines {
		if !alike(l, want[i]) {
			t.Errorf("got %+v, want %+v", l, want[i])
		}
	}
	// 128 MB if nothing is said, and whole milliseconds are not made more: 0.1 + 29*0.1
	// is a little over 3 in binary.
	f.UserRecordsPerSecond = 29
	bill, err = cost.Lambda{Shards: 2, InvocationsPerSecond: 1, MillisecondsPerInvocation: 0.1, MillisecondsPerUserRecord: 0.1}.Bill(f, prices(t, virginia))
	if err != nil || !near(bill.Lines[1].Quantity, 730*3600*0.003/8) {
		t.Errorf("got %+v, %v", bill, err)
	}
	if bill, err = (cost.Lambda{Shards: 2}).Bill(cost.Flow{}, prices(t, virginia)); err != nil || bill.TotalUSD() != 0 {
		t.Errorf("nothing to read: %+v, %v", bill, err)
	}
}

func TestLambdaRefuses(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		lambda cost.Lambda
		flow   cost.Flow
		want   []string
	}{
		{cost.Lambda{}, cost.Flow{}, []string{"0 shards, want 1 to 1e+06"}},
		{cost.Lambda{Shards: 1, BatchSize: -1, WindowSeconds: 301, ParallelizationFactor: 11}, cost.Flow{},
			[]string{"-1 records a batch, want 0 to 10000", "301 seconds of window, want 0 to 300", "11 as ParallelizationFactor, want 0 to 10"}},
		{cost.Lambda{Shards: 1, BatchSize: 10_001, WindowSeconds: nan, ParallelizationFactor: -1, InvocationsPerSecond: -1}, cost.Flow{},
			[]string{"10001 records a batch", "NaN seconds", "-1 as Para", "-1 invocations a second"}},
		{cost.Lambda{Shards: 1, MemoryMB: 127, HoursPerMonth: -1}, cost.Flow{}, []string{"127 MB of memory, want 128 to 10240", "-1 hours"}},
		{cost.Lambda{Shards: 1, MemoryMB: 10_241, MillisecondsPerInvocation: -1, MillisecondsPerUserRecord: nan}, cost.Flow{},
			[]string{"10241 MB", "-1 milliseconds an invocation", "NaN milliseconds a user record"}},
		{cost.Lambda{Shards: 1, MillisecondsPerInvocation: 1, MillisecondsPerUserRecord: 9000}, cost.Flow{UserRecordsPerSecond: 100, KinesisRecordsPerSecond: 1},
			[]string{"900001 milliseconds an invocation, want 0 to 900000"}},
		{cost.Lambda{Shards: 1}, cost.Flow{UserRecordsPerSecond: -3}, []string{"-3 user records"}},
	} {
		_, err := c.lambda.Bill(c.flow, prices(t, virginia))
		refused(t, err, c.want)
	}
	_, err := cost.Lambda{Shards: 1, MillisecondsPerInvocation: 1}.Bill(steady(t, 1, 1, 1), prices(t, "eu-central-1"))
	refused(t, err, []string{`no price of Lambda requests in region "eu-central-1"`, "no price of Lambda duration"})
}

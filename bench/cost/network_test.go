package cost_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/kinpack/kinpack/bench/cost"
)

// What a call has in heads: aws-sdk-go-v2/service/kinesis v1.56.11 to us-east-1.
const requestHead, answerHead = 725, 283

// call is a PutRecords request and its answer.
type call struct {
	Records    []entry
	StreamName string
}

type entry struct {
	Data            []byte
	ExplicitHashKey string `json:",omitempty"`
	PartitionKey    string
}

type stored struct{ SequenceNumber, ShardId string }

type answer struct {
	FailedRecordCount int
	Records           []stored
}

func (c call) answer() answer {
	a := answer{Records: make([]stored, len(c.Records))}
	for i := range a.Records {
		a.Records[i] = stored{strings.Repeat("4", 56), "shardId-000000000000"}
	}
	return a
}

func (c call) json(t *testing.T) (sent, received int) {
	request, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := json.Marshal(c.answer())
	if err != nil {
		t.Fatal(err)
	}
	return len(request), len(reply)
}

func (c call) cbor() (sent, received int) {
	var in, out cbor.List
	for _, e := range c.Records {
		m := cbor.Map{"Data": cbor.Slice(e.Data), "PartitionKey": cbor.String(e.PartitionKey)}
		if e.ExplicitHashKey != "" {
			m["ExplicitHashKey"] = cbor.String(e.ExplicitHashKey)
		}
		in = append(in, m)
		out = append(out, cbor.Map{"SequenceNumber": cbor.String(strings.Repeat("4", 56)), "ShardId": cbor.String("shardId-000000000000")})
	}
	return len(cbor.Encode(cbor.Map{"Records": in, "StreamName": cbor.String(c.StreamName)})),
		len(cbor.Encode(cbor.Map{"FailedRecordCount": cbor.Uint(0), "Records": out}))
}

// A call a second of 300 records, whose sizes are any modulo 3: to the byte what
// encoding/json and smithy-go's CBOR make of it.
func TestTraffic(t *testing.T) {
	for _, first := range []int{0, 30, 500, 66_000} {
		for _, hash := range []string{"", strings.Repeat("1", 39)} {
			for _, key := range []string{"a", strings.Repeat("k", 23), strings.Repeat("k", 24)} {
				c := call{StreamName: "a-stream-of-20-chars"}
				var data int
				spread := min(first, 150) // a head of the same length for all
				for i := range 300 {
					n := first + i%max(spread, 3)
					data += n
					c.Records = append(c.Records, entry{make([]byte, n), hash, key})
				}
				f := cost.Flow{KinesisRecordsPerSecond: 300, DataBytesPerSecond: float64(data),
					KeyBytesPerSecond: float64(300 * len(key)), CallsPerSecond: 1}
				for _, encoding := range []cost.Encoding{cost.JSON, cost.CBOR} {
					var sent, received int
					switch {
					case encoding == cost.CBOR:
						sent, received = c.cbor()
					case first > 1<<16:
						continue // long only for CBOR's heads
					default:
						sent, received = c.json(t)
					}
					n := cost.Network{Encoding: encoding, ExplicitHashKeys: hash != ""}
					gotSent, gotReceived := n.Traffic(f)
					if math.Abs(gotSent-float64(sent+requestHead)) > 1e-6*gotSent+1e-6 || gotReceived != float64(received+answerHead) {
						t.Errorf("%+v, from %d bytes, key of %d: %v and %v, want %d and %d",
							n, first, len(key), gotSent, gotReceived, sent+requestHead, received+answerHead)
					}
				}
			}
		}
	}
}

// Calls that nobody counted are full: of 500 records, or of 5 MiB.
func TestTrafficOfFullCalls(t *testing.T) {
	f := steady(t, 1500, 3, 1)
	known := f
	known.CallsPerSecond = 3
	wantSent, wantReceived := cost.Network{}.Traffic(known)
	if sent, received := (cost.Network{}).Traffic(f); sent != wantSent || received != wantReceived {
		t.Errorf("%v and %v, want %v and %v", sent, received, wantSent, wantReceived)
	}
	if sent, received := (cost.Network{}).Traffic(cost.Flow{}); sent != 0 || received != 0 {
		t.Errorf("nothing put: %v and %v", sent, received)
	}
	if sent, received := (cost.Network{}).Traffic(cost.Flow{CallsPerSecond: 2}); sent != 2*requestHead || received != 2*answerHead {
		t.Errorf("calls without records: %v and %v", sent, received)
	}
}

func TestNetworkBill(t *testing.T) {
	f := steady(t, 1000, 512, 36)
	sent, received := cost.Network{}.Traffic(f)
	gbs := (sent + received) * 2_628_000 / gb
	for _, c := range []struct {
		network cost.Network
		want    []cost.Line
	}{
		{cost.Network{AvailabilityZones: 3}, nil},
		{cost.Network{Path: cost.PrivateLink, AvailabilityZones: 3}, []cost.Line{
			{cost.PrivateLinkHours, 2190, "endpoint-hour", 0.01, 21.9}, {cost.PrivateLinkData, gbs, "GB", 0.01, gbs * 0.01}}},
		{cost.Network{Path: cost.NAT, HoursPerMonth: 365}, []cost.Line{
			{cost.NATHours, 365, "gateway-hour", 0.045, 16.425}, {cost.NATData, gbs / 2, "GB", 0.045, gbs / 2 * 0.045}}},
	} {
		bill, err := c.network.Bill(f, prices(t, virginia))
		if err != nil || len(bill.Lines) != len(c.want) || bill.Currency != "USD" {
			t.Errorf("%+v: %+v, %v, want %+v", c.network, bill, err, c.want)
			continue
		}
		for i, l := range bill.Lines {
			if !alike(l, c.want[i]) {
				t.Errorf("%+v: %+v, want %+v", c.network, l, c.want[i])
			}
		}
	}
}

func TestNetworkRefuses(t *testing.T) {
	for _, c := range []struct {
		network cost.Network
		flow    cost.Flow
		want    []string
	}{
		{cost.Network{Path: 3, Encoding: 2}, cost.Flow{}, []string{"3 as Path, want 0 to 2", "2 as Encoding, want 0 to 1"}},
		{cost.Network{Path: -1, Encoding: -1}, cost.Flow{}, []string{"-1 as Path", "-1 as Encoding"}},
		{cost.Network{AvailabilityZones: -1, HoursPerMonth: 800}, cost.Flow{}, []string{"-1 availability zones, want 0 to 100", "800 hours a month"}},
		{cost.Network{AvailabilityZones: 101}, cost.Flow{DataBytesPerSecond: -4}, []string{"101 availability zones", "-4 bytes of data"}},
		{cost.Network{Path: cost.NAT}, cost.Flow{KinesisRecordsPerSecond: 1}, []string{`no price of NAT gateway hours in region "eu-central-1"`, "no price of NAT gateway data"}},
		{cost.Network{Path: cost.PrivateLink}, cost.Flow{KinesisRecordsPerSecond: 1}, []string{"no price of PrivateLink endpoint hours", "no price of PrivateLink data"}},
	} {
		bill, err := c.network.Bill(c.flow, prices(t, "eu-central-1"))
		refused(t, err, c.want)
		if bill.Lines != nil {
			t.Errorf("%v: a bill besides: %+v", err, bill)
		}
	}
}

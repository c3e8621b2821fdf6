package producer_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/producer"
)

// Every counter, in a story of a few records.
func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 2)
		p := open(t, f)
		want := producer.Stats{MapRefreshes: 1, Shards: 2}
		expect := func(when string) {
			t.Helper()
			got := p.Stats()
			if got.LateTime > got.BufferingTime {
				t.Errorf("%s: %v late of %v", when, got.LateTime, got.BufferingTime)
			}
			got.LateTime, got.BufferingTime = 0, 0 // TestLate
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n%+v, want\n%+v", when, got, want)
			}
		}
		expect("after New")

		var b book
		low := f.keys(t, shardID(0), 2) // "key n", 5 bytes
		size := int64(len(low[0]) + len(low[1]))
		put(t, p, &b, low...)
		want.UserRecordsReceived, want.UserRecordsPending, want.BufferedBytes = 2, 2, 2*size+2*bookkeeping
		expect("after two Puts")

		flush(t, p)
		aggregate := int64(len(f.srv.Records(stream)[0].Data))
		want.UserRecordsPending, want.BufferedBytes = 0, 0
		want.UserRecordsPut, want.UserRecordsDataPut, want.PutUnitsUnpacked = 2, size, 2
		want.KinesisRecordsPut, want.KinesisRecordsDataPut, want.PutUnits, want.PutRecordsCalls = 1, aggregate, 1, 1
		want.KinesisRecordsSent, want.UserRecordsSent = 1, 2
		expect("after Flush")

		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return f.sub(ctx, in, func(types.PutRecordsRequestEntry) string { return "KMSDisabledException" })
		}
		put(t, p, &b, low[:1]...)
		flush(t, p)
		want.UserRecordsReceived++
		want.UserRecordsFailed++
		want.EntryErrors++
		want.ErrorsByCode = map[string]int64{"KMSDisabledException": 1}
		want.PutRecordsCalls++
		want.KinesisRecordsSent++
		want.UserRecordsSent++
		expect("after a refusal")

		n := len(f.calls())
		f.fail(reset(), func(i int) bool { return i == n })
		put(t, p, &b, low...)
		flush(t, p)
		want.UserRecordsReceived += 2
		want.UserRecordsPut += 2
		want.UserRecordsDataPut += size
		want.PutUnitsUnpacked += 2
		want.UserRecordsRetried += 2
		want.EntryErrors++
		want.ErrorsByCode[""] = 1
		want.CallErrors++
		want.KinesisRecordsSent += 2
		want.UserRecordsSent += 4
		want.PutRecordsCalls += 2
		want.KinesisRecordsPut++
		want.KinesisRecordsDataPut += aggregate
		want.PutUnits++
		expect("after a lost answer")
	})
}

// A PUT payload unit is 25,600 bytes of data; an empty record is one.
func TestPutUnits(t *testing.T) {
	for _, c := range []struct {
		data int
		want int64
	}{{0, 1}, {1, 1}, {25_600, 1}, {25_601, 2}, {51_200, 2}, {51_201, 3}, {1<<20 - 1, 41}} {
		bubble(t, func(t *testing.T) {
			p := open(t, newFake(t, 1))
			if _, err := p.PutSync(t.Context(), producer.Record{PartitionKey: "k", Data: make([]byte, c.data)}); err != nil {
				t.Fatal(err)
			}
			if s := p.Stats(); s.PutUnits != c.want || s.PutUnitsUnpacked != c.want || s.KinesisRecordsDataPut != int64(c.data) {
				t.Errorf("%d bytes: %+v, want %d units", c.data, s, c.want)
			}
		})
	}
}

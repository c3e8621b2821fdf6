package producer_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

// Order of a key over a merge and a split in a row, while its first record is
// out with the first of three generations of shards and fails there.
func TestOrderOverTwoReshards(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, 3)
		low, mid, high := f.keys(t, shardID(0), 1)[0], f.keys(t, shardID(1), 1)[0], f.keys(t, shardID(2), 1)[0]
		f.put = func(n int, ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			switch n {
			case 0: // of low: fails when the shard is merged already
				time.Sleep(2 * time.Second)
				return f.sub(ctx, in, func(types.PutRecordsRequestEntry) string { return "InternalFailure" })
			case 1: // of mid: holds up the merged shard until that is split
				time.Sleep(5 * time.Second)
			}
			return f.Client.PutRecords(ctx, in)
		}
		p := open(t, f, producer.WithMaxBufferedTime(0))
		var b book
		next := 0
		data := []string{"first", "second", "third", "fourth"}
		putLow := func() {
			if err := p.Put(t.Context(), producer.Record{PartitionKey: low, Data: []byte(data[next])}, b.done); err != nil {
				t.Fatal(err)
			}
			next++
			wait()
		}
		// notice has the Producer see that the shards have changed.
		notice := func(shard string) {
			f.split(t, shard)
			put(t, p, &b, high)
			wait()
		}
		putLow()
		put(t, p, &b, mid)
		wait()
		putLow()
		pass(time.Second)
		f.merge(t, shardID(0), shardID(1)) // shard 3
		notice(shardID(2))                 // shards 4 and 5
		putLow()
		pass(2 * time.Second)
		for _, s := range f.srv.Shards(stream) {
			if s.Open && s.ID != shardID(3) && s.Contains(kinesistest.HashKey(high)) {
				f.split(t, shardID(3))
				notice(s.ID)
				break
			}
		}
		if s := p.Stats(); s.MapRefreshes != 3 || s.Shards != 5 {
			t.Fatalf("%+v", s)
		}
		putLow()
		flush(t, p)
		last := read{}
		for _, d := range data {
			r := b.of(t, d)
			if r.Err != nil || r.SequenceNumber < last.sequenceNumber || r.SequenceNumber == last.sequenceNumber && r.SubSequenceNumber < last.subSequence {
				t.Errorf("%s overtook: %+v", d, r)
			}
			last = read{sequenceNumber: r.SequenceNumber, subSequence: r.SubSequenceNumber}
		}
	})
}

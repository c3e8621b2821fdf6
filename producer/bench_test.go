package producer_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"google.golang.org/protobuf/proto"

	"github.com/kinpack/kinpack/internal/cputime"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	kplpb "github.com/kinpack/kinpack/proto"
)

// instant is a Kinesis that answers at once and keeps nothing.
type instant struct {
	*kinesistest.Client
	ranges  []hashkey.Range
	ids     []*string
	records atomic.Int64
	bytes   atomic.Int64
	units   atomic.Int64
}

func newInstant(t testing.TB, shards int) *instant {
	srv := kinesistest.New()
	if err := srv.AddStream(stream, shards); err != nil {
		t.Fatal(err)
	}
	c := &instant{Client: srv.Client(), ranges: hashkey.Split(shards)}
	for i := range shards {
		c.ids = append(c.ids, aws.String(shardID(i)))
	}
	return c
}

var sequenceNumber = aws.String("49009466848000000000010000000000000000020000000000000002")

func (c *instant) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range in.Records {
		k, err := hashkey.Parse(*in.Records[i].ExplicitHashKey)
		if err != nil {
			return nil, err
		}
		shard := 0
		for !c.ranges[shard].Contains(k) {
			shard++
		}
		n := int64(len(in.Records[i].Data))
		c.records.Add(1)
		c.bytes.Add(n)
		c.units.Add((n + producer.PutUnit - 1) / producer.PutUnit)
		out.Records[i] = types.PutRecordsResultEntry{ShardId: c.ids[shard], SequenceNumber: sequenceNumber}
	}
	return out, nil
}

// plainPacker packs as one does with the generated message: proto.Marshal and MD5,
// aggregates of 51,200 bytes one after the other. It does not even route.
type plainPacker struct {
	m    kplpb.AggregatedRecord
	keys map[string]uint64
	size int
	out  []byte
}

func (a *plainPacker) put(r *producer.Record) {
	if size := len(r.PartitionKey) + len(r.Data) + 11; a.size+size > 51_200 {
		a.seal()
	} else {
		a.size += size
	}
	i, ok := a.keys[r.PartitionKey]
	if !ok {
		if a.keys == nil {
			a.keys = map[string]uint64{}
		}
		i = uint64(len(a.keys))
		a.keys[r.PartitionKey] = i
		a.m.PartitionKeyTable = append(a.m.PartitionKeyTable, r.PartitionKey)
	}
	a.m.Records = append(a.m.Records, &kplpb.Record{PartitionKeyIndex: &i, Data: bytes.Clone(r.Data)})
}

func (a *plainPacker) seal() {
	message, err := proto.Marshal(&a.m)
	if err != nil {
		panic(err)
	}
	sum := md5.Sum(message)
	*a = plainPacker{out: append(append(append(a.out[:0], "\xf3\x89\x9a\xc2"...), message...), sum[:]...)}
}

// BenchmarkFlood puts records as fast as it can, with the whole producer and a
// Client that answers at once, and beside it packs the same with the generated
// message and nothing else. To compare:
// go test -run '^$' -bench Flood -count 6 ./producer | benchstat -col /by -ignore /turn -
func BenchmarkFlood(b *testing.B) {
	for _, shards := range []int{1, 4, 16} {
		for _, size := range []int{100, 512, 2048, 10_240} {
			for i, by := range []string{"proto", "kinpack", "kinpack", "proto"} {
				b.Run(fmt.Sprintf("shards=%d/size=%dB/turn=%d/by=%s", shards, size, i/2+1, by), func(b *testing.B) {
					flood(b, shards, size, by)
				})
			}
		}
	}
}

func flood(b *testing.B, shards, size int, by string) {
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("sensor-%09d", i)
	}
	data := make([]byte, size)
	c := newInstant(b, shards)
	var plain plainPacker
	p := open(b, c, producer.WithRateLimit(0))
	ctx := b.Context()
	done := func(producer.Result) {}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	start := cputime.Used()
	i := 0
	for b.Loop() {
		r := producer.Record{PartitionKey: keys[i%len(keys)], Data: data}
		i++
		if by == "proto" {
			plain.put(&r)
		} else if err := p.Put(ctx, r, done); err != nil {
			b.Fatal(err)
		}
	}
	flush(b, p)
	used := cputime.Used() - start
	b.ReportMetric(float64(used.Nanoseconds())/float64(i), "cpu-ns/record")
	if by == "proto" {
		return
	}
	if s := p.Stats(); s.UserRecordsPut != int64(i) {
		b.Fatalf("%d records put of %d", s.UserRecordsPut, i)
	}
	b.ReportMetric(float64(c.bytes.Load())/float64(c.units.Load())/producer.PutUnit, "fill")
	b.ReportMetric(float64(i)/float64(c.records.Load()), "records/aggregate")
}

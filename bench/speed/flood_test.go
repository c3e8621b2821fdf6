package speed_test

// This file owns the producer with a Client that answers at once: what the producer
// itself takes, without the SDK and the network.

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
)

const stream = "bench"

// instant is a Kinesis that answers at once and keeps nothing but counts.
type instant struct {
	*kinesistest.Client
	shards                shards
	records, bytes, units atomic.Int64
	before                func() // if not nil, called before each answer
	sequenceNumber        *string
}

func newInstant(t testing.TB, n int) *instant {
	srv := kinesistest.New()
	if err := srv.AddStream(stream, n); err != nil {
		t.Fatal(err)
	}
	return &instant{Client: srv.Client(), shards: newShards(n), sequenceNumber: aws.String(sequenceNumber)}
}

const sequenceNumber = "49009466848000000000010000000000000000020000000000000002"

func (c *instant) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	if c.before != nil {
		c.before()
	}
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range in.Records {
		shard, err := c.shards.of(*in.Records[i].ExplicitHashKey)
		if err != nil {
			return nil, err
		}
		n := int64(len(in.Records[i].Data))
		c.records.Add(1)
		c.bytes.Add(n)
		c.units.Add((n + producer.PutUnit - 1) / producer.PutUnit)
		out.Records[i] = types.PutRecordsResultEntry{ShardId: shard, SequenceNumber: c.sequenceNumber}
	}
	return out, nil
}

// shards is those of a stream that was never resharded.
type shards struct {
	ranges []hashkey.Range
	ids    []*string
}

func newShards(n int) (s shards) {
	s.ranges = hashkey.Split(n)
	for i := range n {
		s.ids = append(s.ids, aws.String(fmt.Sprintf("shardId-%012d", i)))
	}
	return s
}

// of returns the shard of an explicit hash key.
func (s shards) of(explicitHashKey string) (*string, error) {
	k, err := hashkey.Parse(explicitHashKey)
	if err != nil {
		return nil, err
	}
	i, _ := slices.BinarySearchFunc(s.ranges, k, func(r hashkey.Range, k hashkey.Key) int { return r.Last.Compare(k) })
	return s.ids[i], nil
}

// open makes a Producer that is closed at the end.
func open(t testing.TB, client producer.Client, opts ...producer.Option) *producer.Producer {
	p, err := producer.New(t.Context(), client, stream, append(opts, producer.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

func flush(t testing.TB, p *producer.Producer) {
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// flood puts records as fast as that goes until all of them are acknowledged, and
// returns how many.
func flood(b *testing.B, p *producer.Producer, l *load) (n int) {
	ctx, done := b.Context(), func(producer.Result) {}
	before := p.Stats()
	b.ReportAllocs()
	var m meter
	m.start()
	for b.Loop() {
		if err := p.Put(ctx, l.at(n), done); err != nil {
			b.Fatal(err)
		}
		n++
	}
	flush(b, p)
	m.stop()
	m.report(b, n)
	if s := p.Stats(); s.UserRecordsPut-before.UserRecordsPut != int64(n) || s.UserRecordsFailed > 0 {
		b.Fatalf("%d records put of %d, %d failed", s.UserRecordsPut-before.UserRecordsPut, n, s.UserRecordsFailed)
	}
	return n
}

// BenchmarkFlood puts records through the whole producer, without its rate limit,
// and beside it packs the same with the generated message and does nothing else.
func BenchmarkFlood(b *testing.B) {
	for _, n := range []int{1, 4, 16} {
		for _, l := range everyLoad(b) {
			turns(b, fmt.Sprintf("shards=%d/size=%s", n, l.name), []string{"proto", "kinpack"}, func(b *testing.B, way string) {
				if way == "proto" {
					packAlone(b, l)
				} else {
					floodInstant(b, l, n)
				}
			})
		}
	}
}

func packAlone(b *testing.B, l *load) {
	var p naivePacker
	i := 0
	loop(b, 1, func() {
		r := l.at(i)
		p.put(&r)
		i++
	})
}

func floodInstant(b *testing.B, l *load, shards int, opts ...producer.Option) {
	c := newInstant(b, shards)
	p := open(b, c, append(opts, producer.WithRateLimit(0))...)
	n := flood(b, p, l)
	b.ReportMetric(float64(c.bytes.Load())/float64(c.units.Load())/producer.PutUnit, "fill")
	b.ReportMetric(float64(n)/float64(c.records.Load()), "records/aggregate")
}

// BenchmarkShards is BenchmarkFlood over more and more shards. By default 1,000 of
// them fill their aggregates by a third only: each gets too little in 100 ms, and has
// too small a part of the buffer. With room for both, what is left is growth itself.
func BenchmarkShards(b *testing.B) {
	l := ofSize(100, manyKeys)
	for _, room := range []string{"default", "ample"} {
		turnsOf(b, fmt.Sprintf("size=%s/room=%s", l.name, room), "shards", []string{"16", "100", "1000"}, func(b *testing.B, shards string) {
			floodRoom(b, l, number(b, shards), room)
		})
	}
}

func floodRoom(b *testing.B, l *load, shards int, room string) {
	if room == "default" {
		floodInstant(b, l, shards)
		return
	}
	floodInstant(b, l, shards, producer.WithMaxBufferedBytes(1<<30), producer.WithMaxBufferedTime(time.Second))
}

// BenchmarkKeys is BenchmarkFlood with more and more partition keys.
func BenchmarkKeys(b *testing.B) {
	turnsOf(b, "size=100B", "keys", []string{"10", "220", "1707", "100000", "1000000", endless}, func(b *testing.B, keys string) {
		floodInstant(b, ofSize(100, number(b, keys)), 16)
	})
}

const endless = "endless"

// number reads a number of shards or keys.
func number(t testing.TB, s string) int {
	if s == endless {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

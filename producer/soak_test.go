package producer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
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

var soakFor = flag.Duration("soak", 2*time.Second, "how long TestSoak puts records, in real time")

// forgetful is a Kinesis that keeps nothing: it answers after a round trip, with
// the shard that owns the key, and fails now and then.
type forgetful struct {
	*kinesistest.Client
	shards  atomic.Pointer[[]forgetfulShard]
	units   atomic.Int64
	entries atomic.Int64
}

type forgetfulShard struct {
	id *string
	hashkey.Range
}

// look takes over the server's shards.
func (f *forgetful) look() {
	var open []forgetfulShard
	for _, s := range f.Server().Shards(stream) {
		if r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey); s.Open && err == nil {
			open = append(open, forgetfulShard{aws.String(s.ID), r})
		}
	}
	f.shards.Store(&open)
}

func (f *forgetful) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	select {
	case <-time.After(time.Duration(5+rand.IntN(30)) * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if rand.IntN(100) == 0 {
		return nil, unavailable
	}
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range in.Records {
		if rand.IntN(50) == 0 {
			out.Records[i].ErrorCode = aws.String("ProvisionedThroughputExceededException")
			continue
		}
		k, err := hashkey.Parse(*in.Records[i].ExplicitHashKey)
		if err != nil {
			return nil, err
		}
		for _, s := range *f.shards.Load() {
			if s.Contains(k) {
				out.Records[i] = types.PutRecordsResultEntry{ShardId: s.id, SequenceNumber: sequenceNumber}
			}
		}
		f.entries.Add(1)
		f.units.Add(int64(max(1, (len(in.Records[i].Data)+producer.PutUnit-1)/producer.PutUnit))) // a lone empty record is one too
	}
	return out, nil
}

// TestSoak has 64 goroutines put records as fast as the shards take them, while
// calls fail and shards split and merge: memory and goroutines stay flat, and
// every record is accounted for. For long: -run TestSoak -soak 10m -timeout 0 -v.
func TestSoak(t *testing.T) {
	f := &forgetful{Client: kinesistest.Fake(t, stream, 8)}
	f.look()
	p := open(t, f, producer.WithMaxBufferedBytes(16<<20))
	var put, done, failed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 64 {
		rnd := rand.New(rand.NewPCG(uint64(g), 1))
		wg.Go(func() {
			data := make([]byte, 2000)
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := producer.Record{PartitionKey: fmt.Sprintf("device-%06d", rnd.IntN(100_000)), Data: data[:rnd.IntN(len(data))]}
				if rnd.IntN(4) == 0 {
					r.PartitionKey = ""
				}
				err := p.Put(t.Context(), r, func(res producer.Result) {
					done.Add(1)
					if res.Err != nil {
						failed.Add(1)
					}
				})
				if err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				put.Add(1)
			}
		})
	}
	soak(t, f, p)
	close(stop)
	wg.Wait()
	flush(t, p)
	s := p.Stats()
	t.Logf("%d records put, %d failed, %d retried, %d aggregates, %d units, %d wrong landings", put.Load(), failed.Load(), s.UserRecordsRetried, s.KinesisRecordsPut, s.PutUnits, s.WrongLandings)
	if done.Load() != put.Load() || failed.Load() != 0 || s.UserRecordsPut != put.Load() || s.BufferedBytes != 0 || s.PutUnits != f.units.Load() {
		t.Errorf("%d put, %d done, %d failed, %d units stored; %+v", put.Load(), done.Load(), failed.Load(), f.units.Load(), s)
	}
}

// soak lets the time pass, changes the shards, and watches memory and goroutines.
func soak(t *testing.T, f *forgetful, p *producer.Producer) {
	rnd := rand.New(rand.NewPCG(7, 7))
	began := time.Now()
	tick := time.NewTicker(*soakFor / 20)
	defer tick.Stop()
	var first, last uint64
	for i := range 20 {
		<-tick.C
		if _, err := f.Server().Reshard(stream, rnd); err != nil && !isA[*types.LimitExceededException](err) && !errors.Is(err, context.Canceled) {
			t.Logf("reshard: %v", err)
		}
		f.look()
		inUse, _ := memory()
		n := runtime.NumGoroutine()
		s := p.Stats()
		t.Logf("%v: %d MB in use, %d goroutines, %d records put, %d shards, oldest %v", time.Since(began).Round(time.Second/10), inUse>>20, n, s.UserRecordsPut, s.Shards, s.OldestAge.Round(time.Millisecond))
		if n > 64+24+40 {
			t.Errorf("%d goroutines", n)
		}
		switch {
		case i < 10:
			first = max(first, inUse)
		default:
			last = max(last, inUse)
		}
	}
	if most := max(first, last); most > 8*16<<20 { // the buffer, eight times
		t.Errorf("%d MB in use", most>>20)
	}
	if *soakFor >= time.Minute && last > first*13/10+8<<20 { // else the halves tell nothing
		t.Errorf("memory grows: at most %d MB in the first half, %d in the second", first>>20, last>>20)
	}
}

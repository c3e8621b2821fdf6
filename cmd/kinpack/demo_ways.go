package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/deaggregate"
	"github.com/kinpack/kinpack/internal/hashkey"
	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/lambda"
	"github.com/kinpack/kinpack/producer"
)

const (
	putRecordsLimit = 500
	// ordinaryAttempts is how often the ordinary mapping tries a batch that does
	// not move. Lambda's default is until the records expire, after a day or more.
	ordinaryAttempts = 10
	// kinpackAttempts is more than any record of the demo needs.
	kinpackAttempts = 10
)

// ordinary sends a Kinesis record each and reads with a plain handler.
func (k *stage) ordinary(ctx context.Context, l *load, bar *bar, col *column) error {
	for i := 0; i < len(l.records); i += putRecordsLimit {
		if half := len(l.records) / 2; i <= half && half < i+putRecordsLimit {
			if err := k.split(ctx, k.server.Shards(k.stream)[0]); err != nil {
				return err
			}
		}
		chunk := l.records[i:min(i+putRecordsLimit, len(l.records))]
		in := &kinesis.PutRecordsInput{StreamName: &k.stream}
		for _, r := range chunk {
			in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: &r.PartitionKey, Data: r.Data})
		}
		out, err := k.client.PutRecords(ctx, in)
		if err != nil {
			return err
		}
		if n := aws.ToInt32(out.FailedRecordCount); n > 0 {
			return fmt.Errorf("%d of %d records failed", n, len(chunk))
		}
		bar.add(len(chunk))
	}
	c := &calls{load: l, bar: bar, succeeded: map[string]int{}}
	w, err := k.readAll(ctx, ordinaryAttempts, func(_ context.Context, e events.KinesisEvent) error {
		for _, r := range e.Records {
			if err := c.handle(r.Kinesis.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	col.Waiting = w.records
	k.count(c, col)
	return nil
}

// kinpack sends with the producer and reads with the lambda middleware.
func (k *stage) kinpack(ctx context.Context, l *load, bar *bar, col *column) ([]drop, error) {
	client := &splitter{Client: k.client, stage: k, after: len(l.records) / 2}
	p, err := producer.New(ctx, client, k.stream, producer.WithLogger(k.log))
	if err != nil {
		return nil, err
	}
	var failed error
	done := func(r producer.Result) {
		if r.Err != nil {
			failed = r.Err
		}
		bar.add(1)
	}
	for _, r := range l.records {
		if err := p.Put(ctx, producer.Record{PartitionKey: r.PartitionKey, Data: r.Data}, done); err != nil {
			return nil, err
		}
	}
	if err := p.Close(ctx); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if client.err != nil {
		return nil, client.err
	}

	c := &calls{load: l, bar: bar, succeeded: map[string]int{}}
	consumer, err := lambda.New(
		func(_ context.Context, r *lambda.Record) error {
			if err := c.handle(r.Data); err != nil && string(r.Data) == l.poison {
				return lambda.Poison(err) // retrying does not mend it
			} else {
				return err
			}
		},
		lambda.WithDeadLetter(lambda.DeadLetterFunc(func(context.Context, lambda.Letter) error { col.DeadLetters++; return nil })),
		lambda.WithShardRange(k),
		lambda.WithLogger(k.log))
	if err != nil {
		return nil, err
	}
	w, err := k.readAll(ctx, kinpackAttempts, consumer.Kinesis)
	if err != nil {
		return nil, err
	}
	col.Waiting = w.records
	k.count(c, col)
	drops := k.drops(l, col)
	return drops, nil
}

// readAll reads the stream to its end with an aws-lambda-go handler.
func (k *stage) readAll(ctx context.Context, attempts int, handler any) (waiting, error) {
	out, err := k.client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &k.stream})
	if err != nil {
		return waiting{}, err
	}
	m := mapping{client: k.client, streamARN: k.arn, handler: awslambda.NewHandler(handler), attempts: attempts}
	return m.run(ctx, out.Shards)
}

// ShardRange lets the consumer apply the KCL's rule.
func (k *stage) ShardRange(_ context.Context, _, shardID string) (first, last string, err error) {
	for _, s := range k.server.Shards(k.stream) {
		if s.ID == shardID {
			return s.FirstHashKey, s.LastHashKey, nil
		}
	}
	return "", "", fmt.Errorf("no shard %s", shardID)
}

// split splits a shard in the middle.
func (k *stage) split(ctx context.Context, s kinesistest.Shard) error {
	r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey)
	if err != nil {
		return err
	}
	_, err = k.client.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: &k.stream, ShardToSplit: &s.ID, NewStartingHashKey: aws.String(r.Mid().String())})
	return err
}

// splitter is the producer's client. Once half of the user records are out it
// waits for an aggregate with keys on both sides of its shard's middle, and
// splits that shard in the moment before the aggregate goes there: the producer
// cannot know yet.
type splitter struct {
	*kinesis.Client
	stage *stage
	after int // user records

	mu    sync.Mutex
	seen  int
	split bool
	err   error
}

func (s *splitter) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	s.mu.Lock()
	for _, e := range in.Records {
		users, err := deaggregate.Append(nil, aws.ToString(e.PartitionKey), e.Data)
		if err != nil {
			s.err = err
		}
		s.seen += len(users)
		if shard, ok := s.stage.straddled(users); ok && s.seen >= s.after && !s.split {
			s.split = true
			if err := s.stage.split(ctx, shard); err != nil {
				s.err = err
			}
		}
	}
	s.mu.Unlock()
	return s.Client.PutRecords(ctx, in, opts...)
}

// straddled returns the open shard in whose two halves the keys of an aggregate lie.
func (k *stage) straddled(users []deaggregate.Record) (_ kinesistest.Shard, ok bool) {
	for _, s := range k.server.Shards(k.stream) {
		r, err := hashkey.ParseRange(s.FirstHashKey, s.LastHashKey)
		if err != nil || !s.Open || !users[0].Aggregated {
			continue
		}
		low, high := false, false
		for _, u := range users {
			key := hashkey.Of(u.PartitionKey)
			upper := key.Compare(r.Mid()) >= 0
			low, high = low || r.Contains(key) && !upper, high || r.Contains(key) && upper
		}
		if low && high {
			return s, true
		}
	}
	return kinesistest.Shard{}, false
}

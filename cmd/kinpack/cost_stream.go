package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/aggregate"
	"github.com/kinpack/kinpack/bench/cost"
	"github.com/kinpack/kinpack/internal/plan"
	"github.com/kinpack/kinpack/producer"
)

// This file owns what cost takes of a stream.

// fromStream fills in what a stream says and the command line does not: how it is
// kept, and by a sample of it the rate, the sizes and the keys of its user records.
func (c *costFlags) fromStream(ctx context.Context, w *plan.Workload) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	client, err := c.aws.kinesis(ctx, c.stream)
	if err != nil {
		return err
	}
	in := new(kinesis.DescribeStreamSummaryInput)
	in.StreamName, in.StreamARN = byNameOrARN(c.stream)
	out, err := client.DescribeStreamSummary(ctx, in)
	if err != nil {
		return fmt.Errorf("stream %s: %w", c.stream, err)
	}
	c.describe(out.StreamDescriptionSummary, w)

	from := &source{stream: c.stream, from: c.from, aws: c.aws}
	sample, err := from.sample(ctx, c.sample, 0, func() {})
	if err != nil {
		return fmt.Errorf("read %s: %w", c.stream, err)
	}
	found := sample.Workload()
	if len(found.UserRecords) == 0 {
		return fmt.Errorf("stream %s: there is no user record from %s on to go by", c.stream, c.from)
	}
	if !c.given["rate"] {
		w.Rate = found.UserRecordsPerSecond
	}
	const few = 20
	if !(w.Rate > 0) || len(found.UserRecords) < few && !c.given["rate"] {
		return fmt.Errorf("stream %s: what there is from %s on is too little to tell the rate, want --rate", c.stream, c.from)
	}
	// They were read shard by shard, and are put in any order.
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(found.UserRecords), func(i, j int) {
		found.UserRecords[i], found.UserRecords[j] = found.UserRecords[j], found.UserRecords[i]
	})
	for i, r := range found.UserRecords {
		w.Records = append(w.Records, c.drawn(i, r.PartitionKey, r.DataBytes))
	}
	return nil
}

// describe takes over how a stream is kept.
func (c *costFlags) describe(s *types.StreamDescriptionSummary, w *plan.Workload) {
	if s == nil {
		return
	}
	if s.StreamModeDetails != nil && s.StreamModeDetails.StreamMode == types.StreamModeOnDemand && !c.given["mode"] {
		c.mode = cost.OnDemand
	}
	if s.OpenShardCount != nil && !c.given["shards"] {
		w.Shards = int(*s.OpenShardCount)
	}
	if s.RetentionPeriodHours != nil && !c.given["retention"] {
		c.retention = retention(*s.RetentionPeriodHours)
	}
	if s.ConsumerCount != nil && !c.given["fan-out"] {
		c.fanOut = int(*s.ConsumerCount)
	}
	if s.RecordDistributionStrategy == types.RecordDistributionStrategyAuto {
		c.notes = append(c.notes, "The stream is service-managed (distribution strategy AUTO): there the producer packs nothing unless producer.WithServiceManagedAggregation says that no KCL reads it.")
	}
	if s.StreamARN != nil && c.aws.region == "" {
		if a, err := arn.Parse(*s.StreamARN); err == nil {
			c.aws.region = a.Region
		}
	}
}

// drawn makes a record like one of the sample, of whose data only the size counts.
func (c *costFlags) drawn(i int, key string, size int) producer.Record {
	r := plan.Workload{Size: size, Keys: plan.Keys{Bytes: min(max(1, len(key)), aggregate.MaxPartitionKey)}}.Record(i)
	switch made := (aggregate.Record{PartitionKey: key}); {
	case c.keyless || key == "":
		r.PartitionKey = ""
	case made.Validate() == nil:
		r.PartitionKey = key
	}
	return r
}

// validateStream says what is wrong with the flags of a sample.
func (c *costFlags) validateStream() error {
	var wrong []string
	for _, name := range []string{"size", "keys", "key-size"} {
		if c.given[name] {
			wrong = append(wrong, fmt.Sprintf("--%s and --stream: want one of them", name))
		}
	}
	if c.sample < 100 || c.sample > 1_000_000 {
		wrong = append(wrong, fmt.Sprintf("--sample %d: want 100 to 1000000", c.sample))
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return (&source{stream: c.stream, from: c.from, aws: c.aws}).validate()
}

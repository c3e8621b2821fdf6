package kinesistest_test

// What the service refuses, and in which words, over all faces.

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/kinesistest"
)

type refusal struct {
	name string
	call func(context.Context, api) error
	want string // code: part of the message
}

func drop[T any](_ T, err error) error { return err }

func create(in kinesis.CreateStreamInput) func(context.Context, api) error {
	return func(ctx context.Context, c api) error { return drop(c.CreateStream(ctx, &in)) }
}

func puts(in kinesis.PutRecordsInput) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		if in.StreamName == nil && in.StreamARN == nil {
			in.StreamName = aws.String("s")
		}
		return drop(c.PutRecords(ctx, &in))
	}
}

func entry(key, explicit *string, data []byte) kinesis.PutRecordsInput {
	good := types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: []byte("good")}
	bad := types.PutRecordsRequestEntry{PartitionKey: key, ExplicitHashKey: explicit, Data: data}
	return kinesis.PutRecordsInput{Records: []types.PutRecordsRequestEntry{good, bad}}
}

func strategy(arn *string, to types.RecordDistributionStrategy) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		return drop(c.UpdateStreamRecordDistributionStrategy(ctx, &kinesis.UpdateStreamRecordDistributionStrategyInput{StreamARN: arn, RecordDistributionStrategy: to}))
	}
}

func entries(n, size int) []types.PutRecordsRequestEntry {
	out := make([]types.PutRecordsRequestEntry, n)
	for i := range out {
		out[i] = types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: make([]byte, size)}
	}
	return out
}

func iterator(in kinesis.GetShardIteratorInput) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		if in.StreamName == nil {
			in.StreamName = aws.String("s")
		}
		return drop(c.GetShardIterator(ctx, &in))
	}
}

func listShards(in kinesis.ListShardsInput) func(context.Context, api) error {
	return func(ctx context.Context, c api) error { return drop(c.ListShards(ctx, &in)) }
}

func splitAt(stream, shard, key string) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		return drop(c.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: &stream, ShardToSplit: &shard, NewStartingHashKey: &key}))
	}
}

func mergeOf(stream, low, high string) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		return drop(c.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: &stream, ShardToMerge: &low, AdjacentShardToMerge: &high}))
	}
}

func scale(stream string, n int32) func(context.Context, api) error {
	return func(ctx context.Context, c api) error {
		return drop(c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: &stream, TargetShardCount: &n, ScalingType: "UNIFORM_SCALING"}))
	}
}

const arnOf = "arn:aws:kinesis:us-east-1:123456789012:stream/"

func streamRefusals() []refusal {
	s, long := aws.String, strings.Repeat("a", 129)
	return []refusal{
		{"no name", create(kinesis.CreateStreamInput{}), "missing required field, CreateStreamInput.StreamName"},
		{"mode without mode", create(kinesis.CreateStreamInput{StreamName: s("x"), StreamModeDetails: &types.StreamModeDetails{}}),
			"missing required field, CreateStreamInput.StreamModeDetails.StreamMode"},
		{"empty name", create(kinesis.CreateStreamInput{StreamName: s(""), ShardCount: aws.Int32(1)}),
			"ValidationException: 2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: " +
				"Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'streamName' failed to satisfy constraint: " +
				"Member must have length greater than or equal to 1"},
		{"bad name", create(kinesis.CreateStreamInput{StreamName: s("a/b"), ShardCount: aws.Int32(1)}), "ValidationException: 1 validation error detected: Value 'a/b' at 'streamName'"},
		{"long name", create(kinesis.CreateStreamInput{StreamName: &long, ShardCount: aws.Int32(1)}), "length less than or equal to 128"},
		{"no shards", create(kinesis.CreateStreamInput{StreamName: s("x")}), "Value null at 'shardCount' failed to satisfy constraint: Member must not be null"},
		{"0 shards", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(0)}), "Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"small records", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(1023)}), "'maxRecordSizeInKiB' failed"},
		{"large records", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(10241)}), "less than or equal to 10240"},
		{"bad mode", create(kinesis.CreateStreamInput{StreamName: s("x"), StreamModeDetails: &types.StreamModeDetails{StreamMode: "X"}}),
			"enum value set: [PROVISIONED, ON_DEMAND]"},
		{"on demand with shards", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(1),
			StreamModeDetails: &types.StreamModeDetails{StreamMode: "ON_DEMAND"}}), "ValidationException: ShardCount must not"},
		{"auto provisioned", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(1), RecordDistributionStrategy: "AUTO"}), "ValidationException: RecordDistributionStrategy"},
		{"bad strategy", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(1), RecordDistributionStrategy: "X"}), "enum value set: [AUTO"},
		{"exists", create(kinesis.CreateStreamInput{StreamName: s("s"), ShardCount: aws.Int32(1)}), "ResourceInUseException: Stream s under account 123456789012 already exists."},
		{"over the account", create(kinesis.CreateStreamInput{StreamName: s("x"), ShardCount: aws.Int32(93)}), "LimitExceededException: This request would exceed the shard limit"},
		{"delete unknown", func(ctx context.Context, c api) error {
			return drop(c.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: s("x")}))
		}, "ResourceNotFoundException: Stream x under account 123456789012 not found."},
		{"delete bad name", func(ctx context.Context, c api) error {
			return drop(c.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: s("?")}))
		}, "ValidationException"},
		{"strategy of nothing", strategy(nil, ""), "missing required field, UpdateStreamRecordDistributionStrategyInput.StreamARN.\n- missing required field, UpdateStreamRecordDistributionStrategyInput.RecordDistributionStrategy"},
		{"strategy of a name", strategy(s("s"), "AUTO"), "ValidationException: 1 validation error detected: Value 's' at 'streamARN'"},
		{"strategy unknown", strategy(s(arnOf+"free"), "X"), "at 'recordDistributionStrategy' failed to satisfy constraint: Member must satisfy enum value set: [AUTO"},
		{"strategy of no stream", strategy(s(arnOf+"x"), "AUTO"), "ResourceNotFoundException"},
		{"strategy provisioned", strategy(s(arnOf+"s"), "AUTO"), "InvalidArgumentException: Stream s under account 123456789012 is not in ON_DEMAND mode"},
		{"describe nothing", func(ctx context.Context, c api) error {
			return drop(c.DescribeStream(ctx, &kinesis.DescribeStreamInput{}))
		}, "InvalidArgumentException: Either StreamName or StreamARN"},
		{"describe 0", func(ctx context.Context, c api) error {
			return drop(c.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: s("s"), Limit: aws.Int32(0)}))
		}, "Value '0' at 'limit'"},
		{"bad ARN", func(ctx context.Context, c api) error {
			return drop(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: s("arn:aws:sqs:us-east-1:1:s")}))
		}, "ValidationException"},
		{"short ARN", func(ctx context.Context, c api) error {
			return drop(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: s("arn:aws")}))
		}, "ValidationException"},
		{"ARN of another region", func(ctx context.Context, c api) error {
			return drop(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: s("arn:aws:kinesis:eu-west-1:123456789012:stream/s")}))
		}, "ResourceNotFoundException"},
		{"name against ARN", func(ctx context.Context, c api) error {
			return drop(c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: s(arnOf + "s"), StreamName: s("other")}))
		}, "InvalidArgumentException"},
		{"list 0 streams", func(ctx context.Context, c api) error {
			return drop(c.ListStreams(ctx, &kinesis.ListStreamsInput{Limit: aws.Int32(0)}))
		}, "ValidationException"},
		{"list streams by a bad token", func(ctx context.Context, c api) error {
			return drop(c.ListStreams(ctx, &kinesis.ListStreamsInput{NextToken: s("x")}))
		}, "InvalidArgumentException: NextToken"},
		{"list streams by two places", func(ctx context.Context, c api) error {
			return drop(c.ListStreams(ctx, &kinesis.ListStreamsInput{NextToken: s("x"), ExclusiveStartStreamName: s("a")}))
		}, "InvalidArgumentException: NextToken and ExclusiveStartStreamName"},
	}
}

func putRefusals() []refusal {
	s, data := aws.String, []byte("x")
	return []refusal{
		{"no records", puts(kinesis.PutRecordsInput{}), "missing required field, PutRecordsInput.Records"},
		{"no data", puts(entry(s("k"), nil, nil)), "missing required field, PutRecordsInput.Records[1].Data"},
		{"0 records", puts(kinesis.PutRecordsInput{Records: entries(0, 0)}), "ValidationException: 1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"501 records", puts(kinesis.PutRecordsInput{Records: entries(501, 1)}), "'records' failed to satisfy constraint: Member must have length less than or equal to 500"},
		{"no key", puts(entry(nil, nil, data)), "Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null"},
		{"empty key", puts(entry(s(""), nil, data)), "Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"257 code points", puts(entry(s(strings.Repeat("😀", 257)), nil, data)), "Member must have length less than or equal to 256"},
		{"leading zero", puts(entry(s("k"), s("01"), data)), "Value '01' at 'records.2.member.explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})"},
		{"negative", puts(entry(s("k"), s("-1"), data)), "ValidationException"},
		{"empty hash key", puts(entry(s("k"), s(""), data)), "ValidationException"},
		{"40 digits", puts(entry(s("k"), s(strings.Repeat("1", 40)), data)), "ValidationException"},
		{"2^128", puts(entry(s("k"), s("340282366920938463463374607431768211456"), data)), "InvalidArgumentException: Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]"},
		{"a byte over 1 MiB with its key", puts(entry(s("ключ"), nil, make([]byte, 1<<20-7))), "InvalidArgumentException: Record size of 1048577 bytes"},
		{"request over 1.5 MiB", puts(kinesis.PutRecordsInput{Records: entries(2, 800_000)}), "InvalidArgumentException: Records size exceeds 1.5 MB limit"},
		{"unknown stream", puts(kinesis.PutRecordsInput{StreamName: s("x"), Records: entries(1, 1)}), "ResourceNotFoundException"},
		{"dry run", puts(kinesis.PutRecordsInput{DryRun: aws.Bool(true), Records: entries(1, 1)}), "DryRunOperationException"},
		{"many violations", puts(kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, 3)}), "Records[2].Data"},
		{"one: no data", func(ctx context.Context, c api) error { return drop(c.PutRecord(ctx, nil)) }, "missing required field, PutRecordInput.Data"},
		{"one: no key", func(ctx context.Context, c api) error {
			return drop(c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: s("s"), Data: data}))
		}, "Value null at 'partitionKey'"},
		{"one: no stream", func(ctx context.Context, c api) error {
			return drop(c.PutRecord(ctx, &kinesis.PutRecordInput{PartitionKey: s("k"), Data: data}))
		}, "InvalidArgumentException"},
		{"one: 1 MiB", func(ctx context.Context, c api) error {
			return drop(c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: s("s"), PartitionKey: s("k"), Data: make([]byte, 1<<20)}))
		}, "InvalidArgumentException"},
		{"one: order", func(ctx context.Context, c api) error {
			return drop(c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: s("s"), PartitionKey: s("k"), Data: data, SequenceNumberForOrdering: s("x")}))
		}, "'sequenceNumberForOrdering'"},
		{"one: dry run", func(ctx context.Context, c api) error {
			return drop(c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: s("s"), PartitionKey: s("k"), Data: data, DryRun: aws.Bool(true)}))
		}, "DryRunOperationException"},
	}
}

func readRefusals(foreign string) []refusal {
	s := aws.String
	records := func(in kinesis.GetRecordsInput) func(context.Context, api) error {
		return func(ctx context.Context, c api) error { return drop(c.GetRecords(ctx, &in)) }
	}
	fresh := func(in kinesis.GetRecordsInput) func(context.Context, api) error {
		return func(ctx context.Context, c api) error {
			it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: s("s"), ShardId: s(shard0), ShardIteratorType: "LATEST"})
			if err != nil {
				return err
			}
			in.ShardIterator = it.ShardIterator
			return drop(c.GetRecords(ctx, &in))
		}
	}
	both := "InvalidArgumentException: Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
		"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified "
	return []refusal{
		{"no shard", iterator(kinesis.GetShardIteratorInput{}), "missing required field, GetShardIteratorInput.ShardId"},
		{"bad type", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "X"}), "Value 'X' at 'shardIteratorType'"},
		{"bad shard id", iterator(kinesis.GetShardIteratorInput{ShardId: s("shard-x"), ShardIteratorType: "LATEST"}), "ResourceNotFoundException: Could not find shard shard-x in stream s"},
		{"number too large", iterator(kinesis.GetShardIteratorInput{ShardId: s("2147483648"), ShardIteratorType: "LATEST"}), "Could not find shard 2147483648"},
		{"unknown shard", iterator(kinesis.GetShardIteratorInput{ShardId: s("shard-9"), ShardIteratorType: "LATEST"}),
			"ResourceNotFoundException: Shard shardId-000000000009 in stream s under account 123456789012 does not exist"},
		{"unknown stream", iterator(kinesis.GetShardIteratorInput{StreamName: s("x"), ShardId: s(shard0), ShardIteratorType: "LATEST"}), "ResourceNotFoundException"},
		{"sequence missing", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER"}), both + "AT_SEQUENCE_NUMBER and no"},
		{"sequence too many", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "LATEST", StartingSequenceNumber: s("1")}), both + "LATEST and also a"},
		{"no number", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: s("x1")}), "ValidationException"},
		{"never a sequence", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: s("1")}), "InvalidArgumentException: StartingSequenceNumber 1 used in"},
		{"of another stream", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: &foreign}), "because it did not come from this stream."},
		{"of another shard", func(ctx context.Context, c api) error {
			shards, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: s("s")})
			if err != nil {
				return err
			}
			return iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_SEQUENCE_NUMBER",
				StartingSequenceNumber: shards.Shards[1].SequenceNumberRange.StartingSequenceNumber})(ctx, c)
		}, "It encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000"},
		{"timestamp missing", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "AT_TIMESTAMP"}), "Must specify timestampInMillis"},
		{"iterator: dry run", iterator(kinesis.GetShardIteratorInput{ShardId: s(shard0), ShardIteratorType: "LATEST", DryRun: aws.Bool(true)}), "DryRunOperationException"},
		{"no iterator", records(kinesis.GetRecordsInput{}), "missing required field, GetRecordsInput.ShardIterator"},
		{"empty iterator", records(kinesis.GetRecordsInput{ShardIterator: s("")}), "ValidationException"},
		{"bad iterator", records(kinesis.GetRecordsInput{ShardIterator: s("AAAA")}), "InvalidArgumentException: Invalid ShardIterator."},
		{"not base64", records(kinesis.GetRecordsInput{ShardIterator: s("?")}), "InvalidArgumentException: Invalid ShardIterator."},
		{"limit 0", fresh(kinesis.GetRecordsInput{Limit: aws.Int32(0)}), "Value '0' at 'limit'"},
		{"limit 10001", fresh(kinesis.GetRecordsInput{Limit: aws.Int32(10001)}), "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		{"iterator against ARN", fresh(kinesis.GetRecordsInput{StreamARN: s(arnOf + "other")}), "InvalidArgumentException"},
		{"records: dry run", fresh(kinesis.GetRecordsInput{DryRun: aws.Bool(true)}), "DryRunOperationException"},
	}
}

func shardRefusals() []refusal {
	s := aws.String
	filter := func(f types.ShardFilter) func(context.Context, api) error {
		return listShards(kinesis.ListShardsInput{StreamName: s("s"), ShardFilter: &f})
	}
	return []refusal{
		{"list nothing", listShards(kinesis.ListShardsInput{}), "InvalidArgumentException: Either NextToken or StreamName should be provided."},
		{"token and stream", listShards(kinesis.ListShardsInput{StreamName: s("s"), NextToken: s("x")}), "InvalidArgumentException: NextToken and StreamName cannot be provided together."},
		{"token and start", listShards(kinesis.ListShardsInput{ExclusiveStartShardId: s("s"), NextToken: s("x")}), "NextToken and ExclusiveStartShardId cannot"},
		{"token and filter", listShards(kinesis.ListShardsInput{ShardFilter: &types.ShardFilter{Type: "AT_LATEST"}, NextToken: s("x")}), "NextToken and ShardFilter cannot"},
		{"bad token", listShards(kinesis.ListShardsInput{NextToken: s("x")}), "InvalidArgumentException: NextToken is invalid."},
		{"list unknown", listShards(kinesis.ListShardsInput{StreamName: s("x")}), "ResourceNotFoundException"},
		{"0 shards a page", listShards(kinesis.ListShardsInput{StreamName: s("s"), MaxResults: aws.Int32(0)}), "Value '0' at 'maxResults'"},
		{"10001 shards a page", listShards(kinesis.ListShardsInput{StreamName: s("s"), MaxResults: aws.Int32(10001)}), "ValidationException"},
		{"filter without type", filter(types.ShardFilter{}), "missing required field, ListShardsInput.ShardFilter.Type"},
		{"bad filter", filter(types.ShardFilter{Type: "X"}), "Value 'X' at 'shardFilter.type'"},
		{"filter without shard", filter(types.ShardFilter{Type: "AFTER_SHARD_ID"}), "InvalidArgumentException: ShardId must"},
		{"filter without time", filter(types.ShardFilter{Type: "AT_TIMESTAMP"}), "InvalidArgumentException: Timestamp must"},

		{"split nothing", func(ctx context.Context, c api) error { return drop(c.SplitShard(ctx, nil)) }, "SplitShardInput.NewStartingHashKey"},
		{"split unknown stream", splitAt("x", shard0, middle), "ResourceNotFoundException"},
		{"split unknown shard", splitAt("s", "shard-9", middle), "ResourceNotFoundException: Could not find shard shardId-000000000009 in stream s"},
		{"split closed", splitAt("s", shard2, "5"), "InvalidArgumentException: Shard shardId-000000000002 in stream s under account 123456789012 has already been merged or split"},
		{"split at the start", splitAt("s", shard0, "0"), "is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey 113427455640312821154458202477256070484."},
		{"split at start+1", splitAt("s", shard0, "1"), "InvalidArgumentException: NewStartingHashKey 1"},
		{"split at the end", splitAt("s", shard0, "113427455640312821154458202477256070484"), "InvalidArgumentException"},
		{"split past the end", splitAt("s", shard0, last), "InvalidArgumentException"},
		{"split at 2^128", splitAt("s", shard0, "340282366920938463463374607431768211456"), "InvalidArgumentException"},
		{"split at no key", splitAt("s", shard0, "0x10"), "ValidationException"},
		{"split on demand", splitAt("free", shard0, "5"), "ValidationException: Request is invalid. Stream free under account 123456789012 is in On-Demand mode."},
		{"merge nothing", func(ctx context.Context, c api) error { return drop(c.MergeShards(ctx, nil)) }, "MergeShardsInput.AdjacentShardToMerge"},
		{"merge inverted", mergeOf("s", shard1, shard0), "Shards shardId-000000000001 and shardId-000000000000 in stream s under account 123456789012 are not an adjacent pair"},
		{"merge apart", mergeOf("s", shard0, shard4), "InvalidArgumentException"},
		{"merge round the end", mergeOf("s", shard4, shard0), "InvalidArgumentException"},
		{"merge with itself", mergeOf("s", shard0, shard0), "InvalidArgumentException"},
		{"merge closed", mergeOf("s", shard1, shard2), "InvalidArgumentException"},
		{"merge unknown", mergeOf("s", shard0, "x"), "ResourceNotFoundException: Could not find shard x"},
		{"scale nothing", func(ctx context.Context, c api) error { return drop(c.UpdateShardCount(ctx, nil)) }, "UpdateShardCountInput.ScalingType"},
		{"scale to 0", scale("s", 0), "Value '0' at 'targetShardCount'"},
		{"scale to 100001", scale("s", 100001), "less than or equal to 100000"},
		{"scale over double", scale("s", 9), "LimitExceededException: UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 4, Target shard count: 9"},
		{"scale below half", scale("s", 1), "LimitExceededException: UpdateShardCount cannot scale down below half"},
		{"scale on demand", scale("free", 8), "ValidationException"},
		{"scale over the account", scale("big", 110), "LimitExceededException: This request would exceed the shard limit"},
		{"bad scaling type", func(ctx context.Context, c api) error {
			return drop(c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: s("s"), TargetShardCount: aws.Int32(4), ScalingType: "X"}))
		}, "enum value set: [UNIFORM_SCALING]"},
	}
}

func TestRefusals(t *testing.T) {
	s, direct := newServer(t, 3, kinesistest.WithShardLimit(108), kinesistest.WithMaxRequestSize(3<<19))
	split(t, direct, shard2, "283568639100782052886145506193140176212") // open: 0, 1, 3, 4
	if err := s.AddStream("free", 0); err != nil {
		t.Fatal(err)
	}
	if err := s.AddStream("big", 60); err != nil {
		t.Fatal(err)
	}
	other := must(direct.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("big")}))
	cases := append(streamRefusals(), putRefusals()...)
	cases = append(cases, readRefusals(*other.Shards[0].SequenceNumberRange.StartingSequenceNumber)...)
	cases = append(cases, shardRefusals()...)

	clients := map[string]api{}
	for _, f := range faces() {
		clients[f.name] = f.client(t, s)
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			var w scribe
			want := w.clean(describe(test.call(t.Context(), clients["direct"])))
			if !strings.Contains(want, test.want) {
				t.Errorf("error %.300s\nwant one with %s", want, test.want)
			}
			for name, c := range clients {
				if got := w.clean(describe(test.call(t.Context(), c))); got != want {
					t.Errorf("%s: error %.300s\nwant %.300s", name, got, want)
				}
			}
		})
	}
	if n := len(s.Records("s")); n != 0 {
		t.Errorf("%d records stored by calls that were refused, want none", n)
	}
	if n := len(s.Shards("s")); n != 5 {
		t.Errorf("%d shards after refused changes, want 5", n)
	}
}

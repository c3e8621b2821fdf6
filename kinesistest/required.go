package kinesistest

// This file owns the check that the SDK makes before it sends, which the
// direct client makes in its place: required members that are missing.

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
)

func checkRequired(input any) error {
	p := requiredIn(input)
	if p.Len() == 0 {
		return nil
	}
	return p
}

func requiredIn(input any) smithy.InvalidParamsError {
	switch in := input.(type) {
	case *kinesis.CreateStreamInput:
		p := missing("CreateStreamInput", member{"StreamName", in.StreamName != nil})
		if mode := in.StreamModeDetails; mode != nil {
			p.AddNested("StreamModeDetails", missing("StreamModeDetails", member{"StreamMode", mode.StreamMode != ""}))
		}
		return p
	case *kinesis.ListShardsInput:
		p := missing("ListShardsInput")
		if filter := in.ShardFilter; filter != nil {
			p.AddNested("ShardFilter", missing("ShardFilter", member{"Type", filter.Type != ""}))
		}
		return p
	case *kinesis.PutRecordInput:
		return missing("PutRecordInput", member{"Data", in.Data != nil})
	case *kinesis.PutRecordsInput:
		p := missing("PutRecordsInput", member{"Records", in.Records != nil})
		list := missing("PutRecordsRequestEntryList")
		for i, e := range in.Records {
			if e.Data == nil {
				list.AddNested(fmt.Sprintf("[%d]", i), missing("PutRecordsRequestEntry", member{"Data", false}))
			}
		}
		p.AddNested("Records", list)
		return p
	case *kinesis.GetShardIteratorInput:
		return missing("GetShardIteratorInput",
			member{"ShardId", in.ShardId != nil}, member{"ShardIteratorType", in.ShardIteratorType != ""})
	case *kinesis.GetRecordsInput:
		return missing("GetRecordsInput", member{"ShardIterator", in.ShardIterator != nil})
	case *kinesis.SplitShardInput:
		return missing("SplitShardInput",
			member{"ShardToSplit", in.ShardToSplit != nil}, member{"NewStartingHashKey", in.NewStartingHashKey != nil})
	case *kinesis.MergeShardsInput:
		return missing("MergeShardsInput",
			member{"ShardToMerge", in.ShardToMerge != nil}, member{"AdjacentShardToMerge", in.AdjacentShardToMerge != nil})
	case *kinesis.UpdateShardCountInput:
		return missing("UpdateShardCountInput",
			member{"TargetShardCount", in.TargetShardCount != nil}, member{"ScalingType", in.ScalingType != ""})
	case *kinesis.UpdateStreamRecordDistributionStrategyInput:
		return missing("UpdateStreamRecordDistributionStrategyInput", member{"StreamARN", in.StreamARN != nil},
			member{"RecordDistributionStrategy", in.RecordDistributionStrategy != ""})
	}
	return smithy.InvalidParamsError{}
}

type member struct {
	name  string
	given bool
}

func missing(context string, members ...member) smithy.InvalidParamsError {
	p := smithy.InvalidParamsError{Context: context}
	for _, m := range members {
		if !m.given {
			p.Add(smithy.NewErrParamRequired(m.name))
		}
	}
	return p
}

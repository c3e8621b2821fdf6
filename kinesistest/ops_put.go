package kinesistest

// This file owns writing: PutRecord and PutRecords. A call is checked whole
// before its first record is stored, so that one bad entry refuses it all.

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/kinpack/kinpack/internal/hashkey"
)

// maxEntries is the limit of one PutRecords call (API Reference, PutRecords).
const maxEntries = 500

func (s *Server) putRecord(now time.Time, in *kinesis.PutRecordInput) (*kinesis.PutRecordOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	c.entry(-1, in.Data, in.PartitionKey, in.ExplicitHashKey, s.needsKey(in.StreamName, in.StreamARN))
	c.sequence("sequenceNumberForOrdering", in.SequenceNumberForOrdering)
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findReadable(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	rec, err := st.newRecord(in.Data, in.PartitionKey, in.ExplicitHashKey)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.DryRun) {
		return nil, dryRun()
	}
	sh := st.target(rec.hash)
	if !sh.allowance.take(s.config.throughput, rec.size(), now) {
		return nil, st.throttled(sh)
	}
	seq := st.put(sh, rec, now)
	return &kinesis.PutRecordOutput{ShardId: aws.String(sh.id), SequenceNumber: aws.String(seq)}, nil
}

// putRecords does not store the entries that have a code in failing.
func (s *Server) putRecords(now time.Time, in *kinesis.PutRecordsInput, failing map[int]string) (*kinesis.PutRecordsOutput, error) {
	var c constraints
	c.stream(in.StreamName, in.StreamARN)
	if c.present("records", in.Records != nil) {
		c.size(nil, "records", "length", len(in.Records), 1, maxEntries)
	}
	keyRequired := s.needsKey(in.StreamName, in.StreamARN)
	for i, e := range in.Records {
		c.entry(i, e.Data, e.PartitionKey, e.ExplicitHashKey, keyRequired)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.findReadable(in.StreamName, in.StreamARN)
	if err != nil {
		return nil, err
	}
	size := 0
	records := make([]record, len(in.Records))
	for i, e := range in.Records {
		if records[i], err = st.newRecord(e.Data, e.PartitionKey, e.ExplicitHashKey); err != nil {
			return nil, err
		}
		size += records[i].size()
	}
	if size > s.config.requestSize {
		return nil, invalidArgument("Records size exceeds %g MB limit", float64(s.config.requestSize)/(1<<20))
	}
	if aws.ToBool(in.DryRun) {
		return nil, dryRun()
	}
	out := &kinesis.PutRecordsOutput{
		FailedRecordCount: aws.Int32(0),
		Records:           make([]types.PutRecordsResultEntry, len(records)),
	}
	for i, rec := range records {
		sh := st.target(rec.hash)
		code := failing[i]
		if code == "" && !sh.allowance.take(s.config.throughput, rec.size(), now) {
			code = codeThrottled
		}
		if code != "" {
			*out.FailedRecordCount++
			out.Records[i] = types.PutRecordsResultEntry{ErrorCode: aws.String(code), ErrorMessage: aws.String(st.entryMessage(sh, code))}
			continue
		}
		out.Records[i] = types.PutRecordsResultEntry{ShardId: aws.String(sh.id), SequenceNumber: aws.String(st.put(sh, rec, now))}
	}
	return out, nil
}

func (st *stream) entryMessage(sh *shard, code string) string {
	if code == codeThrottled {
		return st.overRate(sh)
	}
	return failureMessage(code)
}

// needsKey says whether a put to the stream must have a partition key: all
// must but those to a stream that spreads the records itself.
func (s *Server) needsKey(name, arn *string) bool {
	st, err := s.find(name, arn)
	return err != nil || st.strategy != types.RecordDistributionStrategyAuto
}

// newRecord checks what depends on the stream and on values. The data is not
// copied yet, since the record may still be refused. AWS does not document the
// code for a record over its stream's limit; this is the one of other sizes.
func (st *stream) newRecord(data []byte, key, explicit *string) (record, error) {
	rec := record{data: data, partitionKey: validText(aws.ToString(key)), explicitKey: aws.ToString(explicit)}
	if size := rec.size(); size > st.maxRecord {
		return rec, invalidArgument("Record size of %d bytes exceeds the maximum record size of %d bytes "+
			"of stream %s under account %s, including the partition key.", size, st.maxRecord, st.name, accountID)
	}
	if explicit == nil {
		rec.hash = hashkey.Of(rec.partitionKey)
		return rec, nil
	}
	hash, err := hashkey.Parse(*explicit)
	if err != nil {
		return rec, invalidArgument("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "+
			"Specified value was %s", *explicit)
	}
	rec.hash = hash
	return rec, nil
}

// target returns the shard that is to take a record with hash key k. AUTO spreads evenly, whatever
// the keys; its count goes on also if the shard does not take the record.
func (st *stream) target(k hashkey.Key) *shard {
	if st.strategy == types.RecordDistributionStrategyAuto {
		st.spread++
		return st.open[st.spread%uint64(len(st.open))]
	}
	return st.owner(k)
}

// put stores rec in sh with its own copy of the data.
func (st *stream) put(sh *shard, rec record, now time.Time) (seq string) {
	rec.seq = st.next()
	rec.data = bytes.Clone(rec.data)
	rec.arrival = now
	sh.records = append(sh.records, rec)
	return st.seqNumber(sh, rec.seq)
}

// size is what limits are on: the data and the partition key.
func (r record) size() int { return len(r.data) + len(r.partitionKey) }

// validText returns s as it arrives after JSON: every byte that is not UTF-8
// is a replacement character. The direct client must hash the same key.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

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
	shardID, seq := st.put(rec, now)
	return &kinesis.PutRecordOutput{ShardId: aws.String(shardID), SequenceNumber: aws.String(seq)}, nil
}

func (s *Server) putRecords(now time.Time, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
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
		size += len(e.Data) + len(records[i].partitionKey)
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
	for i := range records {
		shardID, seq := st.put(records[i], now)
		out.Records[i] = types.PutRecordsResultEntry{ShardId: aws.String(shardID), SequenceNumber: aws.String(seq)}
	}
	return out, nil
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
	if size := len(data) + len(rec.partitionKey); size > st.maxRecord {
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

// put stores rec with its own copy of the data.
func (st *stream) put(rec record, now time.Time) (shardID, seq string) {
	sh := st.owner(rec.hash)
	rec.seq = st.next()
	if st.strategy == types.RecordDistributionStrategyAuto {
		sh = st.open[rec.seq%uint64(len(st.open))] // evenly, whatever the keys
	}
	rec.data = bytes.Clone(rec.data)
	rec.arrival = now
	sh.records = append(sh.records, rec)
	return sh.id, st.seqNumber(sh, rec.seq)
}

// validText returns s as it arrives after JSON: every byte that is not UTF-8
// is a replacement character. The direct client must hash the same key.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

package s3deadletter

// This file owns the keys of objects: different letters have different keys, and
// the same letter has the same.

import (
	"fmt"
	"strings"

	"github.com/kinpack/kinpack/lambda"
)

const sequenceDigits = 56 // that the service uses

// Key returns the key of the letter's object, prefix included. It is a function of
// the letter's stream, shard, sequence number and sub-sequence number. Beside the
// prefix it has letters, digits, slashes and -_.! only: any other byte of a name
// stands as an exclamation mark and two hexadecimal digits.
func (d *DeadLetter) Key(l lambda.Letter) string {
	// Whole letters have no neighbours in their folder, so the order is not theirs.
	sub := "whole"
	if l.SubSequenceNumber != lambda.WholeRecord {
		sub = fmt.Sprintf("%08d", l.SubSequenceNumber)
	}
	parts := append(streamParts(l.StreamARN), escape(l.ShardID), pad(l.SequenceNumber), sub+".json")
	return d.config.prefix + strings.Join(parts, "/")
}

// streamParts returns region, account and name of a stream, for a consumer of one
// also that; or one part that is what was given, if it is no stream's ARN.
func streamParts(arn string) []string {
	f := strings.SplitN(arn, ":", 6) // arn, partition, service, region, account, resource
	if len(f) < 6 || !strings.HasPrefix(f[5], "stream/") {
		return []string{escape(arn)}
	}
	parts := []string{escape(f[3]), escape(f[4])}
	for part := range strings.SplitSeq(strings.TrimPrefix(f[5], "stream/"), "/") {
		parts = append(parts, escape(part))
	}
	return parts
}

// pad makes sequence numbers sort as numbers.
func pad(sequence string) string {
	if sequence == "" || strings.Trim(sequence, "0123456789") != "" {
		return escape(sequence)
	}
	return strings.Repeat("0", max(0, sequenceDigits-len(sequence))) + sequence
}

// escape makes s one part of a key, and different strings different parts. S3 has
// trouble with parts that are empty or dots only.
func escape(s string) string {
	if s == "" {
		return "!"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		safe := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0
		if safe {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "!%02x", c)
		}
	}
	return b.String()
}

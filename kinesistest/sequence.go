package kinesistest

// This file owns what a client is given and hands back: sequence numbers,
// shard iterators, page tokens and shard ids. Anything may come back, so all
// of it is parsed without trust.

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
)

const (
	// tolerance is the life of a shard iterator (API Reference,
	// GetShardIterator: 5 minutes) and of a page token (ListShards: 300 s).
	tolerance = 5 * time.Minute
	// maxShardNumber is the highest number that the service reads in a shard id.
	maxShardNumber = 1<<31 - 1
	seqDigits      = 56
	// seqLead makes the length 56 digits, and such numbers are near those
	// that the service gives today.
	seqLead = "49"
	seqTail = "000002"
	// The fields of a shard iterator and of a page token of ListShards. The
	// first of both is the name of the stream.
	iteratorFields   = 4
	shardTokenFields = 5
)

// seqNumber writes the sequence number of the n-th event of st, in sh. From
// the left, and so in this order of weight: creation and ordinal of the
// stream, n, the shard. Like the service's, numbers of one shard are not
// consecutive, rise in the stream, and tell their shard.
func (st *stream) seqNumber(sh *shard, n uint64) string {
	b := make([]byte, 0, seqDigits)
	b = append(b, st.seqPrefix...)
	b = appendPadded(b, n%1e18, 18)
	b = appendPadded(b, uint64(sh.index), 10)
	return string(append(b, seqTail...))
}

// seqPrefix is the part that all sequence numbers of a stream share.
func seqPrefix(created time.Time, ordinal uint64) string {
	b := appendPadded([]byte(seqLead), uint64(max(created.UnixMilli(), 0))%1e14, 14)
	return string(appendPadded(b, ordinal%1e6, 6))
}

// appendPadded appends the width low digits of n.
func appendPadded(b []byte, n uint64, width int) []byte {
	b = append(b, "000000000000000000"[:width]...)
	for i := len(b) - 1; n > 0 && i >= len(b)-width; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// parseSeq reads a sequence number that st may have given. ofStream is false
// if it is one of another stream; ok is false if it is none at all.
func (st *stream) parseSeq(s string) (n uint64, shard int, ofStream, ok bool) {
	prefix := len(st.seqPrefix)
	if len(s) != seqDigits || !strings.HasPrefix(s, seqLead) || !strings.HasSuffix(s, seqTail) {
		return 0, 0, false, false
	}
	n, err := strconv.ParseUint(s[prefix:prefix+18], 10, 64)
	index, err2 := strconv.ParseUint(s[prefix+18:prefix+28], 10, 31)
	if err != nil || err2 != nil {
		return 0, 0, false, false
	}
	return n, int(index), s[:prefix] == st.seqPrefix, true
}

// resolveShard returns the number in a shard id. The service takes any prefix
// and any number of zeros: shardId-000000000001, shard-1 and 1 are the same.
func resolveShard(id string) (index int, ok bool) {
	parts := strings.SplitN(id, "-", 3)
	digits := parts[0]
	if len(parts) > 1 && parts[1] != "" {
		digits = parts[1]
	}
	n, err := strconv.ParseUint(digits, 10, 63) // takes no sign
	return int(n), err == nil && n <= maxShardNumber
}

// iterator is a position in a shard: the next record to read is the first
// whose sequence is at least pos.
type iterator struct {
	stream  string
	ordinal uint64
	shard   int
	pos     uint64
}

func (it iterator) String(now time.Time) string {
	return seal(now, it.stream, strconv.FormatUint(it.ordinal, 10), strconv.Itoa(it.shard), strconv.FormatUint(it.pos, 10))
}

func parseIterator(s string) (it iterator, issued time.Time, ok bool) {
	fields, issued, ok := unseal(s, iteratorFields)
	if !ok {
		return iterator{}, issued, false
	}
	it.stream = fields[0]
	it.ordinal, _ = strconv.ParseUint(fields[1], 10, 64)
	it.shard, _ = strconv.Atoi(fields[2])
	it.pos, _ = strconv.ParseUint(fields[3], 10, 64)
	return it, issued, true
}

// seal packs fields without a slash into an opaque token with its time. The
// checksum is not against forgery; it tells a token from anything else.
func seal(now time.Time, fields ...string) string {
	body := strconv.FormatInt(now.UnixMilli(), 10) + "/" + strings.Join(fields, "/")
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08x/%s", crc32.ChecksumIEEE([]byte(body)), body))
}

func unseal(token string, n int) (fields []string, issued time.Time, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, time.Time{}, false
	}
	sum, body, _ := strings.Cut(string(raw), "/")
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) {
		return nil, time.Time{}, false
	}
	fields = strings.Split(body, "/")
	ms, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || len(fields) != n+1 {
		return nil, time.Time{}, false
	}
	return fields[1:], time.UnixMilli(ms).UTC(), true
}

// utcString writes t as the service does in its messages.
func utcString(t time.Time) string { return t.Format("Mon Jan 02 15:04:05 UTC 2006") }

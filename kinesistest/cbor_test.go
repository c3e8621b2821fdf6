package kinesistest_test

// CBOR on the wire, byte by byte. TestFacesAnswerAlike and TestRefusals have
// the operations in it.

import (
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// postCBOR returns the status of the answer, and what is in it, as JSON.
func postCBOR(t *testing.T, h http.Handler, op, body string) (status int, answer string) {
	t.Helper()
	r := post(h, "Kinesis_20131202."+op, cborType, body)
	if got := r.Header.Get("Content-Type"); got != cborType {
		t.Errorf("Content-Type %q, want %q", got, cborType)
	}
	return r.StatusCode, string(toJSON(t, must(io.ReadAll(r.Body))))
}

// Parts of requests: maps of some members, and members of them.
const (
	map1, map2, map3, map4 = "\xa1", "\xa2", "\xa3", "\xa4"
	openMap, openList      = "\xbf", "\x9f"
	openBytes, openText    = "\x5f", "\x7f"
	brk                    = "\xff"
	streamW                = "\x6aStreamName\x61w"
	keyK                   = "\x6cPartitionKey\x61k"
	dataAB                 = "\x64Data\x42ab"
	limit                  = "\x65Limit"
	timestamp              = "\x69Timestamp"
	atTimestamp            = "\x67ShardId\x610\x71ShardIteratorType\x6cAT_TIMESTAMP"
)

// fromJava is what the AWS SDK for Java 2.40.2 sent, in hexadecimal.
var fromJava = map[string]string{
	"CreateStream":     "bf6a53747265616d4e616d65646a6176616a5368617264436f756e74026454616773bf61616162ffff",
	"PutRecords":       "bf675265636f7264739fbf64446174614178ffff6a53747265616d4e616d65646a617661ff",
	"GetShardIterator": "bf6a53747265616d4e616d65646a617661675368617264496474736861726449642d3030303030303030303030307153686172644974657261746f72547970656c41545f54494d455354414d506954696d657374616d70c11b000001a20ee0ecffff",
	"ListShards":       "bf6a53747265616d4e616d65646a6176616b536861726446696c746572bf64547970656c41545f54494d455354414d506954696d657374616d70c11b000001a20ea9fd53ffff",
}

func unhex(s string) string { return string(must(hex.DecodeString(s))) }

func TestCBOR(t *testing.T) {
	s, _ := newServer(t, 1)
	if err := s.AddStream("w", 1); err != nil {
		t.Fatal(err)
	}
	const (
		ok      = `.*`
		put     = `\{"SequenceNumber":"\d{56}","ShardId":"shardId-000000000000"\}`
		streams = `\{"HasMoreStreams":false,"StreamNames":\["java","s","w"\],.*`
	)
	message := func(text string) string { return `\{"__type":"[A-Za-z]+","message":".*` + text + `.*"\}` }
	for _, test := range []struct {
		name, op, body string
		status         int
		want           string // regular expression of the whole answer
	}{
		{"no output, Java", "CreateStream", unhex(fromJava["CreateStream"]), 200, ``},
		{"a missing member, Java", "PutRecords", unhex(fromJava["PutRecords"]), 400, message(`Value null at 'records.1.member.partitionKey'`)},
		{"a time to come, Java", "GetShardIterator", strings.Replace(unhex(fromJava["GetShardIterator"]), "\xc1\x1b\x00\x00\x01", "\xc1\x1b\x00\x00\x0a", 1), 400, message(`timestampInMillis: 11691150601471,`)},
		{"a time in a filter, Java", "ListShards", strings.Replace(unhex(fromJava["ListShards"]), "\xc1\x1b\x00\x00\x01", "\xc1\x1b\x00\x00\x0a", 1), 400, message(`timestampInMillis: 11691147001171,`)},

		{"definite", "PutRecord", map3 + streamW + keyK + dataAB, 200, put},
		{"open", "PutRecord", openMap + streamW + keyK + dataAB + brk, 200, put},
		{"open, empty", "ListStreams", openMap + brk, 200, streams},
		{"long heads", "PutRecord", "\xbb\x00\x00\x00\x00\x00\x00\x00\x03" + "\x78\x0aStreamName\x79\x00\x01w" + "\x7a\x00\x00\x00\x0cPartitionKey\x7b\x00\x00\x00\x00\x00\x00\x00\x01k" + "\x64Data\x5a\x00\x00\x00\x02ab", 200, put},
		{"chunks", "PutRecord", map3 + openText + "\x66Stream\x64Name" + brk + openText + "\x60\x61w" + brk + keyK + "\x64Data" + openBytes + "\x41a\x40\x58\x01b" + brk, 200, put},
		{"no chunks", "PutRecord", map3 + streamW + keyK + "\x64Data" + openBytes + brk, 200, put},
		{"no data", "PutRecord", map3 + streamW + keyK + "\x64Data\x40", 200, put},
		{"tags", "PutRecord", "\xd9\xd9\xf7" + map3 + streamW + "\x6cPartitionKey\xd8\x20\xd8\x21\x61k" + "\x64Data\xd6\x42ab", 200, put},
		{"null and undefined", "ListShards", map4 + streamW + "\x6bShardFilter\xf6" + "\x77StreamCreationTimestamp\xf7" + "\x6aMaxResults\xc1\xf6", 200, `\{"Shards":\[\{.*\}\]\}`},
		{"null for a required member", "PutRecord", map3 + streamW + keyK + "\x64Data\xf6", 400, message(`Value null at 'data'`)},
		{"null for an entry", "PutRecords", map2 + streamW + "\x67Records\x81\xf6", 400, message(`2 validation errors.*'records.1.member.data'`)},
		{"null for a value of a map", "CreateStream", map3 + "\x6aStreamName\x61w\x64Tags" + map2 + "\x61a\xf6\x61b\x60\x6aShardCount\x01", 400, message(`already exists`)},
		{"unknown members", "ListStreams", openMap + "\x61a\x80\x61b" + map1 + "\x61c" + openList + "\x01\x20\x40\x60\xf4\xf6\xf7\xf9\x00\x00\xfa\x00\x00\x00\x00\xfb\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x60" + openMap + brk + brk + "\x75noSmithyDocumentSerde\x01\x60\x01" + brk, 200, streams},
		{"case matters", "ListStreams", map1 + "\x65limit\x60", 200, streams},
		{"the last counts", "ListStreams", map3 + limit + "\x01" + limit + "\xf6" + limit + "\x02", 200, `\{"HasMoreStreams":true,.*"StreamNames":\["java","s"\],.*`},
		{"the last counts, null", "ListStreams", map2 + limit + "\x01" + limit + "\xf6", 200, streams},

		{"no tag on a time", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\x1b\x00\x00\x0a\x00\x00\x00\x00\x00", 400, message(`timestampInMillis: 10995116277760,`)},
		{"a float of 64 bits", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\xfb\x42\xa4\x00\x00\x00\x00\x01\x00", 400, message(`timestampInMillis: 10995116277761,`)},
		{"a float of 32 bits", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\xfa\x55\x20\x00\x00", 400, message(`timestampInMillis: 10995116277760,`)},
		{"before 1970", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\x3b\x00\x00\x0a\x00\x00\x00\x00\x00", 200, `\{"ShardIterator":".*"\}`},
		{"a float of 16 bits", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\xf9\x00\x00", 400, message(`Timestamp: a float can not be read`)},
		{"too far", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\x1b\x00\x80\x00\x00\x00\x00\x00\x00", 400, message(`can not be converted`)},
		{"too far back", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc1\x3b" + strings.Repeat("\xff", 8), 400, message(`can not be converted`)},
		{"not a number", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", 400, message(`NaN can not be converted`)},
		{"a date", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xc0\x742013-03-21T20:04:00Z", 400, message(`a text string can not be read`)},
		{"a boolean as a time", "GetShardIterator", map4 + streamW + atTimestamp + timestamp + "\xf5", 400, message(`a boolean can not be read`)},

		{"-1", "ListStreams", map1 + limit + "\x20", 400, message(`Value '-1' at 'limit'`)},
		{"least", "ListStreams", map1 + limit + "\x3a\x7f\xff\xff\xff", 400, message(`Value '-2147483648' at 'limit'`)},
		{"most", "ListStreams", map1 + limit + "\x1a\x7f\xff\xff\xff", 400, message(`Value '2147483647' at 'limit'`)},
		{"less", "ListStreams", map1 + limit + "\x3a\x80\x00\x00\x00", 400, message(`Limit: .* beyond the range of int32`)},
		{"more", "ListStreams", map1 + limit + "\x1a\x80\x00\x00\x00", 400, message(`beyond the range of int32`)},
		{"2^64-1", "ListStreams", map1 + limit + "\x1b" + strings.Repeat("\xff", 8), 400, message(`beyond the range of int32`)},
		{"-2^64", "ListStreams", map1 + limit + "\x3b" + strings.Repeat("\xff", 8), 400, message(`beyond the range of int32`)},
		{"true", "DeleteStream", map2 + "\x6aStreamName\x61x\x77EnforceConsumerDeletion\xf5", 400, message(`Stream x under`)},
		{"dry run", "PutRecord", map4 + streamW + keyK + dataAB + "\x66DryRun\xf5", 400, message(`DryRun flag is set`)},
		{"no dry run", "PutRecord", map4 + streamW + keyK + dataAB + "\x66DryRun\xf4", 200, put},

		{"unknown operation", "PutRekord", map1 + streamW, 400, `\{"__type":"UnknownOperationException",.*\}`},
		{"not found", "DescribeStream", map1 + "\x6aStreamName\x61x", 400, `\{"__type":"ResourceNotFoundException","message":"Stream x under account 123456789012 not found."\}`},
		{"too large", "ListStreams", map1 + "\x69NextToken\x7a\x01\x60\x00\x00" + strings.Repeat("x", 22<<20), 413, `\{"__type":"RequestEntityTooLargeException",.*\}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, answer := postCBOR(t, s, test.op, test.body)
			if status != test.status || !regexp.MustCompile(`^`+test.want+`$`).MatchString(answer) {
				t.Errorf("status %d, %s\nwant %d, %s", status, answer, test.status, test.want)
			}
		})
	}
	for i, r := range s.Records("w") {
		want := "ab"
		if i == 4 || i == 5 {
			want = ""
		}
		if string(r.Data) != want || r.PartitionKey != "k" {
			t.Errorf("record %d is %q of %q, want %q of k", i, r.Data, r.PartitionKey, want)
		}
	}
}

// TestBadCBOR sends what is no map, or no map of the right things.
func TestBadCBOR(t *testing.T) {
	s, _ := newServer(t, 1)
	deep := func(inner string, n int) string {
		return map2 + "\x61x" + strings.Repeat(inner, n) + "\x01" + "\x65Limit\x01"
	}
	for _, test := range []struct{ name, op, body, want string }{
		{"nothing", "ListStreams", "", "Start of structure expected"},
		{"null", "ListStreams", "\xf6", "Start of structure expected"},
		{"an array", "ListStreams", "\x81\xa0", "Start of structure expected"},
		{"a tagged integer", "ListStreams", "\xc1\x01", "Start of structure expected"},
		{"two maps", "ListStreams", "\xa0\xa0", "at byte 1: there is more than one item"},
		{"JSON", "ListStreams", "{}", "at byte"},
		{"a break", "ListStreams", brk, "at byte 0: an item cannot begin with 0xff"},
		{"a break for a value", "ListStreams", openMap + "\x61x" + brk, "cannot begin with 0xff"},
		{"a break in a definite map", "ListStreams", map1 + brk, "cannot begin with 0xff"},
		{"a tag and nothing", "ListStreams", "\xc1", "ends within"},
		{"reserved heads", "ListStreams", map1 + "\x61x\x1c", "cannot begin with 0x1c"},
		{"an open integer", "ListStreams", map1 + "\x61x\x1f", "cannot begin with 0x1f"},
		{"an open tag", "ListStreams", map1 + "\x61x\xdf\x01", "cannot begin with 0xdf"},
		{"a simple value", "ListStreams", map1 + "\x61x\xe5", "simple value 5"},
		{"a long simple value", "ListStreams", map1 + "\x61x\xf8\xff", "simple value 255"},
		{"an integer as a key", "ListStreams", map1 + "\x01\x01", "the key of a map is an integer"},
		{"bytes as a key", "ListStreams", map1 + "\x61x" + map1 + "\x41a\x01", "the key of a map is a byte string"},
		{"a tag on a key", "ListStreams", map1 + "\xc1\x61x\x01", "the key of a map is a tag"},
		{"a key that is no UTF-8", "ListStreams", map1 + "\x61\xff\x01", "not UTF-8"},
		{"text that is no UTF-8", "DescribeStream", map1 + "\x6aStreamName\x61\xff", "not UTF-8"},
		{"a letter in two chunks", "DescribeStream", map1 + "\x6aStreamName" + openText + "\x61\xc3\x61\xa9" + brk, "not UTF-8"},
		{"bytes in text", "DescribeStream", map1 + "\x6aStreamName" + openText + "\x41w" + brk, "a byte string within a text string"},
		{"open text in text", "DescribeStream", map1 + "\x6aStreamName" + openText + openText + brk + brk, "a text string within a text string"},
		{"too long", "ListStreams", map1 + "\x61x\x5b" + strings.Repeat("\xff", 8), "ends within"},
		{"a huge array", "ListStreams", map1 + "\x61x\x9b" + strings.Repeat("\xff", 8), "ends within"},
		{"a huge array of records", "PutRecords", map1 + "\x67Records\x9b\x7f" + strings.Repeat("\xff", 7) + "\xa0", "ends within"},
		{"a huge map", "ListStreams", "\xbb\x80\x00\x00\x00\x00\x00\x00\x00", "ends within"},
		{"129 arrays", "ListStreams", deep("\x81", 128), "more than 128"},
		{"129 open arrays", "ListStreams", deep(openList, 128), "more than 128"},
		{"129 maps", "ListStreams", deep(map1+"\x61x", 128), "more than 128"},
		{"129 tags", "ListStreams", deep("\xc1", 128), "more than 128"},
		{"millions of arrays", "ListStreams", map1 + "\x61x" + strings.Repeat(openList, 4<<20), "more than 128"},

		{"text for bytes", "PutRecord", map1 + "\x64Data\x64AAAA", `Data: a text string can not be read as \[\]uint8`},
		{"an array for bytes", "PutRecord", map1 + "\x64Data\x80", `Data: an array can not be read as \[\]uint8`},
		{"bytes for text", "DescribeStream", map1 + "\x6aStreamName\x41w", `StreamName: a byte string can not be read as string`},
		{"an integer for text", "GetShardIterator", map1 + "\x71ShardIteratorType\x01", `an integer can not be read as types.ShardIteratorType`},
		{"text for an integer", "ListStreams", map1 + limit + "\x611", `Limit: a text string can not be read as int32`},
		{"a float for an integer", "ListStreams", map1 + limit + "\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00", `Limit: a float can not be read as int32`},
		{"an integer for a boolean", "PutRecord", map1 + "\x66DryRun\x01", `DryRun: an integer can not be read as bool`},
		{"a map for an array", "PutRecords", map1 + "\x67Records\xa0", `Records: a map can not be read as`},
		{"bytes for an entry", "PutRecords", map1 + "\x67Records\x82\xa0\x40", `Records: 1: a byte string can not be read as`},
		{"bytes in an open array", "PutRecords", map1 + "\x67Records" + openList + "\xa0" + map1 + "\x64Data\x01" + brk, `Records: 1: Data: an integer can not`},
		{"an array for a structure", "ListShards", map1 + "\x6bShardFilter\x80", `ShardFilter: an array can not be read as`},
		{"an array for tags", "CreateStream", map1 + "\x64Tags\x80", `Tags: an array can not be read as`},
		{"an integer for a tag", "CreateStream", map1 + "\x64Tags" + map1 + "\x61a\x01", `Tags: a: an integer can not`},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := regexp.MustCompile(`^\{"__type":"SerializationException","message":".*` + test.want + `.*"\}$`)
			if status, answer := postCBOR(t, s, test.op, test.body); status != 400 || !want.MatchString(answer) {
				t.Errorf("status %d, %s\nwant 400, %s", status, answer, want)
			}
		})
	}
	for _, inner := range []string{"\x81", openList, map1 + "\x61x", "\xc1"} { // as deep as it may be
		body := deep(inner, 127)
		if strings.HasPrefix(inner, openList) {
			body = map2 + "\x61x" + strings.Repeat(inner, 127) + strings.Repeat(brk, 127) + "\x65Limit\x01"
		}
		if status, answer := postCBOR(t, s, "ListStreams", body); status != 200 {
			t.Errorf("128 of %x in each other: %d, %s", inner, status, answer)
		}
	}
}

// TestCutCBOR cuts requests everywhere.
func TestCutCBOR(t *testing.T) {
	s, _ := newServer(t, 1)
	bodies := []string{map3 + streamW + keyK + dataAB, map2 + streamW + "\x67Records" + openList + map1 + "\x64Data" + openBytes + "\x41a" + brk + brk,
		map1 + limit + "\x1b\x00\x00\x00\x00\x00\x00\x00\x01", map1 + "\x61x\xfb\x00\x00\x00\x00\x00\x00\x00\x00"}
	for _, h := range fromJava {
		bodies = append(bodies, unhex(h))
	}
	for _, body := range bodies {
		for n := range len(body) {
			if status, answer := postCBOR(t, s, "PutRecord", body[:n]); status != 400 || !strings.Contains(answer, "SerializationException") {
				t.Errorf("%x: status %d, %s; want a SerializationException", body[:n], status, answer)
			}
		}
	}
	if n := len(s.Records("s")); n != 0 {
		t.Errorf("%d records stored", n)
	}
}

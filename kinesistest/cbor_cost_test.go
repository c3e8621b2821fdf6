package kinesistest_test

// What CBOR costs: any request of it, in memory, and those of PutRecords, in
// time.

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/kinpack/kinpack/internal/cputime"
	"github.com/kinpack/kinpack/kinesistest"
)

// TestCBORInMemory reads the requests that grow most.
func TestCBORInMemory(t *testing.T) {
	s, _ := newServer(t, 1)
	const size = 1 << 19
	for name, body := range map[string]string{
		"empty entries":       map1 + "\x67Records\x9a\x00\x08\x00\x00" + strings.Repeat("\xa0", size),
		"empty entries, open": map1 + "\x67Records" + openList + strings.Repeat("\xa0", size) + brk,
		"chunks":              map1 + "\x67Records\x81" + map1 + "\x64Data" + openBytes + strings.Repeat("\x41a", size/2) + brk,
		"the same member":     openMap + strings.Repeat("\x67Records\x81\xa0", size/10) + brk,
		"unknown members":     openMap + strings.Repeat("\x61x\x81\xa0", size/4) + brk,
		"tags":                map1 + "\x64Tags" + openMap + tagsOf(size/16) + brk,
	} {
		t.Run(name, func(t *testing.T) {
			op := "PutRecords"
			if name == "tags" {
				op = "CreateStream"
			}
			allocated := allocatedBy(func() { postCBOR(t, s, op, body) })
			if per := float64(allocated) / float64(len(body)); per > 64 {
				t.Errorf("%.0f bytes allocated for each byte of the request, want at most 64", per)
			}
		})
	}
}

func tagsOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\x6a%010d\x61x", i)
	}
	return b.String()
}

// allocatedBy returns what f and all that runs beside it allocate.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzCBOR sends anything as CBOR: no panic, an answer in CBOR, no more memory
// than the request is worth. What is taken, another decoder reads as well, and
// what is stored is what it has read.
func FuzzCBOR(f *testing.F) {
	for op, h := range fromJava {
		f.Add(op, []byte(strings.ReplaceAll(unhex(h), "djava", "as")))
	}
	f.Add("PutRecord", []byte(map3+"\x6aStreamName\x61s"+keyK+dataAB))
	f.Add("PutRecord", []byte(openMap+"\x6aStreamName"+openText+"\x61s"+brk+keyK+"\x64Data"+openBytes+"\x41a"+brk+brk))
	f.Add("PutRecords", []byte(map2+"\x6aStreamName\x61s\x67Records\x82"+map3+keyK+dataAB+"\x6fExplicitHashKey\x610"+map2+keyK+dataAB))
	f.Add("PutRecords", []byte(map2+"\x6aStreamName\x61s\x67Records"+openList+map2+keyK+"\xf6\xf6\xc1"+brk))
	f.Add("ListStreams", []byte(map2+limit+"\x19\x01\x00\x61x\x82\xfb\x00\x00\x00\x00\x00\x00\x00\x00\xf7"))
	f.Add("PutRecords", []byte(map1+"\x67Records\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, op string, body []byte) {
		s := kinesistest.New(kinesistest.WithShardLimit(64))
		if err := s.AddStream("s", 1); err != nil {
			t.Fatal(err)
		}
		status := 0
		if n := allocatedBy(func() { status, _ = postCBOR(t, s, op, string(body)) }); n > 1<<20+200*uint64(len(body)) {
			t.Errorf("%d bytes allocated for a request of %d", n, len(body))
		}
		if status != 200 && status != 400 {
			t.Errorf("status %d", status)
		}
		if status != 200 {
			return
		}
		item, err := cbor.Decode(body)
		if err != nil {
			t.Fatalf("another decoder does not take it: %v", err)
		}
		entries := cbor.List{item}
		if op == "PutRecords" {
			entries, _ = untagged(untagged(item).(cbor.Map)["Records"]).(cbor.List)
		}
		for i, r := range s.Records("s") {
			entry := untagged(entries[i]).(cbor.Map)
			data, _ := untagged(entry["Data"]).(cbor.Slice)
			key, _ := untagged(entry["PartitionKey"]).(cbor.String)
			if !bytes.Equal(data, r.Data) || string(key) != r.PartitionKey {
				t.Errorf("record %d is %q of %q, want %q of %q", i, r.Data, r.PartitionKey, data, key)
			}
		}
	})
}

func untagged(v cbor.Value) cbor.Value {
	for {
		tag, ok := v.(*cbor.Tag)
		if !ok {
			return v
		}
		v = tag.Value
	}
}

// BenchmarkForms serves PutRecords of 20 records of 51 kB, and of 500 small
// ones, in both forms. To compare:
// go test -run '^$' -bench Forms -count 6 ./kinesistest | benchstat -col /by -ignore /turn -
func BenchmarkForms(b *testing.B) {
	for _, size := range []struct{ records, bytes int }{{20, 51_200}, {500, 100}} {
		for i, by := range []string{"json", "cbor", "cbor", "json"} {
			b.Run(fmt.Sprintf("size=%dB/turn=%d/by=%s", size.bytes, i/2+1, by), func(b *testing.B) {
				benchmarkForm(b, entries(size.records, size.bytes), by == "cbor")
			})
		}
	}
}

func benchmarkForm(b *testing.B, records []types.PutRecordsRequestEntry, asCBOR bool) {
	l := cbor.List{}
	for _, r := range records {
		l = append(l, cbor.Map{"Data": cbor.Slice(r.Data), "PartitionKey": cbor.String(*r.PartitionKey)})
	}
	item := cbor.Map{"StreamName": cbor.String("s"), "Records": l}
	body, contentType := string(cbor.Encode(item)), cborType
	if !asCBOR {
		body, contentType = string(appendJSON(nil, item)), "application/x-amz-json-1.1"
	}
	b.ReportAllocs()
	s, calls := kinesistest.New(), 0
	start := cputime.Used()
	for b.Loop() {
		if calls%50 == 0 { // the store must not outgrow the machine
			s = kinesistest.New()
			if err := s.AddStream("s", 4); err != nil {
				b.Fatal(err)
			}
		}
		calls++
		if r := post(s, "Kinesis_20131202.PutRecords", contentType, body); r.StatusCode != 200 {
			b.Fatal(r.Status)
		}
	}
	b.ReportMetric(float64(cputime.Used()-start)/float64(calls*len(records)), "cpu-ns/record")
	if got := s.Records("s"); len(got) != ((calls-1)%50+1)*len(records) || !bytes.Equal(got[len(records)-1].Data, records[len(records)-1].Data) {
		b.Fatalf("%d records stored", len(got))
	}
}

package kplpb_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	kplpb "github.com/kinpack/kinpack/proto"
	"github.com/kinpack/kinpack/proto/internal/othercopy"
)

// TestLink: this program links another copy of the schema, registered the way
// other libraries do, and has started; each message stands under its own name.
func TestLink(t *testing.T) {
	for name, want := range map[protoreflect.FullName]proto.Message{
		"kinpack.kpl.AggregatedRecord": &kplpb.AggregatedRecord{},
		"kinpack.kpl.Record":           &kplpb.Record{},
		"kinpack.kpl.Tag":              &kplpb.Tag{},
		"AggregatedRecord":             &othercopy.AggregatedRecord{},
		"Record":                       &othercopy.Record{},
		"Tag":                          &othercopy.Tag{},
	} {
		got, err := protoregistry.GlobalTypes.FindMessageByName(name)
		if err != nil || got != want.ProtoReflect().Type() {
			t.Errorf("%s is registered as %v, %v; want %T", name, got, err, want)
		}
		if got := want.ProtoReflect().Descriptor().FullName(); got != name {
			t.Errorf("%T is called %s, want %s", want, got, name)
		}
	}
	for path, pkg := range map[string]protoreflect.FullName{
		"github.com/kinpack/kinpack/proto/kpl.proto": "kinpack.kpl",
		"messages.proto": "",
	} {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if file.Package() != pkg || file.Messages().Len() != 3 {
			t.Errorf("%s has package %q and %d messages, want %q and 3", path, file.Package(), file.Messages().Len(), pkg)
		}
	}
}

// message is that of an aggregate made by the real KPL.
func message(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var out struct {
			Type       string
			Aggregated bool
			Data       []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		if out.Type == "output" && out.Aggregated {
			return out.Data[4 : len(out.Data)-16]
		}
	}
	t.Fatalf("no aggregate in %s", path)
	return nil
}

// TestRoundTrip: both copies of the schema read a message of the real KPL to
// the last field and write it again byte for byte.
func TestRoundTrip(t *testing.T) {
	in := message(t, "../aggregate/testdata/kpl/04-mixed-ehk.jsonl")
	for _, m := range []proto.Message{&kplpb.AggregatedRecord{}, &othercopy.AggregatedRecord{}} {
		if err := proto.Unmarshal(in, m); err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if unknown := m.ProtoReflect().GetUnknown(); len(unknown) != 0 {
			t.Errorf("%T: unknown fields % x", m, unknown)
		}
		out, err := proto.Marshal(m)
		if err != nil || !bytes.Equal(out, in) {
			t.Errorf("%T: %v, %x\nwant %x", m, err, out, in)
		}
	}
	var m kplpb.AggregatedRecord
	if err := proto.Unmarshal(in, &m); err != nil {
		t.Fatal(err)
	}
	keys, hashKeys, records := m.GetPartitionKeyTable(), m.GetExplicitHashKeyTable(), m.GetRecords()
	if len(keys) != 6 || keys[0] != "a" || len(hashKeys) != 4 || hashKeys[0] != "0" || hashKeys[2] != "7" || len(records) != 10 {
		t.Fatalf("keys %q, hash keys %q, %d records", keys, hashKeys, len(records))
	}
	last := records[9]
	if last.GetPartitionKeyIndex() != 5 || last.ExplicitHashKeyIndex == nil || last.GetExplicitHashKeyIndex() != 1 || string(last.GetData()) != "9" || len(last.GetTags()) != 0 {
		t.Errorf("last record %v", last)
	}
	if records[0].ExplicitHashKeyIndex != nil {
		t.Errorf("first record %v has an explicit hash key", records[0])
	}
}

// TestRequired: a record lacks nothing but the fields that the format requires.
func TestRequired(t *testing.T) {
	for name, c := range map[string]struct {
		record *kplpb.Record
		ok     bool
	}{
		"whole":               {&kplpb.Record{PartitionKeyIndex: proto.Uint64(0), Data: []byte{}}, true},
		"no index":            {&kplpb.Record{Data: []byte{}}, false},
		"no data":             {&kplpb.Record{PartitionKeyIndex: proto.Uint64(0)}, false},
		"tag with key":        {&kplpb.Record{PartitionKeyIndex: proto.Uint64(0), Data: []byte{}, Tags: []*kplpb.Tag{{Key: proto.String("t")}}}, true},
		"tag with value only": {&kplpb.Record{PartitionKeyIndex: proto.Uint64(0), Data: []byte{}, Tags: []*kplpb.Tag{{Value: proto.String("v")}}}, false},
	} {
		_, err := proto.Marshal(&kplpb.AggregatedRecord{Records: []*kplpb.Record{c.record}})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

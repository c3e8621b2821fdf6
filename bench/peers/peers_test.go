package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is written is read back, and all peers in Go read and write the same of it.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"write", dir}); err != nil {
		t.Fatal(err)
	}
	want, err := loads()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range want {
		got, err := readLoad(dir, l.name)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.packed) != atATime || got.count() != l.count() || got.count() < 4*atATime {
			t.Fatalf("%s: %d aggregates of %d user records, want %d of %d", l.name, len(got.packed), got.count(), atATime, l.count())
		}
		for i := range l.packed {
			if !bytes.Equal(got.packed[i], l.packed[i]) {
				t.Fatalf("%s: aggregate %d differs", l.name, i)
			}
		}
		names = append(names, l.name)
	}
	var results, out bytes.Buffer
	if err := measure(dir, time.Microsecond, names, &results); err != nil {
		t.Fatal(err)
	}
	if err := table(&results, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| ns of CPU a user record | 100B | 512B | 2KB | earthquakes | flights |", "| read: kinpack |", "| write: kinpack, side by side |", "(1.00)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2+2*len(goPeers) {
		t.Errorf("%d lines:\n%s", lines, &out)
	}
}

func TestTable(t *testing.T) {
	line := func(peer, load, digest, nanos string) string {
		return `{"peer":"` + peer + `","what":"read","load":"` + load + `","records":3,"digest":"` + digest + `","nanos":` + nanos + "}\n"
	}
	var out bytes.Buffer
	err := table(strings.NewReader(line("other", "b", "1", "50")+line("kinpack", "b", "1", "20")+line("kinpack", "a", "2", "7")+
		line("kinpack", "b", "1", "10")+line("kinpack", "b", "1", "90")), &out)
	want := "| ns of CPU a user record | b | a |\n|---|---|---|\n| read: other | 50 (2.50) |  |\n| read: kinpack | 20 (1.00) | 7 (1.00) |\n"
	if err != nil || out.String() != want {
		t.Errorf("error %v, table\n%swant\n%s", err, &out, want)
	}
	err = table(strings.NewReader(line("kinpack", "a", "1", "1")+line("other", "a", "2", "1")), &out)
	if err == nil || !strings.Contains(err.Error(), "a, other read: 3 user records, digest 2; kinpack has 3, 1") {
		t.Errorf("peers that do not agree: %v", err)
	}
	if err := table(strings.NewReader("{"), &out); err == nil {
		t.Error("no error for broken JSON")
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{nil, {"write"}, {"measure", dir, "soon", "100B"}, {"measure", dir, "1", "none"}, {"write", filepath.Join(dir, "none")}} {
		if err := run(args); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
	for name, content := range map[string]string{"x.aggregates": "\x00\x00\x00\x02ab", "x.records": "\x00\x00\x00\x01\x00\x00\x00\x05key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readLoad(dir, "x"); !errors.Is(err, errCut) {
		t.Errorf("a file that is cut off: %v", err)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

// kinpack runs a command line.
func kinpack(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(stdin), &o, &e})
	return code, o.String(), e.String()
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		name     string
		args     string
		code     int
		out, err string // what must be in there
	}{
		{"nothing", "", 2, "", "Usage: kinpack COMMAND"},
		{"help", "--help", 0, "decode", ""},
		{"help, as a word", "help", 0, "encode", ""},
		{"unknown command", "pack", 2, "", `unknown command "pack"`},
		{"help of demo", "demo --help", 0, "Example:", ""},
		{"help of encode", "encode -h", 0, "Example:", ""},
		{"help of decode", "decode --help", 0, "Example:", ""},
		{"unknown flag", "encode --max 5", 2, "", "flag provided but not defined: -max"},
		{"bad value", "encode --max-bytes five", 2, "", `"five"`},
		{"value out of range", "encode --max-bytes -1", 2, "", "--max-bytes -1: want 0 or more"},
		{"argument", "decode file.json", 2, "", `unexpected argument "file.json"`},
		{"too few", "demo --records 99", 2, "", "--records 99: want 100 to"},
		{"too many", "demo --records 10000001", 2, "", "--records 10000001: want 100 to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := kinpack(t, "", strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errOut, c.err) {
				t.Errorf("exit code %d, output %q, error output %q", code, out, errOut)
			}
			if c.code == 2 && c.args != "" && strings.Count(errOut, "\n") != 1 {
				t.Errorf("want one clear line, got %q", errOut)
			}
		})
	}
}

// TestExamples runs the encode example of the help texts, and takes its output
// apart again.
func TestExamples(t *testing.T) {
	in := `{"partitionKey":"a","data":"b25l"}` + "\n" + `{"partitionKey":"b","data":"dHdv"}` + "\n"
	code, out, errOut := kinpack(t, in, "encode")
	if code != 0 || !strings.Contains(encodeHelp, "\n  "+out) {
		t.Errorf("exit code %d, %q, %q: not what the help says", code, out, errOut)
	}
	code, out, errOut = kinpack(t, out, "decode")
	want := `{"partitionKey":"a","explicitHashKey":null,"data":"b25l","aggregated":true,"sequenceNumber":null,"subSequenceNumber":0}
{"partitionKey":"b","explicitHashKey":null,"data":"dHdv","aggregated":true,"sequenceNumber":null,"subSequenceNumber":1}
`
	if code != 0 || out != want || errOut != "" {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

package lines_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kinpack/kinpack/cmd/kinpack/internal/lines"
)

func TestMemberKey(t *testing.T) {
	for _, c := range []struct {
		path, line string
		key, code  string // one of them
	}{
		{"id", `{"id":"x"}`, "x", ""},
		{"id", ` { "a" : [1,{"id":2}], "id" : "x" } ` + "\r", "x", ""},
		{"id", `{"id":"\u00fcn\n\"\ud83d\ude00"}`, "ün\n\"😀", ""},
		{"ключ", `{"ключ":"日本"}`, "日本", ""},
		{"id", `{"ID":"y","Id":"z"}`, "", "NoKey"}, // names are told apart as they are written
		{"id", `{"\u0069d":"x"}`, "x", ""},
		{"id", `{"id":1e3}`, "1e3", ""},
		{"id", `{"id": -0.50 }`, "-0.50", ""},
		{"id", `{"id":12345678901234567890123}`, "12345678901234567890123", ""},
		{"id", `{"id":true}`, "true", ""},
		{"id", `{"id":false}`, "false", ""},
		{"id", `{"id":1,"id":2}`, "2", ""},
		{"a.b.c", `{"a":{"b":{"c":"x"}}}`, "x", ""},
		{"a.b", `{"a.b":"x","a":{"b":"y"}}`, "y", ""},
		{`a\.b`, `{"a.b":"x","a":{"b":"y"}}`, "x", ""},
		{`a\\b`, `{"a\\b":"x"}`, "x", ""},
		{"id", `{"id":""}`, "", "BadKey"},
		{"id", `{"id":null}`, "", "BadKey"},
		{"id", `{"id":{}}`, "", "BadKey"},
		{"id", `{"id":[1]}`, "", "BadKey"},
		{"id", "{\"id\":\"\xff\"}", "", "BadKey"},
		{"id", `{}`, "", "NoKey"},
		{"a.b", `{"a":"b"}`, "", "NoKey"},
		{"a.b", `{"a":null}`, "", "NoKey"},
		{"a.b", `{"a":[{"b":1}]}`, "", "NoKey"},
		{"a.b", `{"b":1}`, "", "NoKey"},
		{"id", ``, "", "NotJSON"},
		{"id", `null`, "", "NotJSON"},
		{"id", `[{"id":1}]`, "", "NotJSON"},
		{"id", `"id"`, "", "NotJSON"},
		{"id", `{"id":1`, "", "NotJSON"},
		{"id", `{"id":1} {}`, "", "NotJSON"},
		{"id", `{"id":01}`, "", "NotJSON"},
		{"id", "\x00\xff", "", "NotJSON"},
		{"id", `{"id":"` + strings.Repeat("ü", 256) + `"}`, strings.Repeat("ü", 256), ""},
		{"id", `{"id":"` + strings.Repeat("ü", 257) + `"}`, "", "BadKey"},
		{"id", `{"id":` + strings.Repeat("1", 257) + `}`, "", "BadKey"},
	} {
		key, err := lines.MemberKey(c.path)
		if err != nil {
			t.Fatal(err)
		}
		check(t, c.path+" of "+c.line, key, c.line, c.key, c.code)
	}
	for _, path := range []string{"", ".", "a.", ".a", "a..b", `a\`, `a\b`} {
		if _, err := lines.MemberKey(path); err == nil {
			t.Errorf("%q: no error", path)
		}
	}
}

// Whatever the line, the member is the one that package json finds.
func FuzzMemberKey(f *testing.F) {
	for _, line := range []string{
		`{"a":{"b":"x"}}`, `{ "c" : [ {"a":1} , "\"}" ] , "a" : { "b" : 1e3 } } `, `{"a":{"b":true},"a":{"\u0062":"\ud800"}}`, `{"a":{}}`,
		`{"a":{"b":{}}}`, `{"a":null}`, `[]`, `{"a":{"b":"` + "\xff" + `"}}`, `{"\\":"\\","a":{"b\"":0,"b":-1}}`, ` {} `, `{"a":1}`,
	} {
		f.Add(line)
	}
	key, err := lines.MemberKey("a.b")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, why := key([]byte(line))
		var outer, inner map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &outer); err != nil || outer == nil {
			if why == nil || why.Code != "NotJSON" {
				t.Errorf("%q: %q, %v; no object", line, got, why)
			}
			return
		}
		if err := json.Unmarshal(outer["a"], &inner); err != nil {
			inner = nil
		}
		value, ok := inner["b"]
		if !ok {
			if why == nil || why.Code != "NoKey" {
				t.Errorf("%q: %q, %v; no member", line, got, why)
			}
			return
		}
		want := string(value)
		if value[0] == '"' {
			if err := json.Unmarshal(value, &want); err != nil {
				t.Fatal(err)
			}
		}
		bad := want == "" || utf8.RuneCountInString(want) > 256 || !utf8.Valid(value) || strings.ContainsAny(string(value[0]), "{[n")
		if bad != (why != nil) || why != nil && why.Code != "BadKey" || why == nil && got != want {
			t.Errorf("%q: %q, %v; json says %q", line, got, why, want)
		}
	})
}

func check(t *testing.T, name string, key lines.Key, line, want, code string) {
	t.Helper()
	got, why := key([]byte(line))
	switch {
	case code == "" && (why != nil || got != want):
		t.Errorf("%.60q: %q, %v; want %q", name, got, why, want)
	case code != "" && (why == nil || why.Code != code || got != ""):
		t.Errorf("%.60q: %q, %v; want %s", name, got, why, code)
	}
}

func TestColumnKey(t *testing.T) {
	for _, c := range []struct {
		column, delimiter, line string
		key, code               string
	}{
		{"1", ",", "a,b", "a", ""},
		{"2", ",", "a,b", "b", ""},
		{"2", ",", "a,b\r", "b", ""},
		{"2", ",", `a,"b"` + "\r", "b", ""},
		{"1", ",", "a\r,b", "a\r", ""},
		{"1", ",", "alone", "alone", ""},
		{"2", `\t`, "a\tb c\td", "b c", ""},
		{"2", "\t", "a\tb", "b", ""},
		{"2", "→", "a→b→c", "b", ""},
		{"2", ";", `a;"b;""c""";d`, `b;"c"`, ""},
		{"3", ";", `a;"b;""c""";d`, "d", ""},
		{"1", ",", " a ,b", " a ", ""},
		{"1", ",", "ü,b", "ü", ""},
		{"3", ",", "a,b", "", "NoKey"},
		{"3", ",", `"a,x",b`, "", "NoKey"},
		{"2", ",", "a,", "", "BadKey"},
		{"2", ",", `a,""`, "", "BadKey"},
		{"1", ",", "", "", "BadKey"},
		{"2", ",", "", "", "NoKey"},
		{"1", ",", "\xff,b", "", "BadKey"},
		{"1", ",", strings.Repeat("a", 257), "", "BadKey"},
		{"1", ",", `"a`, "", "BadQuotes"},
		{"1", ",", `a"b,c`, "", "BadQuotes"},
		{"1", ",", `"a"b,c`, "", "BadQuotes"},
	} {
		key, err := lines.ColumnKey(c.column, c.delimiter)
		if err != nil {
			t.Fatal(err)
		}
		check(t, c.column+c.delimiter+" of "+c.line, key, c.line, c.key, c.code)
	}
	for _, c := range [][2]string{{"0", ","}, {"-1", ","}, {"x", ","}, {"", ","}, {"1", ""}, {"1", ",,"}, {"1", `"`}, {"1", "\n"}, {"1", "\r"}, {"1", "\xff"}, {"1", `\n`}} {
		if _, err := lines.ColumnKey(c[0], c[1]); err == nil {
			t.Errorf("column %q, delimiter %q: no error", c[0], c[1])
		}
	}
}

// Whatever the line, the column is the one that package csv finds.
func FuzzColumnKey(f *testing.F) {
	for _, line := range []string{"a,b", `a,"b,c",d`, "a,b\r", "\r", `"`, "\r\r", "a\rb,c", `a"b`, ",,", "ü,\xff", `"a` + "\r" + `"`} {
		f.Add(line)
	}
	key, err := lines.ColumnKey("2", ",")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			return
		}
		r := csv.NewReader(strings.NewReader(line))
		columns, err := r.Read()
		got, why := key([]byte(line))
		switch {
		case why == nil:
			if err != nil || len(columns) < 2 || columns[1] != got {
				t.Errorf("%q: %q; csv says %q, %v", line, got, columns, err)
			}
		case why.Code == "BadQuotes":
			if err == nil {
				t.Errorf("%q: %v; csv says %q", line, why, columns)
			}
		case why.Code == "NoKey":
			if len(columns) > 1 {
				t.Errorf("%q: %v; csv says %q", line, why, columns)
			}
		}
	})
}

func TestRandomKey(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key, why := lines.RandomKey(nil)
		if why != nil || key == "" || len(key) > 13 || seen[key] {
			t.Fatalf("%q, %v", key, why)
		}
		seen[key] = true
	}
}

func BenchmarkMemberKey(b *testing.B) {
	key, err := lines.MemberKey("origin")
	if err != nil {
		b.Fatal(err)
	}
	line := []byte(`{"date":"2001/01/01 00:10","delay":11,"distance":480,"origin":"SAT","destination":"ELP"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if got, _ := key(line); got != "SAT" {
			b.Fatal(got)
		}
	}
}

func BenchmarkColumnKey(b *testing.B) {
	key, err := lines.ColumnKey("4", ",")
	if err != nil {
		b.Fatal(err)
	}
	for name, line := range map[string]string{"plain": "2001/01/01 00:10,11,480,SAT,ELP", "quoted": `"2001/01/01 00:10",11,480,SAT,ELP`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, _ := key([]byte(line)); got != "SAT" {
					b.Fatal(got)
				}
			}
		})
	}
}

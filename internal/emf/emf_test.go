package emf_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/kinpack/kinpack/internal/emf"
)

func TestLine(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	for _, c := range []struct {
		name string
		line emf.Line
		want string
	}{
		{"usual", emf.Line{Namespace: "Orders", Time: at,
			Dimensions: []emf.Dimension{{Name: "StreamName", Value: "orders"}, {Name: "Host", Value: `a "b"`}},
			Metrics:    []emf.Metric{{Name: "Put", Unit: emf.Count, Value: 3}, {Name: "Time", Unit: emf.Milliseconds, Value: 1.5}}},
			`{"Host":"a \"b\"","Put":3,"StreamName":"orders","Time":1.5,"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[` +
				`{"Namespace":"Orders","Dimensions":[["StreamName","Host"]],"Metrics":[{"Name":"Put","Unit":"Count"},{"Name":"Time","Unit":"Milliseconds"}]}]}}`},
		{"not finite", emf.Line{Namespace: "Orders", Time: at,
			Metrics: []emf.Metric{{Name: "A", Unit: emf.None, Value: math.NaN()}, {Name: "B", Unit: emf.Bytes, Value: 0}, {Name: "C", Unit: emf.None, Value: math.Inf(-1)}}},
			`{"B":0,"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[{"Namespace":"Orders","Dimensions":[[]],"Metrics":[{"Name":"B","Unit":"Bytes"}]}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(c.line.AppendTo([]byte("before\n"))); got != "before\n"+c.want+"\n" {
				t.Errorf("line is\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestMillis(t *testing.T) {
	if got := emf.Millis(1500 * time.Microsecond); got != 1.5 {
		t.Errorf("1500 µs are %v ms", got)
	}
}

// says fails t unless err has every word, or is nil for none.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if (err == nil) != (len(words) == 0) {
		t.Fatalf("error %v, want one with %q", err, words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestCheckNamespace(t *testing.T) {
	for _, good := range []string{"a", "a.-_/#: 09Z", " a ", "AWS", "MyAWS/a", strings.Repeat("a", 255)} {
		says(t, emf.CheckNamespace(good))
	}
	for _, bad := range []string{"", "  ", ":a", "AWS/Kinesis", "a%", "é", "a\n", strings.Repeat("a", 256)} {
		says(t, emf.CheckNamespace(bad), "namespace", "255")
	}
}

func TestCheckValue(t *testing.T) {
	for _, good := range []string{"a", "~ \"", strings.Repeat("a", 1024)} {
		says(t, emf.CheckValue("stream", good))
	}
	for _, bad := range []string{"", " ", "é", "a\n", "\x7f", strings.Repeat("a", 1025)} {
		says(t, emf.CheckValue("stream", bad), "stream", "1024")
	}
}

func TestCheckDimensions(t *testing.T) {
	many := func(n int) (all []emf.Dimension) {
		for i := range n {
			all = append(all, emf.Dimension{Name: strings.Repeat("n", 1+i), Value: "v"})
		}
		return all
	}
	dims := func(namesAndValues ...string) (all []emf.Dimension) {
		for i := 0; i < len(namesAndValues); i += 2 {
			all = append(all, emf.Dimension{Name: namesAndValues[i], Value: namesAndValues[i+1]})
		}
		return all
	}
	taken := func(name string) bool { return name == "Put" }
	for _, c := range []struct {
		name  string
		added []emf.Dimension
		says  []string
	}{
		{"none", nil, nil},
		{"as many as go", many(28), nil},
		{"longest", dims(strings.Repeat("n", 250), strings.Repeat("v", 1024)), nil},
		{"one too many", many(29), []string{"29 dimensions", "28"}},
		{"no name", dims("", "v"), []string{"name", "250"}},
		{"colon", dims(":n", "v"), []string{`":n"`}},
		{"long name", dims(strings.Repeat("n", 251), "v"), []string{"name", "250"}},
		{"odd name", dims("é", "v"), []string{"name"}},
		{"taken", dims("Put", "v"), []string{`"Put" is taken`}},
		{"the format's", dims("_aws", "v"), []string{`"_aws" is taken`}},
		{"twice", dims("n", "v", "n", "w"), []string{`"n" is taken`}},
		{"no value", dims("n", ""), []string{"value", "of n", "1024"}},
		{"several", dims("n", "", "Put", "v"), []string{"of n", `"Put" is taken`}},
	} {
		t.Run(c.name, func(t *testing.T) { says(t, emf.CheckDimensions(c.added, 2, taken), c.says...) })
	}
}

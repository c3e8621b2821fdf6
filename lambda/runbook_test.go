package lambda_test

// This file holds RUNBOOK.md to the code: each log line of the package is in it,
// and the names in it and in README.md exist.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// exported returns the names that the packages of some directories export, with
// the package's name and for methods and fields also without it.
func exported(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", dir, err, len(files))
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if i, ok := n.(*ast.Ident); ok && i.IsExported() {
					names[i.Name], names[f.Name.Name+"."+i.Name] = true, true
				}
				return true
			})
		}
	}
	return names
}

func TestNamesExist(t *testing.T) {
	names := exported(t, ".", "dynamocheckpoint", "sqsdeadletter", "s3deadletter", "emf", "lambdatest", "../producer")
	for _, doc := range []string{"README.md", "RUNBOOK.md"} {
		all := regexp.MustCompile(`\b(?:lambda|dynamocheckpoint|sqsdeadletter|s3deadletter|emf|lambdatest|producer)\.[A-Z]\w+|\bWith[A-Z]\w+|\bNew[A-Z]\w+`).FindAllString(text(t, doc), -1)
		if len(all) == 0 {
			t.Errorf("%s names nothing", doc)
		}
		for _, name := range all {
			if name != "NewFromConfig" && !names[name] {
				t.Errorf("%s: there is no %s", doc, name)
			}
		}
	}
	metrics := text(t, "emf/metrics.go")
	for _, m := range regexp.MustCompile("\\| `([A-Z]\\w+)` \\(emf\\)").FindAllStringSubmatch(text(t, "RUNBOOK.md"), -1) {
		if !strings.Contains(metrics, strconv.Quote(m[1])) {
			t.Errorf("RUNBOOK.md: emf has no metric %s", m[1])
		}
	}
}

// logCalls are the functions that write a log line, with the place of its text.
var logCalls = map[string]int{"LogAttrs": 2, "log": 2}

func TestRunbookHasEveryLogLine(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	runbook, found := text(t, "RUNBOOK.md"), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at, ok := logCalls[s.Sel.Name]
			if !ok || at >= len(call.Args) {
				return true
			}
			if l, ok := call.Args[at].(*ast.BasicLit); ok && l.Kind == token.STRING {
				found++
				line, err := strconv.Unquote(l.Value)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(runbook, "`"+line+"`") {
					t.Errorf("%s: RUNBOOK.md has no line %q", name, line)
				}
			}
			return true
		})
	}
	if found < 15 {
		t.Errorf("%d log lines found, want at least 15", found)
	}
}

package chart_test

// This file owns what tests share: reading a drawing back, the boxes of its texts,
// and the golden files.

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata")

// element is an element of a drawing.
type element struct {
	name, text string
	attr       map[string]string
}

// read returns the elements of a drawing, and fails the test unless it is well-formed
// and stands by itself.
func read(t *testing.T, svg []byte) []element {
	t.Helper()
	var out []element
	var open []int
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open = append(open, len(out))
			out = append(out, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				out[open[len(open)-1]].text += string(token)
			}
		}
	}
	checkSelfContained(t, out)
	return out
}

func checkSelfContained(t *testing.T, es []element) {
	t.Helper()
	root := es[0]
	if root.name != "svg" || root.attr["role"] != "img" || root.attr["aria-labelledby"] != es[1].attr["id"]+" "+es[2].attr["id"] {
		t.Errorf("root is %v, followed by ids %q and %q", root, es[1].attr["id"], es[2].attr["id"])
	}
	if es[1].name != "title" || es[2].name != "desc" || strings.TrimSpace(es[1].text) == "" || es[2].text == "" {
		t.Errorf("begins with %v and %v, want a title and a desc", es[1], es[2])
	}
	known := []string{"svg", "title", "desc", "style", "rect", "text", "path", "g", "circle"}
	for _, e := range es {
		if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+e.name+" ") {
			t.Errorf("element %q", e.name)
		}
		for _, class := range strings.Fields(e.attr["class"]) {
			if class != "kpc" && !strings.HasPrefix(class, "kpc-") {
				t.Errorf("class %q without prefix", class)
			}
		}
		for name, value := range e.attr {
			if strings.Contains(value, "NaN") || strings.Contains(value, "Inf") || strings.HasPrefix(name, "on") || name == "href" || name == "style" {
				t.Errorf("%s has %s=%q", e.name, name, value)
			}
		}
		if e.name == "style" {
			if m := regexp.MustCompile(`url\(|@import|<|&`).FindString(e.text); m != "" {
				t.Errorf("style has %q", m)
			}
			for _, class := range regexp.MustCompile(`\.[a-z][a-z0-9-]*`).FindAllString(e.text, -1) {
				if !strings.HasPrefix(class, ".kpc") {
					t.Errorf("style of class %q without prefix", class)
				}
			}
		}
	}
}

// box is where a text stands, in pixels.
type box struct {
	text                     string
	left, right, top, bottom float64
}

// letters is about how wide s is in a font of size 1, in the wider fonts of the style.
func letters(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune(" fijlrtI.,:;'-()", r):
			w += 0.33
		case strings.ContainsRune("mwMW%@", r) || r > 0x2ff:
			w += 0.9
		default:
			w += 0.58
		}
	}
	return w
}

// boxes are about where the texts stand.
func boxes(es []element) []box {
	sizes := map[string]float64{"kpc-title": 18, "kpc-text": 13, "kpc-small": 12, "kpc-name": 13, "kpc-label": 13, "kpc-cell": 13}
	var out []box
	for _, e := range es {
		if e.name != "text" {
			continue
		}
		size := sizes[strings.Fields(e.attr["class"])[0]]
		x, _ := strconv.ParseFloat(e.attr["x"], 64)
		y, _ := strconv.ParseFloat(e.attr["y"], 64)
		w := size * letters(e.text)
		switch e.attr["text-anchor"] {
		case "middle":
			x -= w / 2
		case "end":
			x -= w
		}
		out = append(out, box{e.text, x, x + w, y - 0.75*size, y + 0.22*size})
	}
	return out
}

// checkTexts fails the test if texts overlap or stand outside the drawing.
func checkTexts(t *testing.T, es []element) {
	t.Helper()
	width, _ := strconv.ParseFloat(es[0].attr["width"], 64)
	height, _ := strconv.ParseFloat(es[0].attr["height"], 64)
	bs := boxes(es)
	for i, a := range bs {
		if a.left < 4 || a.right > width-4 || a.top < 4 || a.bottom > height-4 {
			t.Errorf("%v stands outside the %v x %v pixels", a, width, height)
		}
		for _, b := range bs[:i] {
			if a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom {
				t.Errorf("%v and %v overlap", a, b)
			}
		}
	}
}

// texts are the texts of a class, in the order of the drawing.
func texts(es []element, class string) []string {
	var out []string
	for _, e := range es {
		if e.name == "text" && strings.Fields(e.attr["class"])[0] == class {
			out = append(out, e.text)
		}
	}
	return out
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update writes it anew. Got:\n%s", path, got)
	}
}

// checkError fails the test unless nothing was drawn and err says all of wants.
func checkError(t *testing.T, svg []byte, err error, wants ...string) {
	t.Helper()
	if err == nil || svg != nil {
		t.Fatalf("drew %.40s..., error %v, want an error with %q", svg, err, wants)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q in it", err, want)
		}
	}
}

package chart_test

// This file owns what the colours have to do: be seen, be read, and stay apart.

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// themes are the colours of a drawing: class and property -> colour, in light and in
// dark, where what the dark style does not say is as in light.
func themes(t *testing.T, es []element) map[string]map[string]string {
	t.Helper()
	css := ""
	for _, e := range es {
		if e.name == "style" {
			css = e.text
		}
	}
	light, dark, ok := strings.Cut(css, "@media screen and (prefers-color-scheme:dark){")
	if !ok {
		t.Fatal("no dark style")
	}
	out := map[string]map[string]string{"light": {}, "dark": {}}
	rule := regexp.MustCompile(`(?m)^(\.[^{]*)\{([^}]*)\}`)
	for _, of := range []struct {
		css string
		to  []string
	}{{light, []string{"light", "dark"}}, {dark, []string{"dark"}}} {
		for _, m := range rule.FindAllStringSubmatch(of.css, -1) {
			for _, class := range strings.Split(m[1], ",") {
				for _, d := range strings.Split(m[2], ";") {
					property, value, _ := strings.Cut(d, ":")
					for _, theme := range of.to {
						out[theme][class+" "+property] = value
					}
				}
			}
		}
	}
	return out
}

// linear is a colour's red, green and blue light.
func linear(t *testing.T, color string) [3]float64 {
	t.Helper()
	var out [3]float64
	if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(color) {
		t.Fatalf("colour %q", color)
	}
	for i := range out {
		n, _ := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		v := float64(n) / 255
		if v <= 0.04045 {
			out[i] = v / 12.92
		} else {
			out[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return out
}

// contrast is the ratio that WCAG 2.2 defines.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	l := func(c string) float64 {
		v := linear(t, c)
		return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2] + 0.05
	}
	return max(l(a), l(b)) / min(l(a), l(b))
}

func TestContrast(t *testing.T) {
	pages := map[string]string{"light": "#ffffff", "dark": "#0d1117"} // GitHub's
	for name, es := range map[string][]element{"lines": drawn(t, dollars()), "heat": drawnHeat(t, saving())} {
		for theme, c := range themes(t, es) {
			check := func(class, on string, least float64) {
				color := c[class]
				if color == "" {
					t.Fatalf("%s has no %s", name, class)
				}
				if got := contrast(t, color, on); got < least {
					t.Errorf("%s, %s: %s %s on %s has a contrast of %.2f, want %v", name, theme, class, color, on, got, least)
				}
			}
			bg := c[".kpc-bg fill"]
			if bg != pages[theme] {
				t.Errorf("%s: background %s, want the page's %s", theme, bg, pages[theme])
			}
			for _, class := range []string{".kpc-title", ".kpc-text", ".kpc-small"} {
				check(class+" fill", bg, 4.5)
			}
			if name == "heat" {
				check(".kpc-label fill", bg, 4.5)
				for i := range 9 {
					n := strconv.Itoa(i)
					check(".kpc-t"+n+" fill", c[".kpc-h"+n+" fill"], 4.5)
				}
				continue
			}
			check(".kpc-axis stroke", bg, 3)
			check(".kpc-tick stroke", bg, 3)
			for i := range 8 { // of lines, and of names
				check(".kpc-c"+strconv.Itoa(i+1)+" color", bg, 4.5)
			}
			if c[".kpc-hollow fill"] != bg || c[".kpc-mark stroke"] != bg {
				t.Errorf("%s: marks are not hollow on %s", theme, bg)
			}
		}
	}
}

// A page may hold both kinds of drawing: what both have in their style is the same.
func TestStylesShareAPage(t *testing.T) {
	lines, heat := themes(t, drawn(t, dollars())), themes(t, drawnHeat(t, saving()))
	for theme := range lines {
		for class, value := range lines[theme] {
			name, _, _ := strings.Cut(class, " ")
			for other, otherValue := range heat[theme] {
				if strings.HasPrefix(other, name+" ") && (heat[theme][class] != value || lines[theme][other] != otherValue) {
					t.Errorf("%s: %s is %s and %q in lines, %s in heat maps", theme, class, value, heat[theme][class], otherValue)
				}
			}
		}
	}
}

// Matrices of Machado, Oliveira and Fernandes (2009), severity 1, on linear light.
var visions = map[string][9]float64{
	"usual":        {1, 0, 0, 0, 1, 0, 0, 0, 1},
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

// seen is where a colour lies in Oklab (Ottosson, 2020) for a vision.
func seen(t *testing.T, color string, m [9]float64) [3]float64 {
	t.Helper()
	v := linear(t, color)
	var c [3]float64
	for i := range c {
		c[i] = min(max(m[3*i]*v[0]+m[3*i+1]*v[1]+m[3*i+2]*v[2], 0), 1)
	}
	l := math.Cbrt(0.4122214708*c[0] + 0.5363325363*c[1] + 0.0514459929*c[2])
	a := math.Cbrt(0.2119034982*c[0] + 0.6806995451*c[1] + 0.1073969566*c[2])
	b := math.Cbrt(0.0883024619*c[0] + 0.2817188376*c[1] + 0.6299787005*c[2])
	return [3]float64{
		0.2104542553*l + 0.7936177850*a - 0.0040720468*b,
		1.9779984951*l - 2.4285922050*a + 0.4505937099*b,
		0.0259040371*l + 0.7827717662*a - 0.8086757660*b,
	}
}

// The series' colours stay apart for everyone: 0.02 is the least difference that is
// noticed side by side, and the first five, which most charts make do with, are five
// times as far.
func TestTonesStayApart(t *testing.T) {
	for theme, c := range themes(t, drawn(t, dollars())) {
		for vision, m := range visions {
			for i := range 8 {
				for j := range i {
					a := seen(t, c[".kpc-c"+strconv.Itoa(i+1)+" color"], m)
					b := seen(t, c[".kpc-c"+strconv.Itoa(j+1)+" color"], m)
					d := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
					least := 0.075
					if i < 5 {
						least = 0.1
					}
					if d < least {
						t.Errorf("%s, %s: tones %d and %d are %.3f apart, want %v", theme, vision, i+1, j+1, d, least)
					}
				}
			}
		}
	}
}

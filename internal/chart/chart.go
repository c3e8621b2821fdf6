// Package chart draws line charts and heat maps as SVG text: for files that a page
// shows by an img element, and to stand in an HTML page as they are. A drawing has
// its own style, for light and dark, and refers to nothing outside itself. Same
// input, same bytes, on every platform.
package chart

// This file owns what all charts have in common: their size, the element around
// them, the title, and the way text gets in. All coordinates are whole tenths of a
// CSS pixel, so that no rounding is left to the platform.

import (
	"bytes"
	"encoding/xml"
	"hash/fnv"
	"strconv"
)

const (
	px    = 10       // coordinates a CSS pixel
	width = 760 * px // of every chart: GitHub's column has about 830 pixels
	pad   = 24 * px  // free on every side
)

// canvas is a drawing in the making.
type canvas struct{ b bytes.Buffer }

// begin opens the drawing and writes its title. It returns where the rest begins.
// The ids come from the texts, and so are different for different charts.
func (c *canvas) begin(title, subtitle, desc, css string, height int) {
	h := fnv.New64a()
	h.Write([]byte(title + "\x00" + subtitle + "\x00" + desc))
	id := "kpc-" + strconv.FormatUint(h.Sum64(), 16)
	w, ht := num(width), num(height)
	c.raw(`<svg xmlns="http://www.w3.org/2000/svg" class="kpc" role="img" aria-labelledby="`, id, `-t `, id, `-d" width="`, w, `" height="`, ht, `" viewBox="0 0 `, w, ` `, ht, "\">\n")
	c.raw(`<title id="`, id, `-t">`, escape(title), "</title>\n")
	c.raw(`<desc id="`, id, `-d">`, escape(desc), "</desc>\n")
	c.raw("<style>\n", css, "</style>\n")
	c.raw(`<rect class="kpc-bg" width="`, w, `" height="`, ht, "\"/>\n")
	y := pad
	for _, line := range fit(title, titleSize, width-2*pad, titleLines) {
		y += titleStep
		c.text("kpc-title", pad, y-5*px, "", line)
	}
	for _, line := range fit(subtitle, textSize, width-2*pad, subtitleLines) {
		y += textStep
		c.text("kpc-text", pad, y-3*px, "", line)
	}
}

// headHeight is what begin takes from the top.
func headHeight(title, subtitle string) int {
	return pad + titleStep*len(fit(title, titleSize, width-2*pad, titleLines)) +
		textStep*len(fit(subtitle, textSize, width-2*pad, subtitleLines))
}

// end closes the drawing and returns it.
func (c *canvas) end() []byte {
	c.raw("</svg>\n")
	return c.b.Bytes()
}

// raw writes parts as they are.
func (c *canvas) raw(parts ...string) {
	for _, p := range parts {
		c.b.WriteString(p)
	}
}

// text writes a line of text. anchor is "", "middle" or "end".
func (c *canvas) text(class string, x, y int, anchor, s string) {
	c.raw(`<text class="`, class, `" x="`, num(x), `" y="`, num(y))
	if anchor != "" {
		c.raw(`" text-anchor="`, anchor)
	}
	c.raw(`">`, escape(s), "</text>\n")
}

// line writes a straight line.
func (c *canvas) line(class string, x1, y1, x2, y2 int) {
	c.raw(`<path class="`, class, `" d="M`, num(x1), ` `, num(y1), `L`, num(x2), ` `, num(y2), "\"/>\n")
}

// num is a coordinate in pixels, with a decimal if need be.
func num(v int) string { return strconv.FormatFloat(float64(v)/px, 'f', -1, 64) }

// escape makes text of any bytes; what XML has no place for becomes U+FFFD.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}

package chart

// This file owns the marks of a line chart: what is drawn where the plan says.

import "strconv"

// shapes are the marks of the tones, around 0, in pixels.
var shapes = [tones]string{
	"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",                        // circle
	"M-3.6 -3.6h7.2v7.2h-7.2z",                                   // square
	"M0 -5L4.8 3.4H-4.8z",                                        // triangle
	"M0 -5.2L5.2 0L0 5.2L-5.2 0z",                                // diamond
	"M0 5L4.8 -3.4H-4.8z",                                        // triangle on its tip
	"M-1.7 -5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z", // plus
	"M0 -2.4L2.6 -5L5 -2.6L2.4 0L5 2.6L2.6 5L0 2.4L-2.6 5L-5 2.6L-2.4 0L-5 -2.6L-2.6 -5z", // cross
	"M-2.2 -5.4h4.4v10.8h-4.4z", // bar
}

func (p *plan) drawAxes(out *canvas) {
	y := headHeight(p.Title, p.Subtitle) + 10*px
	for _, line := range p.yTitle {
		y += smallStep
		out.text("kpc-small", pad, y-3*px, "", line)
	}
	for _, t := range p.yTicks {
		out.line("kpc-grid", p.left, t.at, p.right, t.at)
		if t.name != "" {
			out.text("kpc-small", p.left-10*px, t.at+4*px, "end", t.name)
		}
	}
	base := p.bottom
	if !p.y.log && p.y.min < 0 {
		base = p.y.at(0)
	}
	out.line("kpc-axis", p.left, base, p.right, base)
	for _, v := range p.X.minors(p.x) {
		at := p.x.at(v)
		out.line("kpc-tick", at, p.bottom, at, p.bottom+3*px)
	}
	for _, t := range p.xTicks {
		out.line("kpc-tick", t.at, p.bottom, t.at, p.bottom+6*px)
		if t.name != "" {
			out.text("kpc-small", (t.from+t.to)/2, p.bottom+20*px, "middle", t.name)
		}
	}
	y = p.bottom + 26*px
	for _, line := range p.xTitle {
		y += smallStep
		out.text("kpc-small", (p.left+p.right)/2, y-3*px, "middle", line)
	}
}

// drawLines draws the lines, and their names with what leads there.
func (p *plan) drawLines(out *canvas) {
	for i, s := range p.Series {
		out.raw(`<g class="kpc-c`, strconv.Itoa(s.tone(i)), "\">\n")
		class := "kpc-line"
		if s.Dashed {
			class += " kpc-dash"
		}
		out.raw(`<path class="`, class, `" d="`)
		for j, q := range s.Points {
			step := "L"
			if j == 0 {
				step = "M"
			}
			out.raw(step, num(p.x.at(q.X)), " ", num(p.y.at(q.Y)))
		}
		out.raw("\"/>\n")
		p.drawName(out, i)
		out.raw("</g>\n")
	}
}

func (p *plan) drawName(out *canvas, i int) {
	s := p.Series[i]
	last := s.Points[len(s.Points)-1]
	x, y, to := p.x.at(last.X), p.y.at(last.Y), p.nameY[i]
	if x < p.right {
		out.line("kpc-lead kpc-far", x, y, p.right, y)
	}
	out.raw(`<path class="kpc-lead" d="M`, num(p.right+4*px), " ", num(y), "L", num(p.right+markAt-7*px), " ", num(to), "\"/>\n")
	p.drawMark(out, i, p.right+markAt, to)
	at := to - len(p.names[i])*textStep/2
	for _, line := range p.names[i] {
		at += textStep
		out.text("kpc-name", p.right+nameAt, at-5*px+px/2, "", line)
	}
}

// drawMark draws a mark of series i.
func (p *plan) drawMark(out *canvas, i, x, y int) {
	class := "kpc-mark"
	if p.Series[i].Dashed {
		class = "kpc-hollow"
	}
	out.raw(`<path class="`, class, `" transform="translate(`, num(x), ` `, num(y), `)" d="`, shapes[p.Series[i].tone(i)-1], "\"/>\n")
}

// drawPoints draws the marks on the lines. Where points are dense not all have one,
// but all have their note.
func (p *plan) drawPoints(out *canvas) {
	for i, s := range p.Series {
		out.raw(`<g class="kpc-c`, strconv.Itoa(s.tone(i)), "\">\n")
		marked := p.marked(s.Points)
		for j, q := range s.Points {
			x, y := p.x.at(q.X), p.y.at(q.Y)
			out.raw("<g><title>", escape(p.note(&s, q)), "</title>")
			out.raw(`<circle class="kpc-hit" cx="`, num(x), `" cy="`, num(y), `" r="8"/>`)
			if marked[j] {
				p.drawMark(out, i, x, y)
			}
			out.raw("</g>\n")
		}
		out.raw("</g>\n")
	}
}

// marked says which points have a mark: the last, and back from there what stands far
// enough from the one after it.
func (p *plan) marked(ps []Point) []bool {
	out := make([]bool, len(ps))
	x, y := 0, 0
	for j := len(ps) - 1; j >= 0; j-- {
		px, py := p.x.at(ps[j].X), p.y.at(ps[j].Y)
		if j == len(ps)-1 || max(px-x, x-px)+max(py-y, y-py) >= markApart {
			out[j], x, y = true, px, py
		}
	}
	return out
}

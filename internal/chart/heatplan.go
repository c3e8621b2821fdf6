package chart

// This file owns where the parts of a heat map stand, and draws them there.

import (
	"fmt"
	"math"
	"strings"
)

// heatPlan is where the parts stand.
type heatPlan struct {
	*Heat
	scale           Scale // with its ends
	low, high       bool  // whether there are values below the middle, and above
	left, top, step int   // of the cells; from column to column
	height          int   // of the chart
	headLines       int   // of the columns' names
	columns, rows   [][]string
	heights         []int // of the rows
}

// plan checks the map and finds the places. What has no room is an error: a number
// cut short would be another number.
func (h *Heat) plan() (*heatPlan, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	p := &heatPlan{Heat: h, scale: h.Scale}
	p.planScale()
	widest := 0
	for _, name := range append([]string{h.YLabel}, h.Y...) {
		lines := fit(name, textSize, rowText, rowLines)
		for _, l := range lines {
			widest = max(widest, textWidth(l, textSize))
		}
		p.rows = append(p.rows, lines)
		p.heights = append(p.heights, max(cellHeight, len(lines)*textStep+8*px))
	}
	yLabel := p.rows[0]
	p.rows, p.heights = p.rows[1:], p.heights[1:]
	p.left = pad + widest + 12*px
	p.step = min((width-pad-p.left)/len(h.X), cellWidth)
	if err := p.planColumns(); err != nil {
		return nil, err
	}
	p.headLines = max(p.headLines, len(yLabel))
	p.top = headHeight(h.Title, h.Subtitle) + 14*px + textStep + p.headLines*smallStep + 6*px
	p.height = p.top + 22*px + 12*px + 20*px + pad
	for _, ht := range p.heights {
		p.height += ht
	}
	return p, nil
}

// planScale finds the ends of the scale and which sides of it are in use.
func (p *heatPlan) planScale() {
	reach := 0.0
	p.each(func(_, _ int, v float64) {
		reach = math.Max(reach, math.Abs(v-p.scale.Middle))
		p.low = p.low || v < p.scale.Middle
		p.high = p.high || v > p.scale.Middle
	})
	if !p.scale.fixed() {
		p.scale.Min, p.scale.Max = p.scale.Middle-reach, p.scale.Middle+reach
	}
}

// planColumns breaks the columns' names, and sees that names and numbers have room.
func (p *heatPlan) planColumns() error {
	room := max(p.step-cellGap-2*px, 0)
	for _, name := range p.X {
		lines := fit(name, textSize, room, columnLines)
		if strings.Join(lines, " ") != strings.Join(strings.Fields(name), " ") {
			return fmt.Errorf("column %.60q: no room for the name in %d pixels and %d lines, want fewer columns or shorter words", name, room/px, columnLines)
		}
		p.headLines = max(p.headLines, len(lines))
		p.columns = append(p.columns, lines)
	}
	widest := ""
	p.each(func(_, _ int, v float64) {
		if s := p.format(v); textWidth(s, textSize) > textWidth(widest, textSize) {
			widest = s
		}
	})
	if textWidth(widest, textSize) > room {
		return fmt.Errorf("value %.60q: no room in the %d pixels of a cell, want fewer columns or a shorter Format", widest, room/px)
	}
	return nil
}

func (p *heatPlan) drawHead(out *canvas) {
	y := p.top - 8*px
	right := p.left + p.step*len(p.X) - cellGap
	head := fit(p.XLabel, smallSize, width-pad-p.left, 1)[0]
	at := max((p.left+right)/2, p.left+textWidth(head, smallSize)/2)
	out.text("kpc-small", at, y-p.headLines*smallStep, "middle", head)
	for x, lines := range p.columns {
		p.drawUp(out, "kpc-label", p.left+x*p.step+(p.step-cellGap)/2, y, "middle", lines)
	}
	p.drawUp(out, "kpc-small", p.left-12*px, y, "end", fit(p.YLabel, textSize, rowText, rowLines))
}

// drawUp writes lines of which the last stands at y.
func (p *heatPlan) drawUp(out *canvas, class string, x, y int, anchor string, lines []string) {
	for i, line := range lines {
		out.text(class, x, y-(len(lines)-1-i)*smallStep, anchor, line)
	}
}

func (p *heatPlan) drawRow(out *canvas, i, y int) {
	middle := y + (p.heights[i]-cellGap)/2
	at := middle - len(p.rows[i])*textStep/2
	for _, line := range p.rows[i] {
		at += textStep
		out.text("kpc-label", p.left-12*px, at-5*px+px/2, "end", line)
	}
	for x, v := range p.Value[i] {
		left := p.left + x*p.step
		name := p.Y[i] + " (" + p.YLabel + "), " + p.X[x] + " (" + p.XLabel + "): "
		if math.IsNaN(v) {
			out.raw("<g><title>", escape(name+"no value"), "</title>")
			p.drawRect(out, "kpc-none", left, y, p.step-cellGap, p.heights[i]-cellGap)
			out.text("kpc-small", left+(p.step-cellGap)/2, middle+4*px+px/2, "middle", "–")
			out.raw("</g>\n")
			continue
		}
		n := p.color(v)
		out.raw("<g><title>", escape(name+p.format(v)), "</title>")
		p.drawCell(out, n, left, y, p.step-cellGap, p.heights[i]-cellGap)
		out.text("kpc-cell "+class("t", n), left+(p.step-cellGap)/2, middle+4*px+px/2, "middle", p.format(v))
		out.raw("</g>\n")
	}
}

func (p *heatPlan) drawRect(out *canvas, class string, x, y, w, h int) {
	out.raw(`<rect class="`, class, `" x="`, num(x), `" y="`, num(y), `" width="`, num(w), `" height="`, num(h), `" rx="2"/>`)
}

// drawCell fills a cell with colour n, and gives it its corner below the middle.
func (p *heatPlan) drawCell(out *canvas, n, x, y, w, h int) {
	p.drawRect(out, class("h", n), x, y, w, h)
	if n < steps {
		out.raw(`<path class="`, class("t", n), `" d="M`, num(x+2*px), " ", num(y+2*px), "h", num(cornerSize), "l", num(-cornerSize), " ", num(cornerSize), `z"/>`)
	}
}

// drawKey explains the colours.
func (p *heatPlan) drawKey(out *canvas, y int) {
	x := pad
	from, to := steps, steps
	if p.low {
		from = 0
		for _, line := range fit(p.scale.Low, smallSize, keyText, 1) {
			x += textWidth(line, smallSize) + 10*px
			out.text("kpc-small", x-10*px, y+10*px, "end", line)
		}
	}
	if p.high {
		to = 2 * steps
	}
	start := x
	for n := from; n <= to; n++ {
		p.drawCell(out, n, x, y, swatch-cellGap, 12*px)
		out.raw("\n")
		x += swatch
	}
	number := func(v float64, at int, anchor string) {
		for _, line := range fit(p.format(v), smallSize, 4*swatch-8*px, 1) {
			out.text("kpc-small", at, y+12*px+16*px, anchor, line)
		}
	}
	number(p.scale.Middle, start+(steps-from)*swatch+swatch/2-cellGap/2, "middle")
	if p.low {
		number(p.scale.Min, start, "")
	}
	if p.high {
		number(p.scale.Max, x-cellGap, "end")
		for _, line := range fit(p.scale.High, smallSize, keyText, 1) {
			out.text("kpc-small", x-cellGap+10*px, y+10*px, "", line)
		}
	}
}

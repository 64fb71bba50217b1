package report

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// plot is a chart of lines, or of horizontal bars.
type plot struct {
	title, x, y string
	logX, logY  bool
	lines       []series
	bars        []bar
	// parts name those of each bar; none: a bar is of one piece.
	parts []string
}

type series struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

type bar struct {
	name  string
	value float64
	// parts are stacked, and add up to no more than value.
	parts []float64
}

// The drawing area, in SVG units.
const (
	width, height            = 900.0, 380.0
	left, right, top, bottom = 80.0, 190.0, 40.0, 50.0
	barHeight, barLeft       = 22.0, 330.0
)

var colours = []string{"#1f6fb4", "#d9622b", "#b02a3c", "#555", "#999", "#2a8c5a", "#7b4fa3"}

func (p *plot) empty() bool {
	for _, s := range p.lines {
		if len(s.points) > 0 {
			return false
		}
	}
	return len(p.bars) == 0
}

func (p *plot) svg() string {
	b := &strings.Builder{}
	switch {
	case len(p.parts) > 0:
		p.drawStacks(b)
	case len(p.bars) > 0:
		p.drawBars(b)
	default:
		p.drawLines(b)
	}
	return b.String()
}

// axis maps values to positions.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	if high == low {
		return (a.from + a.to) / 2
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// ticks are round values: powers of ten, twos and fives on a logarithmic axis, five equal steps otherwise.
func (a axis) ticks() (ticks []float64) {
	if !a.log {
		step := niceStep((a.high - a.low) / 5)
		for v := math.Ceil(a.low/step) * step; v <= a.high; v += step {
			ticks = append(ticks, v)
		}
		return ticks
	}
	for e := math.Floor(math.Log10(a.low)); e <= math.Log10(a.high); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= a.low && v <= a.high {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

func niceStep(raw float64) float64 {
	if raw <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*unit {
			return m * unit
		}
	}
	return 10 * unit
}

// axes span all points; a linear one starts at 0.
func (p *plot) axes() (x, y axis) {
	x = axis{low: math.Inf(1), high: math.Inf(-1), from: left, to: width - right, log: p.logX}
	y = axis{low: math.Inf(1), high: math.Inf(-1), from: height - bottom, to: top, log: p.logY}
	for _, s := range p.lines {
		for _, q := range s.points {
			x.low, x.high = min(x.low, q.x), max(x.high, q.x)
			y.low, y.high = min(y.low, q.y), max(y.high, q.y)
		}
	}
	for _, a := range []*axis{&x, &y} {
		if !a.log {
			a.low = 0
		}
	}
	return x, y
}

func (p *plot) drawLines(b *strings.Builder) {
	x, y := p.axes()
	p.open(b, height)
	for _, v := range y.ticks() {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, left, width-right, y.at(v), y.at(v))
		text(b, label{left - 8, y.at(v) + 4, "end", number(v)})
	}
	for _, v := range x.ticks() {
		text(b, label{x.at(v), height - bottom + 18, "middle", number(v)})
	}
	text(b, label{(left + width - right) / 2, height - 12, "middle", p.x})
	text(b, label{left - 8, top - 12, "end", p.y})
	for i, s := range p.lines {
		drawSeries(b, s, i, x, y)
	}
	b.WriteString("</svg>")
}

func drawSeries(b *strings.Builder, s series, i int, x, y axis) {
	slices.SortFunc(s.points, func(p, q point) int { return cmp.Compare(p.x, q.x) })
	colour := colours[i%len(colours)]
	var path strings.Builder
	for _, q := range s.points {
		fmt.Fprintf(&path, "%.1f,%.1f ", x.at(q.x), y.at(q.y))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x.at(q.x), y.at(q.y), colour)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, path.String(), colour)
	at := top + 18*float64(i)
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="12" height="12" fill="%s"/>`, width-right+16, at, colour)
	text(b, label{width - right + 34, at + 11, "start", s.name})
}

func (p *plot) drawBars(b *strings.Builder) {
	high := 0.0
	low := math.Inf(1)
	for _, v := range p.bars {
		high, low = max(high, v.value), min(low, v.value)
	}
	scale := axis{low: low / 2, high: high, from: barLeft, to: width - 100, log: p.logY}
	p.open(b, top+barHeight*float64(len(p.bars))+10)
	for i, v := range p.bars {
		y := top + barHeight*float64(i)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
			barLeft, y, max(1, scale.at(v.value)-barLeft), barHeight-5, colours[0])
		text(b, label{barLeft - 8, y + 13, "end", v.name})
		text(b, label{scale.at(v.value) + 6, y + 13, "start", number(v.value) + " " + p.y})
	}
	b.WriteString("</svg>")
}

// drawStacks draws each bar as its parts, one after the other from 0 on, and names the parts in a line above.
func (p *plot) drawStacks(b *strings.Builder) {
	scale := axis{from: barLeft, to: width - 120}
	for _, v := range p.bars {
		scale.high = max(scale.high, v.value)
	}
	p.open(b, top+barHeight*float64(len(p.bars)+1)+10)
	for i, name := range p.parts {
		x := barLeft + 140*float64(i)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="12" height="12" fill="%s"/>`, x, top, colours[i%len(colours)])
		text(b, label{x + 18, top + 11, "start", name})
	}
	for i, v := range p.bars {
		drawStack(b, v, top+barHeight*float64(i+1), scale)
		text(b, label{scale.at(v.value) + 6, top + barHeight*float64(i+1) + 13, "start", number(v.value) + " " + p.y})
	}
	b.WriteString("</svg>")
}

func drawStack(b *strings.Builder, v bar, y float64, scale axis) {
	text(b, label{barLeft - 8, y + 13, "end", v.name})
	from := 0.0
	for i, part := range v.parts {
		x, end := scale.at(from), scale.at(from+part)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
			x, y, end-x, barHeight-5, colours[i%len(colours)])
		from += part
	}
}

func (p *plot) open(b *strings.Builder, h float64) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f"`, width, h, width)
	b.WriteString(` font-family="sans-serif" font-size="12" role="img">`)
	title := p.title
	if p.logY && len(p.bars) > 0 {
		title += " (logarithmic)"
	}
	fmt.Fprintf(b, `<text x="%.0f" y="20" font-size="15" font-weight="bold">%s</text>`, left, html.EscapeString(title))
}

type label struct {
	x, y   float64
	anchor string
	text   string
}

func text(b *strings.Builder, l label) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, l.x, l.y, l.anchor, html.EscapeString(l.text))
}

package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Measures of the drawing, in pixels.
const (
	svgLeft   = 420 // where the scale begins
	svgScale  = 420
	svgWidth  = svgLeft + svgScale + 230
	svgRow    = 18
	svgGroup  = 30
	svgTop    = 64
	svgFrom   = 0.01 // ratio at the left end of the scale
	svgTo     = 10.0
	svgBetter = "#2b7a4b"
	svgWorse  = "#b3452c"
)

// svg draws, for each figure, the ratio of ours to keepalived's on a logarithmic scale: the median as a bar from 1, the p99 as a
// mark.
func (r *report) svg() []byte {
	var b strings.Builder
	y := svgTop
	group := ""
	for _, x := range r.Rows {
		if _, ok := x.ratio(median); !ok {
			continue
		}
		if x.Group != group {
			group = x.Group
			y += svgGroup
			fmt.Fprintf(&b, `<text x="12" y="%d" font-weight="bold">%s</text>`+"\n", y, escape(group))
		}
		y += svgRow
		drawRow(&b, x, y)
	}
	height := y + 24
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" `+
		`font-size="12">`+"\n", svgWidth, height, svgWidth, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", svgWidth, height)
	fmt.Fprintf(&out, `<text x="12" y="22" font-size="15" font-weight="bold">holdfast against keepalived: ratio, less is better</text>`+"\n")
	fmt.Fprintf(&out, `<text x="12" y="40" fill="#555">%s; %s; bar: median, mark: p99, both cut at 0.01 and 10; right: holdfast, keepalived</text>`+"\n",
		escape(r.Versions[theirs]), escape(r.Begin.Format("2006-01-02")))
	for _, v := range []float64{0.01, 0.1, 0.5, 1, 2, 10} {
		x := place(v)
		fmt.Fprintf(&out, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`, x, svgTop, x, height-16, shade(v))
		fmt.Fprintf(&out, `<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%g</text>`+"\n", x, svgTop-4, v)
	}
	out.WriteString(b.String())
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

func shade(v float64) string {
	if v == 1 {
		return "#333"
	}
	return "#ddd"
}

func drawRow(b *strings.Builder, x *row, y int) {
	v, _ := x.ratio(median)
	one, at := place(1), place(v)
	fill := svgBetter
	if v > 1 {
		fill = svgWorse
	}
	fmt.Fprintf(b, `<text x="24" y="%d">%s</text>`, y, escape(x.Name))
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="10" fill="%s"/>`, min(one, at), y-9, max(math.Abs(at-one), 1), fill)
	if p, ok := x.ratio(tail); ok && x.Sides[ours].N > 1 {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#111" stroke-width="2"/>`, place(p), y-11, place(p), y+3)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">%s, %s %s</text>`+"\n", svgLeft+svgScale+12, y, number(x.Sides[ours].P50),
		number(x.Sides[theirs].P50), escape(x.Unit))
}

// place is where a ratio stands on the scale.
func place(v float64) float64 {
	v = min(max(v, svgFrom), svgTo)
	return svgLeft + svgScale*math.Log(v/svgFrom)/math.Log(svgTo/svgFrom)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

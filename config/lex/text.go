package lex

import "sort"

// Text is a piece of a line that remembers from which columns of the physical line its bytes came.
type Text struct {
	// S is the text itself.
	S    string
	cols Map
}

// Map finds columns. The zero Map says that byte 0 stands in column 1.
type Map struct {
	shift int32
	segs  []seg
}

// seg says where the bytes from off on came from: column col, growing with the offset unless fixed.
type seg struct {
	off, col int32
	fixed    bool
}

// NewText is s, whose first byte stands in column 1.
func NewText(s string) Text { return Text{S: s} }

// col is the column of byte off.
func (m Map) col(off int) int {
	at := int32(off) + m.shift
	i := sort.Search(len(m.segs), func(i int) bool { return m.segs[i].off > at })
	if i == 0 {
		return int(at) + 1
	}
	s := m.segs[i-1]
	if s.fixed {
		return int(s.col)
	}
	return int(s.col + at - s.off)
}

// Col is the column of byte off of the text, bytes from 1.
func (t Text) Col(off int) int { return t.cols.col(off) }

// Slice is t.S[i:j] with its columns.
func (t Text) Slice(i, j int) Text {
	m := t.cols
	m.shift += int32(i)
	return Text{S: t.S[i:j], cols: m}
}

// Trim is t without the spaces and tabs at both ends.
func (t Text) Trim() Text {
	i, j := 0, len(t.S)
	for i < j && isBlank(t.S[i]) {
		i++
	}
	for j > i && isBlank(t.S[j-1]) {
		j--
	}
	return t.Slice(i, j)
}

// Fixed is t with every byte in column col, as for text that stands in the place of a use.
func Fixed(s string, col int) Text {
	return Text{S: s, cols: Map{segs: []seg{{col: int32(col), fixed: true}}}}
}

// Replace is t with the bytes from i to j replaced by s, whose columns are all that of i.
func (t Text) Replace(i, j int, s string) Text {
	var e editor
	e.copy(t, 0, i)
	e.put(s, t.Col(i))
	e.copy(t, j, len(t.S))
	return e.text()
}

// editor puts a Text together from pieces.
type editor struct {
	b    []byte
	segs []seg
}

func (e *editor) copy(t Text, i, j int) {
	if i == j {
		return
	}
	base := int32(len(e.b))
	e.segs = append(e.segs, t.cols.at(i, base))
	for _, s := range t.cols.segs {
		at := s.off - t.cols.shift
		if at > int32(i) && at < int32(j) {
			e.segs = append(e.segs, seg{off: base + at - int32(i), col: s.col, fixed: s.fixed})
		}
	}
	e.b = append(e.b, t.S[i:j]...)
}

// at is the segment that byte off stands in, cut to begin there and moved to offset base.
func (m Map) at(off int, base int32) seg {
	at := int32(off) + m.shift
	i := sort.Search(len(m.segs), func(i int) bool { return m.segs[i].off > at })
	fixed := i > 0 && m.segs[i-1].fixed
	return seg{off: base, col: int32(m.col(off)), fixed: fixed}
}

func (e *editor) put(s string, col int) {
	if s == "" {
		return
	}
	e.segs = append(e.segs, seg{off: int32(len(e.b)), col: int32(col), fixed: true})
	e.b = append(e.b, s...)
}

func (e *editor) text() Text {
	return Text{S: string(e.b), cols: Map{segs: e.segs}}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

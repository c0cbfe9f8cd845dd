package lex

import (
	"sort"

	"holdfast.dev/config/diag"
)

// Text is a piece of a line that remembers from which columns of the physical line, and from which definitions, its
// bytes came.
type Text struct {
	// S is the text itself.
	S    string
	cols Map
}

// Map finds columns. The zero Map says that byte 0 stands in column 1.
type Map struct {
	segs  *[]seg // nil for none: most lines are as they were written
	shift int32
}

func (m Map) list() []seg {
	if m.segs == nil {
		return nil
	}
	return *m.segs
}

// seg says where the bytes from off on came from: column col, growing with the offset unless fixed.
type seg struct {
	off, col int32
	fixed    bool
	def      *diag.Def
}

// NewText is s, whose first byte stands in column col, bytes from 1.
func NewText(s string, col int) Text {
	return Text{S: s, cols: Map{shift: int32(col - 1)}}
}

// Fixed is s with every byte in column col, as for text that stands in the place of a use.
func Fixed(s string, col int) Text {
	return Text{S: s, cols: Map{segs: &[]seg{{col: int32(col), fixed: true}}}}
}

// find is the index of the segment that byte at (with the shift added) stands in, -1 before all.
func (m Map) find(at int32) int {
	segs := m.list()
	if len(segs) == 0 {
		return -1
	}
	return sort.Search(len(segs), func(i int) bool { return segs[i].off > at }) - 1
}

// seg is the segment that byte off stands in, cut to begin there.
func (m Map) seg(off int) seg {
	at := int32(off) + m.shift
	i := m.find(at)
	if i < 0 {
		return seg{col: at + 1}
	}
	s := (*m.segs)[i]
	if !s.fixed {
		s.col += at - s.off
	}
	return s
}

// def is the definition that the first byte from off to end that came from one came from, or nil.
func (m Map) def(off, end int32) *diag.Def {
	segs := m.list()
	for i := max(m.find(off+m.shift), 0); i < len(segs) && segs[i].off < end+m.shift; i++ {
		if d := segs[i].def; d != nil {
			return d
		}
	}
	return nil
}

// Col is the column of byte off of the text, bytes from 1.
func (t Text) Col(off int) int {
	if t.cols.segs == nil {
		return off + int(t.cols.shift) + 1
	}
	return int(t.cols.seg(off).col)
}

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

// Replace is t with the bytes from i to j replaced by s, all of which get the column of byte i and the origin def,
// which may be nil.
func (t Text) Replace(i, j int, s string, def *diag.Def) Text {
	var e editor
	e.b = make([]byte, 0, len(t.S)-(j-i)+len(s))
	e.copy(t, 0, i)
	if s != "" {
		e.add(seg{off: int32(len(e.b)), col: int32(t.Col(i)), fixed: true, def: def})
		e.b = append(e.b, s...)
	}
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
	first := t.cols.seg(i)
	first.off = base
	e.add(first)
	lo, hi := int32(i)+t.cols.shift, int32(j)+t.cols.shift
	for _, s := range t.cols.list() {
		if s.off > lo && s.off < hi {
			s.off += base - lo
			e.add(s)
		}
	}
	e.b = append(e.b, t.S[i:j]...)
}

// add begins a segment, unless the last one says the same.
func (e *editor) add(s seg) {
	if n := len(e.segs); n > 0 && s.fixed {
		last := e.segs[n-1]
		if last.fixed && last.col == s.col && (last.def == s.def || last.def != nil && s.def != nil && *last.def == *s.def) {
			return
		}
	}
	e.segs = append(e.segs, s)
}

func (e *editor) text() Text {
	return Text{S: string(e.b), cols: Map{segs: &e.segs}}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// Package diag holds what the configuration reader has to say: positions, severities, keepalived's error classes,
// bounded lists of diagnostics, their rendering and the exit code of a configuration test.
package diag

import (
	"slices"
	"strings"
)

// File is one opening of a configuration file. A file that is included twice is two Files.
type File struct {
	// Name is the path as it was opened: relative to the working directory if the command line gave it so.
	Name string
	// Text is all that was read, for showing source lines. It may be empty when a File was made by hand.
	Text string
	// From is where the include that opened this file stands. Its File is nil for a main file.
	From Pos
	// Seq counts the openings of a read, from 0; it orders files that were opened by the same line.
	Seq int

	secrets []int32 // lines, in order
}

// Conceal keeps a line, which has a secret in it, from being shown.
func (f *File) Conceal(line int32) {
	if f == nil {
		return
	}
	if i, there := slices.BinarySearch(f.secrets, line); !there {
		f.secrets = slices.Insert(f.secrets, i, line)
	}
}

func (f *File) conceals(line int32) bool {
	_, there := slices.BinarySearch(f.secrets, line)
	return there
}

// Pos is a place in a file. The zero Pos is no place at all.
type Pos struct {
	File *File
	// Line counts physical lines from 1.
	Line int32
	// Col counts bytes from 1; 0 means the whole line.
	Col int32
	// Def is nil unless the text came out of a definition or a loop that stands elsewhere; then File, Line
	// and Col are the place of the use, and Def says where the text was written.
	Def *Def
}

// Def is one step of the way from a use to the text that was put in its place.
type Def struct {
	// Name is what was used, for example "$VIPS" or "~SEQ N=3".
	Name string
	// Pos is where that was written.
	Pos Pos
	// Next is the use that this one stood in, nil when it stood in the file itself.
	Next *Def
}

// IsValid reports whether p is a place.
func (p Pos) IsValid() bool { return p.File != nil }

// Name is the name of the file, empty for no place.
func (p Pos) Name() string {
	if p.File == nil {
		return ""
	}
	return p.File.Name
}

// At is p moved to column col (bytes from 1).
func (p Pos) At(col int) Pos {
	p.Col = int32(col)
	return p
}

// String is file:line:col, without the column where there is none.
func (p Pos) String() string {
	if p.File == nil {
		return "-"
	}
	var b strings.Builder
	b.WriteString(p.File.Name)
	b.WriteByte(':')
	b.WriteString(itoa(int(p.Line)))
	if p.Col > 0 {
		b.WriteByte(':')
		b.WriteString(itoa(int(p.Col)))
	}
	return b.String()
}

// Chain lists the include lines that led to p's file, nearest first. It is empty in a main file.
func (p Pos) Chain() []Pos {
	var out []Pos
	for f := p.File; f != nil && f.From.File != nil; f = f.From.File {
		out = append(out, f.From)
	}
	return out
}

// Compare orders places as a reader meets them: an included line comes after its include line and before the line
// that follows it. No place at all comes first. The result is negative, zero or positive.
func (p Pos) Compare(q Pos) int {
	return compare(p.fromRoot(), q.fromRoot())
}

func compare(a, b []Pos) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x.File != y.File && (x.File.Seq != y.File.Seq || x.File.Name != y.File.Name) { // not another reading of the same
			return x.File.Seq - y.File.Seq
		}
		if x.Line != y.Line {
			return int(x.Line - y.Line)
		}
		if i == len(a)-1 && i == len(b)-1 {
			return int(x.Col - y.Col)
		}
	}
	return len(a) - len(b)
}

// fromRoot is the chain of p from the main file down to p itself.
func (p Pos) fromRoot() []Pos {
	if p.File == nil {
		return nil
	}
	up := p.Chain()
	out := make([]Pos, 0, len(up)+1)
	for i := len(up) - 1; i >= 0; i-- {
		out = append(out, up[i])
	}
	return append(out, p)
}

// Source is the physical line that p stands in, without its line end; ok is false when the text is not at hand.
// Lines longer than 1,024 bytes are cut. A line with a secret is not at hand.
func (p Pos) Source() (line string, ok bool) {
	if p.File == nil || p.Line < 1 || p.File.conceals(p.Line) {
		return "", false
	}
	text := p.File.Text
	for n := int32(1); n < p.Line; n++ {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			return "", false
		}
		text = text[i+1:]
	}
	if text == "" {
		return "", false
	}
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	text = strings.TrimRight(text, "\r")
	return text[:min(len(text), 1024)], true
}

package expand

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// definition is what stands behind a name.
type definition struct {
	name  string
	value string
	pos   diag.Pos // no place for what is built in
	// many is true for a definition of several lines; these are in lines, which may be none.
	many  bool
	lines []item
	// builtin makes the value; ok is false when the parameters don't fit, and the use stays as it is.
	builtin func(r *Reader, pos diag.Pos, params []string) (value string, ok bool)
}

// define takes a line $NAME=VALUE (section 6); ok is false when it is no such line.
func (r *Reader) define(it item) (ok bool) {
	s := it.text.S
	if s[0] != '$' {
		return false
	}
	n := nameLen(s[1:])
	if n == 0 || 1+n >= len(s) || s[1+n] != '=' {
		return false
	}
	value := it.text.Slice(2+n, len(s)).Trim()
	d := &definition{name: s[1 : 1+n], value: value.S, pos: it.pos.At(it.text.Col(0))}
	if !r.set(d) {
		return true
	}
	if strings.HasSuffix(value.S, `\`) {
		d.many = true
		r.collecting = d
		r.collect(item{text: value, pos: it.pos})
	}
	return true
}

// set makes d the definition of its name.
func (r *Reader) set(d *definition) bool {
	if _, old := r.defs[d.name]; !old &&
		!r.within(len(r.defs) < MaxDefinitions, d.pos, "there are more than 100000 definitions") {
		return false
	}
	r.defs[d.name] = d
	return true
}

// collect adds a line to the definition of several lines that is being read. A line without a backslash at its end is
// the last one, and a blank line ends it too; a line of comment does neither. Empty lines are not kept.
func (r *Reader) collect(it item) {
	d := r.collecting
	if it.blank {
		r.collecting = nil
	}
	if it.text.S == "" {
		return
	}
	if n := len(it.text.S) - 1; it.text.S[n] == '\\' {
		it.text = it.text.Slice(0, n).Trim()
	} else {
		r.collecting = nil
	}
	if it.text.S != "" {
		d.lines = append(d.lines, item{text: it.text, pos: it.pos.At(it.text.Col(0))})
	}
}

// expansion gives the lines of a definition for one use of it.
type expansion struct {
	def *definition
	at  int
	use diag.Pos
}

func (e *expansion) next(*Reader) (item, bool) {
	if e.at >= len(e.def.lines) {
		return item{}, false
	}
	text := e.def.lines[e.at].text.S
	pos := e.use
	pos.Def = e.origin()
	e.at++
	return item{text: lex.Fixed(text, int(e.use.Col)), pos: pos, marks: lex.MarksOf(text)}, true
}

// origin says where the line that is next was written.
func (e *expansion) origin() *diag.Def {
	return &diag.Def{Name: "$" + e.def.name, Pos: e.def.lines[e.at].pos, Next: e.use.Def}
}

// nameLen is the length of the name at the beginning of s: a letter or underscore, then letters, digits, underscores.
func nameLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// firstLabel is a node name up to its first dot.
func firstLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label
}

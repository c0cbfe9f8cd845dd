package expand

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// useCost is how many bytes of text the use of a definition counts for besides the text it makes, so that the limit on
// text is also one on time.
const useCost = 128

// substitute replaces the definitions in t, which stands at pos (section 6). Replaced text is looked at again, unless it
// begins with ~. If lines is true, t may end in the use of a definition of several lines; the first takes the place of
// the use and the others are made pending. left is how many uses may still be replaced in the line. again is true when
// there may be more to replace once comments are gone.
func (r *Reader) substitute(t lex.Text, pos diag.Pos, lines bool, left *int) (out lex.Text, changed, again bool) {
	told := false
	for i := strings.IndexByte(t.S, '$'); i >= 0; i = nextDollar(t.S, i) {
		u, ok := r.useAt(t, i, pos, lines)
		if !ok {
			i++
			continue
		}
		if *left--; *left < 0 {
			r.report(pos.At(t.Col(i)), diag.Error, diag.GeneralError, "definitions refer to each other without end",
				"$"+u.name+" is left as it is")
			return t.Trim(), changed, false
		}
		if len(t.S)-(u.end-i)+len(u.value) > lex.MaxText {
			if !told {
				r.overflow(pos.At(t.Col(i)), u.name)
			}
			told = true
			if !r.charge(pos, useCost) {
				break
			}
			i++
			continue
		}
		t, changed, again = t.Replace(i, u.end, u.value, u.def), true, true
		if u.many != nil {
			r.push(pos, u.many)
		}
		if !r.charge(pos, useCost+len(t.S)) || r.stopped || strings.HasPrefix(u.value, "~") {
			return t.Trim(), changed, false
		}
	}
	return t.Trim(), changed, again
}

func (r *Reader) overflow(pos diag.Pos, name string) {
	r.report(pos, diag.Error, diag.OK, "replacing $"+name+" would make the line too long - not replaced",
		"a line holds at most 1023 bytes; a definition that refers to itself never fits")
}

// nextDollar is the first dollar sign of s from byte i on, -1 when there is none.
func nextDollar(s string, i int) int {
	if n := strings.IndexByte(s[i:], '$'); n >= 0 {
		return i + n
	}
	return -1
}

// use is a definition at the place where it is used.
type use struct {
	name  string
	end   int // where the use ends
	value string
	def   *diag.Def
	many  *expansion // the lines after the first, nil for a definition of one line
}

// wholeUse takes a line that is nothing but the use of a definition of several lines: all of these are lines like any other
// then, while otherwise the first is a part of the line with the use in it.
func (r *Reader) wholeUse(it item) (ok bool) {
	s := it.text.S
	if s[0] != '$' {
		return false
	}
	name, params, end, ok := parseUse(s, 0)
	d := r.defs[name]
	if !ok || end < len(s) || len(params) > 0 || d == nil || !d.many {
		return false
	}
	if r.charge(it.pos, useCost) {
		r.push(it.pos, &expansion{def: d, use: it.pos.At(it.text.Col(0))})
	}
	return true
}

// useAt reads the use of a definition at byte i of t, which is a dollar sign; ok is false when there is none to be
// replaced. A definition of several lines is one only at the end of the line, and if lines allows it.
func (r *Reader) useAt(t lex.Text, i int, pos diag.Pos, lines bool) (u use, ok bool) {
	name, params, end, ok := parseUse(t.S, i)
	if !ok {
		return use{}, false
	}
	d := r.defs[name]
	if d == nil || d.builtin == nil && len(params) > 0 {
		return use{}, false
	}
	u = use{name: name, end: end, value: d.value}
	pos = pos.At(t.Col(i))
	switch {
	case d.builtin != nil:
		u.value, ok = d.builtin(r, pos, params)
		return u, ok
	case d.many:
		if !lines || strings.Trim(t.S[end:], " \t") != "" {
			return use{}, false
		}
		u.value = ""
		u.many = &expansion{def: d, use: pos}
		if len(d.lines) > 0 {
			u.value, u.def = d.lines[0].text.S, u.many.origin()
			u.many.at = 1
		}
	case d.pos.IsValid():
		u.def = &diag.Def{Name: "$" + name, Pos: d.pos, Next: pos.Def}
	}
	return u, true
}

// parseUse reads $NAME or ${NAME PARAMETERS} at byte i of s. params is nil when there are none.
func parseUse(s string, i int) (name string, params []string, end int, ok bool) {
	if i+1 < len(s) && s[i+1] == '{' {
		n := nameLen(s[i+2:])
		end = i + 2 + n
		closing := strings.IndexByte(s[end:], '}')
		if n == 0 || closing < 0 {
			return "", nil, 0, false
		}
		inner := s[end : end+closing]
		if inner != "" && inner[0] != ' ' && inner[0] != '\t' {
			return "", nil, 0, false
		}
		return s[i+2 : i+2+n], fields(inner), end + closing + 1, true
	}
	n := nameLen(s[i+1:])
	end = i + 1 + n
	if n == 0 || end < len(s) && strings.IndexByte(" \t,)", s[end]) < 0 {
		return "", nil, 0, false
	}
	return s[i+1 : end], nil, end, true
}

// fields splits s at its spaces and tabs; it is nil when there is nothing.
func fields(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '\t' })
}

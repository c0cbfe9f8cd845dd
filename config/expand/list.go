package expand

import (
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// rounds is a ~LST that is under way.
type rounds struct {
	names  []string
	values [][]string
	text   lex.Text
	pos    diag.Pos
}

func (l *rounds) next(r *Reader) (item, bool) {
	if len(l.values) == 0 {
		return item{}, false
	}
	var shown strings.Builder
	shown.WriteString("~LST")
	for i, name := range l.names {
		value := "" // a value that is missing is empty
		if i < len(l.values[0]) {
			value = l.values[0][i]
		}
		if !r.set(&definition{name: name, value: value}) {
			return item{}, false
		}
		shown.WriteString(" " + name + "=" + value)
	}
	l.values = l.values[1:]
	return round(item{text: l.text, pos: l.pos, marks: lex.MarksOf(l.text.S)}, shown.String()), true
}

const listForm = "write ~LST(NAME, VALUE, ...) TEXT or ~LST({NAME, NAME}, {VALUE, VALUE}, ...) TEXT"

// list reads ~LST(VAR, VALUE, ...) TEXT or ~LST({VAR, ...}, {VALUE, ...}, ...) TEXT.
func list(it item) (src source, problem string) {
	t := it.text
	open, closing := parentheses(t.S, len("~LST"))
	if closing < 0 {
		return nil, listForm
	}
	l := &rounds{pos: it.pos}
	s := t.S[:closing+1]
	i := open + 1
	var ok, last bool
	if l.names, i, last, ok = tuple(s, i); !ok || last {
		return nil, listForm
	}
	for !last {
		var values []string
		if values, i, last, ok = tuple(s, i); !ok {
			return nil, listForm
		}
		if len(values) > len(l.names) {
			return nil, "~LST specification has too many values: there are more of them than names"
		}
		l.values = append(l.values, values)
	}
	l.text = t.Slice(closing+1, len(t.S)).Trim()
	return l, ""
}

// tuple reads X or {X, Y, ...} at byte i of s, up to and with the comma or the parenthesis that follows it. last is true
// for the parenthesis. No part may contain blanks or braces.
func tuple(s string, i int) (parts []string, next int, last, ok bool) {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	if i < len(s) && s[i] == '{' {
		n := strings.IndexByte(s[i:], '}')
		if n < 0 {
			return nil, 0, false, false
		}
		parts = strings.Split(s[i+1:i+n], ",")
		i += n + 1
		for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
			i++
		}
	} else {
		n := strings.IndexAny(s[i:], ",)")
		if n < 0 {
			return nil, 0, false, false
		}
		parts = []string{s[i : i+n]}
		i += n
	}
	for k, p := range parts {
		parts[k] = strings.Trim(p, " \t")
		if strings.ContainsAny(parts[k], " \t{}") {
			return nil, 0, false, false
		}
	}
	if i >= len(s) || s[i] != ',' && s[i] != ')' {
		return nil, 0, false, false
	}
	return parts, i + 1, s[i] == ')', true
}

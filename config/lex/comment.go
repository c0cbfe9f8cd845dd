package lex

import "strings"

// Decomment removes the comment from t and resolves \# and \! (preprocessor.md section 3). Only double quotes protect;
// a backslash and the byte after it are kept as a pair, in which neither a quote nor a comment sign counts. A backslash
// at the very end is kept even behind a comment, and glued to what stands before it (section 2). closed is false when a
// quote was left open; the text is good all the same. The result is trimmed.
func Decomment(t Text) (out Text, closed bool) {
	t = t.Trim()
	n := len(t.S) - 1
	if n < 0 || t.S[n] != '\\' {
		return decomment(t)
	}
	out, closed = decomment(t.Slice(0, n))
	if n > 0 && len(out.S) == n {
		return t, closed // nothing between: no copy
	}
	var e editor
	e.copy(out, 0, len(out.S))
	e.copy(t, n, n+1)
	return e.text(), closed
}

// decomment is Decomment without regard to a backslash at the end.
func decomment(t Text) (out Text, closed bool) {
	if strings.IndexByte(t.S, '"') < 0 && strings.IndexByte(t.S, '#') < 0 && strings.IndexByte(t.S, '!') < 0 {
		return t.Trim(), true
	}
	var e editor
	quoted, from, end := false, 0, len(t.S)
scan:
	for i := 0; i < len(t.S); i++ {
		switch c := t.S[i]; {
		case c == '\\' && i+1 < len(t.S):
			if n := t.S[i+1]; !quoted && (n == '#' || n == '!') {
				e.copy(t, from, i)
				from = i + 1
			}
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '#' || c == '!'):
			end = i
			break scan
		}
	}
	if from == 0 {
		return t.Slice(0, end).Trim(), !quoted
	}
	e.copy(t, from, end)
	return e.text().Trim(), !quoted
}

// SplitBrace cuts t at its first brace outside double quotes (preprocessor.md section 9). When t begins with it, first
// is the brace alone and rest what follows it; otherwise first is what stands before it, and rest begins with it. Both
// are trimmed; rest is empty when there is nothing left.
func SplitBrace(t Text) (first, rest Text) {
	quoted := false
	for i := 0; i < len(t.S); i++ {
		switch c := t.S[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '}'):
			at := max(i, 1)
			return t.Slice(0, at).Trim(), t.Slice(at, len(t.S)).Trim()
		}
	}
	return t, Text{}
}

package lex

import (
	"strings"

	"holdfast.dev/config/diag"
)

// AppendWords splits t into words by the rules for common keywords (preprocessor.md section 9) and appends them to
// dst: blanks separate; a word that begins with a double quote goes to the next one and may be empty; a quote inside a
// word ends that word; single quotes and backslashes mean nothing. matched is false when a quote was not closed; the
// words before it were appended.
func AppendWords(dst []Word, t Text) (words []Word, matched bool) {
	s := t.S
	for i := 0; ; {
		for i < len(s) && isBlank(s[i]) {
			i++
		}
		if i == len(s) {
			return dst, true
		}
		if s[i] == '"' {
			n := strings.IndexByte(s[i+1:], '"')
			if n < 0 {
				return dst, false
			}
			dst = append(dst, Word{Text: s[i+1 : i+1+n], Col: t.Col(i), Quoted: true})
			i += n + 2
			continue
		}
		j := i
		for j < len(s) && !isBlank(s[j]) && s[j] != '"' {
			j++
		}
		dst = append(dst, Word{Text: s[i:j], Col: t.Col(i)})
		i = j
	}
}

// NewLine makes the Line of t, which must be trimmed and not empty, at pos, whose column is set. The words are
// appended to buf, so that a caller may hand out room in bulk.
func NewLine(t Text, pos diag.Pos, buf []Word) Line {
	words, ok := AppendWords(buf, t)
	return Line{Text: t.S, Words: words, Pos: pos.At(t.Col(0)), Unmatched: !ok, cols: t.cols}
}

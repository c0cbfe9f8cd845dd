package lex

import "strings"

// AppendWords splits t into words by the rules for common keywords (preprocessor.md section 9) and appends them to
// dst: blanks separate; a word that begins with a double quote goes to the next one and may be empty; a quote inside a
// word ends that word; single quotes and backslashes mean nothing. matched is false when a quote was not closed; the
// words before it were appended.
func AppendWords(dst []Word, t Text) (words []Word, matched bool) {
	s := t.S
	for i := 0; ; {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			return dst, true
		}
		w := Word{Col: int32(t.Col(i)), off: int32(i)}
		if s[i] == '"' {
			n := strings.IndexByte(s[i+1:], '"')
			if n < 0 {
				return dst, false
			}
			w.Text, w.Quoted = s[i+1:i+1+n], true
			i += n + 2
		} else {
			j := i
			for j < len(s) && !isSpace(s[j]) && s[j] != '"' {
				j++
			}
			w.Text = s[i:j]
			i = j
		}
		w.end = int32(i)
		dst = append(dst, w)
	}
}

package lex

// ScriptWords reads l again by the rules for keywords that name a program (preprocessor.md section 9): both kinds of
// quotes, adjacent pieces join, a backslash is a byte like any other. The first word is the keyword, the second the
// command, then user and group. When a quote is not closed, missing is that quote and the words before are returned;
// otherwise missing is 0. Keepalived says then: String 'LINE': missing terminating QUOTE.
func (l *Line) ScriptWords() (words []Word, missing byte) {
	s := l.Text
	for i := 0; ; {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			return words, 0
		}
		w := Word{Col: int32(l.cols.seg(i).col), off: int32(i)}
		var p piece
		i, missing = p.read(s, i, false)
		if missing != 0 {
			return words, missing
		}
		w.Text, w.Quoted, w.end = string(p.b), p.quoted, int32(i)
		words = append(words, w)
	}
}

// SplitCommand splits a command into its arguments: both kinds of quotes, adjacent pieces join, and inside and outside
// quotes the escapes \a \b \E \f \n \r \t \v \xHH \cX \OOO stand for their bytes, any other \c for c (preprocessor.md
// section 9). A lone backslash at the end is dropped. When a quote is not closed, missing is that quote and the
// arguments before are returned; otherwise missing is 0.
func SplitCommand(s string) (argv []string, missing byte) {
	for i := 0; ; {
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i == len(s) {
			return argv, 0
		}
		var p piece
		i, missing = p.read(s, i, true)
		if missing != 0 {
			return argv, missing
		}
		argv = append(argv, string(p.b))
	}
}

// piece is a word being put together.
type piece struct {
	b      []byte
	quoted bool
}

// read takes one word that starts at i and returns where it ends, and the quote that was not closed, if any.
func (p *piece) read(s string, i int, escapes bool) (end int, missing byte) {
	quote := byte(0)
	for i < len(s) {
		c := s[i]
		switch {
		case escapes && c == '\\':
			i = p.escape(s, i+1)
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote, p.quoted = c, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && isSpace(c):
			return i, 0
		default:
			p.b = append(p.b, c)
		}
		i++
	}
	return i, quote
}

// escape takes what follows a backslash at i and returns where it ends.
func (p *piece) escape(s string, i int) int {
	if i == len(s) {
		return i
	}
	switch c := s[i]; {
	case c == 'x' && i+1 < len(s) && digit(s[i+1]) < 16:
		return p.number(s, i+1, 2, 16)
	case c == 'c' && i+1 < len(s):
		p.b = append(p.b, s[i+1]&0x1f)
		return i + 2
	case digit(c) < 8:
		return p.number(s, i, 3, 8)
	default:
		p.b = append(p.b, plainEscape(c))
	}
	return i + 1
}

// plainEscape is the byte that \c stands for.
func plainEscape(c byte) byte {
	switch c {
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 'E':
		return 0x1b
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return c
}

// number appends the byte written with at most n digits of base at i.
func (p *piece) number(s string, i, n int, base byte) int {
	v := 0
	for end := i + n; i < len(s) && i < end && digit(s[i]) < base; i++ {
		v = v*int(base) + int(digit(s[i]))
	}
	p.b = append(p.b, byte(v))
	return i
}

// digit is the value of a digit of any base up to 16, 255 for what is none.
func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// Package format prints a configuration file in one canonical layout: a tab for each block, one line for each keyword, the
// opening brace at the end of its line, comments kept where they are. It never changes what a file means, and a file that is
// in this layout already stays as it is. Only one file is looked at: includes stay lines.
package format

import (
	"errors"
	"strings"

	"holdfast.dev/config/lex"
)

// ErrChanged is returned for a text whose layout can't be changed without changing what it means.
var ErrChanged = errors.New("the canonical layout would change what the file means; it is left as it is")

// maxLine is how long a line may become: keepalived cuts lines of 1,023 bytes.
const maxLine = 1000

// Format gives the canonical form of a file's text. With an error the text comes back unchanged.
func Format(text string) (string, error) {
	p := printer{}
	scan(text, p.line)
	p.flush()
	out := strings.TrimLeft(p.out.String(), "\n")
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	if out != text && !same(text, out) {
		return text, ErrChanged
	}
	return out, nil
}

// scan gives the physical lines of a text to each.
func scan(text string, each func(line string)) {
	for line := range strings.Lines(text) {
		each(strings.TrimRight(line, "\r\n"))
	}
}

// printer puts lines together.
type printer struct {
	out        strings.Builder
	depth      int
	held       string // a keyword whose brace may follow on the next line
	holding    bool
	blank      bool // a blank line is due
	closed     bool // the last line closed a block of the top level
	collecting bool // inside a definition of several lines
}

// line takes one physical line.
func (p *printer) line(s string) {
	t := strings.Trim(s, " \t\r")
	switch {
	case p.collecting:
		p.verbatim(s)
		p.collecting = strings.HasSuffix(t, `\`)
	case t == "":
		p.flush()
		p.blank = p.out.Len() > 0
	case odd(s, t):
		p.flush()
		p.gap()
		p.verbatim(s)
		p.depth = max(p.depth+balance(t), 0)
		p.collecting = t[0] == '$' && strings.HasSuffix(t, `\`)
	case whole(t):
		p.flush()
		p.gap()
		p.whole(t)
	default:
		p.pieces(t)
	}
}

// odd reports a line whose bytes all may matter.
func odd(s, t string) bool {
	return len(s) >= maxLine || strings.ContainsAny(s, "\\\x00") || strings.Count(code(t), `"`)%2 != 0
}

// whole reports a line that is looked at before braces are: a condition, definition, loop, include, or one with something to
// replace in it.
func whole(t string) bool {
	if t[0] == '@' || t[0] == '$' || t[0] == '~' || strings.Contains(t, "$") {
		return true
	}
	word, _, _ := strings.Cut(strings.ReplaceAll(t, "\t", " "), " ")
	return strings.HasPrefix(word, "include") && word != "include_check"
}

// code is a line without its comment.
func code(t string) string {
	c, _ := cut(t)
	return c
}

// cut parts a line from its comment, which begins at the first # or ! outside double quotes.
func cut(t string) (code, comment string) {
	quoted := false
	for i := range len(t) {
		switch c := t[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '#' || c == '!'):
			return strings.TrimRight(t[:i], " \t"), t[i:]
		}
	}
	return t, ""
}

// balance is how many blocks more a line opens than it closes.
func balance(t string) (n int) {
	quoted := false
	for _, c := range []byte(code(t)) {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '{' && !quoted:
			n++
		case c == '}' && !quoted:
			n--
		}
	}
	return n
}

// pieces prints a common line: every brace is a line of its own for the reader, whatever stands beside it.
func (p *printer) pieces(t string) {
	c, comment := cut(t)
	if c == "" {
		p.flush()
		p.gap()
		p.put(comment)
		return
	}
	rest := lex.NewText(c, 1)
	for rest.S != "" {
		var first lex.Text
		first, rest = lex.SplitBrace(rest)
		note := ""
		if rest.S == "" {
			note = comment
		}
		switch s := strings.Trim(first.S, " \t\r"); { // a carriage return beside a brace is white space as much as at the end
		case s != "":
			p.piece(s, note)
		case note != "":
			p.flush()
			p.gap()
			p.put(note)
		}
	}
}

// piece prints one piece with the comment that follows it.
func (p *printer) piece(s, comment string) {
	switch s {
	case "{":
		p.open(comment)
	case "}":
		p.flush()
		p.blank = false
		p.depth = max(p.depth-1, 0)
		p.put(with("}", comment))
		p.closed = p.depth == 0
	default:
		p.flush()
		p.gap()
		s = words(s)
		if comment != "" {
			p.put(with(s, comment))
			return
		}
		p.held, p.holding = s, true
	}
}

// open prints an opening brace, behind its keyword where nothing is between.
func (p *printer) open(comment string) {
	head := "{"
	if p.holding && !p.blank && len(p.held)+p.depth+2 < maxLine {
		head = p.held + " {"
		p.holding = false
	}
	p.flush()
	p.blank = false
	p.put(with(head, comment))
	p.depth++
}

func with(s, comment string) string {
	if comment == "" {
		return s
	}
	return s + " " + comment
}

// whole prints a line in which nothing but the blanks around it changes.
func (p *printer) whole(t string) {
	n := balance(t)
	if n < 0 {
		p.depth = max(p.depth+n, 0)
	}
	p.put(t)
	if n > 0 {
		p.depth += n
	}
}

// words puts single blanks between words, where blanks can't be part of one.
func words(s string) string {
	if strings.Contains(s, "'") {
		return s
	}
	var b strings.Builder
	quoted, blank := false, false
	for i := range len(s) {
		c := s[i]
		if !quoted && (c == ' ' || c == '\t') {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		if c == '"' {
			quoted = !quoted
		}
		b.WriteByte(c)
	}
	return b.String()
}

// flush prints the keyword that waited for its brace.
func (p *printer) flush() {
	if p.holding {
		p.holding = false
		p.put(p.held)
	}
}

// gap prints the blank line that is due: at most one in a row, and one between blocks of the top level.
func (p *printer) gap() {
	if p.blank || p.closed && p.depth == 0 {
		p.out.WriteByte('\n')
	}
	p.blank, p.closed = false, false
}

func (p *printer) put(s string) {
	p.closed = false
	if p.depth+len(s) < maxLine {
		for range p.depth {
			p.out.WriteByte('\t')
		}
	}
	p.out.WriteString(strings.TrimRight(s, " \t\r"))
	p.out.WriteByte('\n')
}

// verbatim prints a line as it was.
func (p *printer) verbatim(s string) {
	p.closed = false
	p.out.WriteString(s)
	p.out.WriteByte('\n')
}

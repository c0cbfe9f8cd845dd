package schema

import (
	"fmt"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// outline follows the braces as a process does that passes over all blocks: each of keepalived's processes passes over the
// blocks of the others by counting braces, whatever stands in them (preprocessor.md section 10). Where a list lacks its opening
// brace the process that reads it sees nothing wrong, but the others do.
type outline struct {
	depth  int
	header bool     // the line before begins a block
	extra  diag.Pos // the first brace too many
}

// line follows one line.
func (o *outline) line(l *lex.Line) {
	switch open, end := l.IsOpen(), l.IsClose(); {
	case o.depth > 0:
		if open {
			o.depth++
		} else if end {
			o.depth--
		}
	case open && o.header:
		o.depth, o.header = 1, false
	case open, end:
		if o.header = false; !o.extra.IsValid() {
			o.extra = l.Pos
		}
	default:
		key := Root().Find(l.Keyword())
		o.header = key != nil && key.Opens != NoBlock
	}
}

// finish reports what is missing at the end of the text, and a brace too many where nothing else was said about braces.
func (o *outline) finish(p *Parser) {
	if o.depth > 0 {
		p.report(p.last, diag.Error, diag.MissingClose, fmt.Sprintf("There are %d missing '}'s or extra '{'s", o.depth), "")
	}
	if o.extra.IsValid() && !p.braces {
		p.report(o.extra, diag.Error, diag.UnexpectedClose, "Extra '}' found", "a list above lacks its '{'")
	}
}

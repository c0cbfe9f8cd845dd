package schema

import (
	"fmt"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// outline counts braces over the whole text.
type outline struct{ depth int }

// line follows one line.
func (o *outline) line(l *lex.Line) {
	switch {
	case l.IsOpen():
		o.depth++
	case l.IsClose():
		o.depth--
	}
}

// finish reports what is missing at the end of the text. What is too much was reported where it stands.
func (o *outline) finish(p *Parser) {
	if o.depth > 0 {
		p.report(p.last, diag.Error, diag.MissingClose, fmt.Sprintf("There are %d missing '}'s or extra '{'s", o.depth), "")
	}
}

package lex

// Marks are the kinds of signs that a text may have: what is not there need not be looked for.
type Marks uint8

const (
	markQuote Marks = 1 << iota
	markComment
	markEscape
	markDollar
	markBrace
	markNUL
)

var markOf = [256]Marks{
	'"': markQuote, '#': markComment, '!': markComment, '\\': markEscape, '$': markDollar, '{': markBrace, '}': markBrace, 0: markNUL,
}

// MarksOf looks for all of them.
func MarksOf(s string) (m Marks) {
	for i := range len(s) {
		m |= markOf[s[i]]
	}
	return m
}

// Commented reports whether [Decomment] has anything to do but to trim.
func (m Marks) Commented() bool { return m&(markQuote|markComment|markEscape) != 0 }

// Braced reports whether [SplitBrace] may have anything to do.
func (m Marks) Braced() bool { return m&markBrace != 0 }

// Dollar reports whether there may be a definition to replace.
func (m Marks) Dollar() bool { return m&markDollar != 0 }

// Package lex reads one line of keepalived's configuration language (preprocessor.md sections 2, 3, 9 and 12): physical
// lines, comments, braces, words, shell-like words, numbers. It knows neither files nor definitions; package expand
// puts these together.
package lex

import "holdfast.dev/config/diag"

// Word is one word of a line.
type Word struct {
	// Text is the word without its quotes.
	Text string
	// Col is the column of its first byte (of its quote) in the physical line, bytes from 1. Every byte that a
	// definition put there has the column of the use.
	Col int32
	// off and end are the bytes of the line's Text that the word was made of.
	off, end int32
	// Quoted is true for a word that was in quotes at least in part; such a word may be empty.
	Quoted bool
}

// Line is one line as the keywords see it: definitions replaced, comments gone, and a brace always a line of its own.
type Line struct {
	// Text is the line that Words was made of, trimmed, quotes kept. It is never empty.
	Text string
	// Words are the words by the rules for common keywords; none where Text is an unmatched quote or other white space than blanks.
	Words []Word
	// Pos is where the line starts. Its Def tells which definition or loop the whole line came from.
	Pos diag.Pos
	// Unmatched is true when a quote was not closed; the words from that quote on are missing. A parser reports it
	// (class UnmatchedQuote) except for keywords that use ScriptWords.
	Unmatched bool
	cols      Map
}

// Set makes l the line of t, which must be trimmed and not empty, at pos, whose column is set here. The room of the words
// that l had is used again.
func (l *Line) Set(t Text, pos diag.Pos) {
	words, ok := AppendWords(l.Words[:0], t)
	*l = Line{Text: t.S, Words: words, Pos: pos.At(t.Col(0)), Unmatched: !ok, cols: t.cols}
}

// Keyword is the first word, or empty.
func (l *Line) Keyword() string {
	if len(l.Words) == 0 {
		return ""
	}
	return l.Words[0].Text
}

// IsOpen reports whether the line begins a block. Quotes around the brace make no difference to keepalived.
func (l *Line) IsOpen() bool { return l.Keyword() == "{" }

// IsClose reports whether the line ends a block. Quotes around the brace make no difference to keepalived.
func (l *Line) IsClose() bool { return l.Keyword() == "}" }

// WordPos is the place of word i, or of the line when there is no such word.
func (l *Line) WordPos(i int) diag.Pos {
	if i < 0 || i >= len(l.Words) {
		return l.Pos
	}
	return l.At(l.Words[i])
}

// At is the place of w, a word of this line by whatever rules it was read. Its Def names the definition that the word
// or a part of it came from.
func (l *Line) At(w Word) diag.Pos {
	p := l.Pos.At(int(w.Col))
	if d := l.cols.def(w.off, w.end); d != nil {
		p.Def = d
	}
	return p
}

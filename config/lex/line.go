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
	Col int
	// Quoted is true for a word in double quotes, which may be empty.
	Quoted bool
}

// Line is one line as the keywords see it: definitions replaced, comments gone, and a brace always a line of its own.
type Line struct {
	// Text is the line that Words was made of, trimmed, quotes kept. It is never empty.
	Text string
	// Words are the words by the rules for common keywords. Words is empty only if Unmatched is true.
	Words []Word
	// Pos is where the line starts. Its Def tells which definition or loop the line came from.
	Pos diag.Pos
	// Unmatched is true when a quote was not closed; the words from that quote on are missing. A parser reports it
	// (class UnmatchedQuote) except for keywords that use ScriptWords.
	Unmatched bool
	cols      Map
}

// Keyword is the first word, or empty.
func (l *Line) Keyword() string {
	if len(l.Words) == 0 {
		return ""
	}
	return l.Words[0].Text
}

// IsOpen reports whether the line is the brace that begins a block.
func (l *Line) IsOpen() bool { return l.Text == "{" }

// IsClose reports whether the line is the brace that ends a block.
func (l *Line) IsClose() bool { return l.Text == "}" }

// WordPos is the place of word i, or of the line when there is no such word.
func (l *Line) WordPos(i int) diag.Pos {
	if i < 0 || i >= len(l.Words) {
		return l.Pos
	}
	return l.Pos.At(l.Words[i].Col)
}

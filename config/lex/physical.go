package lex

import "strings"

// MaxText is the longest line in bytes (preprocessor.md section 2: a buffer of 1024 bytes that ends in a NUL). The line
// end of a physical line counts; a line whose definitions were replaced has none.
const MaxText = 1023

// LineProblem says why a physical line can't be used.
type LineProblem uint8

const (
	// LineOK is a usable line.
	LineOK LineProblem = iota
	// LineTooLong means that these 1,023 bytes were dropped and the rest of the line comes as the next one.
	LineTooLong
	// LineNUL means that the line holds a NUL byte and is ignored.
	LineNUL
)

// Physical is one line of a file.
type Physical struct {
	// Text is the line without its line end and the blanks around it; empty when there is a Problem.
	Text Text
	// Line counts from 1. The rest of a line that was too long has the number of that line.
	Line    int
	Problem LineProblem
	Marks   Marks // of Text
}

// Scanner cuts the text of a file into physical lines.
type Scanner struct {
	text string
	off  int
	line int
	col  int // bytes of the current line that were dropped already
}

// NewScanner starts at the beginning of text.
func NewScanner(text string) Scanner { return Scanner{text: text, line: 1} }

// Next is the next physical line; ok is false at the end. It reads at most 1,023 bytes ahead.
func (s *Scanner) Next() (p Physical, ok bool) {
	rest := s.text[s.off:]
	if rest == "" {
		return Physical{}, false
	}
	p.Line = s.line
	window := rest[:min(len(rest), MaxText)]
	n := strings.IndexByte(window, '\n')
	if n < 0 && len(rest) > MaxText {
		s.off += MaxText
		s.col += MaxText
		p.Problem = LineTooLong
		return p, true
	}
	line := window
	s.off += len(window)
	if n >= 0 {
		line = window[:n]
		s.off += n + 1 - len(window)
	}
	if p.Marks = MarksOf(line); p.Marks&markNUL != 0 {
		p.Problem = LineNUL
	} else {
		p.Text = NewText(strings.TrimRight(line, "\r"), s.col+1).Trim()
	}
	s.line++
	s.col = 0
	return p, true
}

package lex

// ScriptWords reads l again by the rules for keywords that name a program (preprocessor.md section 9): both kinds of
// quotes, adjacent pieces join, backslashes stay. The first word is the keyword, the second the command, then user and
// group. ok is false when a quote was not closed.
func (l *Line) ScriptWords() (words []Word, ok bool) { return nil, false }

// SplitCommand splits a command into its arguments: both kinds of quotes, adjacent pieces join, and the escapes
// \a \b \E \f \n \r \t \v \xHH \cX \OOO stand for their bytes, any other \c for c. ok is false when a quote was not
// closed.
func SplitCommand(s string) (argv []string, ok bool) { return nil, false }

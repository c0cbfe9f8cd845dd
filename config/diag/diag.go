package diag

import "strconv"

// Severity says what a diagnostic means for the daemon. The order is from harmless to refusing.
type Severity uint8

const (
	// Note explains; nothing is wrong.
	Note Severity = iota
	// Warning is about what is legal and probably not meant.
	Warning
	// Error is what keepalived reports and survives: the line is ignored or a fallback is used.
	Error
	// Fatal is what keepalived refuses to run with.
	Fatal
)

// String is the word that people read.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "fatal"
}

// Class is keepalived's error class, in its numeric order: a test keeps the largest that it met (preprocessor.md
// section 11). OK marks what keepalived does not report, or not as an error.
type Class uint8

// The classes, from low to high.
const (
	OK Class = iota
	FileNotFound
	BadInterface
	FatalError
	MultipleFiles
	UnknownKeyword
	UnexpectedOpen
	MissingOpen
	UnexpectedClose
	MissingClose
	UnmatchedQuote
	MissingParameter
	InvalidNumber
	GeneralError
	WarningError
	Deprecated
	SecurityError
)

var classNames = [...]string{
	"ok", "file-not-found", "bad-interface", "fatal", "multiple-files", "unknown-keyword", "unexpected-open-brace",
	"missing-open-brace", "unexpected-close-brace", "missing-close-brace", "unmatched-quote", "missing-parameter",
	"invalid-number", "general", "warning", "deprecated", "security",
}

// String is a short stable name for machines.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "class-" + itoa(int(c))
}

// first is 1 for what is told before other findings at the same place.
func (c Class) first() int {
	if c == MissingOpen {
		return 1
	}
	return 0
}

// Diagnostic is one finding. It is a value; nothing in it changes after it was reported.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	Class    Class
	// Text is the finding in one line, in keepalived's words where scripts may match on them.
	Text string
	// Hint is what to do about it, or empty.
	Hint string
}

// Exit codes of a configuration test (preprocessor.md section 11).
const (
	ExitOK       = 0
	ExitMissing  = 2 // a keyword without its required parameter: keepalived's parser leaves at once
	ExitFile     = 4 // file not found, bad interface, fatal
	ExitError    = 5 // every other error, warnings and deprecations too
	ExitSecurity = 6 // script security, and include errors of an enabled class
)

// Exit is the exit code of -t for a largest class.
func (c Class) Exit() int {
	switch {
	case c == OK:
		return ExitOK
	case c <= FatalError:
		return ExitFile
	case c == SecurityError:
		return ExitSecurity
	}
	return ExitError
}

// ExitCode is the exit code of -t for a list of diagnostics. A missing parameter that is Fatal gives 2, a file that
// was not found and is Fatal gives 6, as keepalived's parser leaves there; otherwise the largest class decides. A
// Fatal of class OK (the main file is missing) does not count: keepalived's test passes on it.
func ExitCode(ds []Diagnostic) int {
	var t tally
	for i := range ds {
		t.weigh(&ds[i])
	}
	return t.exit()
}

// tally is what an exit code needs to know about any number of diagnostics.
type tally struct {
	status  Class
	missing bool
	include bool
	counts  [Fatal + 1]int
}

func (t *tally) weigh(d *Diagnostic) {
	t.status = max(t.status, d.Class)
	if d.Severity == Fatal {
		t.missing = t.missing || d.Class == MissingParameter
		t.include = t.include || d.Class == FileNotFound
	}
}

func (t *tally) exit() int {
	switch {
	case t.include:
		return ExitSecurity
	case t.missing:
		return ExitMissing
	}
	return t.status.Exit()
}

func itoa(n int) string { return strconv.Itoa(n) }

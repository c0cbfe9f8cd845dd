package diag

import (
	"cmp"
	"slices"
)

// MaxKept is how many diagnostics a List keeps; more are counted. Fatal ones have MaxFatal places of their own.
const (
	MaxKept  = 1000
	MaxFatal = 100
)

// List collects diagnostics in the order of reporting. It keeps a bounded number, drops repetitions of the same text
// at the same line, and counts everything, so that exit codes stay right. The zero List is ready for use.
type List struct {
	kept  []Diagnostic
	fatal int
	lost  int
	seen  map[key]struct{}
	tally tally
}

type key struct {
	file string
	line int32
	text string
}

// Add reports d. A repetition of a text at the same line of the same file is ignored.
func (l *List) Add(d Diagnostic) {
	l.tally.weigh(&d)
	k := key{d.Pos.Name(), d.Pos.Line, d.Text}
	if _, dup := l.seen[k]; dup {
		return
	}
	l.tally.counts[min(d.Severity, Fatal)]++
	full := len(l.kept)-l.fatal >= MaxKept
	if d.Severity == Fatal {
		full = l.fatal >= MaxFatal
	}
	if full {
		l.lost++
		return
	}
	if l.seen == nil {
		l.seen = make(map[key]struct{})
	}
	l.seen[k] = struct{}{}
	l.kept = append(l.kept, d)
	if d.Severity == Fatal {
		l.fatal++
	}
}

// All is what was kept, in the order of reporting. The caller must not change it.
func (l *List) All() []Diagnostic { return l.kept }

// Sorted is what was kept in the order of the files' lines; what has no place comes first, and what stands at the same
// place stays in the order of reporting, but for a missing brace: the others follow from it.
func (l *List) Sorted() []Diagnostic {
	type placed struct {
		d    Diagnostic
		path []Pos
	}
	in := make([]placed, len(l.kept))
	for i, d := range l.kept {
		in[i] = placed{d, d.Pos.fromRoot()}
	}
	slices.SortStableFunc(in, func(a, b placed) int {
		return cmp.Or(compare(a.path, b.path), cmp.Compare(b.d.Class.first(), a.d.Class.first()))
	})
	out := make([]Diagnostic, len(in))
	for i := range in {
		out[i] = in[i].d
	}
	return out
}

// Lost is how many diagnostics were counted but not kept.
func (l *List) Lost() int { return l.lost }

// Count is how many of severity s were reported, kept or not.
func (l *List) Count(s Severity) int { return l.tally.counts[min(s, Fatal)] }

// Fatal reports whether keepalived would refuse to run.
func (l *List) Fatal() bool { return l.Count(Fatal) > 0 }

// Status is the largest class reported.
func (l *List) Status() Class { return l.tally.status }

// ExitCode is that of -t; see the function ExitCode.
func (l *List) ExitCode() int { return l.tally.exit() }

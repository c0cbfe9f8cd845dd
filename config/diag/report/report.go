// Package report writes diagnostics for machines: as JSON, and as SARIF 2.1.0, which editors and CI systems show at the
// lines of the files.
package report

import (
	"encoding/json"

	"holdfast.dev/config/diag"
)

// Report is the JSON form of a list of diagnostics. Fields are only ever added.
type Report struct {
	Version  int       `json:"version"` // 1
	Exit     int       `json:"exit"`    // exit status of a configuration test
	Fatal    int       `json:"fatal"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Notes    int       `json:"notes"`
	Lost     int       `json:"lost,omitempty"` // counted and not listed
	Findings []Finding `json:"findings"`
}

// Finding is one diagnostic.
type Finding struct {
	Severity string  `json:"severity"`
	Class    string  `json:"class"`
	Place            // of the finding; without a file when it is about the configuration as a whole
	Text     string  `json:"text"`
	Hint     string  `json:"hint,omitempty"`
	Source   string  `json:"source,omitempty"`   // the line
	Included []Place `json:"included,omitempty"` // the include lines that led to the file, nearest first
	Defined  []Place `json:"defined,omitempty"`  // where the text was written, if that was in definitions
}

// Place is a place in a file. Line and Column count from one; a column of 0 is the whole line.
type Place struct {
	Name   string `json:"name,omitempty"` // of a definition
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func place(p diag.Pos) Place {
	return Place{File: p.Name(), Line: int(p.Line), Column: int(p.Col)}
}

// New makes the report of a list. Every chain is cut at diag.MaxChain.
func New(l *diag.List) Report {
	r := Report{
		Version: 1, Exit: l.ExitCode(), Fatal: l.Count(diag.Fatal), Errors: l.Count(diag.Error), Warnings: l.Count(diag.Warning),
		Notes: l.Count(diag.Note), Lost: l.Lost(), Findings: []Finding{},
	}
	for _, d := range l.Sorted() {
		f := Finding{Severity: d.Severity.String(), Class: d.Class.String(), Place: place(d.Pos), Text: d.Text, Hint: d.Hint}
		f.Source, _ = d.Pos.Source()
		for _, p := range d.Pos.Chain() {
			if len(f.Included) < diag.MaxChain {
				f.Included = append(f.Included, place(p))
			}
		}
		for def := d.Pos.Def; def != nil && len(f.Defined) < diag.MaxChain; def = def.Next {
			p := place(def.Pos)
			p.Name = def.Name
			f.Defined = append(f.Defined, p)
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

// JSON is the report of a list, indented, with a newline at the end.
func JSON(l *diag.List) []byte { return encode(New(l)) }

func encode(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // nothing but text and numbers
	}
	return append(text, '\n')
}

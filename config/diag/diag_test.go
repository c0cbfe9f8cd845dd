package diag

import (
	"slices"
	"strings"
	"testing"
)

func TestSection11ExitCodes(t *testing.T) {
	fatal := func(c Class) Diagnostic { return Diagnostic{Severity: Fatal, Class: c} }
	for _, c := range []struct {
		name string
		in   []Diagnostic
		want int
	}{
		{"nothing", nil, 0},
		{"file", []Diagnostic{{Class: FileNotFound}}, 4},
		{"interface", []Diagnostic{{Class: BadInterface}}, 4},
		{"fatal class", []Diagnostic{{Class: FatalError}}, 4},
		{"unknown keyword", []Diagnostic{{Class: UnknownKeyword}}, 5},
		{"warning", []Diagnostic{{Class: WarningError}}, 5},
		{"deprecated", []Diagnostic{{Class: Deprecated}}, 5},
		{"security", []Diagnostic{{Class: SecurityError}, {Class: GeneralError}}, 6},
		{"general hides bad interface", []Diagnostic{{Class: BadInterface}, {Class: GeneralError}}, 5},
		{"missing parameter leaves", []Diagnostic{fatal(MissingParameter), {Class: SecurityError}}, 2},
		{"include error of an enabled class", []Diagnostic{fatal(FileNotFound), {Class: UnknownKeyword}}, 6},
		{"our own advice", []Diagnostic{{Severity: Warning}, {Severity: Note}}, 0},
		{"main file missing", []Diagnostic{fatal(OK)}, 0},
	} {
		if got := ExitCode(c.in); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.want)
		}
		var l List
		for _, d := range c.in {
			l.Add(d)
		}
		if got := l.ExitCode(); got != c.want {
			t.Errorf("%s: list exits %d, want %d", c.name, got, c.want)
		}
	}
}

func TestSection11ClassOrder(t *testing.T) {
	want := "ok file-not-found bad-interface fatal multiple-files unknown-keyword unexpected-open-brace " +
		"missing-open-brace unexpected-close-brace missing-close-brace unmatched-quote missing-parameter " +
		"invalid-number general warning deprecated security class-17"
	var got []string
	for c := range SecurityError + 2 {
		got = append(got, c.String())
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("classes are\n%s, want\n%s", s, want)
	}
}

func TestListIsBounded(t *testing.T) {
	var l List
	f := &File{Name: "f"}
	for i := range 5 * MaxKept {
		d := Diagnostic{Pos: Pos{File: f, Line: int32(i)}, Severity: Error, Class: UnknownKeyword, Text: "x"}
		l.Add(d)
		l.Add(d)
	}
	if len(l.All()) != MaxKept || l.Lost() < 4*MaxKept {
		t.Fatalf("kept %d, lost %d", len(l.All()), l.Lost())
	}
	l.Add(Diagnostic{Severity: Fatal, Class: MissingParameter, Text: "late"})
	if n := len(l.All()); n != MaxKept+1 || l.All()[n-1].Text != "late" || !l.Fatal() || l.ExitCode() != 2 {
		t.Errorf("a fatal one after many errors must be kept: kept %d, exit %d", n, l.ExitCode())
	}
	l.Add(Diagnostic{Severity: Warning, Class: SecurityError, Text: "later"})
	if l.Status() != SecurityError || l.Count(Warning) != 1 || len(l.All()) != MaxKept+1 {
		t.Errorf("status %v, %d warnings, kept %d", l.Status(), l.Count(Warning), len(l.All()))
	}
}

func TestListDropsRepetitions(t *testing.T) {
	var l List
	f := &File{Name: "f"}
	l.Add(Diagnostic{Pos: Pos{File: f, Line: 3, Col: 1}, Text: "x", Severity: Error})
	l.Add(Diagnostic{Pos: Pos{File: f, Line: 3, Col: 9}, Text: "x", Severity: Error})
	l.Add(Diagnostic{Pos: Pos{File: f, Line: 4, Col: 1}, Text: "x", Severity: Error})
	if len(l.All()) != 2 || l.Count(Error) != 2 || l.Lost() != 0 {
		t.Errorf("kept %d, counted %d, lost %d", len(l.All()), l.Count(Error), l.Lost())
	}
}

func TestSortedFollowsTheReader(t *testing.T) {
	root := &File{Name: "m"}
	a := &File{Name: "a", From: Pos{File: root, Line: 2}, Seq: 1}
	b := &File{Name: "b", From: Pos{File: root, Line: 2}, Seq: 2}
	other := &File{Name: "o", Seq: 3}
	at := func(f *File, line int32) Pos { return Pos{File: f, Line: line} }
	order := []Pos{{}, at(root, 1), at(root, 2), at(a, 1), at(a, 9), at(b, 1), at(root, 3), at(other, 1)}
	var l List
	for _, i := range []int{5, 2, 7, 0, 4, 6, 1, 3} {
		l.Add(Diagnostic{Pos: order[i], Text: "x"})
	}
	for i, d := range l.Sorted() {
		if d.Pos != order[i] {
			t.Errorf("place %d is %v, want %v", i, d.Pos, order[i])
		}
	}
}

func TestRender(t *testing.T) {
	root := &File{Name: "m.conf", Text: "include a\n"}
	f := &File{Name: "a", Text: "one\n\tkw $X\x1b[2J\r\n", From: Pos{File: root, Line: 1, Col: 1}}
	d := Diagnostic{
		Pos:  Pos{File: f, Line: 2, Col: 5, Def: &Def{Name: "$X", Pos: Pos{File: root, Line: 1, Col: 1}}},
		Text: "bad", Hint: "better", Severity: Error,
	}
	want := "a:2:5: error: bad\n    \tkw $X\\x1b[2J\n    \t   ^\n  from $X, written at m.conf:1:1\n" +
		"  included at m.conf:1:1\n  hint: better\n"
	if got := d.Render(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := d.Keepalived(); got != "(a: Line 2) bad" {
		t.Errorf("keepalived's form is %q", got)
	}
	if got := (&Diagnostic{Text: "bare", Severity: Note}).Render(); got != "note: bare\n" {
		t.Errorf("got %q", got)
	}
}

func TestRenderLongLinesAndChains(t *testing.T) {
	f := &File{Name: "f", Text: strings.Repeat("a", 500) + "X" + strings.Repeat("b", 500)}
	for range 20 {
		f = &File{Name: "f", Text: f.Text, From: Pos{File: f, Line: 1}}
	}
	d := Diagnostic{Pos: Pos{File: f, Line: 1, Col: 501}, Text: "t"}
	lines := strings.Split(d.Render(), "\n")
	if len(lines[1]) != 4+maxShown || lines[1][len(lines[2])-1] != 'X' {
		t.Errorf("the marker misses:\n%s\n%s", lines[1], lines[2])
	}
	if got := lines[len(lines)-2]; got != "  ... and 12 more includes" {
		t.Errorf("the chain ends with %q", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"priority", "vrrp_instance", "interface", "vrrp_iface", "state", "no"}
	for word, want := range map[string]string{
		"priorty": "priority", "pirority": "priority", "Priority": "priority", "vrrp_instnace": "vrrp_instance",
		"interfaces": "interface", "sate": "state", "state": "", "zzz": "", "": "", "q": "",
		strings.Repeat("a", 100): "",
	} {
		if got, ok := Nearest(word, known); got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) is %q, %v; want %q", word, got, ok, want)
		}
	}
}

func TestSourceBeyondTheFile(t *testing.T) {
	f := &File{Text: "a\nb"}
	for line, want := range map[int32]string{0: "", 1: "a", 2: "b", 3: "", 99: ""} {
		if got, _ := (Pos{File: f, Line: line}).Source(); got != want {
			t.Errorf("line %d is %q, want %q", line, got, want)
		}
	}
	if !slices.Equal((Pos{}).Chain(), nil) || (Pos{}).String() != "-" {
		t.Error("no place has a chain or a name")
	}
}
